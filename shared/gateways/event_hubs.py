"""The analytics hub: events are sent by asset, packed into batches up to the hub's own size limit."""

import asyncio
import zlib
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from azure.core.exceptions import AzureError
from azure.eventhub import EventData, EventDataBatch
from azure.eventhub.aio import EventHubProducerClient
from azure.eventhub.exceptions import EventHubError

from shared.gateways.errors import Unavailable
from shared.telemetry.analytics import AnalyticsEvent

if TYPE_CHECKING:
    from azure.core.credentials_async import AsyncTokenCredential

_PARTITION_KEY = b"x-opt-partition-key"
LANES = 4
"""Connections. A batch has one partition key, and a connection sends one batch after another."""


def producer_client(
    connection: str | None, namespace: str | None, hub: str, credential: "AsyncTokenCredential | None"
) -> EventHubProducerClient:
    """A client that reconnects and tries again by itself for about half a minute."""
    retries: dict[str, Any] = {"retry_total": 5, "retry_backoff_factor": 0.4, "retry_backoff_max": 10}
    if connection:
        return EventHubProducerClient.from_connection_string(connection, eventhub_name=hub, **retries)
    if namespace is None or credential is None:
        raise ValueError("a namespace needs a credential")
    return EventHubProducerClient(namespace, hub, credential, **retries)


class AnalyticsHub:
    """Sends analytics events; those of one asset keep their order."""

    def __init__(self, lanes: Sequence[EventHubProducerClient]) -> None:
        self._lanes = lanes

    async def send(self, events: Sequence[AnalyticsEvent]) -> list[AnalyticsEvent]:
        """Sends them all, and returns those that are too large for any batch. Raises Unavailable.

        When it raises, some may have been sent: sending them again is for the reader to tell by their ids.
        """
        lanes: dict[int, dict[str, list[AnalyticsEvent]]] = {}
        for event in events:
            lane = zlib.crc32(event.asset.encode()) % len(self._lanes)
            lanes.setdefault(lane, {}).setdefault(event.asset, []).append(event)
        sending = (self._send_lane(self._lanes[lane], assets) for lane, assets in lanes.items())
        too_large: list[AnalyticsEvent] = []
        for outcome in await asyncio.gather(*sending, return_exceptions=True):
            if isinstance(outcome, BaseException):
                raise outcome
            too_large += outcome
        return too_large

    async def _send_lane(
        self, client: EventHubProducerClient, assets: dict[str, list[AnalyticsEvent]]
    ) -> list[AnalyticsEvent]:
        too_large: list[AnalyticsEvent] = []
        try:
            for asset, events in assets.items():
                too_large += await _send_asset(client, asset, events)
        except (EventHubError, AzureError, OSError, TimeoutError) as error:
            raise Unavailable("Event Hubs", error) from error
        return too_large

    async def close(self) -> None:
        for client in self._lanes:
            await client.close()


async def _send_asset(
    client: EventHubProducerClient, asset: str, events: Sequence[AnalyticsEvent]
) -> list[AnalyticsEvent]:
    too_large: list[AnalyticsEvent] = []
    batch = await client.create_batch(partition_key=asset)
    for event in events:
        data = _event_data(event)
        if _added(batch, data):
            continue
        if len(batch):
            await client.send_batch(batch)
            batch = await client.create_batch(partition_key=asset)
        if not _added(batch, data):
            too_large.append(event)
    if len(batch):
        await client.send_batch(batch)
    return too_large


def _added(batch: EventDataBatch, data: EventData) -> bool:
    try:
        batch.add(data)
    except ValueError:
        return False
    return True


def _event_data(event: AnalyticsEvent) -> EventData:
    """With its partition key, and without the empty sections that each event has: the client works half as long."""
    data = EventData(event.body)
    message = data.raw_amqp_message
    message.annotations = {_PARTITION_KEY: event.asset}
    message.header = message.properties = None  # type: ignore[assignment]  # the setters take what the getters give
    if event.traceparent:
        data.properties = {"traceparent": event.traceparent}
    return data
