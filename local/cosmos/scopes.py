"""Which items of a container a request is about, as a condition on its table's rows."""

import re
import time
from typing import Any, NamedTuple

from local.cosmos.catalog import Container
from local.cosmos.errors import PARTITION_KEY_RANGE_GONE, ServiceError, bad_request
from local.cosmos.messages import Request
from local.cosmos.partition_keys import END, KeyRange

_BOUND = re.compile("[0-9A-F]*").fullmatch
_NARROW = 64
"""A scope of less than one part in so many of the key space is looked up by key rather than scanned."""


class Scope(NamedTuple):
    keys: KeyRange
    condition: str
    """SQL, true for the rows in the scope that are not expired."""
    bindings: tuple[Any, ...]

    @property
    def is_narrow(self) -> bool:
        low, high = (int((key + "0" * 32)[:32], 16) for key in (self.keys.low, min(self.keys.high, "4")))
        return (high - low) * _NARROW < 1 << 126


def requested_scope(request: Request, container: Container, *, ignores_partition: bool = False) -> Scope:
    """What the partition key, physical partition and key range headers leave. Raises ServiceError (400, 410)."""
    keys = KeyRange("", END)
    if (key := request.partition_key) is not None:
        keys = container.key.scope(*key)
    if ignores_partition:
        return scope_of(container, keys)
    if (number := request.headers.get("x-ms-documentdb-partitionkeyrangeid")) is not None:
        keys = _common(keys, _partition(container, number))
    low, high = request.headers.get("x-ms-start-epk"), request.headers.get("x-ms-end-epk")
    if low is not None or high is not None:
        keys = _common(keys, KeyRange((low or "").upper(), (high or END).upper()))
    return scope_of(container, keys)


def scope_of(container: Container, keys: KeyRange) -> Scope:
    conditions: list[str] = []
    bindings: list[Any] = []
    if keys.high == keys.low + "\x00":
        conditions.append("epk = ?")
        bindings.append(_stored(keys.low))
    elif keys != KeyRange("", END):
        conditions.append("epk >= ? AND epk < ?")
        bindings += [_stored(keys.low), _stored(keys.high)]
    if container.default_ttl is not None:
        conditions.append("(expires_at IS NULL OR expires_at > ?)")
        bindings.append(int(time.time()))
    return Scope(keys, " AND ".join(conditions) or "1", tuple(bindings))


def _partition(container: Container, number: str) -> KeyRange:
    # The SDK for .NET sends "collectionRid,rangeId".
    text = number.rpartition(",")[2]
    if not (text.isdecimal() and len(text) < 10 and int(text) < len(container.partitions)):
        raise ServiceError(410, f"The partition key range {number!r} is gone.", substatus=PARTITION_KEY_RANGE_GONE)
    return container.partitions[int(text)]


def _stored(bound: str) -> bytes:
    """A bound of effective partition keys as the bytes that they are kept as."""
    digits = bound.removesuffix("\x00")
    return bytes.fromhex(digits + "0" * (len(digits) % 2)) + b"\x00" * (len(bound) - len(digits))


def _common(one: KeyRange, other: KeyRange) -> KeyRange:
    if not (_BOUND(other.low) and _BOUND(other.high)):
        raise bad_request(f"The effective partition keys {other.low!r} to {other.high!r} are not hexadecimal.")
    return KeyRange(max(one.low, other.low), min(one.high, other.high))
