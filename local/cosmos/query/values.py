"""JSON values as the query language sees them: with `undefined`, typed equality, and one order over all types.

A value is what orjson makes of JSON text (None, bool, int, float, str, list, dict) or UNDEFINED. Numbers are IEEE 754
doubles: an int stands for the double nearest to it in comparisons and arithmetic, and keeps its digits (ticks have 17).
"""

import math
import struct
from typing import Any, Final

Value = Any


class Undefined:
    """The type of a property that isn't there, and of an operation that makes no sense for its operands."""

    __slots__ = ()

    def __repr__(self) -> str:
        return "undefined"

    def __bool__(self) -> bool:
        raise TypeError("undefined is no truth value")


UNDEFINED: Final = Undefined()

MAX_DEPTH = 128
"""The service's own limit of nesting in a document."""
_INT64 = 1 << 63
_NUMBER = struct.Struct(">Bd")
_BITS = struct.Struct(">Q")
_SIGN = 1 << 63
_ALL_BITS = (1 << 64) - 1

_END, _NULL, _FALSE, _TRUE, _ARRAY, _OBJECT = b"\x00", b"\x01", b"\x02", b"\x03", b"\x06", b"\x07"
UNDEFINED_KEY = _END


def is_number(value: Value) -> bool:
    kind = type(value)
    return kind is int or kind is float


def whole_number(value: Value) -> int | None:
    """The integer that a value is; None for any other value."""
    return int(value) if is_number(value) and value == int(value) else None


def number(value: float) -> Value:
    """A computed number as a value: a whole double as int (JSON shows 2, not 2.0), undefined when it isn't finite."""
    if not math.isfinite(value):
        return UNDEFINED
    whole = int(value)
    return whole if whole == value and -_INT64 <= whole <= _INT64 else float(value)


def sort_key(value: Value) -> bytes:
    """Bytes that compare as the service orders values, and are equal exactly for equal values.

    undefined < null < false < true < numbers < strings (by code point) < arrays < objects; object keys in any order.
    Every encoding ends itself, so keys may stand one after another.
    """
    kind = type(value)
    if kind is str:
        return _string_key(value)
    if kind is int or kind is float:
        return _number_key(value)
    if value is None:
        return _NULL
    if value is True:
        return _TRUE
    if value is False:
        return _FALSE
    if kind is list:
        return b"".join([_ARRAY, *map(sort_key, value), _END])
    if kind is dict:
        members = (_string_key(name) + sort_key(value[name]) for name in sorted(value))
        return b"".join([_OBJECT, *members, _END])
    return UNDEFINED_KEY


def string_prefix_range(prefix: str) -> tuple[bytes, bytes]:
    """The keys of all strings that start with `prefix`: at least the first, below the second."""
    start = _string_key(prefix)[:-2]
    return start, start + b"\xff\xff"


def _string_key(text: str) -> bytes:
    raw = text.encode()
    if b"\x00" in raw:
        raw = raw.replace(b"\x00", b"\x00\xff")
    return b"\x05" + raw + b"\x00\x00"


def _number_key(value: float) -> bytes:
    (bits,) = _BITS.unpack_from(_NUMBER.pack(4, value + 0.0), 1)
    bits = bits ^ _ALL_BITS if bits & _SIGN else bits | _SIGN
    return b"\x04" + _BITS.pack(bits)


def equal(left: Value, right: Value) -> Value:
    """Deep equality; values of different types differ; undefined when either is undefined."""
    if left is UNDEFINED or right is UNDEFINED:
        return UNDEFINED
    kind, other = type(left), type(right)
    if kind is str or other is str:
        return kind is other and left == right
    if (kind is int or kind is float) and (other is int or other is float):
        return float(left) == float(right)
    if kind is list or kind is dict:
        return kind is other and sort_key(left) == sort_key(right)
    return kind is other and left == right


def order(left: Value, right: Value) -> int | None:
    """Below, at or above zero as left is below, at or above right; None when the two can't be compared.

    Only two nulls, two booleans, two numbers or two strings can be.
    """
    kind, other = type(left), type(right)
    if (kind is int or kind is float) and (other is int or other is float):
        left, right = float(left), float(right)
    elif kind is not other or kind is list or kind is dict or left is UNDEFINED:
        return None
    elif left is None:
        return 0
    return int(left > right) - int(left < right)


def normal(value: Any, depth: int = 0) -> Value:
    """A parameter's value as a query value. Raises ValueError for what JSON can't hold or is nested too deeply."""
    if depth > MAX_DEPTH:
        raise ValueError(f"it is nested more than {MAX_DEPTH} levels deep")
    if isinstance(value, str):
        value.encode()
        return value
    if isinstance(value, int) and not isinstance(value, bool) and abs(value) > _INT64:
        try:
            return number(float(value))
        except OverflowError:
            raise ValueError("a number is too large for a double") from None
    if isinstance(value, float):
        if not math.isfinite(value):
            raise ValueError("a number is not finite")
        return number(value)
    if isinstance(value, list | tuple):
        return [normal(item, depth + 1) for item in value]
    if isinstance(value, dict):
        return {normal(str(name)): normal(item, depth + 1) for name, item in value.items()}
    if value is None or isinstance(value, bool | int):
        return value
    raise ValueError(f"{type(value).__name__} is not a JSON type")
