"""The AMQP 1.0 type system (OASIS AMQP 1.0, part 1): values to bytes and back. Pure; raises DecodeError only.

Decoded values are plain Python: numbers, str, Symbol, bytes, UUID, list, dict, Described. Encoding is by type, one
function each, because AMQP has more number types than Python.
"""

import struct
import uuid
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

MAX_DEPTH = 32
"""How deep values may nest; the deepest that the protocol itself needs is 6 (a filter in a source in an attach)."""
MAX_ZERO_WIDTH = 16
"""How many elements an array of a type without bytes (null, true, list0) may claim: arrays of such arrays multiply."""

NULL, TRUE, FALSE, EMPTY_LIST = b"\x40", b"\x41", b"\x42", b"\x45"


class DecodeError(ValueError):
    """The bytes are not AMQP; the message says what was wrong and where."""


class Symbol(str):
    """A value of AMQP's symbol type: a name from a constrained domain (part 1, 1.6.21)."""

    __slots__ = ()


class Described(NamedTuple):
    """A value and the descriptor that says what it is (part 1, 1.2)."""

    descriptor: Any
    value: Any


# ---- decoding -------------------------------------------------------------------------------------------------


def decode(buffer: bytes, start: int = 0) -> tuple[Any, int]:
    """The value that starts at `start`, and the index just after it. Raises DecodeError."""
    try:
        return _decode(buffer, start, MAX_DEPTH)
    except (IndexError, struct.error, UnicodeDecodeError, RecursionError) as error:
        raise DecodeError(f"value at byte {start}: {error}") from error


def skip(buffer: bytes, start: int) -> int:
    """The index just after the value that starts at `start`, found without decoding it. Raises DecodeError."""
    try:
        end = _skip(buffer, start, MAX_DEPTH)
    except (IndexError, struct.error) as error:
        raise DecodeError(f"value at byte {start}: {error}") from error
    if end > len(buffer):
        raise DecodeError(f"value at byte {start} ends beyond the {len(buffer)} bytes there are")
    return end


def list_slices(buffer: bytes, start: int) -> list[bytes]:
    """The raw bytes of each element of the list that starts at `start`. Raises DecodeError."""
    kind = buffer[start] if start < len(buffer) else -1
    if kind == 0x45:
        return []
    if kind not in (0xC0, 0xD0):
        raise DecodeError(f"expected a list at byte {start}, found constructor {kind:#04x}")
    try:
        index, count, _ = _compound(buffer, start + 1, wide=kind == 0xD0)
    except (IndexError, struct.error) as error:
        raise DecodeError(f"the list at byte {start} is cut off") from error
    slices = []
    for _ in range(count):
        end = skip(buffer, index)
        slices.append(bytes(buffer[index:end]))
        index = end
    return slices


def _decode(buffer: bytes, start: int, depth: int) -> tuple[Any, int]:
    kind = buffer[start]
    if kind == 0:
        return _decode_described(buffer, start + 1, depth)
    return _decode_as(kind, buffer, start + 1, depth)


def _decode_described(buffer: bytes, start: int, depth: int) -> tuple[Described, int]:
    if not depth:
        raise DecodeError(f"values nest deeper than {MAX_DEPTH} at byte {start}")
    descriptor, index = _decode(buffer, start, depth - 1)
    if not _is_hashable(descriptor):
        raise DecodeError(f"a descriptor can't be a list or a map (byte {start})")
    value, index = _decode(buffer, index, depth - 1)
    return Described(descriptor, value), index


def _decode_as(kind: int, buffer: bytes, index: int, depth: int) -> tuple[Any, int]:
    """The value whose constructor is `kind` and whose data start at `index`."""
    constant = _CONSTANTS.get(kind)
    if constant is not None:
        return constant(), index
    fixed = _FIXED.get(kind)
    if fixed is not None:
        layout, convert = fixed
        (value,) = layout.unpack_from(buffer, index)
        return (value if convert is None else convert(value)), index + layout.size
    variable = _VARIABLE.get(kind)
    if variable is not None:
        return _decode_variable(*variable, buffer, index)
    if not depth:
        raise DecodeError(f"values nest deeper than {MAX_DEPTH} at byte {index}")
    compound = _COMPOUND.get(kind)
    if compound is None:
        raise DecodeError(f"unknown constructor {kind:#04x} at byte {index - 1}")
    return compound(buffer, index, kind >= 0xD0 and kind != 0xE0, depth - 1)


def _decode_variable(wide: bool, convert: Callable[[bytes], Any], buffer: bytes, index: int) -> tuple[Any, int]:
    if wide:
        (size,) = _UINT.unpack_from(buffer, index)
        index += 4
    else:
        size = buffer[index]
        index += 1
    end = index + size
    if end > len(buffer):
        raise DecodeError(f"{size} bytes announced at byte {index}, {len(buffer) - index} there")
    return convert(bytes(buffer[index:end])), end


def _compound(buffer: bytes, index: int, *, wide: bool) -> tuple[int, int, int]:
    """(index of the first element, number of elements, index just after) of a list, map or array."""
    if wide:
        size, count = _TWO_UINTS.unpack_from(buffer, index)
        first, end = index + 8, index + 4 + size
    else:
        size, count = buffer[index], buffer[index + 1]
        first, end = index + 2, index + 1 + size
    if end > len(buffer) or end < first:
        raise DecodeError(f"a compound of {size} bytes does not fit at byte {index}")
    return first, count, end


def _decode_list(buffer: bytes, index: int, wide: bool, depth: int) -> tuple[list[Any], int]:
    index, count, end = _compound(buffer, index, wide=wide)
    values: list[Any] = []
    for _ in range(count):
        if index >= end:
            raise DecodeError(f"a list of {count} ends after {len(values)} elements (byte {end})")
        value, index = _decode(buffer, index, depth)
        values.append(value)
    if index != end:
        raise DecodeError(f"a list's elements end at byte {index}, the list at {end}")
    return values, end


def _decode_map(buffer: bytes, index: int, wide: bool, depth: int) -> tuple[dict[Any, Any], int]:
    values, end = _decode_list(buffer, index, wide, depth)
    if len(values) % 2:
        raise DecodeError(f"a map with a key and no value (byte {index})")
    for key in values[::2]:
        if not _is_hashable(key):
            raise DecodeError(f"a map's key can't be a list or a map (byte {index})")
    return dict(zip(values[::2], values[1::2], strict=True)), end


def _is_hashable(value: Any) -> bool:
    try:
        hash(value)
    except TypeError:
        return False
    return True


def _decode_array(buffer: bytes, index: int, wide: bool, depth: int) -> tuple[list[Any], int]:
    index, count, end = _compound(buffer, index, wide=wide)
    descriptor = None
    kind = buffer[index]
    described = kind == 0
    if described:
        descriptor, index = _decode(buffer, index + 1, depth)
        kind = buffer[index]
    index += 1
    if count > MAX_ZERO_WIDTH and kind in _CONSTANTS:
        raise DecodeError(f"an array of {count} elements without bytes (byte {index})")
    values: list[Any] = []
    for _ in range(count):
        value, index = _decode_as(kind, buffer, index, depth)
        if index > end:
            raise DecodeError(f"an array's elements end beyond the array (byte {end})")
        values.append(Described(descriptor, value) if described else value)
    if index != end:
        raise DecodeError(f"an array's elements end at byte {index}, the array at {end}")
    return values, end


def _skip(buffer: bytes, start: int, depth: int) -> int:
    kind = buffer[start]
    if kind == 0:
        if not depth:
            raise DecodeError(f"values nest deeper than {MAX_DEPTH} at byte {start}")
        return _skip(buffer, _skip(buffer, start + 1, depth - 1), depth - 1)
    width = _WIDTHS.get(kind >> 4)
    if width is None:
        raise DecodeError(f"unknown constructor {kind:#04x} at byte {start}")
    if width >= 0:
        return start + 1 + width
    if width == -1:
        return start + 2 + buffer[start + 1]
    size: int = _UINT.unpack_from(buffer, start + 1)[0]
    return start + 5 + size


_UINT = struct.Struct(">I")
_TWO_UINTS = struct.Struct(">II")
_WIDTHS = {4: 0, 5: 1, 6: 2, 7: 4, 8: 8, 9: 16, 0xA: -1, 0xC: -1, 0xE: -1, 0xB: -4, 0xD: -4, 0xF: -4}
"""By a constructor's high nibble: bytes of data, or -1 / -4 for a size in one / four bytes (part 1, figure 1.2)."""


def _text(raw: bytes) -> str:
    return raw.decode()


def _symbol(raw: bytes) -> Symbol:
    return Symbol(raw.decode("ascii"))


def _uuid(raw: bytes) -> uuid.UUID:
    return uuid.UUID(bytes=raw)


def _boolean(raw: int) -> bool:
    if raw > 1:
        raise DecodeError(f"a boolean of {raw:#04x}")
    return raw == 1


def _character(raw: int) -> str:
    if raw > 0x10FFFF or 0xD800 <= raw <= 0xDFFF:
        raise DecodeError(f"no character has the code {raw:#x}")
    return chr(raw)


_CONSTANTS: dict[int, Callable[[], Any]] = {
    0x40: lambda: None,
    0x41: lambda: True,
    0x42: lambda: False,
    0x43: lambda: 0,
    0x44: lambda: 0,
    0x45: list,
}
_FIXED: dict[int, tuple[struct.Struct, Callable[[Any], Any] | None]] = {
    kind: (struct.Struct(layout), convert)
    for kind, layout, convert in (
        (0x50, ">B", None),
        (0x51, ">b", None),
        (0x52, ">B", None),
        (0x53, ">B", None),
        (0x54, ">b", None),
        (0x55, ">b", None),
        (0x56, ">B", _boolean),
        (0x60, ">H", None),
        (0x61, ">h", None),
        (0x70, ">I", None),
        (0x71, ">i", None),
        (0x72, ">f", None),
        (0x73, ">I", _character),
        (0x74, ">4s", None),
        (0x80, ">Q", None),
        (0x81, ">q", None),
        (0x82, ">d", None),
        (0x83, ">q", None),
        (0x84, ">8s", None),
        (0x94, ">16s", None),
        (0x98, ">16s", _uuid),
    )
}
"""Decimals (0x74, 0x84, 0x94) stay the bytes they are: nothing here computes with them."""
_VARIABLE: dict[int, tuple[bool, Callable[[bytes], Any]]] = {
    0xA0: (False, bytes),
    0xB0: (True, bytes),
    0xA1: (False, _text),
    0xB1: (True, _text),
    0xA3: (False, _symbol),
    0xB3: (True, _symbol),
}
_COMPOUND: dict[int, Callable[[bytes, int, bool, int], tuple[Any, int]]] = {
    0xC0: _decode_list,
    0xD0: _decode_list,
    0xC1: _decode_map,
    0xD1: _decode_map,
    0xE0: _decode_array,
    0xF0: _decode_array,
}


# ---- encoding -------------------------------------------------------------------------------------------------


def boolean(value: bool) -> bytes:
    return TRUE if value else FALSE


def ubyte(value: int) -> bytes:
    return bytes((0x50, value))


def ushort(value: int) -> bytes:
    return struct.pack(">BH", 0x60, value)


def uint(value: int) -> bytes:
    if value == 0:
        return b"\x43"
    return bytes((0x52, value)) if value < 256 else struct.pack(">BI", 0x70, value)


def ulong(value: int) -> bytes:
    if value == 0:
        return b"\x44"
    return bytes((0x53, value)) if value < 256 else struct.pack(">BQ", 0x80, value)


def int_(value: int) -> bytes:
    return struct.pack(">Bi", 0x71, value)


def long(value: int) -> bytes:
    return struct.pack(">Bq", 0x81, value)


def double(value: float) -> bytes:
    return struct.pack(">Bd", 0x82, value)


def timestamp(milliseconds: int) -> bytes:
    """A point in time, in milliseconds since 1970."""
    return struct.pack(">Bq", 0x83, milliseconds)


def identifier(value: uuid.UUID) -> bytes:
    return b"\x98" + value.bytes


def binary(value: bytes) -> bytes:
    return _sized(0xA0, value)


def string(value: str) -> bytes:
    return _sized(0xA1, value.encode())


def symbol(value: str) -> bytes:
    return _sized(0xA3, value.encode("ascii"))


def listed(items: Sequence[bytes]) -> bytes:
    """A list of encoded values. Never list0 (0x45): azure-eventhub's decoder can't read it."""
    return _compounded(0xC0, items)


def mapped(items: Sequence[bytes]) -> bytes:
    """A map from encoded keys and values, one after the other."""
    return _compounded(0xC1, items)


def string_array(values: Sequence[str]) -> bytes:
    """An array of strings (str32 elements)."""
    elements = b"".join(_UINT.pack(len(raw)) + raw for raw in (value.encode() for value in values))
    return b"\xf0" + _TWO_UINTS.pack(len(elements) + 5, len(values)) + b"\xb1" + elements


def described(code: int, value: bytes) -> bytes:
    return b"\x00" + ulong(code) + value


def _sized(kind: int, raw: bytes) -> bytes:
    if len(raw) < 256:
        return bytes((kind, len(raw))) + raw
    return bytes((kind + 0x10,)) + _UINT.pack(len(raw)) + raw


def _compounded(kind: int, items: Sequence[bytes]) -> bytes:
    body = b"".join(items)
    if len(body) < 255 and len(items) < 256:
        return bytes((kind, len(body) + 1, len(items))) + body
    return bytes((kind + 0x10,)) + _TWO_UINTS.pack(len(body) + 4, len(items)) + body
