"""`python -m benchmarks.cosmos`: how fast and how small the local Cosmos DB is, with charges, expiry and key check on.

The container is the product's: hierarchical key, 30 days to live, two indexed paths. Clients are processes of their own
(benchmarks.cosmos_client); the bare one shows the server, the real one what the SDK adds.
"""

import contextlib
import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial

import psutil
from azure.cosmos import ContainerProxy, CosmosClient, PartitionKey

from benchmarks.cosmos_client import BATCH, CONTAINER, DATABASE, batch
from benchmarks.table import Measure, median, percentile, print_table
from local.cosmos.authorization import EMULATOR_KEY
from local.launch import ServerProcess

POLICY = {
    "includedPaths": [{"path": "/asset/?"}, {"path": "/enqueuedTime/?"}],
    "excludedPaths": [{"path": "/*"}],
}
HUNDRED_THOUSAND = 100_000 // BATCH
MILLION = 1_000_000 // BATCH
CHUNK = 2_000
"""Batches that one client process makes beforehand."""


@dataclass(frozen=True)
class Run:
    """What one client process did, and what it cost on both sides."""

    documents: int
    seconds: float
    client_cpu: float
    server_cpu: float

    @property
    def speed(self) -> float:
        return self.documents / self.seconds


class Bench:
    """A server with one container, and its clients."""

    def __init__(self, server: ServerProcess) -> None:
        self.url = server.url
        self.process = psutil.Process(server.pid)
        database = CosmosClient(server.url, EMULATOR_KEY).create_database(DATABASE)
        self.container: ContainerProxy = database.create_container(
            CONTAINER, PartitionKey(["/deviceId", "/day"]), default_ttl=30 * 86400, indexing_policy=POLICY
        )

    def run(self, kind: str, first: int, count: int) -> Run:
        before = self._cpu()
        command = [sys.executable, "-m", "benchmarks.cosmos_client", kind, self.url, str(first), str(count)]
        result = json.loads(subprocess.run(command, check=True, stdout=subprocess.PIPE).stdout)
        return Run(result["documents"], result["seconds"], result["cpu"], self._cpu() - before)

    def _cpu(self) -> float:
        times = self.process.cpu_times()
        return float(times.user + times.system)

    @property
    def resident(self) -> float:
        return float(self.process.memory_info().rss / 1e6)


def main() -> None:
    with bench() as cosmos:
        rows = [*ingest(cosmos), *change_feed(cosmos), point_read(cosmos), *queries(cosmos), *size(cosmos)]
    print_table("Local Cosmos DB (the app's documents, 800 B; charges, expiry and key check on)", rows)


@contextlib.contextmanager
def bench() -> Iterator[Bench]:
    with (
        tempfile.TemporaryDirectory() as data,
        ServerProcess("cosmos", ["--data", data, "--enforce-throughput"]).start() as server,
    ):
        cosmos = Bench(server)
        cosmos.container.replace_throughput(1_000_000)
        yield cosmos


def ingest(cosmos: Bench) -> list[Measure]:
    """The first hundred thousand documents."""
    half = HUNDRED_THOUSAND // 2
    real = cosmos.run("sdk", 0, half)
    bare = cosmos.run("raw", half, half)
    return [
        Measure("batches of 50, 16 at once: azure-cosmos aio, one process", real.speed, "docs/s", 20_000),
        *costs(real),
        Measure("the same from a bare peer", bare.speed, "docs/s"),
        *costs(bare),
    ]


def costs(run: Run) -> list[Measure]:
    """What a run took of the processors: throughput can't be more than what the dearer side leaves of one of them."""
    return [
        Measure("  processor time of the client", run.client_cpu / run.documents * 1e6, "µs/doc"),
        Measure("  processor time of the server", run.server_cpu / run.documents * 1e6, "µs/doc"),
    ]


def change_feed(cosmos: Bench) -> list[Measure]:
    real = cosmos.run("sdk-feed", 0, 0)
    bare = cosmos.run("feed", 0, 100)
    return [
        Measure("change feed, pages of 1,000: azure-cosmos", real.speed, "docs/s", 50_000),
        *costs(real),
        Measure("the same from a bare peer", bare.speed, "docs/s"),
        *costs(bare),
    ]


def point_read(cosmos: Bench) -> Measure:
    targets = [(batch(number)[1][7]["id"], batch(number)[0]) for number in range(0, HUNDRED_THOUSAND, 4)]
    taken = [milliseconds(partial(cosmos.container.read_item, name, key)) for name, key in targets]
    return Measure(f"point read, p50 (p99 {percentile(taken, 99):.2f})", median(taken), "ms", 2, "lower")


def queries(cosmos: Bench) -> list[Measure]:
    texts = {
        "COUNT(1) over 100,000": "SELECT VALUE COUNT(1) FROM c",
        "ORDER BY an indexed path, TOP 10 of 100,000": "SELECT TOP 10 * FROM c ORDER BY c.enqueuedTime DESC",
    }

    def ask(text: str) -> object:
        return list(cosmos.container.query_items(text, enable_cross_partition_query=True))

    rows = []
    for name, text in texts.items():
        taken = [milliseconds(partial(ask, text)) for _ in range(15)]
        rows.append(Measure(f"{name}, median", median(taken), "ms", 50, "lower"))
    return rows


def size(cosmos: Bench) -> list[Measure]:
    """Fills up to a million documents."""
    runs = [cosmos.run("raw", first, min(CHUNK, MILLION - first)) for first in range(HUNDRED_THOUSAND, MILLION, CHUNK)]
    seconds = sum(run.seconds for run in runs)
    documents = (MILLION - HUNDRED_THOUSAND) * BATCH
    resident = cosmos.resident
    real = cosmos.run("sdk", MILLION, HUNDRED_THOUSAND // 2)
    return [
        Measure("bare peer, up to a million documents", documents / seconds, "docs/s"),
        Measure("resident memory at a million documents", resident, "MB", 250, "lower"),
        Measure("azure-cosmos aio, behind a million documents", real.speed, "docs/s"),
        *costs(real),
    ]


def milliseconds(work: Callable[[], object]) -> float:
    started = time.perf_counter()
    work()
    return (time.perf_counter() - started) * 1000


if __name__ == "__main__":
    main()
