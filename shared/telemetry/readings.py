"""One element's text → its readings, whatever shape it has, with the exact text of its tag map."""

from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Any, NamedTuple, TypeVar

import orjson
from pydantic import BaseModel, ValidationError

from shared.telemetry.events import Reason, Rejected
from shared.telemetry.identity import NO_ENVELOPE, Envelope
from shared.telemetry.json_text import object_members, parse_strictly
from shared.telemetry.models import CloudEvent, FlatMessage, Reading, TagMap
from shared.telemetry.timestamps import canonical, moment

RESERVED = ("deviceId", "timestamp")


class Readings(NamedTuple):
    """An element's readings by tag, each with a timestamp, and the exact JSON text of that tag map."""

    tags: Mapping[str, Reading]
    text: bytes
    earliest: datetime
    latest: datetime
    timed: bool
    """Whether every reading has its own timestamp, rather than the time of its arrival."""
    envelope: Envelope


Model = TypeVar("Model", bound=BaseModel)


def read_element(text: bytes, arrived: datetime) -> Readings:
    """The readings of one element. `arrived` is the time of readings that have none.

    Raises Rejected.
    """
    element = parse_strictly(text)
    if not isinstance(element, dict):
        raise Rejected(Reason.SHAPE, f"an element is a JSON object, not {_json_type(element)}")
    if "specversion" in element and "data" in element:
        return _read_cloud_event(text, element, arrived)
    return _read_message(text, element, arrived, NO_ENVELOPE)


def _read_cloud_event(text: bytes, element: dict[str, Any], arrived: datetime) -> Readings:
    if not isinstance(element["data"], dict):
        raise Rejected(Reason.SHAPE, f"a CloudEvent's data is a JSON object, not {_json_type(element['data'])}")
    head = {name: value for name, value in element.items() if name != "data"}
    event = _validated(CloudEvent, head | {"data": {}})
    data = next(value for key, value in object_members(text) if orjson.loads(key) == "data")
    envelope = Envelope(subject=event.subject, cloud_event=(event.source, event.id))
    return _read_message(data, element["data"], arrived, envelope)


def _read_message(text: bytes, message: dict[str, Any], arrived: datetime, envelope: Envelope) -> Readings:
    """A tag map or a flat message whose JSON is already known to be sound."""
    is_flat = not any(isinstance(value, dict) for name, value in message.items() if name not in RESERVED)
    parsed: FlatMessage | TagMap
    if is_flat and not _reserved_readings(message):
        parsed = _validated(FlatMessage, message)
    else:
        parsed = _validated(TagMap, message)
    values = _tags(parsed)
    if not values:
        raise Rejected(Reason.NO_READINGS, "the element has no tag")
    given = parsed.timestamp if isinstance(parsed.timestamp, str) else None
    device = parsed.device_id if isinstance(parsed.device_id, str) else None
    tags = {name: _reading(value, given or canonical(arrived)) for name, value in values.items()}
    own = all(_has_time(value) for value in values.values())
    times = [_moment(name, reading["SourceTimestamp"]) for name, reading in tags.items()]
    same = own and len(values) == len(message)
    exact = text if same else _tag_map_text(text, values, tags)
    return Readings(tags, exact, min(times), max(times), own or given is not None, envelope._replace(device=device))


def _reserved_readings(message: dict[str, Any]) -> bool:
    return any(isinstance(message.get(name), dict) for name in RESERVED)


def _tags(parsed: TagMap | FlatMessage) -> dict[str, Any]:
    """The members that are tags: a reserved name is one only when it holds a reading."""
    tags: dict[str, Any] = dict(parsed.__pydantic_extra__)
    for name, value in (("deviceId", parsed.device_id), ("timestamp", parsed.timestamp)):
        if isinstance(value, dict):
            tags[name] = value
    return tags


def _has_time(value: Any) -> bool:
    return isinstance(value, dict) and "SourceTimestamp" in value


def _reading(value: Any, time: str) -> Reading:
    if isinstance(value, dict):
        return Reading(SourceTimestamp=value.get("SourceTimestamp", time), Value=value["Value"])
    return Reading(SourceTimestamp=time, Value=value)


def _moment(name: str, text: str) -> datetime:
    try:
        return moment(text)
    except ValueError as error:
        raise Rejected(Reason.TIMESTAMP, f"{name!r}: {text!r} is no time: {error}") from error


def _tag_map_text(text: bytes, values: dict[str, Any], tags: dict[str, Reading]) -> bytes:
    """The tag map's text, made of the element's own slices; only timestamps are put in, reserved names left out."""
    return b"{" + b",".join(_tag_texts(text, values, tags)) + b"}"


def _tag_texts(text: bytes, values: dict[str, Any], tags: dict[str, Reading]) -> Iterator[bytes]:
    for key, value in object_members(text):
        name = orjson.loads(key)
        if name not in tags:
            continue
        if _has_time(values[name]):
            yield key + b":" + value
            continue
        time = b'{"SourceTimestamp":"%b",' % tags[name]["SourceTimestamp"].encode()
        yield key + b":" + time + (value[1:] if isinstance(values[name], dict) else b'"Value":%b}' % value)


def _validated(model: type[Model], value: dict[str, Any]) -> Model:
    try:
        return model.model_validate(value)
    except ValidationError as error:
        raise _rejected(error) from error


def _rejected(error: ValidationError) -> Rejected:
    """What the validator found first, in the words of the contract rather than of pydantic's unions."""
    first = error.errors(include_url=False, include_context=False)[0]
    name, *within = (str(part) for part in first["loc"])
    shown = repr(first["input"])
    if "SourceTimestamp" in within or (name == "timestamp" and "Reading" not in within):
        return Rejected(Reason.TIMESTAMP, f"{name!r}: {shown} is no ISO 8601 date and time")
    if ("Value" in within and first["type"] != "missing") or first["type"] in _WRONG_VALUE:
        return Rejected(Reason.VALUE, f"{name!r}: {shown} is no integer, finite real, boolean or string")
    return Rejected(Reason.SHAPE, f"{'.'.join([name, *within])}: {first['msg']}")


_WRONG_VALUE = ("int_type", "greater_than_equal", "less_than_equal")
"""A value's union reports its first member's error, which is the integer's."""


def _json_type(value: Any) -> str:
    return _JSON_TYPES[type(value)]


_JSON_TYPES = {
    dict: "an object",
    list: "an array",
    str: "a string",
    bool: "a boolean",
    type(None): "null",
    int: "a number",
    float: "a number",
}
