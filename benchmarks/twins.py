"""`python -m benchmarks.twins`: what update_twins asks of Digital Twins for 10,000 events a second of 1,000 assets.

The events of each partition become due second by second; update_twins gets what is due, as the host would give it
(host.json: at most 500 at a time), one batch after the other. A fault rule that delays by nothing counts what it
matches: the service's own count of what was asked of it. One worker process reads every partition.
"""

import asyncio
import json
import os
import tempfile
import time
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx
from azure.digitaltwins.core.aio import DigitalTwinsClient

from benchmarks.requests_per_event import Counter as RequestCounter
from benchmarks.table import Measure, print_table
from local.certificates import ensure_trust
from local.identity.tokens import endpoint_secret
from local.launch import PROJECT, ServerProcess
from shared.consumers.twins import update_twins
from shared.gateways.digital_twins import Document, TwinGraph, twins_client
from shared.gateways.worker import Gateways
from shared.settings import read_settings
from shared.telemetry.decoding import decode
from shared.telemetry.events import HubEvent
from shared.twins.comparison import Operation
from shared.twins.identifiers import twin_id
from shared.twins.pacing import Rates

ASSETS = 1_000
EVENTS_PER_SECOND = 10_000
SECONDS = 15
PARTITIONS = 32
"""What a hub of this rate has."""
BATCH: int = json.loads((PROJECT / "host.json").read_text())["extensions"]["eventHubs"]["maxEventBatchSize"]
INSTANCE_RATE = 1_000
REQUESTS = ("twins.get", "twins.patch", "twins.put", "relationships.put")


class CountingGraph(TwinGraph):
    """Notes which second each twin was patched in."""

    def __init__(self, client: DigitalTwinsClient, rates: Rates) -> None:
        super().__init__(client, rates)
        self.patched: Counter[tuple[str, int]] = Counter()

    async def patch(self, twin: Document, operations: Sequence[Operation], lane: tuple[str, str]) -> str:
        etag = await super().patch(twin, operations, lane)
        self.patched[twin["$dtId"], int(time.monotonic())] += 1
        return etag


class Partition:
    """A partition's events: each asset's one after the other, due at an even pace."""

    def __init__(self, number: int) -> None:
        self._number = number
        self._assets = [f"bench/hall{each % 10}/mote{each}" for each in range(number, ASSETS, PARTITIONS)]
        self._rate = EVENTS_PER_SECOND * len(self._assets) / ASSETS
        self.given = 0
        self.newest: dict[str, float] = {}

    def due(self, seconds: float) -> int:
        """How many events wait by now."""
        return int(min(seconds, SECONDS) * self._rate) - self.given

    def batch(self, count: int) -> list[HubEvent]:
        return [self._event() for _ in range(count)]

    def _event(self) -> HubEvent:
        asset = self._assets[self.given % len(self._assets)]
        now = datetime.now(UTC)
        self.given += 1
        value = float(self.given)
        self.newest[asset] = value
        time_text = now.isoformat().replace("+00:00", "Z")
        tags = {tag: {"SourceTimestamp": time_text, "Value": value} for tag in ("temperature", "humidity")}
        body = json.dumps(tags).encode()
        return HubEvent(body, "telemetry", str(self._number), self.given, now, asset, {}, {})


def main() -> None:
    with running_instance() as instance:
        print_table(
            f"update_twins: {EVENTS_PER_SECOND:,} events/s of {ASSETS:,} assets for {SECONDS} s",
            asyncio.run(_measure(instance)),
        )


@contextmanager
def running_instance() -> Iterator[ServerProcess]:
    """A Digital Twins instance with the project's models, and the settings for it in the environment."""
    with tempfile.TemporaryDirectory() as folder:
        data = Path(folder)
        trust = ensure_trust(data / "trust")
        arguments = ["--data", str(data / "twins"), "--trust", str(data / "trust"), "--http", "0"]
        with (
            ServerProcess("identity", ["--trust", str(data / "trust")]) as identity,
            ServerProcess("digital_twins", arguments, has_admin=True) as instance,
            _environment(
                {
                    "AzureWebJobsStorage": "UseDevelopmentStorage=true",
                    "EventHubs": "Endpoint=sb://127.0.0.1;SharedAccessKeyName=n;SharedAccessKey=k",
                    "CosmosDB": "AccountEndpoint=http://127.0.0.1:9/;AccountKey=a2V5",
                    "TELEMETRY_HUB": "telemetry",
                    "TWIN_EVENTS_HUB": "twin-events",
                    "COSMOS_DATABASE": "iot",
                    "DIGITAL_TWINS_URL": instance.url,
                    "IDENTITY_ENDPOINT": identity.url,
                    "IDENTITY_HEADER": endpoint_secret(data / "trust"),
                    "SSL_CERT_FILE": str(trust.bundle),
                }
            ),
        ):
            _upload_models(instance)
            yield instance


@contextmanager
def _environment(values: Mapping[str, str]) -> Iterator[None]:
    before = dict(os.environ)
    os.environ.update(values)
    try:
        yield
    finally:
        os.environ.clear()
        os.environ.update(before)


def _upload_models(instance: ServerProcess) -> None:
    models = [json.loads(path.read_text()) for path in (PROJECT / "dtdl").glob("*.json")]
    httpx.post(f"{instance.admin}/models?api-version=2023-10-31", json=models).raise_for_status()


async def _measure(instance: ServerProcess) -> list[Measure]:
    partitions = [Partition(number) for number in range(PARTITIONS)]
    async with Gateways(read_settings()) as at:
        settings = read_settings()
        client = twins_client(settings.digital_twins_url or "", at._credential)
        vars(at)["twins"] = graph = CountingGraph(client, Rates(INSTANCE_RATE, PARTITIONS))
        try:
            await asyncio.gather(*(_give(partition, partition.due(0.1), at) for partition in partitions))
            graph.patched.clear()
            requests = RequestCounter(instance, *REQUESTS)
            first = sum(partition.given for partition in partitions)
            started, worked = time.monotonic(), time.process_time()
            await asyncio.gather(*(_follow(partition, started, at) for partition in partitions))
            seconds, worked = time.monotonic() - started, time.process_time() - worked
            counts = requests.counts()
            wrong = await _wrong(graph, partitions)
        finally:
            await client.close()
    events = sum(partition.given for partition in partitions) - first
    per_twin: dict[str, int] = defaultdict(int)
    for (twin, _), count in graph.patched.items():
        per_twin[twin] += count
    return [
        Measure("patches per twin and second", counts["twins.patch"] / ASSETS / seconds, "", 1, "lower"),
        Measure("the twin that was patched most, per second", max(per_twin.values()) / seconds, "", 1, "lower"),
        Measure("most patches of one twin within one second", max(graph.patched.values()), "", 10, "lower"),
        Measure("patches a second, all twins", counts["twins.patch"] / seconds, "", INSTANCE_RATE, "lower"),
        Measure("twins that do not hold their asset's newest value", wrong, "", 0, "lower"),
        Measure("events a second that were worked off", events / seconds, "events/s"),
        Measure("seconds it took after the last event was due", seconds - SECONDS, "s"),
        Measure("beside the patches: reads a second", counts["twins.get"] / seconds, ""),
        Measure("CPU of the worker", 100 * worked / seconds, "% of a core"),
    ]


async def _follow(partition: Partition, started: float, at: Gateways) -> None:
    """Gives what is due, batch after batch, until all has been given."""
    while partition.due(SECONDS) > 0:
        waiting = partition.due(time.monotonic() - started)
        if waiting <= 0:
            await asyncio.sleep(0.05)
            continue
        await _give(partition, min(waiting, BATCH), at)


async def _give(partition: Partition, count: int, at: Gateways) -> None:
    events: list[HubEvent] = partition.batch(count)
    await update_twins(events, decode(events), at)


async def _wrong(graph: TwinGraph, partitions: list[Partition]) -> int:
    """How many twins hold another value than the last that was given."""
    newest: dict[str, Any] = {asset: value for partition in partitions for asset, value in partition.newest.items()}
    return sum([(await graph.get(twin_id(asset)))["temperature"] != value for asset, value in newest.items()])


if __name__ == "__main__":
    main()
