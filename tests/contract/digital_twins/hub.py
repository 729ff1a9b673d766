"""Reading what Digital Twins sent to a hub, with an unmodified client."""

import json
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from azure.eventhub import EventData, EventHubConsumerClient, PartitionContext

from local.event_hubs_namespace import connection_string
from local.launch import ServerProcess

PATIENCE = 60.0


@dataclass(frozen=True)
class Event:
    """`properties` are the application properties, as text; `body` is the data, read as JSON."""

    partition: str
    partition_key: str
    properties: dict[str, str]
    content_type: str | None
    body: Any

    @property
    def type(self) -> str:
        return self.properties.get("cloudEvents:type", "")


class Hub:
    """The hubs of one namespace."""

    def __init__(self, server: ServerProcess) -> None:
        self._server = server

    def events_of(self, hub: str, key: str, count: int) -> list[Event]:
        """At least so many events with this partition key, in order; all there are when patience ends."""
        return self.read(hub, key, lambda found: len(found) >= count)

    def read(self, hub: str, key: str, enough: Callable[[list[Event]], bool]) -> list[Event]:
        """The events with this partition key, from the start, until there are enough of them."""
        found: list[Event] = []
        done = threading.Event()

        def on_event(context: PartitionContext, event: EventData | None) -> None:
            if event is None:
                return
            shown = _event(context.partition_id, event)
            if shown.partition_key == key:
                found.append(shown)
            if enough(found):
                done.set()

        consumer = EventHubConsumerClient.from_connection_string(
            connection_string(self._server.port), consumer_group="$Default", eventhub_name=hub
        )
        with consumer:
            reading = threading.Thread(target=consumer.receive, args=(on_event,), kwargs={"starting_position": "-1"})
            reading.start()
            done.wait(PATIENCE)
        reading.join(PATIENCE)
        return found


def eventually(condition: Callable[[], bool]) -> None:
    """Waits for what settles by itself. Fails when it doesn't."""
    deadline = time.monotonic() + PATIENCE
    while not condition():
        assert time.monotonic() < deadline, "it did not come to be in time"
        time.sleep(0.02)


def _event(partition: str, event: EventData) -> Event:
    given = event.properties or {}
    return Event(
        partition,
        (event.partition_key or b"").decode(),
        {_text(name): _text(value) for name, value in given.items()},
        event.content_type,
        json.loads(event.body_as_str()),
    )


def _text(value: object) -> str:
    return value.decode() if isinstance(value, bytes) else str(value)
