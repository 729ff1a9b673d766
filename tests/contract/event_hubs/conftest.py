"""One Event Hubs server for the session; each test takes partitions that no other test uses."""

import asyncio
import gc
import itertools
from collections.abc import AsyncIterator, Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
from azure.eventhub import EventData
from azure.eventhub.aio import EventHubConsumerClient, EventHubProducerClient
from pytest_asyncio import is_async_test

from local.launch import ServerProcess
from tests.contract.event_hubs.clients import Reading, connection_string, port_of
from tests.contract.event_hubs.wire import Wire, data_section

MANY = "many"
"""The hub whose partitions are given out to tests one by one."""
HUBS = [
    f"{MANY}:200:store,twins,late",
    *("Empty:2", "buffered:2", "all:4", "lively:1", "echo:1"),
    *(f"keys{count}:{count}" for count in (1, 2, 3, 4, 32)),
]
_taken = itertools.count()


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """One event loop for this folder's tests, so that they can share clients."""
    for item in items:
        if item.path.parent == Path(__file__).parent and is_async_test(item):
            item.add_marker(pytest.mark.asyncio(loop_scope="session"), append=False)


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServerProcess]:
    directory = tmp_path_factory.mktemp("event-hubs")
    arguments = ["--data", str(directory), *(argument for hub in HUBS for argument in ("--hub", hub))]
    with ServerProcess("event_hubs", arguments, has_admin=True, log=directory / "log").start() as server:
        yield server
    assert "Traceback" not in (directory / "log").read_text(), "whatever was sent, no exception went unhandled"


@pytest.fixture(scope="session")
def connection(server: ServerProcess) -> str:
    return connection_string(server)


@pytest.fixture
def take_partition() -> Callable[[], str]:
    """Gives the id of a partition of the hub MANY that is empty, and this test's alone."""
    return lambda: str(next(_taken))


@pytest.fixture
def partition(take_partition: Callable[[], str]) -> str:
    return take_partition()


@pytest.fixture
def server_lives_on(server: ServerProcess) -> Iterator[None]:
    """After the test: the same process still serves a well-behaved peer."""
    before = server.pid
    yield
    with Wire(port_of(server)) as wire:
        wire.handshake().authorize()
        link = wire.attach_sender("lively")
        wire.transfer(link, data_section(b"still here"), message_format=0)
        wire.until_accepted()
    assert server.pid == before


@pytest.fixture
def loses_connections() -> Iterator[None]:
    """For tests marked `LEAVES_SOCKETS`: has what their clients left behind collected within the test."""
    yield
    gc.collect()


@pytest.fixture
def own_server(tmp_path: Path) -> Iterator[Callable[..., ServerProcess]]:
    """Starts servers of this test's own, all on one data directory: `own_server("--hub", "h:1", …)`."""
    servers: list[ServerProcess] = []

    def start(*arguments: str) -> ServerProcess:
        servers.append(ServerProcess("event_hubs", ["--data", str(tmp_path / "data"), *arguments], has_admin=True))
        return servers[-1].start()

    yield start
    for server in servers:
        server.close()


@pytest_asyncio.fixture(scope="session", loop_scope="session", autouse=True)
async def _sockets_close() -> AsyncIterator[None]:
    """The client leaves its sockets to be closed by the loop, which must run for that a moment longer."""
    yield
    await asyncio.sleep(0.1)


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def producer(connection: str) -> AsyncIterator[EventHubProducerClient]:
    async with EventHubProducerClient.from_connection_string(connection, eventhub_name=MANY) as client:
        yield client


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def _closings() -> AsyncIterator[set[asyncio.Task[None]]]:
    """Consumers that are closing: the client takes a second for that, so tests don't wait for it."""
    closings: set[asyncio.Task[None]] = set()
    yield closings
    await asyncio.gather(*closings)


@dataclass(frozen=True)
class Echo:
    """A partition and the consumer that reads it all session long, for tests of what comes back as it was sent."""

    partition: str
    reading: Reading

    async def take(self, count: int) -> list[EventData]:
        return await self.reading.take(count)


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def _echo(connection: str, _closings: set[asyncio.Task[None]]) -> AsyncIterator[Echo]:
    client = EventHubConsumerClient.from_connection_string(connection, "$Default", eventhub_name="echo")
    echo = Echo("0", Reading(client, "0"))
    yield echo
    _closings.add(asyncio.create_task(echo.reading.close()))


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def echoed(connection: str) -> AsyncIterator[EventHubProducerClient]:
    """Sends to the hub that `echo` reads."""
    async with EventHubProducerClient.from_connection_string(connection, eventhub_name="echo") as client:
        yield client


@pytest.fixture
def echo(_echo: Echo) -> Echo:
    _echo.reading.forget()
    return _echo


@pytest_asyncio.fixture(loop_scope="session")
async def read(connection: str, _closings: set[asyncio.Task[None]]) -> AsyncIterator[Callable[..., Reading]]:
    """Makes consumers: `read(partition, group=, hub=, source=another connection string, **receive's options)`."""
    readings: list[Reading] = []

    def start(
        partition: str,
        *,
        group: str = "$Default",
        hub: str = MANY,
        source: str = connection,
        retries: int = 0,
        **options: Any,
    ) -> Reading:
        client = EventHubConsumerClient.from_connection_string(
            source, group, eventhub_name=hub, retry_total=retries, retry_backoff_factor=0.02
        )
        readings.append(Reading(client, partition, **options))
        return readings[-1]

    yield start
    _closings.update(asyncio.create_task(reading.close()) for reading in readings)
