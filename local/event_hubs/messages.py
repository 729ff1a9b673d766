"""Messages as the hub stores them (OASIS AMQP 1.0, part 3, 3.2): taken apart once, stamped, then only copied.

An event is kept as the bytes that consumers will get: the producer's own sections, with the service's annotations put
into its message annotations. Nothing is decoded that need not be.
"""

import struct
from collections.abc import Sequence
from typing import NamedTuple

from local.amqp.codec import DecodeError, decode, skip, symbol
from local.amqp.sections import (
    BATCH_FORMAT,
    DATA,
    ENQUEUED_TIME,
    HEADER,
    MESSAGE_ANNOTATIONS,
    OFFSET,
    PARTITION_KEY,
    SEQUENCE,
    SEQUENCE_NUMBER,
    VALUE,
    Section,
    binary_value,
    read_sections,
)

_STAMPED = frozenset((SEQUENCE_NUMBER, OFFSET, ENQUEUED_TIME, PARTITION_KEY))

_uint_at = struct.Struct(">I").unpack_from
_pack_long = struct.Struct(">q").pack


class Event(NamedTuple):
    """One event, ready to get its place in a partition.

    `header` is the producer's header section or nothing; `annotations` the encoded annotations of its own that stay
    (`pairs` of them); `rest` every section behind; `key` its partition key, encoded, or None.
    """

    header: bytes
    annotations: bytes
    pairs: int
    rest: bytes
    key: bytes | None


class Publication(NamedTuple):
    """What one transfer brings: its events, and the partition key that routes it."""

    events: list[Event]
    key: str | None


def read_publication(payload: bytes, message_format: int) -> Publication:
    """Takes a transfer's payload apart. Raises DecodeError when it is not a message, or a batch holds what is none."""
    sections = read_sections(payload)
    envelope = _event(payload, sections)
    if message_format != BATCH_FORMAT:
        return Publication([envelope], _key_text(envelope.key))
    events = []
    for section in sections:
        if section.code == DATA:
            message = binary_value(payload, section)
            event = _event(message, read_sections(message))
            events.append(event if event.key is not None else event._replace(key=envelope.key))
        elif section.code in (SEQUENCE, VALUE):
            raise DecodeError("a batch holds its messages in data sections only")
    key = envelope.key if envelope.key is not None or not events else events[0].key
    return Publication(events, _key_text(key))


def _event(message: bytes, sections: Sequence[Section]) -> Event:
    first = sections[0]
    if first.code > MESSAGE_ANNOTATIONS:
        return Event(b"", b"", 0, message, None)
    header, annotations, pairs, key = b"", b"", 0, None
    rest = len(message)
    for section in sections:
        if section.code == HEADER:
            header = _HEADER_START + message[section.value : section.end]
        elif section.code == MESSAGE_ANNOTATIONS:
            annotations, pairs, key = _annotations(message, section)
        elif section.code > MESSAGE_ANNOTATIONS:
            rest = section.start
            break
    return Event(header, annotations, pairs, message[rest:], key)


def _annotations(message: bytes, section: Section) -> tuple[bytes, int, bytes | None]:
    """(encoded pairs to keep, how many, encoded partition key) of a section that holds a map of annotations."""
    kind, start = message[section.value], section.value
    if kind == 0xC1 and section.end > start + 2:
        count, index = message[start + 2], start + 3
    elif kind == 0xD1 and section.end > start + 8:
        count, index = _uint_at(message, start + 5)[0], start + 9
    else:
        raise DecodeError("message annotations are a map")
    kept: list[bytes] = []
    partition_key = None
    for _ in range(count // 2):
        name, value_start = decode(message, index)
        end = skip(message, value_start)
        if not isinstance(name, (str, int)):
            raise DecodeError("an annotation's name is a symbol")
        if name == PARTITION_KEY:
            partition_key = message[value_start:end]
            decode(partition_key)
        elif name not in _STAMPED:
            kept.append(message[index:end])
        index = end
        if end > section.end:
            break
    if count % 2 or index != section.end:
        raise DecodeError("the map of message annotations does not end where it says")
    return b"".join(kept), len(kept), partition_key


def _key_text(encoded: bytes | None) -> str | None:
    """A partition key as text; None for one that is no text, which the service ignores when routing."""
    value = None if encoded is None else decode(encoded)[0]
    return value if isinstance(value, str) else None


_HEADER_START = b"\x00\x53\x70"
_SEQUENCE_PAIR = symbol(SEQUENCE_NUMBER) + b"\x81"
_OFFSET_PAIR = symbol(OFFSET) + b"\xa1"
_TIME_PAIR = symbol(ENQUEUED_TIME) + b"\x83"
_KEY_PAIR = symbol(PARTITION_KEY)


def stamp(events: Sequence[Event], sequence: int, offset: int, enqueued_ms: int) -> list[bytes]:
    """The events as consumers will get them, the first with this sequence number and offset.

    An event's offset is the sum of the sizes of all stamped events before it: what `log` counts as well.
    """
    stamped = []
    time_pair = _TIME_PAIR + _pack_long(enqueued_ms)
    for header, annotations, pairs, rest, key in events:
        digits = b"%d" % offset
        ends = time_pair if key is None else time_pair + _KEY_PAIR + key
        body = b"".join(
            (annotations, _SEQUENCE_PAIR, _pack_long(sequence), _OFFSET_PAIR, bytes((len(digits),)), digits, ends)
        )
        count = 2 * pairs + (6 if key is None else 8)
        if len(body) < 255 and count < 256:
            start = b"\x00\x53\x72\xc1" + bytes((len(body) + 1, count))
        else:
            start = b"\x00\x53\x72\xd1" + struct.pack(">II", len(body) + 4, count)
        wire = b"".join((header, start, body, rest))
        stamped.append(wire)
        sequence += 1
        offset += len(wire)
    return stamped


def with_delivery_annotations(wire: bytes, annotations: bytes) -> bytes:
    """A stored event with a delivery-annotations section put where it belongs: behind its header."""
    start = skip(wire, 0) if wire[2] == HEADER else 0
    return wire[:start] + annotations + wire[start:]
