"""One Azurite, Event Hubs and Cosmos DB for the session; each test takes a hub, a database and names of its own."""

import itertools
import uuid
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from azure.cosmos import CosmosClient, DatabaseProxy
from azure.storage.blob import BlobServiceClient

from local.azurite import Azurite
from local.event_hubs_namespace import connection_string
from local.launch import ServerProcess
from tests.contract.functions_host.hosts import Record, host_of

HUBS = 40
COSMOS_KEY = "C2y6yDjf5/R+ob0N8A7Cgv30VRDJIWEHLM+4QDU5DE2nQ9nDuVTqobD4b8mGGyPMbIZnqyMsEcaGQy67XIw/Jw=="
_taken = itertools.count()

Hosts = Callable[..., ServerProcess]
"""Starts a host of a sample app: `hosts("events", NAME="value", …)`; ended with the test."""


@dataclass(frozen=True)
class Hub:
    """A hub with four partitions and the groups $Default, store, strings and untyped."""

    name: str
    connection: str


@pytest.fixture(scope="session")
def storage() -> Iterator[Azurite]:
    with Azurite() as azurite:
        yield azurite


@pytest.fixture
def blobs(storage: Azurite) -> Iterator[BlobServiceClient]:
    with BlobServiceClient.from_connection_string(storage.connection_string) as client:
        yield client


@pytest.fixture(scope="session")
def broker(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServerProcess]:
    hubs = [text for number in range(HUBS) for text in ("--hub", f"hub{number}:4:store,strings,untyped")]
    arguments = ["--data", str(tmp_path_factory.mktemp("hubs")), *hubs]
    with ServerProcess("event_hubs", arguments, has_admin=True) as server:
        yield server


def connection_to(broker: ServerProcess) -> str:
    return connection_string(broker.port)


@pytest.fixture
def hub(broker: ServerProcess) -> Hub:
    return Hub(f"hub{next(_taken)}", connection_to(broker))


@pytest.fixture(scope="session")
def cosmos(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServerProcess]:
    with ServerProcess("cosmos", ["--data", str(tmp_path_factory.mktemp("cosmos"))]) as server:
        yield server


@pytest.fixture(scope="session")
def cosmos_connection(cosmos: ServerProcess) -> str:
    return f"AccountEndpoint={cosmos.url};AccountKey={COSMOS_KEY};"


@pytest.fixture
def database(cosmos_connection: str) -> Iterator[DatabaseProxy]:
    with CosmosClient.from_connection_string(cosmos_connection) as client:
        yield client.create_database(f"db-{uuid.uuid4().hex[:12]}")


@pytest.fixture
def record(tmp_path: Path) -> Record:
    return Record(tmp_path / "record")


@pytest.fixture
def outage(tmp_path: Path) -> Path:
    """While this file exists, the sample apps' handlers fail."""
    return tmp_path / "outage"


@pytest.fixture
def hosts(storage: Azurite, tmp_path: Path, record: Record, outage: Path) -> Iterator[Hosts]:
    started: list[ServerProcess] = []

    def start(app: str | Path, *arguments: str, **environment: str) -> ServerProcess:
        settings = {
            "AzureWebJobsStorage": storage.connection_string,
            "AzureFunctionsWebHost__hostid": f"host{abs(hash(tmp_path)) % 10**9}",
            "RECORD": str(record.path),
            "OUTAGE": str(outage),
            **environment,
        }
        host = host_of(app, tmp_path / "data", settings, *arguments)
        started.append(host)
        return host.start()

    yield start
    for host in started:
        host.close()
