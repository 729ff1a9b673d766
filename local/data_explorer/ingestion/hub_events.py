"""A hub's events as a data connection takes them, with the system properties that it embeds."""

import datetime
import json
from collections.abc import Callable, Mapping, Sequence
from functools import lru_cache

from local.amqp.events import ReceivedEvent
from local.data_explorer.ingestion.connection_events import Event

Embedding = Callable[[Mapping[str, object]], str]
_MILLISECOND_TIMES = ("x-opt-enqueued-time", "iothub-enqueuedtime")
_NONE: Mapping[str, str] = {}


def event_of(partition: str, received: ReceivedEvent, embed: Embedding) -> Event:
    """The event as a data connection takes it: body, application properties as text, chosen system properties."""
    given = received.application_properties
    return Event(
        partition,
        -1 if received.sequence_number is None else received.sequence_number,
        received.offset or "",
        received.body,
        {name: _text(value) for name, value in given.items()} if given else _NONE,
        embed(received.annotations),
    )


def embedding(names: Sequence[str]) -> Embedding:
    """Gives the system properties of these names as members of a JSON object; those an event lacks are left out."""
    if not names:
        return lambda annotations: ""
    if len(names) == 1:
        only = names[0]
        return lambda annotations: _embedded(only, annotations[only]) if only in annotations else ""
    return lambda annotations: ",".join(_embedded(name, annotations[name]) for name in names if name in annotations)


def _text(value: object) -> str:
    return value.decode("utf-8", "replace") if isinstance(value, bytes) else str(value)


def _embedded(name: str, value: object) -> str:
    return _member(name, value if isinstance(value, bool | int | float | str) else _text(value))


@lru_cache(maxsize=4096, typed=True)
def _member(name: str, value: bool | int | float | str) -> str:
    """One property as `"name":value`: numbers and bools as such, times in ISO 8601, the rest as text."""
    shown: object = value
    if name in _MILLISECOND_TIMES and isinstance(value, int):
        shown = _iso(value)
    return f"{json.dumps(name, ensure_ascii=False)}:{json.dumps(shown, ensure_ascii=False)}"


def _iso(milliseconds: int) -> str | int:
    """A time in milliseconds since 1970; one that no calendar has stays a number."""
    try:
        moment = datetime.datetime.fromtimestamp(milliseconds / 1000, datetime.UTC)
    except (OverflowError, ValueError, OSError):
        return milliseconds
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")
