"""Where an app under test lives: a hub pair, a database and a container of letters of its own, on shared servers."""

import itertools
from collections.abc import Container, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
from azure.cosmos import CosmosClient, PartitionKey
from azure.storage.blob import BlobServiceClient

from local.azurite import Azurite
from local.event_hubs_namespace import connection_string
from local.launch import PROJECT, ServerProcess

HUBS = 40
PARTITIONS = 4
COSMOS_KEY = "C2y6yDjf5/R+ob0N8A7Cgv30VRDJIWEHLM+4QDU5DE2nQ9nDuVTqobD4b8mGGyPMbIZnqyMsEcaGQy67XIw/Jw=="
_numbers = itertools.count()


@dataclass(frozen=True)
class Servers:
    """The services that the app talks to. The broker and Cosmos DB may be killed and started again."""

    broker: ServerProcess
    cosmos: ServerProcess
    storage: Azurite
    documents: CosmosClient


@contextmanager
def serving(data: Path) -> Iterator[Servers]:
    hubs = [
        text
        for number in range(HUBS)
        for text in (
            *("--hub", f"telemetry{number}:{PARTITIONS}:store,analytics"),
            *("--hub", f"analytics{number}:{PARTITIONS}:adx"),
        )
    ]
    with (
        ServerProcess("event_hubs", ["--data", str(data / "hubs"), *hubs], has_admin=True) as broker,
        ServerProcess("cosmos", ["--data", str(data / "cosmos")]) as cosmos,
        Azurite() as storage,
        CosmosClient(cosmos.url, COSMOS_KEY) as documents,
    ):
        yield Servers(broker, cosmos, storage, documents)


@dataclass(frozen=True)
class Place:
    """One test's own corner of the servers."""

    servers: Servers
    number: int
    data: Path

    @property
    def telemetry_hub(self) -> str:
        return f"telemetry{self.number}"

    @property
    def analytics_hub(self) -> str:
        return f"analytics{self.number}"

    @property
    def event_hubs(self) -> str:
        return connection_string(self.servers.broker.port)

    def settings(self, **more: str) -> dict[str, str]:
        """The app settings, as the stack would write them."""
        return {
            "AzureWebJobsStorage": self.servers.storage.connection_string,
            "AzureFunctionsWebHost__hostid": f"place{self.number}",
            "EventHubs": self.event_hubs,
            "CosmosDB": f"AccountEndpoint={self.servers.cosmos.url}/;AccountKey={COSMOS_KEY};",
            "TELEMETRY_HUB": self.telemetry_hub,
            "ANALYTICS_HUB": self.analytics_hub,
            "COSMOS_DATABASE": f"iot{self.number}",
            "DEAD_LETTER_CONTAINER": f"letters{self.number}",
            **more,
        }

    def host(self, **more: str) -> ServerProcess:
        """A Functions host of the app; not started yet. Further settings go over the usual ones."""
        given = ["--app", str(PROJECT), "--data", str(self.data), "--takeover", "3", "--settings", "none.json"]
        return ServerProcess("functions_host", given, environment=self.settings(**more), log=self.data / "host.log")

    def documents(self) -> list[dict[str, Any]]:
        database = self.servers.documents.get_database_client(f"iot{self.number}")
        return list(database.get_container_client("telemetry").read_all_items())

    def letters(self, known: Container[str] = ()) -> dict[str, bytes]:
        """Dead letters by name, but for those already known."""
        with BlobServiceClient.from_connection_string(self.servers.storage.connection_string) as client:
            container = client.get_container_client(f"letters{self.number}")
            if not container.exists():
                return {}
            names = [name for name in container.list_blob_names() if name not in known]
            return {name: container.download_blob(name).readall() for name in names}


@contextmanager
def faults(server: ServerProcess, *rules: Mapping[str, Any]) -> Iterator[None]:
    """These fault rules are in force while the block runs."""
    url = f"{(server.admin or server.url).rstrip('/')}/_local/faults"
    httpx.put(url, json={"rules": list(rules)}).raise_for_status()
    try:
        yield
    finally:
        httpx.delete(url).raise_for_status()


def make_place(servers: Servers, data: Path) -> Place:
    place = Place(servers, next(_numbers), data)
    database = servers.documents.create_database(f"iot{place.number}")
    partition_key = PartitionKey(["/deviceId", "/day"], kind="MultiHash")
    database.create_container("telemetry", partition_key, default_ttl=30 * 24 * 3600)
    database.create_container("leases", PartitionKey("/id"))
    return place
