"""`python -m benchmarks.requests_per_event [--save]`: what 1,000 events cost in requests, through the whole app.

First from 4 devices, as a few gateways send; then, with everything warm, from 4 others, and one each from 1,000
devices. The app runs in the local Functions host on the local services. A fault rule that delays by nothing counts what
it matches: the services' own count of what was asked of them. `--save` writes the result down for
`python -m operations size`.
"""

import json
import tempfile
import time
from argparse import ArgumentParser
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from itertools import pairwise
from pathlib import Path
from typing import Any

import httpx
import orjson
import psutil
from azure.cosmos import CosmosClient
from azure.eventhub import EventData, EventHubProducerClient

from benchmarks.table import Measure, print_table
from local.azurite import Azurite
from local.cosmos.authorization import EMULATOR_KEY
from local.event_hubs_namespace import connection_string
from local.launch import PROJECT, ServerProcess
from local.stack.connections import TOPOLOGY
from local.stack.provisioning import create_cosmos_containers
from shared.telemetry.documents import forwarded_event

EVENTS = 1000
FEW, MANY = 4, 1000
"""Devices."""
UNCOUNTED = 1_000_000
PATIENCE = 120.0
STORING = ("batch", "query", "item.create")
SAVED = PROJECT / "operations" / "size" / "measured.json"
TELEMETRY_HUB, ANALYTICS_HUB = list(TOPOLOGY["eventHubs"])[:2]
DATABASE: str = TOPOLOGY["cosmos"]["database"]
CONTAINER = next(iter(TOPOLOGY["cosmos"]["containers"]))


@dataclass(frozen=True)
class Counts:
    """What 1,000 events from so many devices took. `hostSeconds` is the processor time of the host and its worker."""

    devices: int
    events: int
    cosmosDataRequests: int  # noqa: N815  the names are the data file's
    eventHubsSends: int  # noqa: N815
    changeFeedReads: int  # noqa: N815
    leaseRequests: int  # noqa: N815
    hostSeconds: float  # noqa: N815


class Counter:
    """Counts operations of a server that has fault rules."""

    def __init__(self, server: ServerProcess, *operations: str) -> None:
        self._url = f"{(server.admin or server.url).rstrip('/')}/_local"
        rules = [{"match": name, "action": "delay", "delayMs": 0, "count": UNCOUNTED} for name in operations]
        httpx.put(f"{self._url}/faults", json={"rules": rules}).raise_for_status()

    def counts(self) -> Mapping[str, int]:
        rules = httpx.get(f"{self._url}/faults").raise_for_status().json()["rules"]
        return {rule["match"]: UNCOUNTED - rule["count"] for rule in rules}


def main() -> None:
    parser = ArgumentParser(prog="python -m benchmarks.requests_per_event", description=__doc__)
    parser.add_argument("--save", action="store_true", help=f"write the result to {SAVED.relative_to(PROJECT)}")
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder, Azurite() as storage:
        data = Path(folder)
        broker = ServerProcess("event_hubs", ["--data", str(data / "hubs")], has_admin=True)
        with broker, ServerProcess("cosmos", ["--data", str(data / "cosmos")]) as cosmos:
            settings = _settings(broker, cosmos, storage)
            create_cosmos_containers(settings["CosmosDB"])
            cold, *warm = _measure(data, broker, cosmos, settings)
            sizes = _sizes(cosmos)
    print_table(f"Requests for {EVENTS:,} events", _measures(cold, *warm))
    if asked.save:
        save({"event": sizes, "counted": [asdict(each) for each in warm]})


def _measure(data: Path, broker: ServerProcess, cosmos: ServerProcess, settings: dict[str, str]) -> list[Counts]:
    _send(settings["EventHubs"], FEW, "cold")
    counters = Counter(broker, f"send:{ANALYTICS_HUB}"), Counter(cosmos, *STORING, "changefeed.read", "item.*")
    arguments = ["--app", str(PROJECT), "--data", str(data / "host"), "--settings", "none.json"]
    with ServerProcess("functions_host", arguments, environment=settings) as host:
        _wait_until_forwarded(broker, EVENTS)
        counted = [_counts(FEW, counters, host)]
        for devices in (FEW, MANY):
            _send(settings["EventHubs"], devices, "warm")
            _wait_until_forwarded(broker, EVENTS * (len(counted) + 1))
            counted.append(_counts(devices, counters, host))
    return [counted[0], *(_since(before, after) for before, after in pairwise(counted))]


def _counts(devices: int, counters: tuple[Counter, Counter], host: ServerProcess) -> Counts:
    sends, documents = counters[0].counts(), counters[1].counts()
    process = psutil.Process(host.pid)
    times = [each.cpu_times() for each in (process, *process.children(recursive=True))]
    return Counts(
        devices=devices,
        events=EVENTS,
        cosmosDataRequests=sum(documents[name] for name in STORING),
        eventHubsSends=sends[f"send:{ANALYTICS_HUB}"],
        changeFeedReads=documents["changefeed.read"],
        leaseRequests=documents["item.*"],
        hostSeconds=sum(each.user + each.system for each in times),
    )


def _since(before: Counts, after: Counts) -> Counts:
    counted = {name: round(value - getattr(before, name), 2) for name, value in asdict(after).items()}
    return Counts(**{**counted, "devices": after.devices, "events": EVENTS})


def _measures(cold: Counts, few: Counts, many: Counts) -> list[Measure]:
    return [
        Measure(f"Cosmos DB data requests, {cold.devices} devices", cold.cosmosDataRequests, "", 30, "lower"),
        Measure(f"Event Hubs sends, {cold.devices} devices", cold.eventHubsSends, "", 10, "lower"),
        Measure("beside them: change-feed reads of the trigger", cold.changeFeedReads, ""),
        Measure("beside them: lease requests of the trigger", cold.leaseRequests, ""),
        Measure(f"Cosmos DB data requests, {many.devices:,} devices", many.cosmosDataRequests, ""),
        Measure(f"Event Hubs sends, {many.devices:,} devices", many.eventHubsSends, ""),
        *(
            Measure(f"processor time of the warm host, {each.devices:,} devices", each.hostSeconds, "s")
            for each in (few, many)
        ),
    ]


def _sizes(cosmos: ServerProcess) -> dict[str, float]:
    """Bytes of one event on its way, and the request units that the local Cosmos DB charges for it."""
    charged: list[float] = []

    def note(headers: Mapping[str, str], _: object) -> None:
        charged.append(float(headers["x-ms-request-charge"]))

    with CosmosClient(cosmos.url, EMULATOR_KEY) as client:
        container = client.get_database_client(DATABASE).get_container_client(CONTAINER)
        stored = next(iter(container.query_items_change_feed(start_time="Beginning")))
        document = {name: value for name, value in stored.items() if not name.startswith("_")}
        container.create_item({**document, "id": "another"}, response_hook=note)
        larger = {**document, "id": "larger", "contentType": "x" * 1024}
        container.create_item(larger, response_hook=note)
    return {
        "messageBytes": len(stored["body"].encode()),
        "readings": len(stored["tags"]),
        "documentBytes": len(orjson.dumps(document)),
        "analyticsEventBytes": len(forwarded_event(stored).body),
        "requestUnits": round(charged[0], 2),
        "requestUnitsPerKilobyteMore": round(charged[1] - charged[0], 2),
    }


def save(measured: Mapping[str, Any]) -> None:
    """Writes a benchmark's part of the result down; the others' parts stay."""
    saved = {**json.loads(SAVED.read_text()), "on": f"{datetime.now(UTC):%Y-%m-%d}", **measured}
    SAVED.write_text(json.dumps(saved, indent=2) + "\n")
    print(f"Written to {SAVED.relative_to(PROJECT)}.")


def _settings(broker: ServerProcess, cosmos: ServerProcess, storage: Azurite) -> dict[str, str]:
    return {
        "AzureWebJobsStorage": storage.connection_string,
        "EventHubs": connection_string(broker.port),
        "CosmosDB": f"AccountEndpoint={cosmos.url}/;AccountKey={EMULATOR_KEY};",
        "TELEMETRY_HUB": TELEMETRY_HUB,
        "ANALYTICS_HUB": ANALYTICS_HUB,
        "COSMOS_DATABASE": DATABASE,
    }


def _send(connection: str, devices: int, name: str) -> None:
    with EventHubProducerClient.from_connection_string(connection, eventhub_name=TELEMETRY_HUB) as client:
        for device in range(devices):
            batch = client.create_batch(partition_key=f"{name}-{devices}-{device}")
            for number in range(EVENTS // devices):
                batch.add(EventData(json.dumps(message(number))))
            client.send_batch(batch)


def message(number: int) -> dict[str, Any]:
    time_text = f"2026-11-22T08:{number // 60:02}:{number % 60:02}.1234567Z"
    return {
        tag: {"SourceTimestamp": time_text, "Value": number + offset}
        for tag, offset in (("temperature", 0.5), ("humidity", 0.25), ("door", 0))
    }


def _wait_until_forwarded(broker: ServerProcess, events: int) -> None:
    """Raises TimeoutError."""
    deadline = time.monotonic() + PATIENCE
    while (came := _events_at_analytics(broker)) < events:
        if time.monotonic() > deadline:
            raise TimeoutError(f"{came} of {events} events came through")
        time.sleep(0.1)


def _events_at_analytics(broker: ServerProcess) -> int:
    partitions = httpx.get(f"{broker.admin}/_local/health").json()["hubs"][ANALYTICS_HUB]
    return sum(partition["last"] + 1 for partition in partitions)


if __name__ == "__main__":
    main()
