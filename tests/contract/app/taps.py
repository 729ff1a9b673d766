"""Reading a hub beside everything else: all its events, each once, for as long as a tap is open."""

import asyncio
import threading
from contextlib import suppress
from types import TracebackType
from typing import Any, Self

from azure.eventhub import EventData
from azure.eventhub.aio import EventHubConsumerClient

from tests.contract.app.places import Place


class Tap:
    """All events of a hub from the start, whatever happens to the broker meanwhile."""

    def __init__(self, place: Place, hub: str) -> None:
        self._place = place
        self._hub = hub
        self._events: dict[tuple[str, int], EventData] = {}
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._run, name=f"tap of {hub}")
        self._task: asyncio.Task[None] | None = None

    def events(self) -> list[EventData]:
        return list(self._events.values())

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._loop.call_soon_threadsafe(lambda: self._task and self._task.cancel())
        self._thread.join()
        self._loop.close()

    def _run(self) -> None:
        self._task = self._loop.create_task(self._read())
        with suppress(asyncio.CancelledError):
            self._loop.run_until_complete(self._task)

    async def _read(self) -> None:
        client = EventHubConsumerClient.from_connection_string(
            self._place.event_hubs, "$Default", eventhub_name=self._hub, load_balancing_interval=1, retry_backoff_max=1
        )
        async with client:
            await client.receive_batch(self._take, starting_position="-1", max_batch_size=1000)

    async def _take(self, partition: Any, events: list[EventData]) -> None:
        for event in events:
            self._events[partition.partition_id, event.sequence_number or 0] = event
