"""Which partition an event goes to (Bob Jenkins' lookup3 hash, as Event Hubs uses it)."""

import struct

_MASK = 0xFFFFFFFF


def partition_of(key: str, partitions: int) -> int:
    """The partition of a partition key: the same one that azure-eventhub's PartitionResolver finds."""
    return key_hash(key) % partitions


def key_hash(key: str) -> int:
    """The signed 16-bit hash of a partition key; 0 for the empty one."""
    if not key:
        return 0
    c, b = _lookup3(key.encode())
    folded = (c ^ b) & 0xFFFF
    return folded - 0x10000 if folded & 0x8000 else folded


def _lookup3(data: bytes) -> tuple[int, int]:
    a = b = c = (0xDEADBEEF + len(data)) & _MASK
    start = 0
    while len(data) - start > 12:
        x, y, z = struct.unpack_from("<III", data, start)
        a, b, c = _mix((a + x) & _MASK, (b + y) & _MASK, (c + z) & _MASK)
        start += 12
    if start == len(data):
        return c, b
    x, y, z = struct.unpack("<III", data[start:].ljust(12, b"\0"))
    return _final((a + x) & _MASK, (b + y) & _MASK, (c + z) & _MASK)


def _rotated(value: int, bits: int) -> int:
    return ((value << bits) | (value >> (32 - bits))) & _MASK


def _mix(a: int, b: int, c: int) -> tuple[int, int, int]:
    for first, second in ((4, 6), (16, 19)):
        a = ((a - c) & _MASK) ^ _rotated(c, first)
        c = (c + b) & _MASK
        b = ((b - a) & _MASK) ^ _rotated(a, second)
        a = (a + c) & _MASK
        third = 8 if first == 4 else 4
        c = ((c - b) & _MASK) ^ _rotated(b, third)
        b = (b + a) & _MASK
    return a, b, c


def _final(a: int, b: int, c: int) -> tuple[int, int]:
    c = ((c ^ b) - _rotated(b, 14)) & _MASK
    a = ((a ^ c) - _rotated(c, 11)) & _MASK
    b = ((b ^ a) - _rotated(a, 25)) & _MASK
    c = ((c ^ b) - _rotated(b, 16)) & _MASK
    a = ((a ^ c) - _rotated(c, 4)) & _MASK
    b = ((b ^ a) - _rotated(a, 14)) & _MASK
    c = ((c ^ b) - _rotated(b, 24)) & _MASK
    return c, b
