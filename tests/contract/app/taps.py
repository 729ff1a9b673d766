"""Reading a hub beside everything else: all its events, each once, for as long as a tap is open."""

from typing import Any

from azure.eventhub import EventData
from azure.eventhub.aio import EventHubConsumerClient

from tests.contract.app.places import Place
from tests.contract.background import Background


class Tap(Background):
    """All events of a hub from the start, whatever happens to the broker meanwhile."""

    def __init__(self, place: Place, hub: str) -> None:
        super().__init__(f"tap of {hub}")
        self._place = place
        self._hub = hub
        self._events: dict[tuple[str, int], EventData] = {}

    def events(self) -> list[EventData]:
        return list(self._events.values())

    async def _read(self) -> None:
        client = EventHubConsumerClient.from_connection_string(
            self._place.event_hubs, "$Default", eventhub_name=self._hub, load_balancing_interval=1, retry_backoff_max=1
        )
        async with client:
            await client.receive_batch(self._take, starting_position="-1", max_batch_size=1000)

    async def _take(self, partition: Any, events: list[EventData]) -> None:
        for event in events:
            self._events[partition.partition_id, event.sequence_number or 0] = event
