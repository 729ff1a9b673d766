"""`python -m benchmarks.time_series`: how fast the local Data Explorer makes and analyses time series.

In this process, without the round trip through HTTP. CPU time of all threads, the least of several executions: other
work on the machine only adds to it.
"""
# kql: another database

import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from benchmarks.table import Measure, print_table
from local.data_explorer.cluster import Cluster
from local.data_explorer.commands.dispatch import Commands
from local.data_explorer.database import Database
from local.data_explorer.extensions import CommandContext
from local.data_explorer.queries import run_query
from local.data_explorer.requests import KustoRequest

MILLION = 1_000_000
ASSETS = 100
REPEATS = 7
READINGS = f"""
.set-or-append Readings <|
    range Number from 0 to {MILLION - 1} step 1
    | project
        Asset = strcat("site01/asset", Number % {ASSETS}),
        Timestamp = datetime(2026-01-05) + Number * 86ms,
        Value = toreal(Number % 1000) / 10
"""
BY_HOUR = """
Readings
| make-series Average = avg(Value) default = real(null)
  on Timestamp from datetime(2026-01-05) to datetime(2026-01-06) step 1h by Asset
"""
SERIES = """
.set-or-append Series <|
    range Number from 0 to 999999 step 1
    | extend Place = Number % 1000
    | project Asset = Number / 1000, Place, Value = 10 + 5 * sin(2 * pi() * Place / 24) + (Number * 7919 % 997) / 500.0
    | order by Asset asc, Place asc
    | summarize Values = make_list(Value) by Asset
"""
ANOMALIES = """
Series
| extend (Flags, Scores, Baseline) = series_decompose_anomalies(Values, 1.5, -1, "linefit")
| summarize Anomalies = sum(array_length(Flags) + array_length(Scores) + array_length(Baseline))
"""


def main() -> None:
    with database() as (cluster, known):
        Commands([]).run(
            CommandContext(cluster, known), ".create table Readings(Asset: string, Timestamp: datetime, Value: real)"
        )
        Commands([]).run(CommandContext(cluster, known), READINGS)
        Commands([]).run(CommandContext(cluster, known), ".create table Series(Asset: long, Values: dynamic)")
        Commands([]).run(CommandContext(cluster, known), SERIES)
        rows = [
            Measure("make-series: 1M rows, 100 assets, 1 h bins (CPU)", fastest(known, BY_HOUR), "ms", 200, "lower"),
            Measure(
                "series_decompose_anomalies: 1,000 series of 1,000 (CPU)",
                fastest(known, ANOMALIES),
                "ms",
                2_000,
                "lower",
            ),
        ]
    print_table("Time series on the local Data Explorer", rows)


@contextmanager
def database() -> Iterator[tuple[Cluster, Database]]:
    with tempfile.TemporaryDirectory() as directory:
        cluster = Cluster(Path(directory), ["iot"])
        try:
            yield cluster, cluster.database("iot")
        finally:
            cluster.close()


def fastest(known: Database, query: str) -> float:
    """Milliseconds of CPU."""
    times = []
    for _ in range(REPEATS):
        start = time.process_time()
        run_query(known, KustoRequest("iot", query))
        times.append(time.process_time() - start)
    return min(times) * 1000


if __name__ == "__main__":
    main()
