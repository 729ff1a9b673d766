"""`python -m benchmarks.gold`: how fast the analytics database answers on the local Data Explorer, and its size.

Readings of 100 assets, a million a day, made by the server itself: 1 million rows of silver, then 10 million. Times
are those of the whole round trip through azure-kusto-data; the fastest of several, since other work only adds to it.
"""

import contextlib
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import psutil
from azure.kusto.data import KustoClient, KustoConnectionStringBuilder

from benchmarks.table import Measure, print_table
from checks.kql.sources import scripts
from local.launch import ServerProcess

DATABASE = "iot"
MILLION = 1_000_000
CHUNK = 500_000
REPEATS = 7

BY_HOUR = "Silver | summarize Average = avg(ValueReal) by bin(SourceTimestamp, 1h), Asset"
NEWEST = "Silver | summarize arg_max(SourceTimestamp, *) by Asset, TagName"
GOLD = (
    "ReadingsPerHour "
    "| summarize Average = sum(Sum) / sum(Count), Min = min(Min), Max = max(Max) by Asset, bin(Timestamp, 1d)"
)
GOLD_ANEW = (
    "Silver "
    "| summarize Count = count(), Sum = sum(ValueReal), Min = min(ValueReal), Max = max(ValueReal) "
    "by Asset, bin(SourceTimestamp, 1h)"
)
LATEST = "LatestReadings() | count"


def main() -> None:
    with data_explorer() as (server, client):
        build(client)
        fill(client, 0, MILLION)
        rows = [
            Measure("1M silver rows: summarize by bin(1h), Asset", fastest(client, BY_HOUR), "ms", 150, "lower"),
            Measure("1M silver rows: arg_max by Asset, TagName", fastest(client, NEWEST), "ms", 150, "lower"),
        ]
        seconds = fill(client, MILLION, 10 * MILLION)
        rows.append(
            Measure("10M readings, the last 500k not yet materialized: gold rollup", fastest(client, GOLD), "ms")
        )
        wait_until_materialized(client, 10 * MILLION)
        rows += [
            Measure("10M readings: gold rollup (ReadingsPerHour)", fastest(client, GOLD), "ms", 300, "lower"),
            Measure("10M readings: LatestReadings()", fastest(client, LATEST), "ms"),
            Measure("10M silver rows: the same rollup computed anew", fastest(client, GOLD_ANEW), "ms", 300, "lower"),
            Measure("resident memory with 10M readings", resident(server), "MB", 2_000, "lower"),
            Measure("silver rows/s appended and rolled up into gold", 9 * MILLION / seconds, "/s"),
        ]
    print_table("The analytics database on the local Data Explorer", rows)


@contextlib.contextmanager
def data_explorer() -> Iterator[tuple[ServerProcess, KustoClient]]:
    with tempfile.TemporaryDirectory() as data:
        alone = ["--no-data-connections", "--no-queued-ingestion"]
        arguments = ["--data", data, "--trust", data, "--http", "0", *alone]
        server = ServerProcess("data_explorer", arguments, has_admin=True)
        with server.start():
            assert server.admin is not None
            kcsb = KustoConnectionStringBuilder.with_no_authentication(server.admin)
            with KustoClient(kcsb) as client:
                yield server, client


def build(client: KustoClient) -> None:
    """The database, but for the archive."""
    for script in scripts():
        if "archive" not in Path(script.file).name:
            client.execute_mgmt(DATABASE, f".execute database script with (ThrowOnErrors = true) <|\n{script.text}")


def fill(client: KustoClient, first: int, end: int) -> float:
    """Appends silver rows, numbered from `first`, until gold has them too; the seconds that it took."""
    start = time.perf_counter()
    for chunk in range(first, end, CHUNK):
        client.execute_mgmt(
            DATABASE,
            f"""
.set-or-append Silver <|
    range Number from {chunk} to {chunk + CHUNK - 1} step 1
    | extend Time = datetime(2026-01-05) + Number * 86ms
    | project
        EventId = strcat("event", Number),
        DeviceId = strcat("device", Number % 100),
        Asset = strcat("site01/asset", Number % 100),
        TagName = "temperature",
        SourceTimestamp = Time,
        EnqueuedTime = Time + 1s,
        ValueLong = long(null),
        ValueReal = toreal(Number % 1000) / 10,
        ValueString = "",
        ValueBool = bool(null)
""",
        )
    counted = client.execute_query(DATABASE, "ReadingsPerHour | summarize sum(Count)").primary_results[0][0][0]
    assert counted == end, f"gold has {counted} readings, not {end}"
    return time.perf_counter() - start


def wait_until_materialized(client: KustoClient, readings: int) -> None:
    deadline = time.monotonic() + 60
    query = "materialized_view('ReadingsPerHour') | summarize sum(Count)"
    while client.execute_query(DATABASE, query).primary_results[0][0][0] < readings:
        assert time.monotonic() < deadline, "the views were not brought up to date"
        time.sleep(0.1)


def fastest(client: KustoClient, query: str) -> float:
    """Milliseconds of the fastest of several executions, after one that only warms up."""
    client.execute_query(DATABASE, query)
    times = []
    for _ in range(REPEATS):
        start = time.perf_counter()
        client.execute_query(DATABASE, query)
        times.append(time.perf_counter() - start)
    return min(times) * 1e3


def resident(server: ServerProcess) -> float:
    used: int = psutil.Process(server.pid).memory_info().rss
    return used / 1e6


if __name__ == "__main__":
    main()
