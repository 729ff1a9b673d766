"""Where the twins' functions are tested: a Digital Twins instance with the project's models, letters and events."""

import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
from azure.storage.blob import BlobServiceClient

from local.azurite import Azurite
from local.certificates import Trust
from local.event_hubs_namespace import connection_string
from local.identity.tokens import endpoint_secret
from local.launch import PROJECT, ServerProcess

API = "2023-10-31"
MODELS = [json.loads(path.read_text()) for path in sorted((PROJECT / "dtdl").glob("*.json"))]
LETTERS = "twin-letters"
PARTITIONS = 2


@dataclass(frozen=True)
class World:
    """The servers, and the graph as it is. The instance may be killed and started again."""

    instance: ServerProcess
    broker: ServerProcess
    storage: Azurite
    identity: ServerProcess
    trust: Trust
    trust_directory: Path

    def settings(self, **more: str) -> dict[str, str]:
        """The app settings, and what the stack sets for the managed identity."""
        return {
            "AzureWebJobsStorage": self.storage.connection_string,
            "EventHubs": connection_string(self.broker.port),
            "CosmosDB": "AccountEndpoint=http://127.0.0.1:9/;AccountKey=a2V5;",
            "TELEMETRY_HUB": "telemetry",
            "TWIN_EVENTS_HUB": "twin-events",
            "COSMOS_DATABASE": "iot",
            "DEAD_LETTER_CONTAINER": LETTERS,
            "DIGITAL_TWINS_URL": self.instance.url,
            "IDENTITY_ENDPOINT": self.identity.url,
            "IDENTITY_HEADER": endpoint_secret(self.trust_directory),
            "SSL_CERT_FILE": str(self.trust.bundle),
            "REQUESTS_CA_BUNDLE": str(self.trust.bundle),
            **more,
        }

    def request(self, method: str, path: str, body: Any = None, **headers: str) -> httpx.Response:
        """A request over plain HTTP, beside the SDK."""
        separator = "&" if "?" in path else "?"
        url = f"{self.instance.admin}/{path}{separator}api-version={API}"
        content = None if body is None else json.dumps(body)
        return httpx.request(method, url, content=content, headers={"Content-Type": "application/json", **headers})

    def twin(self, twin: str) -> dict[str, Any] | None:
        answer = self.request("GET", f"digitaltwins/{twin}")
        if answer.status_code == 404:
            return None
        document: dict[str, Any] = answer.raise_for_status().json()
        return document

    def values(self, twin: str) -> dict[str, Any]:
        """A twin's properties; it must be there."""
        document = self.twin(twin)
        assert document is not None, f"there is no twin {twin}"
        return {name: value for name, value in document.items() if not name.startswith("$")}

    def make(self, twin: str, model: str, **properties: Any) -> None:
        body = {"$metadata": {"$model": model}, **properties}
        self.request("PUT", f"digitaltwins/{twin}", body).raise_for_status()

    def relate(self, source: str, name: str, target: str) -> None:
        body = {"$targetId": target, "$relationshipName": name}
        self.request("PUT", f"digitaltwins/{source}/relationships/{target}", body).raise_for_status()

    def relationships(self, twin: str) -> set[tuple[str, str]]:
        """What a twin's relationships are called and lead to."""
        rows = self.request("GET", f"digitaltwins/{twin}/relationships").raise_for_status().json()["value"]
        return {(row["$relationshipName"], row["$targetId"]) for row in rows}

    def letters(self, asset: str) -> list[dict[str, Any]]:
        """The dead letters of an asset."""
        return [letter for letter in self.letters_of("").values() if letter["asset"] == asset]

    def letter_names(self, asset: str) -> list[str]:
        return [name for name, letter in self.letters_of("").items() if letter["asset"] == asset]

    def letters_of(self, consumer: str) -> dict[str, dict[str, Any]]:
        """A consumer's dead letters by name, in the order of the names; an empty one: everybody's."""
        with BlobServiceClient.from_connection_string(self.storage.connection_string) as client:
            container = client.get_container_client(LETTERS)
            if not container.exists():
                return {}
            names = list(container.list_blob_names(name_starts_with=consumer))
            return {name: json.loads(container.download_blob(name).readall()) for name in names}


MANY = 1_000_000


@contextmanager
def faults(server: ServerProcess, *rules: Mapping[str, Any]) -> Iterator[None]:
    """These fault rules are in force while the block runs, or until the server is started again."""
    httpx.put(f"{server.admin}/_local/faults", json={"rules": list(rules)}).raise_for_status()
    try:
        yield
    finally:
        httpx.delete(f"{server.admin}/_local/faults").raise_for_status()


class Counter:
    """Counts requests of these operations, by rules that delay by nothing."""

    def __init__(self, server: ServerProcess, operations: Sequence[str]) -> None:
        self._url = f"{(server.admin or server.url).rstrip('/')}/_local/faults"
        rules = [{"match": name, "action": "delay", "delayMs": 0, "count": MANY} for name in operations]
        httpx.put(self._url, json={"rules": rules}).raise_for_status()

    def __getitem__(self, operation: str) -> int:
        rules = httpx.get(self._url).raise_for_status().json()["rules"]
        return next(int(MANY - rule["count"]) for rule in rules if rule["match"] == operation)

    def __enter__(self) -> "Counter":
        return self

    def __exit__(self, *_: object) -> None:
        httpx.delete(self._url).raise_for_status()


@contextmanager
def serving(data: Path, trust_directory: Path, trust: Trust, identity: ServerProcess) -> Iterator[World]:
    hubs = ["--hub", f"twin-events:{PARTITIONS}:propagate"]
    with (
        ServerProcess("event_hubs", ["--data", str(data / "hubs"), *hubs], has_admin=True) as broker,
        Azurite() as storage,
    ):
        arguments = ["--data", str(data / "twins"), "--trust", str(trust_directory), "--http", "0"]
        arguments += ["--event-hubs", connection_string(broker.port), "--endpoint", "events=twin-events"]
        with ServerProcess("digital_twins", arguments, has_admin=True) as instance:
            world = World(instance, broker, storage, identity, trust, trust_directory)
            world.request("POST", "models", MODELS).raise_for_status()
            route = {"endpointName": "events", "filter": "true"}
            world.request("PUT", "eventroutes/all", route).raise_for_status()
            yield world
