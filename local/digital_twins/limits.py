"""The service's limits, when they are switched on: requests a second, sizes of bodies and strings.

Source: Learn, "Azure Digital Twins service limits" (2021): 1,000 patches, 1,000 reads, 50 creations and deletions,
500 queries and 100 model requests a second; 10 changes a second of one twin and its relationships; 32 KB in a body,
4 KB in a string.
"""

import time
from collections.abc import Callable
from typing import Any

from local.digital_twins.errors import ServiceError, invalid_twin, too_large, too_many_requests

MAX_BODY = 32 * 1024
MAX_STRING = 4 * 1024
TWIN_RATE = 10
_RATES = {
    "read": ("reads", 1000),
    "patch": ("updates", 1000),
    "create": ("creations and deletions", 50),
    "models": ("model requests", 100),
    "query": ("queries", 500),
    "routes": ("event route requests", 50),
}
_REMEMBERED_TWINS = 20_000


class _Bucket:
    """A token bucket that holds one second's worth."""

    def __init__(self, rate: int, now: float) -> None:
        self._rate = rate
        self._tokens = float(rate)
        self._filled = now

    def take(self, now: float) -> bool:
        self._tokens = min(self._rate, self._tokens + (now - self._filled) * self._rate)
        self._filled = now
        if self._tokens < 1:
            return False
        self._tokens -= 1
        return True


class Limits:
    """The buckets of one instance, and of each of its twins."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._of_kind: dict[str, _Bucket] = {}
        self._of_twin: dict[str, _Bucket] = {}

    def admit(self, kind: str, changed_twin: str | None) -> None:
        """Counts a request of a kind (see _RATES), which may change a twin. Raises ServiceError (429)."""
        now = self._clock()
        what, rate = _RATES[kind]
        if not self._of_kind.setdefault(kind, _Bucket(rate, now)).take(now):
            raise _refused(kind, what, rate)
        if changed_twin is None:
            return
        if len(self._of_twin) > _REMEMBERED_TWINS:
            self._of_twin.clear()
        if not self._of_twin.setdefault(changed_twin, _Bucket(TWIN_RATE, now)).take(now):
            raise _refused(kind, f"changes of the twin {changed_twin}", TWIN_RATE)


def check_strings(value: Any) -> None:
    """Raises ServiceError (400) when a string in a JSON value is longer than the service stores."""
    waiting = [value]
    while waiting:
        each = waiting.pop()
        if isinstance(each, str) and len(each.encode()) > MAX_STRING:
            raise invalid_twin([f"A string of {len(each.encode())} bytes is longer than the limit of {MAX_STRING}."])
        if isinstance(each, dict):
            waiting += each.values()
        elif isinstance(each, list):
            waiting += each


def check_body(body: bytes) -> None:
    """Raises ServiceError (413)."""
    if len(body) > MAX_BODY:
        raise too_large(MAX_BODY)


def _refused(kind: str, what: str, rate: int) -> ServiceError:
    error = too_many_requests(what, rate, 1)
    if kind == "query":
        error.code = "QuotaReachedError"
    return error
