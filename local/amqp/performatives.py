"""AMQP 1.0 frames (OASIS AMQP 1.0, parts 2 and 5): protocol headers, performatives and SASL, to bytes.

Every list is padded with nulls to its full field count: azure-eventhub reads fields by position.
"""

import struct
from typing import Any, Final

from local.amqp.codec import (
    NULL,
    DecodeError,
    Described,
    Symbol,
    boolean,
    decode,
    described,
    listed,
    string,
    symbol,
    uint,
    ulong,
)

AMQP_HEADER: Final = b"AMQP\x00\x01\x00\x00"
SASL_HEADER: Final = b"AMQP\x03\x01\x00\x00"
HEADER_SIZE: Final = 8

OPEN, BEGIN, ATTACH, FLOW, TRANSFER, DISPOSITION, DETACH, END, CLOSE = range(0x10, 0x19)
SASL_MECHANISMS, SASL_INIT, SASL_OUTCOME = 0x40, 0x41, 0x44
SOURCE, TARGET, ERROR = 0x28, 0x29, 0x1D
ACCEPTED, REJECTED, RELEASED, MODIFIED = 0x24, 0x25, 0x26, 0x27

_SHAPES: Final = {
    OPEN: "Ssuuu*****",
    BEGIN: "uUUUu***",
    ATTACH: "SUByy****ul***",
    FLOW: "uUUUuuuubb*",
    TRANSFER: "Uu*ubb**bbb",
    DISPOSITION: "BUub*b",
    DETACH: "Ub*",
    END: "*",
    CLOSE: "*",
    SASL_INIT: "S**",
}
"""The fields of each performative, in order (part 2, 2.7): y ubyte, u uint, l ulong, b boolean, s string or symbol, *
any type.

A capital letter marks a mandatory field.
"""
_LARGEST: Final = {"y": 0xFF, "u": 0xFFFFFFFF, "U": 0xFFFFFFFF, "l": 0xFFFFFFFF_FFFFFFFF}
FIELD_COUNTS: Final = {code: len(shape) for code, shape in _SHAPES.items()}

MECHANISMS: Final = ("MSSBCBS", "ANONYMOUS", "EXTERNAL")
"""What the service offers to clients that will authorize by claims ($cbs)."""
HEARTBEAT: Final = struct.pack(">IBBH", 8, 2, 0, 0)
"""An empty frame (part 2, 2.4.5)."""

_FRAME_HEAD = struct.Struct(">IBBH")
_AMQP, _SASL = 0, 1


class FramingError(Exception):
    """The bytes between frames make no sense; the connection can't go on."""


class WrongField(Exception):
    """A performative's field is missing or has the wrong type."""


def frame(channel: int, body: bytes) -> bytes:
    return _FRAME_HEAD.pack(8 + len(body), 2, _AMQP, channel) + body


def sasl_frame(body: bytes) -> bytes:
    return _FRAME_HEAD.pack(8 + len(body), 2, _SASL, 0) + body


def performative(code: int, *fields: bytes) -> bytes:
    """A performative with every field of its type present, the ones not given as null."""
    return described(code, listed([*fields, *[NULL] * (FIELD_COUNTS[code] - len(fields))]))


def parse_performative(body: bytes) -> tuple[int, list[Any], int]:
    """(descriptor code, fields padded to the full count, index of the payload) of a frame's body.

    A performative that is not known here keeps its fields unchecked. Raises DecodeError when the body is no
    performative, and WrongField when a field is missing or of another type than the standard gives it.
    """
    value, end = decode(body)
    if not isinstance(value, Described) or not isinstance(value.value, list):
        raise DecodeError("a frame's body is a described list")
    code = _code(value.descriptor)
    shape = _SHAPES.get(code, "")
    fields = value.value + [None] * (len(shape) - len(value.value))
    for index, letter in enumerate(shape):
        if not _fits(letter, fields[index]):
            raise WrongField(f"field {index} of performative {code:#x} can't be {fields[index]!r:.60}")
    return code, fields, end


def _fits(letter: str, value: Any) -> bool:
    if letter == "*":
        return True
    if value is None:
        return letter.islower()
    most = _LARGEST.get(letter)
    if most is not None:
        return type(value) is int and 0 <= value <= most
    return isinstance(value, bool if letter in "bB" else str)


_NAMES = {
    "amqp:open:list": OPEN,
    "amqp:begin:list": BEGIN,
    "amqp:attach:list": ATTACH,
    "amqp:flow:list": FLOW,
    "amqp:transfer:list": TRANSFER,
    "amqp:disposition:list": DISPOSITION,
    "amqp:detach:list": DETACH,
    "amqp:end:list": END,
    "amqp:close:list": CLOSE,
    "amqp:sasl-init:list": SASL_INIT,
}


def _code(descriptor: Any) -> int:
    """A descriptor may be numeric or symbolic (part 1, 1.4)."""
    if isinstance(descriptor, int) and not isinstance(descriptor, bool):
        return descriptor & 0xFFFFFFFF
    if isinstance(descriptor, Symbol) and descriptor in _NAMES:
        return _NAMES[descriptor]
    raise DecodeError(f"unknown performative {descriptor!r}")


def error(condition: str, description: str) -> bytes:
    """An error of a detach, end, close or rejection (part 2, 2.8.14)."""
    return described(ERROR, listed([symbol(condition), string(description), NULL]))


def sasl_mechanisms() -> bytes:
    """The mechanisms offered, as the array of symbols that part 5, 5.3.3.1 asks for."""
    names = b"".join(bytes((len(name),)) + name.encode() for name in MECHANISMS)
    array = b"\xe0" + bytes((len(names) + 2, len(MECHANISMS))) + b"\xa3" + names
    return sasl_frame(described(SASL_MECHANISMS, listed([array])))


def sasl_outcome(code: int) -> bytes:
    """0 is success, 1 a refused mechanism or credential (part 5, 5.3.3.6)."""
    return sasl_frame(described(SASL_OUTCOME, listed([bytes((0x50, code)), NULL])))


def disposition(delivery: int, outcome: bytes, last: int | None = None) -> bytes:
    """The receiver's word on one delivery, or on all up to the `last`, settled."""
    end = uint(delivery if last is None else last)
    return performative(DISPOSITION, boolean(True), uint(delivery), end, boolean(True), outcome)


ACCEPTED_OUTCOME: Final = described(ACCEPTED, listed([]))


def rejected_outcome(condition: str, description: str) -> bytes:
    return described(REJECTED, listed([error(condition, description)]))


def attach_reply(
    *, name: str, handle: int, sends: bool, settlement: bytes, source: bytes, target: bytes, max_message_size: int
) -> bytes:
    """Our end of a link. `source` and `target` are the peer's, as they came; null where the link is refused."""
    return performative(
        ATTACH,
        string(name),
        uint(handle),
        boolean(not sends),
        settlement,
        bytes((0x50, 0)),
        source,
        target,
        NULL,
        NULL,
        uint(0) if sends else NULL,
        ulong(max_message_size),
    )


_TRANSFER_START = b"\x00\x53\x14\xc0\x19\x0b\x70"
_TRANSFER_LAST = b"\x43\x41\x42" + NULL * 5
_TRANSFER_MORE = b"\x43\x41\x41" + NULL * 5
TRANSFER_HEAD: Final = 38
"""Bytes of a transfer frame before its payload, as `transfer_head` packs it."""
_TRANSFER = struct.Struct(">IBBH7sIcI2sI8s")
_pack_transfer, _unpack_transfer = _TRANSFER.pack, _TRANSFER.unpack_from


def transfer_head(size: int, channel: int, handle: int, delivery: int, tag: int, *, more: bool = False) -> bytes:
    """A settled transfer's frame up to its payload of `size` bytes: fixed in shape because it is the hot path.

    Fields: handle, delivery-id, delivery-tag, message-format 0, settled, more, and five nulls.
    """
    end = _TRANSFER_MORE if more else _TRANSFER_LAST
    return _pack_transfer(
        TRANSFER_HEAD + size,
        2,
        _AMQP,
        channel,
        _TRANSFER_START,
        handle,
        b"\x70",
        delivery & 0xFFFFFFFF,
        b"\xa0\x04",
        tag & 0xFFFFFFFF,
        end,
    )


def whole_message(buffer: bytes, start: int) -> int | None:
    """The handle of the transfer frame at `start` if it has `transfer_head`'s shape and all of its message.

    None for any other frame. At least TRANSFER_HEAD bytes must be there.
    """
    _, offset, kind, _, head, handle, *number, tag, _, end = _unpack_transfer(buffer, start)
    is_fixed = head == _TRANSFER_START and end == _TRANSFER_LAST and number[0] == b"\x70" and tag == b"\xa0\x04"
    return handle if is_fixed and offset == 2 and kind == _AMQP else None
