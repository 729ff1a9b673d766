"""The telemetry hub read between two times, beside the triggers and without touching their checkpoints."""

import asyncio
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from azure.eventhub import EventData
from azure.eventhub.aio import EventHubConsumerClient, PartitionContext
from azure.eventhub.exceptions import EventHubError

from shared.gateways.errors import Unavailable
from shared.telemetry.events import HubEvent
from shared.telemetry.timestamps import canonical

if TYPE_CHECKING:
    from azure.core.credentials_async import AsyncTokenCredential

GROUP = "$Default"
_AT_ONCE = 500
_QUIET_SECONDS = 5.0
_SYSTEM = {
    "message_id": "message-id",
    "correlation_id": "correlation-id",
    "content_type": "content-type",
    "content_encoding": "content-encoding",
}


def consumer_client(
    connection: str | None, namespace: str | None, hub: str, credential: "AsyncTokenCredential | None"
) -> EventHubConsumerClient:
    if connection:
        return EventHubConsumerClient.from_connection_string(connection, GROUP, eventhub_name=hub)
    if namespace is None or credential is None:
        raise ValueError("a namespace needs a credential")
    return EventHubConsumerClient(namespace, hub, GROUP, credential)


class TelemetryHub:
    """Reads events. Raises Unavailable."""

    def __init__(self, client: EventHubConsumerClient, hub: str) -> None:
        self._client = client
        self._hub = hub

    async def between(self, start: datetime, end: datetime) -> list[HubEvent]:
        """The events enqueued from `start` (inclusive) to `end` (exclusive) that are there now."""
        try:
            numbers = await self._client.get_partition_ids()
            parts = await asyncio.gather(*(self._partition(number, start, end) for number in numbers))
        except EventHubError as error:
            raise Unavailable("Event Hubs", error) from error
        return [event for part in parts for event in part]

    async def close(self) -> None:
        await self._client.close()

    async def _partition(self, number: str, start: datetime, end: datetime) -> list[HubEvent]:
        """One partition's events, up to the newest there was when reading began."""
        properties = await self._client.get_partition_properties(number)
        newest: int = properties["last_enqueued_sequence_number"]
        if properties["is_empty"] or properties["last_enqueued_time_utc"] < start:
            return []
        found: list[HubEvent] = []
        done = asyncio.Event()

        async def on_batch(context: PartitionContext, batch: list[EventData]) -> None:
            for event in batch:
                if event.enqueued_time is not None and event.enqueued_time >= end:
                    done.set()
                    return
                found.append(hub_event(event, self._hub, number))
            if not batch or (batch[-1].sequence_number or 0) >= newest:
                done.set()

        receiving = asyncio.create_task(
            self._client.receive_batch(
                on_batch,
                partition_id=number,
                starting_position=start,
                starting_position_inclusive=True,
                max_batch_size=_AT_ONCE,
                max_wait_time=_QUIET_SECONDS,
            )
        )
        waiting = asyncio.create_task(done.wait())
        await asyncio.wait((receiving, waiting), return_when=asyncio.FIRST_COMPLETED)
        failed = receiving.done() and not waiting.done()
        for task in (receiving, waiting):
            task.cancel()
        ended = await asyncio.gather(receiving, waiting, return_exceptions=True)
        if failed and isinstance(ended[0], EventHubError):
            raise ended[0]
        return found


def hub_event(event: EventData, hub: str, partition: str) -> HubEvent:
    """An event as the trigger would give it: same ids, same letters."""
    body: Any = event.body
    key = event.partition_key
    return HubEvent(
        body if isinstance(body, bytes) else b"".join(body),
        hub,
        partition,
        event.sequence_number or 0,
        event.enqueued_time or datetime(1, 1, 1, tzinfo=UTC),
        None if key is None else key.decode(),
        {_text(name): _value(value) for name, value in (event.properties or {}).items()},
        _system(event),
    )


def _system(event: EventData) -> Mapping[str, Any]:
    system = {_text(name): _value(value) for name, value in event.system_properties.items()}
    for attribute, name in _SYSTEM.items():
        value = getattr(event.raw_amqp_message.properties, attribute, None)
        if value is not None:
            system[name] = _value(value)
    enqueued = system.get("iothub-enqueuedtime")
    if isinstance(enqueued, int):
        system["iothub-enqueuedtime"] = canonical(datetime.fromtimestamp(enqueued / 1000, UTC))
    return system


def _text(name: Any) -> str:
    return name.decode() if isinstance(name, bytes) else str(name)


def _value(value: Any) -> Any:
    return value.decode(errors="replace") if isinstance(value, bytes) else value
