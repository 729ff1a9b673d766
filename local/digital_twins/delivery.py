"""From the outbox to Event Hubs: in order for each twin, in batches, again until accepted.

A hub has one task, so that one that is away holds up no other. What was accepted is taken out of the outbox after
that: a process killed in between sends it once more, the same event with the same id.
"""

import asyncio
import contextlib
import sqlite3
import sys
import zlib
from collections.abc import AsyncIterator, Sequence
from typing import Any, NamedTuple

import orjson
from azure.core.exceptions import AzureError
from azure.eventhub import EventDataBatch
from azure.eventhub.aio import EventHubProducerClient
from azure.eventhub.amqp import AmqpAnnotatedMessage, AmqpMessageProperties
from azure.eventhub.exceptions import EventHubError

from local.digital_twins.service import Service

_ROWS = 256
"""Taken at a time: packing them holds up requests, some 0.1 ms each."""
_LONGEST_PAUSE = 5.0
_PARTITION_KEY = "x-opt-partition-key"
_ID = "cloudEvents:id"


class _Row(NamedTuple):
    sequence: int
    partition_key: str
    properties: str
    body: str


@contextlib.asynccontextmanager
async def delivering(service: Service, connection_string: str) -> AsyncIterator[None]:
    """Delivers while the block runs, to the hubs of the service's destinations."""
    to = service.destinations
    hubs = {*to.endpoints.values(), *([to.history] if to.history else [])}
    couriers = [_Courier(service, connection_string, hub) for hub in sorted(hubs)]

    def wake() -> None:
        for courier in couriers:
            courier.arrived.set()

    service.writer.on_commit = wake
    tasks = [asyncio.create_task(courier.run()) for courier in couriers]
    try:
        yield
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


class _Courier:
    """Delivers to one hub."""

    def __init__(self, service: Service, connection_string: str, hub: str) -> None:
        self._service = service
        self._connection_string = connection_string
        self._hub = hub
        self.arrived = asyncio.Event()
        self.arrived.set()

    async def run(self) -> None:
        """Goes on until it is cancelled; each time that the hub fails, with a new connection, after a pause."""
        pause = 0.1
        while True:
            producer = EventHubProducerClient.from_connection_string(
                self._connection_string, eventhub_name=self._hub, retry_total=1, retry_backoff_factor=0.1
            )
            async with producer:
                try:
                    partitions = await producer.get_partition_ids()
                    pause = 0.1
                    await self._deliver(producer, partitions)
                except (EventHubError, AzureError, OSError, TimeoutError) as error:
                    print(f"Event hub {self._hub} does not accept events, trying again: {error}", file=sys.stderr)
            await asyncio.sleep(pause)
            pause = min(pause * 2, _LONGEST_PAUSE)

    async def _deliver(self, producer: EventHubProducerClient, partitions: Sequence[str]) -> None:
        while True:
            self.arrived.clear()
            rows = self._waiting()
            if not rows:
                await self.arrived.wait()
                continue
            by_partition: dict[str, list[_Row]] = {}
            for row in rows:
                number = zlib.crc32(row.partition_key.encode()) % len(partitions)
                by_partition.setdefault(partitions[number], []).append(row)
            sending = (self._send(producer, number, group) for number, group in by_partition.items())
            outcomes = await asyncio.gather(*sending, return_exceptions=True)
            for outcome in outcomes:
                if isinstance(outcome, BaseException):
                    raise outcome

    def _waiting(self) -> list[_Row]:
        found = self._service.reader.execute(
            "SELECT sequence, partition_key, properties, body FROM outbox WHERE hub = ? ORDER BY sequence LIMIT ?",
            (self._hub, _ROWS),
        )
        return [_Row(*row) for row in found]

    async def _send(self, producer: EventHubProducerClient, partition: str, rows: list[_Row]) -> None:
        """Sends rows in order, and takes out of the outbox what was accepted. Raises what the client does."""
        packed: list[_Row] = []
        batch = await producer.create_batch(partition_id=partition)
        for row in rows:
            event = _event(row)
            if not _added(batch, event):
                await self._send_batch(producer, batch, packed)
                packed, batch = [], await producer.create_batch(partition_id=partition)
                batch.add(event)
            packed.append(row)
        await self._send_batch(producer, batch, packed)

    async def _send_batch(self, producer: EventHubProducerClient, batch: EventDataBatch, packed: list[_Row]) -> None:
        await producer.send_batch(batch)
        sent = [(row.sequence,) for row in packed]
        await self._service.writer.submit(lambda connection: _take_out(connection, sent))


def _take_out(connection: sqlite3.Connection, sequences: list[tuple[int]]) -> None:
    connection.executemany("DELETE FROM outbox WHERE sequence = ?", sequences)


def _event(row: _Row) -> AmqpAnnotatedMessage:
    """The row as AMQP: the twin's id as partition key, the event's id as message id."""
    headers: dict[str, Any] = orjson.loads(row.properties)
    return AmqpAnnotatedMessage(
        data_body=row.body.encode(),
        properties=_properties(headers.get(_ID)),
        annotations={_PARTITION_KEY: row.partition_key},
        application_properties=headers,
    )


def _added(batch: EventDataBatch, event: AmqpAnnotatedMessage) -> bool:
    try:
        batch.add(event)
    except ValueError:
        return False
    return True


def _properties(message_id: str | None) -> AmqpMessageProperties:
    return AmqpMessageProperties(  # type: ignore[no-untyped-call]
        content_type="application/json", message_id=message_id
    )
