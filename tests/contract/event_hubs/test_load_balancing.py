"""Consumers that share a group's partitions through checkpoints in a real Azurite: every event, by one or another."""

import asyncio
import contextlib
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from azure.eventhub import EventData, EventHubConsumerClient
from azure.eventhub import aio as asynchronous
from azure.eventhub.extensions.checkpointstoreblob import BlobCheckpointStore as SyncBlobCheckpointStore
from azure.eventhub.extensions.checkpointstoreblobaio import BlobCheckpointStore
from azure.storage.blob import BlobServiceClient

from local.azurite import Azurite
from local.launch import ServerProcess
from tests.contract.event_hubs.clients import FROM_START, LEAVES_SOCKETS, connection_string

PARTITIONS = 4
BALANCING: dict[str, Any] = {"load_balancing_interval": 0.2, "partition_ownership_expiration_interval": 3}
pytestmark = [LEAVES_SOCKETS, pytest.mark.usefixtures("loses_connections")]


@pytest.fixture(scope="module")
def azurite() -> Iterator[str]:
    """The connection string of an Azurite that keeps everything in memory."""
    with Azurite() as server:
        yield str(server.connection_string)


@pytest.fixture
def container(azurite: str, request: pytest.FixtureRequest) -> str:
    name: str = request.node.name.replace("_", "-")[:60].strip("-")
    with BlobServiceClient.from_connection_string(azurite) as blobs:
        blobs.create_container(name).close()
    return name


@pytest.fixture
def hub(own_server: Callable[..., ServerProcess]) -> ServerProcess:
    return own_server("--hub", f"h:{PARTITIONS}:store,other")


async def _send(server: ServerProcess, first: int, count: int) -> None:
    """Sends numbered events, the same share to each partition."""
    async with asynchronous.EventHubProducerClient.from_connection_string(
        connection_string(server), eventhub_name="h"
    ) as producer:
        for partition in range(PARTITIONS):
            numbers = range(first + partition, first + count, PARTITIONS)
            await producer.send_batch([EventData(str(number)) for number in numbers], partition_id=str(partition))


class Worker:
    """One aio consumer of all partitions it can get; remembers what it received and what it owns."""

    def __init__(
        self, server: ServerProcess, azurite: str, container: str, *, group: str = "store", checkpoints: bool = True
    ) -> None:
        self.received: list[int] = []
        self.checkpointed: set[int] = set()
        self.owned: set[str] = set()
        self._checkpoints = checkpoints
        self._store = BlobCheckpointStore.from_connection_string(azurite, container)
        self._client = asynchronous.EventHubConsumerClient.from_connection_string(
            connection_string(server), group, eventhub_name="h", checkpoint_store=self._store, **BALANCING
        )
        self._task = asyncio.create_task(
            self._client.receive_batch(
                self._on_batch,
                on_partition_initialize=self._on_initialize,
                on_partition_close=self._on_close,
                starting_position=FROM_START,
                max_wait_time=0.2,
            )
        )

    async def _on_initialize(self, context: Any) -> None:
        self.owned.add(context.partition_id)

    async def _on_close(self, context: Any, reason: Any) -> None:
        self.owned.discard(context.partition_id)

    async def _on_batch(self, context: Any, events: list[EventData]) -> None:
        numbers = [int(event.body_as_str()) for event in events]
        self.received += numbers
        if events and self._checkpoints:
            await context.update_checkpoint(events[-1])
            self.checkpointed.update(numbers)

    async def stop(self) -> None:
        """Gives its partitions back and closes."""
        self._task.cancel()
        await asyncio.gather(self._task, return_exceptions=True)
        await self._client.close()
        await self._store.close()


async def _until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(30):
        while not condition():  # noqa: ASYNC110 - told of by callbacks of several consumers
            await asyncio.sleep(0.05)


async def test_consumers_share_the_partitions_and_take_over_each_others(
    hub: ServerProcess, azurite: str, container: str
) -> None:
    await _send(hub, 0, 400)
    first = Worker(hub, azurite, container)
    await _until(lambda: len(first.owned) == PARTITIONS and first.checkpointed == set(range(400)))
    assert len(first.received) == 400, "one consumer alone gets every event once"

    second = Worker(hub, azurite, container)
    await _until(lambda: len(first.owned) == len(second.owned) == PARTITIONS // 2 and not first.owned & second.owned)
    assert first.owned | second.owned == {str(number) for number in range(PARTITIONS)}
    await _send(hub, 400, 400)
    await _until(lambda: set(first.received) | set(second.received) == set(range(800)))

    await first.stop()
    await _send(hub, 800, 400)
    await _until(lambda: len(second.owned) == PARTITIONS and set(range(800, 1200)) <= set(second.received))
    await second.stop()
    repeated = [number for number, times in Counter(first.received + second.received).items() if times > 1]
    assert not set(repeated) & set(range(400)), "what was checkpointed before the handover does not come again"
    assert set(first.received) | set(second.received) == set(range(1200))


async def test_restart_begins_behind_the_checkpoints_and_without_any_at_the_start(
    hub: ServerProcess, azurite: str, container: str
) -> None:
    await _send(hub, 0, 40)
    before = Worker(hub, azurite, container)
    without = Worker(hub, azurite, container, group="other", checkpoints=False)
    await _until(lambda: len(before.checkpointed) == 40 and len(without.received) == 40)
    await asyncio.gather(before.stop(), without.stop())
    await _send(hub, 40, 40)
    hub.restart()
    after = Worker(hub, azurite, container)
    anew = Worker(hub, azurite, container, group="other")
    await _until(lambda: len(after.received) >= 40 and len(anew.received) >= 80)
    await asyncio.gather(after.stop(), anew.stop())

    assert sorted(after.received) == list(range(40, 80))
    assert sorted(anew.received) == list(range(80))


def test_sync_consumers_share_the_partitions_and_their_checkpoints(
    hub: ServerProcess, azurite: str, container: str
) -> None:
    asyncio.run(_send(hub, 0, 80))
    clients, received, owned = [], Counter[int](), [set[str](), set[str]()]
    complete = threading.Event()

    def consume(client: EventHubConsumerClient, mine: set[str]) -> None:
        def on_event(context: Any, event: EventData | None) -> None:
            if event is not None:
                received[int(event.body_as_str())] += 1
                context.update_checkpoint(event)
            if len(received) == 80 and all(len(each) == PARTITIONS // 2 for each in owned):
                complete.set()

        client.receive(
            on_event,
            on_partition_initialize=lambda context: mine.add(context.partition_id),
            on_partition_close=lambda context, reason: mine.discard(context.partition_id),
            starting_position=FROM_START,
            max_wait_time=0.2,
        )

    with contextlib.ExitStack() as stack:
        threads = []
        for mine in owned:
            store = SyncBlobCheckpointStore.from_connection_string(azurite, container)
            client = EventHubConsumerClient.from_connection_string(
                connection_string(hub), "store", eventhub_name="h", checkpoint_store=store, **BALANCING
            )
            stack.callback(store.close)
            clients.append(stack.enter_context(client))
            threads.append(threading.Thread(target=consume, args=(client, mine)))
            threads[-1].start()
        is_complete = complete.wait(40)
        for client in clients:
            client.close()
        for thread in threads:
            thread.join(20)

    assert is_complete
    assert set(received) == set(range(80))
