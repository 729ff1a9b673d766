"""Holding containers to their provisioned throughput: one token bucket a second of request units for each offer."""

import time
from collections.abc import Callable

from local.cosmos.errors import throttled


class _Bucket:
    def __init__(self, rate: int, now: float) -> None:
        self.rate = rate
        self.tokens = float(rate)
        self.filled = now


class Throughput:
    """What each offer has left. A request is let in while its bucket isn't empty; its charge is taken afterwards."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._buckets: dict[str, _Bucket] = {}

    def admit(self, resource: str, rate: int) -> None:
        """`rate` is in request units a second. Raises ServiceError (429) with the milliseconds to wait."""
        bucket = self._bucket(resource, rate)
        if bucket.tokens <= 0:
            raise throttled(max(1, round(1000 * (1 - bucket.tokens) / rate)))

    def spend(self, resource: str, rate: int, charge: float) -> None:
        self._bucket(resource, rate).tokens -= charge

    def _bucket(self, resource: str, rate: int) -> _Bucket:
        now = self._clock()
        bucket = self._buckets.get(resource)
        if bucket is None or bucket.rate != rate:
            bucket = self._buckets[resource] = _Bucket(rate, now)
        bucket.tokens = min(float(rate), bucket.tokens + (now - bucket.filled) * rate)
        bucket.filled = now
        return bucket
