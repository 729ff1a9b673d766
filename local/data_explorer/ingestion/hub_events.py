"""azure-eventhub's events to our own, with the system properties that a data connection embeds."""

import datetime
import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import lru_cache
from typing import cast

from azure.eventhub import EventData
from azure.eventhub.amqp import AmqpMessageBodyType

from local.data_explorer.ingestion.connection_events import Event

Embedding = Callable[[Mapping[bytes, object]], str]
_SEQUENCE_NUMBER, _OFFSET = b"x-opt-sequence-number", b"x-opt-offset"
_MILLISECOND_TIMES = (b"x-opt-enqueued-time", b"iothub-enqueuedtime")
_NONE: Mapping[str, str] = {}


def event_of(partition: str, received: EventData, embed: Embedding) -> Event:
    """The event as a data connection takes it: body, application properties as text, chosen system properties."""
    message = received.raw_amqp_message
    annotations = cast(Mapping[bytes, object], message.annotations or {})
    offset = annotations[_OFFSET]
    given = message.application_properties
    return Event(
        partition,
        cast(int, annotations[_SEQUENCE_NUMBER]),
        offset.decode() if isinstance(offset, bytes) else str(offset),
        _body(received),
        {_text(name): _text(value) for name, value in given.items()} if given else _NONE,
        embed(annotations),
    )


def _body(received: EventData) -> bytes:
    """The data sections as one; an AMQP value or sequence as its text."""
    if received.body_type is AmqpMessageBodyType.DATA:
        return b"".join(cast(Iterable[bytes], received.body))
    return received.body_as_str().encode()


def embedding(names: Sequence[str]) -> Embedding:
    """Gives the system properties of these names as members of a JSON object; those an event lacks are left out."""
    keys = [name.encode() for name in names]
    if not keys:
        return lambda annotations: ""
    if len(keys) == 1:
        only = keys[0]
        return lambda annotations: _member(only, annotations[only]) if only in annotations else ""
    return lambda annotations: ",".join(_member(key, annotations[key]) for key in keys if key in annotations)


def _text(value: object) -> str:
    return value.decode("utf-8", "replace") if isinstance(value, bytes) else str(value)


@lru_cache(maxsize=4096)
def _member(name: bytes, value: object) -> str:
    """One property as `"name":value`: numbers and bools as such, times in ISO 8601, the rest as text."""
    shown: object = value
    if isinstance(value, datetime.datetime):
        shown = _iso(value)
    elif name in _MILLISECOND_TIMES and isinstance(value, int):
        shown = _iso(datetime.datetime.fromtimestamp(value / 1000, datetime.UTC))
    elif not isinstance(value, bool | int | float):
        shown = _text(value)
    return f"{json.dumps(name.decode(), ensure_ascii=False)}:{json.dumps(shown, ensure_ascii=False)}"


def _iso(moment: datetime.datetime) -> str:
    return moment.astimezone(datetime.UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
