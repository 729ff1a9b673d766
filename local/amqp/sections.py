"""The sections of an encoded message (OASIS AMQP 1.0, part 3, 3.2), found without decoding what is in them."""

import struct
from typing import Final, NamedTuple

from local.amqp.codec import DecodeError, skip

BATCH_FORMAT: Final = 0x80013700
"""The message format of a batch: each data section is an encoded message (Event Hubs' AMQP guide)."""

HEADER, DELIVERY_ANNOTATIONS, MESSAGE_ANNOTATIONS = 0x70, 0x71, 0x72
PROPERTIES, APPLICATION_PROPERTIES, DATA, SEQUENCE, VALUE, FOOTER = 0x73, 0x74, 0x75, 0x76, 0x77, 0x78

SEQUENCE_NUMBER = "x-opt-sequence-number"
OFFSET = "x-opt-offset"
ENQUEUED_TIME = "x-opt-enqueued-time"
PARTITION_KEY = "x-opt-partition-key"

_uint_at = struct.Struct(">I").unpack_from
_new = tuple.__new__
"""Makes a named tuple in half the time that its own constructor takes."""


class Section(NamedTuple):
    """One section of an encoded message: its code, and where it, its value and the next one start."""

    code: int
    start: int
    value: int
    end: int


def read_sections(message: bytes) -> list[Section]:
    """The sections of an encoded message, each one checked to be whole and in order. Raises DecodeError."""
    sections = []
    start, size, last = 0, len(message), 0
    try:
        while start < size:
            code, value = (message[start + 2], start + 3) if message[start + 1] == 0x53 else _wide_code(message, start)
            if message[start] or not HEADER <= code <= FOOTER or (code <= last and code not in (DATA, SEQUENCE)):
                raise DecodeError(f"no message section at byte {start}")
            kind = message[value]
            if kind in (0xA0, 0xC1, 0xC0):
                end = value + 2 + message[value + 1]
            elif kind in (0xB0, 0xD1, 0xD0):
                end = value + 5 + _uint_at(message, value + 1)[0]
            else:
                end = skip(message, value)
            sections.append(_new(Section, (code, start, value, end)))
            start, last = end, code
    except (IndexError, struct.error) as error:
        raise DecodeError(f"the message section at byte {start} is cut off") from error
    if start != size or not sections:
        raise DecodeError("the message is empty" if not sections else "the message's last section is cut off")
    return sections


def binary_value(message: bytes, section: Section) -> bytes:
    """The bytes of a data section. Raises DecodeError when its value is not binary."""
    kind = message[section.value]
    if kind == 0xA0:
        return message[section.value + 2 : section.end]
    if kind == 0xB0:
        return message[section.value + 5 : section.end]
    raise DecodeError(f"a data section holds binary, not constructor {kind:#04x}")


def _wide_code(message: bytes, start: int) -> tuple[int, int]:
    if message[start + 1] != 0x80:
        raise DecodeError(f"no section descriptor at byte {start}")
    return int.from_bytes(message[start + 2 : start + 10], "big"), start + 10
