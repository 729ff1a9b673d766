"""What the graph tells of itself, as propagate_twins gets it: through the instance's route and the hub."""

import asyncio
import time
from collections.abc import Sequence
from typing import Any, Self

import httpx
from azure.eventhub import EventData
from azure.eventhub.aio import EventHubConsumerClient
from azure.functions import EventHubEvent

from shared.gateways.telemetry_hub import hub_event
from shared.telemetry.events import HubEvent
from tests.contract.background import Background
from tests.contract.twins.world import PARTITIONS, World
from tests.unit.functions.trigger_batches import Sent, trigger_batch

HUB = "twin-events"
PATIENCE = 60.0


def as_batch(events: Sequence[HubEvent]) -> list[EventHubEvent]:
    """Events of one partition as the trigger gives them."""
    messages = [
        Sent(event.body, event.partition_key, event.properties, event.system, event.enqueued_time) for event in events
    ]
    return trigger_batch(messages, partition=events[0].partition, first=events[0].sequence_number)


class TwinEvents(Background):
    """The events that the hub takes from now on, read in a thread; each is given once, by partition."""

    def __init__(self, world: World) -> None:
        super().__init__("twin events")
        self._world = world
        self._events: dict[str, list[HubEvent]] = {str(number): [] for number in range(PARTITIONS)}
        self._given = dict.fromkeys(self._events, 0)

    def new(self) -> list[list[HubEvent]]:
        """All that the graph has told and that was not given yet: not empty lists, in order."""
        self._wait_until_read()
        found = []
        for partition, events in self._events.items():
            if events[self._given[partition] :]:
                found.append(events[self._given[partition] :])
            self._given[partition] = len(events)
        return found

    def _wait_until_read(self) -> None:
        """Returns once the hub holds all that was told, and it was read."""
        deadline = time.monotonic() + PATIENCE
        while self._undelivered() or self._unread():
            if time.monotonic() > deadline:
                raise TimeoutError("events that the graph has told did not come through the hub")
            time.sleep(0.01)

    def _undelivered(self) -> int:
        health: dict[str, int] = httpx.get(f"{self._world.instance.admin}/_local/health").raise_for_status().json()
        return health["undelivered"]

    def _unread(self) -> bool:
        partitions = httpx.get(f"{self._world.broker.admin}/_local/health").json()["hubs"][HUB]
        return any(self._last(number) < each["last"] for number, each in enumerate(partitions))

    def _last(self, number: int) -> int:
        events = self._events[str(number)]
        return events[-1].sequence_number if events else self._begin[number]

    def __enter__(self) -> Self:
        partitions = httpx.get(f"{self._world.broker.admin}/_local/health").json()["hubs"][HUB]
        self._begin = [each["last"] for each in partitions]
        return super().__enter__()

    async def _read(self) -> None:
        connection = self._world.settings()["EventHubs"]
        client = EventHubConsumerClient.from_connection_string(connection, "$Default", eventhub_name=HUB)
        async with client:
            await asyncio.gather(*(self._read_partition(client, number) for number in range(PARTITIONS)))

    async def _read_partition(self, client: EventHubConsumerClient, number: int) -> None:
        async def take(context: Any, events: list[EventData]) -> None:
            self._events[str(number)] += [hub_event(event, HUB, str(number)) for event in events]

        start = max(self._begin[number], -1)
        await client.receive_batch(take, partition_id=str(number), starting_position=start, max_wait_time=0.1)
