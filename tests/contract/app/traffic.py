"""What devices send, and what comes out at the analytics hub, through the real SDK."""

import base64
import json
import time
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from azure.eventhub import EventData, EventHubProducerClient

from tests.contract.app.places import Place
from tests.contract.app.taps import Tap

PATIENCE = 90.0
"""Seconds until something that must happen is taken not to happen; the machine may be busy."""


@dataclass(frozen=True)
class Message:
    """One device message, and the elements that are in it: (asset, exact tag map) of each good one."""

    body: bytes
    key: str
    good: Sequence[tuple[str, str]] = ()
    bad: int = 0
    """How many of its elements can't be taken."""
    properties: Mapping[str | bytes, Any] = field(default_factory=dict)
    annotations: Mapping[str | bytes, Any] = field(default_factory=dict)
    message_id: str | None = None
    content_encoding: str | None = None

    def event(self) -> EventData:
        event = EventData(self.body)
        event.properties = dict(self.properties)
        event.raw_amqp_message.annotations = dict(self.annotations)
        if self.message_id is not None:
            event.message_id = self.message_id
        if self.content_encoding is not None:
            event.raw_amqp_message.properties.content_encoding = self.content_encoding  # type: ignore[union-attr]
        return event


def plain(device: str, number: int) -> Message:
    """A message like any other: two tags, a time of its own."""
    minute, second = divmod(number, 60)
    time_text = f"2026-11-22T{minute // 60:02}:{minute % 60:02}:{second:02}.1234567Z"
    text = (
        f'{{"temperature":{{"SourceTimestamp":"{time_text}","Value":{number}.0}},'
        f'"humidity":{{"SourceTimestamp":"{time_text}","Value":{number}}}}}'
    )
    return Message(text.encode(), device, good=[(device, text)])


def send(place: Place, messages: Sequence[Message]) -> None:
    """Sends in order, by key, in batches; tries again while the broker is away, and so may send twice."""
    by_key: dict[str, list[Message]] = {}
    for message in messages:
        by_key.setdefault(message.key, []).append(message)
    deadline = time.monotonic() + PATIENCE
    while not _sent(place, by_key):
        assert time.monotonic() < deadline, "the broker did not take the messages"
        time.sleep(0.2)


def _sent(place: Place, by_key: dict[str, list[Message]]) -> bool:
    client = EventHubProducerClient.from_connection_string(
        place.event_hubs, eventhub_name=place.telemetry_hub, retry_total=1, retry_backoff_factor=0.1
    )
    try:
        with client:
            for key, group in by_key.items():
                batch = client.create_batch(partition_key=key)
                for message in group:
                    batch.add(message.event())
                client.send_batch(batch)
    except Exception:  # noqa: BLE001 - the broker is being killed: whatever the SDK makes of that, it is tried again
        return False
    return True


@dataclass(frozen=True)
class Forwarded:
    """One event at the analytics hub."""

    key: str
    body: str
    properties: Mapping[Any, Any]

    @property
    def members(self) -> dict[str, Any]:
        members: dict[str, Any] = json.loads(self.body)
        return members

    @property
    def tag_map(self) -> str:
        """The text before the envelope."""
        return self.body[: self.body.rindex(',"_eventId"')] + "}"


def forwarded(tap: Tap) -> list[Forwarded]:
    """All that is at the analytics hub now."""
    return [
        Forwarded((event.partition_key or b"").decode(), event.body_as_str(), event.properties or {})
        for event in tap.events()
    ]


def eventually(is_so: Callable[[], bool], complaint: Callable[[], str]) -> None:
    """Waits until something is so; fails with the complaint when it never is."""
    deadline = time.monotonic() + PATIENCE
    while not is_so():
        assert time.monotonic() < deadline, complaint()
        time.sleep(0.3)


def assert_nothing_lost(place: Place, sent: Sequence[Message]) -> list[Forwarded]:
    """Stored = accepted by the hub − lettered, and forwarded = stored, each reading once, with its exact text.

    Waits until all have come through. An event may stand at the hub more than once, but only as the very same bytes.
    """
    wanted = Counter(good for message in sent for good in message.good)
    assert set(wanted.values()) == {1}, "each good element is to be told from every other"
    eventually(lambda: len(place.documents()) >= len(wanted), lambda: _missing(place, wanted))
    documents = place.documents()
    assert Counter((document["asset"], document["body"]) for document in documents) == wanted
    _assert_letters(place, sent)
    ids = {document["id"]: (document["asset"], document["body"]) for document in documents}
    with Tap(place, place.analytics_hub) as tap:
        eventually(
            lambda: {each.members["_eventId"] for each in forwarded(tap)} >= set(ids),
            lambda: f"forwarded {len({each.members['_eventId'] for each in forwarded(tap)})} of {len(ids)}",
        )
        at_hub = forwarded(tap)
    assert {each.members["_eventId"]: (each.key, each.tag_map) for each in at_hub} == ids
    assert len({each.body for each in at_hub}) == len(ids), "copies of an event are the same bytes"
    return at_hub


def _assert_letters(place: Place, sent: Sequence[Message]) -> None:
    """One letter for each bad element of each event that the hub accepted, with its raw bytes."""
    bad = {message.body: message.bad for message in sent if message.bad}
    with Tap(place, place.telemetry_hub) as tap:
        eventually(lambda: len(tap.events()) >= len(sent), lambda: f"the hub holds {len(tap.events())} events")
        accepted = Counter(b"".join(event.body) for event in tap.events())  # type: ignore[arg-type]
    wanted = Counter({body: accepted[body] * count for body, count in bad.items()})
    eventually(
        lambda: len(place.letters()) >= wanted.total(), lambda: f"lettered {len(place.letters())} of {wanted.total()}"
    )
    assert Counter(base64.b64decode(json.loads(letter)["body"]) for letter in place.letters().values()) == wanted


def _missing(place: Place, wanted: Counter[tuple[str, str]]) -> str:
    left = wanted - Counter((document["asset"], document["body"]) for document in place.documents())
    reasons = Counter(json.loads(letter)["detail"] for letter in place.letters().values())
    return f"{len(left)} of {len(wanted)} are not stored, such as {list(left)[:3]}; dead letters: {reasons}"
