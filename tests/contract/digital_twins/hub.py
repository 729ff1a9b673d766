"""Reading what Digital Twins sent to a hub, with an unmodified client that reads all the while."""

import asyncio
import json
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from azure.eventhub import EventData
from azure.eventhub.aio import EventHubConsumerClient, PartitionContext

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
    """Hubs of one namespace, read from their start by one client each, in a thread of its own."""

    def __init__(self, server: ServerProcess, *hubs: str) -> None:
        self._server = server
        self._events: dict[str, list[Event]] = {hub: [] for hub in hubs}
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever)
        self._thread.start()
        self._reading = asyncio.run_coroutine_threadsafe(self._read_all(), self._loop)

    def close(self) -> None:
        self._reading.cancel()
        asyncio.run_coroutine_threadsafe(_others_ended(), self._loop).result(PATIENCE)
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    def events_of(self, hub: str, key: str, count: int) -> list[Event]:
        """The events with this partition key, in order, once there are so many."""
        return self.read(hub, key, lambda found: len(found) >= count)

    def read(self, hub: str, key: str, enough: Callable[[list[Event]], bool]) -> list[Event]:
        """The events with this partition key, once there are enough of them."""
        eventually(lambda: enough(self._of(hub, key)))
        return self._of(hub, key)

    def _of(self, hub: str, key: str) -> list[Event]:
        return [event for event in list(self._events[hub]) if event.partition_key == key]

    async def _read_all(self) -> None:
        await asyncio.gather(*(self._read(hub, into) for hub, into in self._events.items()))

    async def _read(self, hub: str, into: list[Event]) -> None:
        async def on_event(context: PartitionContext, event: EventData | None) -> None:
            if event is not None:
                into.append(_event(context.partition_id, event))

        consumer = EventHubConsumerClient.from_connection_string(
            connection_string(self._server.port), consumer_group="$Default", eventhub_name=hub
        )
        async with consumer:
            await consumer.receive(on_event, starting_position="-1")


async def _others_ended() -> None:
    """Once the reading, which was told to end, has put its connections away."""
    own = asyncio.current_task()
    await asyncio.gather(*(task for task in asyncio.all_tasks() if task is not own), return_exceptions=True)


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
