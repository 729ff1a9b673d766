"""`python -m benchmarks.ingestion`: how fast data gets into the local Data Explorer.

A hub is filled first; then a data connection reads it into Bronze, through the update policy into Silver, offsets in
the same transactions. The hub's own server runs beside it, as in the stack. Then single streaming requests are timed
from the first byte sent to a query that finds their rows.
"""

import asyncio
import contextlib
import io
import json
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import psutil
import uvloop
from azure.eventhub import EventData, EventHubProducerClient
from azure.eventhub.aio import EventHubConsumerClient, PartitionContext
from azure.kusto.data import KustoClient, KustoConnectionStringBuilder

from benchmarks.table import Measure, percentile, print_table
from checks.kql.sources import scripts
from local.event_hubs_namespace import connection_string
from local.launch import ServerProcess

DATABASE = "iot"
EVENTS = 240_000
TAGS = 3
BATCH = 300
REQUESTS = 200
RECORDS = 10
POLL_SECONDS = 0.25
MEDALLION = ("010", "020")


@dataclass(frozen=True)
class Pace:
    """Events per second from the first commit to the last, and what one cost the server in CPU microseconds."""

    per_second: float
    cpu: float


def main() -> None:
    with tempfile.TemporaryDirectory() as directory, hub(Path(directory)) as connection_string:
        publish(connection_string)
        alone = uvloop.run(receive(connection_string))
        measures = [Measure("azure-eventhub alone, receiving the same events", alone, "/s")]
        with data_explorer(Path(directory) / "bronze", connection_string) as (server, client):
            pace = read(server, client, MEDALLION)
            measures += [
                Measure("bronze events/s, with policy and checkpoint", pace.per_second, "/s", 15_000),
                Measure("silver rows/s out of them", pace.per_second * TAGS, "/s", 45_000),
                Measure("CPU of the server for one event (all threads)", pace.cpu, "µs"),
            ]
            latencies = stream(client)
            measures += [
                Measure("streaming request to queryable, p50", percentile(latencies, 50), "ms"),
                Measure("streaming request to queryable, p95", percentile(latencies, 95), "ms", 100, "lower"),
            ]
        with data_explorer(Path(directory) / "gold", connection_string) as (server, client):
            pace = read(server, client, ("0",))
            measures.append(Measure("bronze events/s with the gold views kept up, too", pace.per_second, "/s"))
    print_table("Ingestion into the local Data Explorer", measures)


@contextlib.contextmanager
def hub(directory: Path) -> Iterator[str]:
    """A hub server; its connection string."""
    hubs = [f"--hub={name}:4:adx" for name in ("analytics", "twin-history")]
    with ServerProcess("event_hubs", ["--data", str(directory / "hubs"), *hubs], has_admin=True).start() as server:
        yield connection_string(server.port)


@contextlib.contextmanager
def data_explorer(directory: Path, connection_string: str) -> Iterator[tuple[ServerProcess, KustoClient]]:
    arguments = ["--data", str(directory), "--trust", str(directory), "--http", "0", "--no-queued-ingestion"]
    arguments += ["--connection-string", connection_string]
    with ServerProcess("data_explorer", arguments, has_admin=True).start() as server:
        assert server.admin is not None
        with KustoClient(KustoConnectionStringBuilder.with_no_authentication(server.admin)) as client:
            yield server, client


def publish(connection_string: str) -> None:
    """Fills the analytics hub with events as the app sends them: three tags and the metadata, about 400 bytes."""
    with EventHubProducerClient.from_connection_string(connection_string, eventhub_name="analytics") as producer:
        for first in range(0, EVENTS, BATCH):
            asset = f"site01/channel{first // BATCH % 20}/freezer{first // BATCH % 7}"
            batch = producer.create_batch(partition_key=asset)
            for number in range(first, first + BATCH):
                batch.add(EventData(json.dumps(event(number, asset))))
            producer.send_batch(batch)


async def receive(connection_string: str) -> float:
    """Events per second that the SDK receives when nothing is done with them: its share of a data connection's work."""
    client = EventHubConsumerClient.from_connection_string(
        connection_string, consumer_group="adx", eventhub_name="analytics"
    )
    counts: list[int] = []
    times: list[float] = []
    all_received = asyncio.Event()

    async def take(context: PartitionContext, events: list[EventData]) -> None:
        counts.append(len(events))
        times.append(time.perf_counter())
        if sum(counts) >= EVENTS:
            all_received.set()

    async with client:
        receiving = asyncio.ensure_future(client.receive_batch(take, starting_position="-1", prefetch=4000))
        await all_received.wait()
        receiving.cancel()
        await asyncio.gather(receiving, return_exceptions=True)
    return (EVENTS - counts[0]) / (times[-1] - times[0])


def event(number: int, asset: str) -> dict[str, object]:
    moment = f"2026-02-04T11:{number // 60 % 60:02}:{number % 60:02}.{number % 10_000_000:07}Z"
    return {
        "humidity": {"SourceTimestamp": moment, "Value": number % 1000 / 10},
        "temperature": {"SourceTimestamp": moment, "Value": -number % 40},
        "door": {"SourceTimestamp": moment, "Value": number % 2 == 0},
        "_eventId": f"{number:032x}",
        "_deviceId": f"gateway{number % 50}",
        "_asset": asset,
        "_enqueuedTime": moment,
    }


def read(server: ServerProcess, client: KustoClient, prefixes: tuple[str, ...]) -> Pace:
    """Makes the database, and measures its data connection from the first commit to the last."""
    for script in scripts():
        name = Path(script.file).name
        if name.startswith(prefixes) and "archive" not in name:
            client.execute_mgmt(DATABASE, f".execute database script with (ThrowOnErrors = true) <|\n{script.text}")
    process = psutil.Process(server.pid)
    while (first := count(client, "Bronze")) == 0:
        time.sleep(POLL_SECONDS)
    start, spent = time.perf_counter(), cpu(process)
    while count(client, "Bronze") < EVENTS:
        time.sleep(POLL_SECONDS)
    seconds = time.perf_counter() - start
    assert count(client, "Silver") == EVENTS * TAGS
    return Pace((EVENTS - first) / seconds, (cpu(process) - spent) / (EVENTS - first) * 1e6)


def count(client: KustoClient, table: str) -> int:
    return int(client.execute_query(DATABASE, f"{table} | count").primary_results[0][0][0])


def cpu(process: psutil.Process) -> float:
    times = process.cpu_times()
    return float(times.user + times.system)


def stream(client: KustoClient) -> list[float]:
    """Milliseconds of single requests, each until a query finds its rows."""
    client.execute_mgmt(DATABASE, ".create table Streamed (Request: long, Value: real)")
    client.execute_mgmt(DATABASE, ".alter table Streamed policy streamingingestion enable")
    latencies = []
    for request in range(REQUESTS):
        body = "\n".join(f'{{"Request": {request}, "Value": {value}.5}}' for value in range(RECORDS)).encode()
        start = time.perf_counter()
        client.execute_streaming_ingest(DATABASE, "Streamed", io.BytesIO(body), None, "json")
        while count(client, f"Streamed | where Request == {request}") < RECORDS:
            time.sleep(0.001)
        latencies.append((time.perf_counter() - start) * 1000)
    return latencies


if __name__ == "__main__":
    main()
