"""Events as consumers get them (OASIS AMQP 1.0, part 3): decoded as far as their readers ask.

What can't be decoded inside an event never stops its partition: text that is no UTF-8 stays bytes, a value of a type
that we don't read stays its encoding, and properties that are no map are left out.
"""

import struct
from collections.abc import Mapping
from functools import lru_cache
from types import MappingProxyType
from typing import Any, Final, NamedTuple

from local.amqp.codec import DecodeError, decode, list_slices, skip
from local.amqp.sections import (
    APPLICATION_PROPERTIES,
    DATA,
    ENQUEUED_TIME,
    MESSAGE_ANNOTATIONS,
    OFFSET,
    PARTITION_KEY,
    PROPERTIES,
    SEQUENCE,
    SEQUENCE_NUMBER,
    VALUE,
    binary_value,
    read_sections,
)

PROPERTY_NAMES: Final = (
    "message-id",
    "user-id",
    "to",
    "subject",
    "reply-to",
    "correlation-id",
    "content-type",
    "content-encoding",
    "absolute-expiry-time",
    "creation-time",
    "group-id",
    "group-sequence",
    "reply-to-group-id",
)
"""The fields of a message's properties, in order (part 3, 3.2.4)."""

_NONE: Mapping[str, Any] = MappingProxyType({})
_long_at = struct.Struct(">q").unpack_from
_uint_at = struct.Struct(">I").unpack_from


class Timestamp(int):
    """A value of AMQP's timestamp type: milliseconds since 1970 (part 1, 1.6.17)."""

    __slots__ = ()


class ReceivedEvent(NamedTuple):
    """One event. `annotations` are the service's and the sender's; `properties` the message's own, those it has."""

    body: bytes
    annotations: Mapping[str, Any] = _NONE
    properties: Mapping[str, Any] = _NONE
    application_properties: Mapping[str, Any] = _NONE

    @property
    def sequence_number(self) -> int | None:
        number: int | None = self.annotations.get(SEQUENCE_NUMBER)
        return number

    @property
    def offset(self) -> str | None:
        offset: str | None = self.annotations.get(OFFSET)
        return offset

    @property
    def enqueued_ms(self) -> int | None:
        """When the hub took it, in milliseconds since 1970."""
        time: int | None = self.annotations.get(ENQUEUED_TIME)
        return time

    @property
    def partition_key(self) -> str | None:
        key: str | None = self.annotations.get(PARTITION_KEY)
        return key


def read_event(message: bytes) -> ReceivedEvent:
    """Takes a message apart. Raises DecodeError when it is none."""
    annotations = properties = given = _NONE
    body: bytes | None = None
    other: list[Any] = []
    for section in read_sections(message):
        code = section.code
        if code == MESSAGE_ANNOTATIONS:
            annotations = _map(message, section.value, section.end)
        elif code == DATA:
            data = binary_value(message, section)
            body = data if body is None else body + data
        elif code == APPLICATION_PROPERTIES:
            given = _same_map(message[section.value : section.end])
        elif code == PROPERTIES:
            properties = _properties(message, section.value)
        elif code in (VALUE, SEQUENCE):
            other.append(_value(message, section.value, section.end))
            body = _text_of(other, is_value=code == VALUE).encode()
    return ReceivedEvent(body or b"", annotations, properties, given)


def _map(buffer: bytes, start: int, end: int) -> Mapping[str, Any]:
    """The map that starts at `start`: the hot path, so that common types are read where they stand."""
    kind = buffer[start]
    if kind == 0xC1:
        index = start + 3
    elif kind == 0xD1:
        index = start + 9
    else:
        return _NONE
    found: dict[str, Any] = {}
    try:
        while index < end:
            kind = buffer[index]
            if kind == 0xA3 or kind == 0xA1:
                value_at = index + 2 + buffer[index + 1]
                name = _name(buffer[index + 2 : value_at])
            else:
                value_at = skip(buffer, index)
                name = str(_value(buffer, index, value_at))
            kind = buffer[value_at]
            if kind == 0xA1:
                index = value_at + 2 + buffer[value_at + 1]
                found[name] = _text(buffer[value_at + 2 : index])
            elif kind == _LONG:
                index = value_at + 9
                found[name] = _long_at(buffer, value_at + 1)[0]
            elif kind == _TIMESTAMP:
                index = value_at + 9
                found[name] = Timestamp(_long_at(buffer, value_at + 1)[0])
            else:
                index = skip(buffer, value_at)
                found[name] = _value(buffer, value_at, index)
    except (DecodeError, IndexError, struct.error):
        return _NONE
    return found if index == end else _NONE


_LONG: Final = 0x81
_TIMESTAMP: Final = 0x83


@lru_cache(maxsize=1024)
def _same_map(encoded: bytes) -> Mapping[str, Any]:
    """A map that many messages have alike, as those of one device do. Nobody changes it."""
    return _map(encoded, 0, len(encoded))


def _properties(message: bytes, start: int) -> Mapping[str, Any]:
    try:
        slices = list_slices(message, start)
    except DecodeError:
        return _NONE
    values = ((name, _value(raw, 0, len(raw))) for name, raw in zip(PROPERTY_NAMES, slices, strict=False))
    return {name: value for name, value in values if value}


def _value(buffer: bytes, start: int, end: int) -> Any:
    kind = buffer[start]
    if kind in (0xA1, 0xA3):
        return _text(buffer[start + 2 : end])
    if kind in (0xB1, 0xB3):
        return _text(buffer[start + 5 : end])
    try:
        value = decode(buffer, start)[0]
        return Timestamp(value) if kind == _TIMESTAMP else value
    except DecodeError:
        return buffer[start:end]


def _text(raw: bytes) -> str | bytes:
    try:
        return raw.decode()
    except UnicodeDecodeError:
        return raw


@lru_cache(maxsize=4096)
def _name(raw: bytes) -> str:
    return raw.decode(errors="replace")


def _text_of(found: list[Any], *, is_value: bool) -> str:
    """What azure-eventhub's `body_as_str` gives for a body that is no data."""
    if is_value:
        return str(_plain(found[0])) if found[0] else ""
    return str([_plain(item) for section in found if isinstance(section, list) for item in section])


def _plain(value: Any) -> Any:
    if isinstance(value, bytes):
        return value.decode(errors="replace")
    if isinstance(value, dict):
        return {_plain(name): _plain(inner) for name, inner in value.items()}
    if isinstance(value, list):
        return [_plain(inner) for inner in value]
    return str(value) if isinstance(value, str) else value
