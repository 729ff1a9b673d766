"""One local Cosmos DB for the session, the SDK's clients for it, and a container for each test."""

import itertools
from collections.abc import AsyncIterator, Callable, Iterator
from typing import Any

import pytest
from azure.cosmos import ContainerProxy, CosmosClient, DatabaseProxy, PartitionKey
from azure.cosmos.aio import CosmosClient as AsyncCosmosClient

from local.cosmos.authorization import EMULATOR_KEY
from local.launch import ServerProcess
from tests.contract.cosmos.raw import RawClient

_names = itertools.count(1)

MakeContainer = Callable[..., ContainerProxy]


@pytest.fixture(scope="session")
def cosmos(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServerProcess]:
    with ServerProcess("cosmos", ["--data", str(tmp_path_factory.mktemp("cosmos"))]).start() as server:
        yield server


@pytest.fixture(scope="session")
def client(cosmos: ServerProcess) -> Iterator[CosmosClient]:
    with CosmosClient(cosmos.url, EMULATOR_KEY) as client:
        yield client


@pytest.fixture
async def aio_client(cosmos: ServerProcess) -> AsyncIterator[AsyncCosmosClient]:
    async with AsyncCosmosClient(cosmos.url, EMULATOR_KEY) as client:
        yield client


@pytest.fixture
def raw(cosmos: ServerProcess) -> Iterator[RawClient]:
    with RawClient(cosmos.url) as raw:
        yield raw


@pytest.fixture(scope="session")
def database(client: CosmosClient) -> DatabaseProxy:
    return client.create_database("tests")


@pytest.fixture
def make_container(database: DatabaseProxy) -> MakeContainer:
    """Makes a container with a new name; the partition key is hierarchical for a list of paths."""

    def make(path: str | list[str] = "/device", **options: Any) -> ContainerProxy:
        made: ContainerProxy = database.create_container(f"container-{next(_names)}", PartitionKey(path), **options)
        return made

    return make


@pytest.fixture
def container(make_container: MakeContainer) -> ContainerProxy:
    """A container with one partition key path, /device."""
    return make_container()


@pytest.fixture
def telemetry(make_container: MakeContainer) -> ContainerProxy:
    """A container like the product's: hierarchical key, time to live, selected index paths."""
    return make_container(
        ["/deviceId", "/day"],
        default_ttl=3600,
        indexing_policy={
            "includedPaths": [{"path": "/deviceId/?"}, {"path": "/value/?"}],
            "excludedPaths": [{"path": "/*"}],
            "compositeIndexes": [[{"path": "/deviceId"}, {"path": "/value", "order": "descending"}]],
        },
    )
