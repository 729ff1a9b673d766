"""Reading back what the hub wrote."""

import asyncio
from collections.abc import Callable

from azure.eventhub import EventData
from azure.eventhub.aio import EventHubConsumerClient, PartitionContext

from tests.contract.iot_hub.conftest import IotHub


async def events_of(hub: IotHub, wanted: Callable[[EventData], bool], count: int) -> list[EventData]:
    """The first so many events that are wanted, read from the start of every partition."""
    found: list[EventData] = []
    enough = asyncio.Event()

    async def on_event(context: PartitionContext, event: EventData | None) -> None:
        if event is not None and wanted(event):
            found.append(event)
            if len(found) >= count:
                enough.set()

    client = EventHubConsumerClient.from_connection_string(hub.connection_string, "$Default", eventhub_name="telemetry")
    async with client:
        task = asyncio.create_task(client.receive(on_event, starting_position="-1"))
        try:
            await asyncio.wait_for(enough.wait(), 30)
        finally:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)
    return found


def from_device(device: str) -> Callable[[EventData], bool]:
    """IoT Hub makes the device the partition key, as senders straight to the hub do."""
    return lambda event: event.partition_key == device.encode()
