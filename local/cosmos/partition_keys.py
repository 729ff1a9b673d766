"""Partition keys: their definition, their values, and the effective partition key by which items are placed.

The effective key is MurmurHash3 (x64, 128 bit) of the tagged components, byte-reversed, its two top bits cleared, in
upper-case hex. Source: azure.cosmos.partition_key, hash version 2; a MultiHash key hashes each level apart.
"""

import itertools
import math
import struct
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import orjson

from local.cosmos.errors import ServiceError, bad_request

UNDEFINED: Mapping[str, Any] = {}
"""How a missing component stands in the partition key header: an empty object."""
END = "FF"
"""No effective partition key is as high as this."""
MAX_LEVELS = 3
_KEY_SPACE = 1 << 126
_MASK = (1 << 64) - 1


@dataclass(frozen=True, slots=True)
class KeyRange:
    """Effective partition keys from `low`, up to and without `high`."""

    low: str
    high: str

    def __contains__(self, epk: object) -> bool:
        return isinstance(epk, str) and self.low <= epk < self.high


@dataclass(frozen=True, slots=True)
class PartitionKeyDefinition:
    """A container's partition key: the property paths (each split into its segments) and how they are hashed."""

    paths: tuple[tuple[str, ...], ...]
    is_hierarchical: bool

    def values(self, document: Mapping[str, Any]) -> list[Any]:
        """The partition key of a document, one value a path. Raises ServiceError (400) for an object or an array."""
        found = []
        for path in self.paths:
            value: Any = document.get(path[0], UNDEFINED)
            for segment in path[1:]:
                value = value.get(segment, UNDEFINED) if isinstance(value, dict) else UNDEFINED
            if isinstance(value, dict | list) and value is not UNDEFINED:
                raise bad_request(f"Partition key /{'/'.join(path)} is an object or an array: only scalars can be one.")
            found.append(value)
        return found

    def expected(self, values: bytes) -> tuple[tuple[str, ...] | None, str]:
        """What a request's partition key (a JSON array) makes of the documents in it: see `has`, and `effective`."""
        return _expected(values, self.is_hierarchical)

    def has(self, document: Mapping[str, Any], texts: tuple[str, ...]) -> bool:
        """Whether the texts are the document's partition key, and stand at its top: the quick way, for most."""
        if len(texts) != len(self.paths):
            return False
        for path, text in zip(self.paths, texts, strict=True):
            if len(path) != 1 or document.get(path[0]) != text:
                return False
        return True

    def effective(self, values: bytes) -> str:
        """The effective partition key of values as a JSON array; fewer than the levels give the prefix's key."""
        return _effective(values, self.is_hierarchical)

    def full(self, values: bytes, count: int) -> str:
        """The effective partition key of a whole key. Raises ServiceError (400) when levels are missing."""
        if count != len(self.paths):
            raise bad_request(
                f"Partition key provided either doesn't correspond to definition in the collection or doesn't match"
                f" partition key field values specified in the document: {len(self.paths)} components are expected,"
                f" not {count}.",
                substatus=1001,
            )
        return self.effective(values)

    def scope(self, values: bytes, count: int) -> KeyRange:
        """The effective keys of one logical partition, or of all that share a prefix of a hierarchical key."""
        if self.is_hierarchical and 0 < count < len(self.paths):
            prefix = self.effective(values)
            return KeyRange(prefix, prefix + END)
        epk = self.full(values, count)
        return KeyRange(epk, epk + "\x00")


def parse_definition(given: object) -> PartitionKeyDefinition:
    """A container's `partitionKey` property. Raises ServiceError (400, or 501 for hash version 1)."""
    if not isinstance(given, dict) or not isinstance(given.get("paths"), list):
        raise bad_request("The partition key definition is missing: give 'partitionKey' with 'paths'.")
    paths = given["paths"]
    if not 1 <= len(paths) <= MAX_LEVELS or not all(isinstance(path, str) for path in paths):
        raise bad_request(f"The partition key definition must have 1 to {MAX_LEVELS} paths, not {paths!r}.")
    kind = given.get("kind", "Hash")
    if kind not in ("Hash", "MultiHash") or (kind == "Hash" and len(paths) > 1):
        raise bad_request(f"The partition key kind {kind!r} is not possible with {len(paths)} paths.")
    if given.get("version", 2) != 2:
        raise ServiceError(501, "The local Cosmos DB only does partition key version 2.")
    return PartitionKeyDefinition(tuple(_segments(path) for path in paths), kind == "MultiHash")


def _segments(path: str) -> tuple[str, ...]:
    if not path.startswith("/") or len(path) < 2 or "//" in path or path.endswith("/"):
        raise bad_request(f"The partition key component definition path '{path}' could not be accepted.")
    return tuple(segment.strip('"') for segment in path[1:].split("/"))


@lru_cache(maxsize=16384)
def parse_header(text: str) -> tuple[bytes, int]:
    """The x-ms-documentdb-partitionkey header as (canonical JSON array, number of components).

    Raises ServiceError (400).
    """
    try:
        values = orjson.loads(text)
    except orjson.JSONDecodeError:
        values = None
    if not isinstance(values, list) or not all(_is_component(value) for value in values):
        raise bad_request(f"Partition key {text} is invalid.")
    return orjson.dumps(values), len(values)


def _is_component(value: object) -> bool:
    return value is None or value == {} or isinstance(value, str | bool | int | float)


@lru_cache(maxsize=16384)
def _expected(values: bytes, is_hierarchical: bool) -> tuple[tuple[str, ...] | None, str]:
    parts = orjson.loads(values)
    are_texts = all(type(part) is str for part in parts)
    return tuple(parts) if are_texts else None, _effective(values, is_hierarchical)


@lru_cache(maxsize=16384)
def _effective(values: bytes, is_hierarchical: bool) -> str:
    components = [_encoded(value) for value in orjson.loads(values)]
    if is_hierarchical:
        return "".join(_hashed(component) for component in components)
    return _hashed(b"".join(components)) if components else ""


def _encoded(value: object) -> bytes:
    match value:
        case None:
            return b"\x01"
        case False:
            return b"\x02"
        case True:
            return b"\x03"
        case int() | float():
            return b"\x05" + struct.pack("<d", float(value))
        case str():
            return b"\x08" + value.encode() + b"\xff"
    return b"\x00"


def _hashed(encoded: bytes) -> str:
    low, high = murmur3(encoded)
    reversed_bytes = bytearray(struct.pack("<QQ", low, high)[::-1])
    reversed_bytes[0] &= 0x3F
    return reversed_bytes.hex().upper()


def murmur3(data: bytes) -> tuple[int, int]:
    """MurmurHash3_x64_128 with seed 0, as two 64-bit halves."""
    first, second = 0x87C37B91114253D5, 0x4CF5AD432745937F
    h1 = h2 = 0
    blocks = len(data) // 16
    for index in range(blocks):
        k1, k2 = struct.unpack_from("<QQ", data, index * 16)
        h1 ^= _rotated(k1 * first & _MASK, 31) * second & _MASK
        h1 = ((_rotated(h1, 27) + h2) * 5 + 0x52DCE729) & _MASK
        h2 ^= _rotated(k2 * second & _MASK, 33) * first & _MASK
        h2 = ((_rotated(h2, 31) + h1) * 5 + 0x38495AB5) & _MASK
    tail = data[blocks * 16 :]
    h2 ^= _rotated(int.from_bytes(tail[8:], "little") * second & _MASK, 33) * first & _MASK
    h1 ^= _rotated(int.from_bytes(tail[:8], "little") * first & _MASK, 31) * second & _MASK
    h1 ^= len(data)
    h2 ^= len(data)
    h1 = (h1 + h2) & _MASK
    h2 = (h2 + h1) & _MASK
    h1, h2 = _mixed(h1), _mixed(h2)
    h1 = (h1 + h2) & _MASK
    return h1, (h2 + h1) & _MASK


def _rotated(value: int, bits: int) -> int:
    return (value << bits | value >> (64 - bits)) & _MASK


def _mixed(value: int) -> int:
    value = (value ^ value >> 33) * 0xFF51AFD7ED558CCD & _MASK
    value = (value ^ value >> 33) * 0xC4CEB9FE1A85EC53 & _MASK
    return value ^ value >> 33


def physical_partitions(count: int) -> tuple[KeyRange, ...]:
    """The key space cut into `count` ranges of the same size: one a physical partition."""
    bounds: Sequence[str] = [
        "",
        *(f"{math.floor(_KEY_SPACE * index / count):032X}" for index in range(1, count)),
        END,
    ]
    return tuple(KeyRange(low, high) for low, high in itertools.pairwise(bounds))
