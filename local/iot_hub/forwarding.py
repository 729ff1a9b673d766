"""From the front door into the telemetry hub: messages that come together go together, and none is acknowledged early.

Each partition has one sender task that takes what is waiting, packs it into as few batches as the hub's limit allows,
and tells every message's waiter when its batch was accepted: then it is durable.
"""

import asyncio
import zlib
from collections import deque
from types import TracebackType
from typing import Self

from azure.eventhub import EventDataBatch
from azure.eventhub.aio import EventHubProducerClient
from azure.eventhub.amqp import AmqpAnnotatedMessage
from azure.eventhub.exceptions import EventHubError

_Waiting = tuple[AmqpAnnotatedMessage, "asyncio.Future[None]"]


class HubUnavailable(Exception):
    """The telemetry hub did not accept the message; the device must send it again."""


class Forwarder:
    """Sends to one hub. A device's messages keep their order: they share a partition, and its sender."""

    def __init__(self, connection_string: str, hub: str) -> None:
        self._producer = EventHubProducerClient.from_connection_string(
            connection_string, eventhub_name=hub, retry_total=2, retry_backoff_factor=0.2
        )
        self._partitions: list[_PartitionSender] = []

    async def __aenter__(self) -> Self:
        """Connects. Raises EventHubError when the hub is not there."""
        numbers = await self._producer.get_partition_ids()
        self._partitions = [_PartitionSender(self._producer, number) for number in numbers]
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for partition in self._partitions:
            await partition.close()
        await self._producer.close()

    async def send(self, device_id: str, event: AmqpAnnotatedMessage) -> None:
        """Returns when the event is durable in the hub. Raises HubUnavailable."""
        partition = self._partitions[zlib.crc32(device_id.encode()) % len(self._partitions)]
        await partition.send(event)


class _PartitionSender:
    """What waits for one partition, and the task that sends it."""

    def __init__(self, producer: EventHubProducerClient, number: str) -> None:
        self._producer = producer
        self._number = number
        self._waiting: deque[_Waiting] = deque()
        self._wake = asyncio.Event()
        self._is_closing = False
        self._task = asyncio.create_task(self._run())

    async def send(self, event: AmqpAnnotatedMessage) -> None:
        accepted = asyncio.get_running_loop().create_future()
        self._waiting.append((event, accepted))
        self._wake.set()
        await accepted

    async def close(self) -> None:
        """Sends what waits, then stops."""
        self._is_closing = True
        self._wake.set()
        await self._task

    async def _run(self) -> None:
        while self._waiting or not self._is_closing:
            await self._wake.wait()
            self._wake.clear()
            while self._waiting:
                await self._send_some()

    async def _send_some(self) -> None:
        """One batch of what waits, its oldest first; at least one message fits, as a device's limit is a quarter."""
        packed: list[asyncio.Future[None]] = []
        try:
            batch = await self._producer.create_batch(partition_id=self._number)
            while self._waiting and _added(batch, self._waiting[0][0]):
                packed.append(self._waiting.popleft()[1])
            await self._producer.send_batch(batch)
        except EventHubError as error:
            failed = packed or [self._waiting.popleft()[1]]
            for waiter in failed:
                if not waiter.done():
                    waiter.set_exception(HubUnavailable(str(error)))
            return
        for waiter in packed:
            if not waiter.done():
                waiter.set_result(None)


def _added(batch: EventDataBatch, event: AmqpAnnotatedMessage) -> bool:
    try:
        batch.add(event)
    except ValueError:
        return False
    return True
