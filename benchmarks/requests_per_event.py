"""`python -m benchmarks.requests_per_event`: what 1,000 events from 4 devices cost in requests, through the whole app.

The app runs in the local Functions host on the local services. A fault rule that delays by nothing counts what it
matches: the services' own count of what was asked of them.
"""

import json
import tempfile
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import httpx
from azure.cosmos import CosmosClient, PartitionKey
from azure.eventhub import EventData, EventHubProducerClient

from benchmarks.table import Measure, print_table
from local.azurite import Azurite
from local.event_hubs_namespace import connection_string
from local.launch import PROJECT, ServerProcess

EVENTS = 1000
DEVICES = 4
MANY = 1_000_000
PATIENCE = 120.0
COSMOS_KEY = "C2y6yDjf5/R+ob0N8A7Cgv30VRDJIWEHLM+4QDU5DE2nQ9nDuVTqobD4b8mGGyPMbIZnqyMsEcaGQy67XIw/Jw=="
STORING = ("batch", "query", "item.create")


class Counter:
    """Counts operations of a server that has fault rules."""

    def __init__(self, server: ServerProcess, *operations: str) -> None:
        self._url = f"{(server.admin or server.url).rstrip('/')}/_local"
        rules = [{"match": name, "action": "delay", "delayMs": 0, "count": MANY} for name in operations]
        httpx.put(f"{self._url}/faults", json={"rules": rules}).raise_for_status()

    def counts(self) -> Mapping[str, int]:
        rules = httpx.get(f"{self._url}/faults").raise_for_status().json()["rules"]
        return {rule["match"]: MANY - rule["count"] for rule in rules}


def main() -> None:
    with tempfile.TemporaryDirectory() as folder, Azurite() as storage:
        data = Path(folder)
        broker = ServerProcess("event_hubs", ["--data", str(data / "hubs")], has_admin=True)
        with broker, ServerProcess("cosmos", ["--data", str(data / "cosmos")]) as cosmos:
            print_table(f"Requests for {EVENTS} events from {DEVICES} devices", _measure(data, broker, cosmos, storage))


def _measure(data: Path, broker: ServerProcess, cosmos: ServerProcess, storage: Azurite) -> list[Measure]:
    settings = _settings(broker, cosmos, storage)
    _make_containers(cosmos)
    _send(settings["EventHubs"])
    hub = Counter(broker, "send:analytics")
    documents = Counter(cosmos, *STORING, "changefeed.read", "item.*")
    arguments = ["--app", str(PROJECT), "--data", str(data / "host"), "--settings", "none.json"]
    with ServerProcess("functions_host", arguments, environment=settings):
        _wait_until_forwarded(broker)
    stored, sends = documents.counts(), hub.counts()["send:analytics"]
    return [
        Measure("Cosmos DB data requests", sum(stored[name] for name in STORING), "", 30, "lower"),
        Measure("Event Hubs sends", sends, "", 10, "lower"),
        Measure("beside them: change-feed reads of the trigger", stored["changefeed.read"], ""),
        Measure("beside them: lease requests of the trigger", stored["item.*"], ""),
    ]


def _settings(broker: ServerProcess, cosmos: ServerProcess, storage: Azurite) -> dict[str, str]:
    return {
        "AzureWebJobsStorage": storage.connection_string,
        "EventHubs": connection_string(broker.port),
        "CosmosDB": f"AccountEndpoint={cosmos.url}/;AccountKey={COSMOS_KEY};",
        "TELEMETRY_HUB": "telemetry",
        "ANALYTICS_HUB": "analytics",
        "COSMOS_DATABASE": "iot",
    }


def _make_containers(cosmos: ServerProcess) -> None:
    with CosmosClient(cosmos.url, COSMOS_KEY) as client:
        database = client.create_database("iot")
        database.create_container("telemetry", PartitionKey(["/deviceId", "/day"], kind="MultiHash"))
        database.create_container("leases", PartitionKey("/id"))


def _send(connection: str) -> None:
    with EventHubProducerClient.from_connection_string(connection, eventhub_name="telemetry") as client:
        for device in range(DEVICES):
            batch = client.create_batch(partition_key=f"device{device}")
            for number in range(EVENTS // DEVICES):
                batch.add(EventData(json.dumps(_message(number))))
            client.send_batch(batch)


def _message(number: int) -> dict[str, Any]:
    time_text = f"2026-11-22T08:{number // 60:02}:{number % 60:02}.1234567Z"
    return {
        tag: {"SourceTimestamp": time_text, "Value": number + offset}
        for tag, offset in (("temperature", 0.5), ("humidity", 0.25), ("door", 0))
    }


def _wait_until_forwarded(broker: ServerProcess) -> None:
    """Raises TimeoutError."""
    deadline = time.monotonic() + PATIENCE
    while _events_at_analytics(broker) < EVENTS:
        if time.monotonic() > deadline:
            raise TimeoutError(f"{_events_at_analytics(broker)} of {EVENTS} events came through")
        time.sleep(0.1)


def _events_at_analytics(broker: ServerProcess) -> int:
    partitions = httpx.get(f"{broker.admin}/_local/health").json()["hubs"]["analytics"]
    return sum(partition["last"] + 1 for partition in partitions)


if __name__ == "__main__":
    main()
