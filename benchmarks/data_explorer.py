"""`python -m benchmarks.data_explorer`: the local Data Explorer's store: appends with policy and checkpoint, recovery.

Queries over gold are measured by benchmarks.gold, the ways in from hubs and clients by benchmarks.ingestion.
The store runs in this process, so that its CPU time can be told apart from a client's.
"""

import tempfile
import time
from functools import partial
from pathlib import Path

import psutil
import pyarrow as pa

from benchmarks.table import Measure, median, print_table, timed
from checks.kql.sources import scripts
from local.data_explorer.cluster import Cluster
from local.data_explorer.commands.dispatch import Commands
from local.data_explorer.database import Database
from local.data_explorer.extensions import CommandContext
from local.data_explorer.ingested import Batch, Checkpoint
from local.data_explorer.queries import run_query
from local.data_explorer.requests import KustoRequest

EVENTS = 60_000
TAGS = 3


def main() -> None:
    with tempfile.TemporaryDirectory() as directory:
        cluster = Cluster(Path(directory), ["iot"])
        database = cluster.database("iot")
        build(cluster, database)
        rows = [*appending(database, 5_000, 15_000), *appending(database, 500, None)]
        singly = [timed(partial(append, database, number, 1), time.perf_counter) for number in range(50)]
        rows.append(Measure("append of one event, policy and checkpoint, p50", median(singly) * 1000, "ms"))
        seconds = timed(cluster.maintenance(database).run, time.perf_counter)
        silver = count(database, "Silver")
        rows.append(Measure(f"{silver:,} silver rows into four materialized views", seconds, "s"))
        simple = [timed(lambda: count(database, "print 1"), time.perf_counter) for _ in range(50)]
        rows.append(Measure("query `print 1 | count`, p50, without HTTP", median(simple) * 1000, "ms"))
        cluster.close()
        rows.append(Measure("start on this data", timed(lambda: reopen(directory), time.perf_counter), "s"))
        rows.append(Measure("resident memory", psutil.Process().memory_info().rss / 2**20, "MB"))
    print_table("Data Explorer's store", rows)


def build(cluster: Cluster, database: Database) -> None:
    """The iot database, but for the archive."""
    context, commands = CommandContext(cluster, database), Commands([])
    for script in scripts():
        if "archive" not in Path(script.file).name:
            commands.run(context, f".execute database script with (ThrowOnErrors = true) <|\n{script.text}")


def appending(database: Database, size: int, target: float | None) -> list[Measure]:
    """Events a second through Bronze, its policy and Silver, with a checkpoint for each batch; by wall and by CPU."""
    batches = [batch(first, size) for first in range(0, EVENTS, size)]
    wall, cpu = time.perf_counter(), time.process_time()
    for number, rows in enumerate(batches):
        database.append([rows], checkpoint=Checkpoint("analytics", "0", number, str(number)))
    wall, cpu = time.perf_counter() - wall, time.process_time() - cpu
    silver = None if target is None else target * TAGS
    return [
        Measure(f"bronze events/s, batches of {size:,}", EVENTS / wall, "/s", target),
        Measure(f"silver rows/s, batches of {size:,}", EVENTS * TAGS / wall, "/s", silver),
        Measure(f"bronze events per CPU second, batches of {size:,}", EVENTS / cpu, "/s"),
    ]


def append(database: Database, number: int, size: int) -> None:
    database.append([batch(number, size)], checkpoint=Checkpoint("analytics", "1", number, str(number)))


def batch(first: int, size: int) -> Batch:
    return Batch("Bronze", pa.table({"Data": [event(number) for number in range(first, first + size)]}))


def event(number: int) -> str:
    """An analytics event with three tags, as the data connection brings it."""
    moment = f"2026-01-{1 + number // 86_400 % 28:02}T{number // 3600 % 24:02}:{number // 60 % 60:02}:{number % 60:02}"
    stamp = f'"SourceTimestamp":"{moment}.{number % 10_000_000:07}Z"'
    asset = f"site01/channel22/freezer{number % 100}"
    return (
        f'{{"_eventId":"{number:032x}","_deviceId":"device{number % 100}","_asset":"{asset}",'
        f'"_enqueuedTime":"{moment}Z","_modelId":"","humidity":{{{stamp},"Value":{number % 7}.25}},'
        f'"temperature":{{{stamp},"Value":-{number % 5}.5}},"door":{{{stamp},"Value":{number % 2}}}}}'
    )


def count(database: Database, query: str) -> int:
    return int(run_query(database, KustoRequest("iot", f"{query} | count")).table.rows[0][0])


def reopen(directory: str) -> None:
    Cluster(Path(directory), ["iot"])


if __name__ == "__main__":
    main()
