"""From the front door into the telemetry hub: messages that come together go together, and none is acknowledged early.

Each partition has one sender task that takes what is waiting, packs it into as few batches as the hub's limit allows,
and tells every group's waiter when the batches with its messages were accepted: then they are durable.
"""

import asyncio
import zlib
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass
from types import TracebackType
from typing import Self

from azure.eventhub.aio import EventHubProducerClient

from local.amqp.errors import Disconnected
from local.amqp.namespaces import Namespace, namespace_by_key
from local.amqp.receiver import Retries
from local.amqp.sender import Sender

LARGEST_BATCH = 1_000_000
"""Bytes of the events in one batch: with what is around them less than the 1 MB that Event Hubs takes."""
_AROUND_EVENT = 8
_RETRIES = Retries(most=2, delay=0.5)
"""A hub that starts again is waited for: a second and a half."""


class HubUnavailable(Exception):
    """The telemetry hub did not accept the message; the device must send it again."""


class Forwarder:
    """Sends to one hub. A device's messages keep their order: they share a partition, and its sender."""

    def __init__(self, connection_string: str, hub: str) -> None:
        self._connection_string = connection_string
        self._hub = hub
        self._partitions: list[_PartitionSender] = []

    async def __aenter__(self) -> Self:
        """Connects. Raises EventHubError when the hub is not there, and ValueError for what is no connection string."""
        producer = EventHubProducerClient.from_connection_string(self._connection_string, eventhub_name=self._hub)
        async with producer:
            numbers = await producer.get_partition_ids()
        namespace = namespace_by_key(self._connection_string)
        self._partitions = [_PartitionSender(namespace, self._hub, number) for number in numbers]
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for partition in self._partitions:
            await partition.close()

    async def send(self, device_id: str, events: Sequence[bytes]) -> None:
        """Returns when a device's encoded events are durable in the hub. Raises HubUnavailable."""
        await self._partitions[zlib.crc32(device_id.encode()) % len(self._partitions)].send(events)


@dataclass(slots=True)
class _Group:
    """Events that came together: how many are not accepted yet, and who waits for them."""

    left: int
    accepted: "asyncio.Future[None]"

    def accept_one(self) -> None:
        self.left -= 1
        if not self.left and not self.accepted.done():
            self.accepted.set_result(None)

    def fail(self, failure: Disconnected) -> None:
        if not self.accepted.done():
            self.accepted.set_exception(HubUnavailable(str(failure)))


class _PartitionSender:
    """What waits for one partition, and the task that sends it."""

    def __init__(self, namespace: Namespace, hub: str, number: str) -> None:
        self._sender = Sender(namespace, hub, number, _RETRIES)
        self._waiting: deque[tuple[bytes, _Group]] = deque()
        self._wake = asyncio.Event()
        self._is_closing = False
        self._task = asyncio.create_task(self._run())

    async def send(self, events: Sequence[bytes]) -> None:
        if not events:
            return
        group = _Group(len(events), asyncio.get_running_loop().create_future())
        self._waiting.extend((event, group) for event in events)
        self._wake.set()
        await group.accepted

    async def close(self) -> None:
        """Sends what waits, then stops."""
        self._is_closing = True
        self._wake.set()
        await self._task
        self._sender.close()

    async def _run(self) -> None:
        while self._waiting or not self._is_closing:
            await self._wake.wait()
            self._wake.clear()
            while self._waiting:
                await self._send_some()

    async def _send_some(self) -> None:
        """One batch of what waits, its oldest first; at least one message fits, as a device's limit is a quarter."""
        events, groups = self._packed()
        try:
            await self._sender.send(events)
        except Disconnected as failure:
            for group in groups:
                group.fail(failure)
            return
        for group in groups:
            group.accept_one()

    def _packed(self) -> tuple[list[bytes], list[_Group]]:
        events: list[bytes] = []
        groups: list[_Group] = []
        room = LARGEST_BATCH
        while self._waiting and (room := room - len(self._waiting[0][0]) - _AROUND_EVENT) >= 0:
            event, group = self._waiting.popleft()
            events.append(event)
            groups.append(group)
        return events, groups
