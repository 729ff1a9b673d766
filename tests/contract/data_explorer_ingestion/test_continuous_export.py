"""Continuous export to partitioned Parquet: every new row once, across kill -9."""

import time
from collections import Counter
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest

from local.launch import ServerProcess
from tests.contract.data_explorer_ingestion.cluster import Cluster


@pytest.fixture
def server(trust_directory: Path, tmp_path: Path) -> Iterator[ServerProcess]:
    arguments = ["--data", str(tmp_path / "adx"), "--trust", str(trust_directory), "--http", "0"]
    arguments += ["--no-data-connections", "--no-queued-ingestion"]
    with ServerProcess("data_explorer", arguments, has_admin=True).start() as server:
        yield server


def client(server: ServerProcess) -> Cluster:
    assert server.admin is not None
    return Cluster(server.admin)


def exported(folder: Path) -> Counter[int]:
    """How often each number stands in the files, read as anyone would."""
    files = sorted(folder.rglob("*.parquet"))
    return Counter(number for file in files for number in pq.ParquetFile(file).read().column("N").to_pylist())


def until(condition: Callable[[], object], seconds: float = 40) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.05)


def prepare(cluster: Cluster, folder: Path) -> None:
    cluster.manage(".create table T (At: datetime, N: long)")
    cluster.manage(".set-or-append T <| print At = datetime(2025-01-01), N = -1")
    cluster.manage(
        f"""
        .create-or-alter external table Archive (At: datetime, N: long) kind=storage
        partition by (Day: datetime = startofday(At)) pathformat = ("day=" datetime_pattern("yyyy-MM-dd", Day))
        dataformat = parquet (h@'{folder}')
        """
    )
    cluster.manage(
        ".create-or-alter continuous-export Export over (T) to table Archive with (intervalBetweenRuns=1s) <| T"
    )


def append(cluster: Cluster, numbers: range) -> None:
    cluster.manage(
        f".set-or-append T <| range N from {numbers.start} to {numbers.stop - 1} step 1 "
        "| extend At = datetime(2025-02-04) + 6h * (N % 10) | project At, N"
    )


def test_new_rows_are_exported_by_day_and_told(server: ServerProcess, tmp_path: Path) -> None:
    folder = tmp_path / "archive"
    with client(server) as cluster:
        prepare(cluster, folder)
        append(cluster, range(100))
        until(lambda: len(exported(folder)) == 100)
        append(cluster, range(100, 150))
        until(lambda: len(exported(folder)) == 150)

        assert set(exported(folder).values()) == {1}
        assert {path.name for path in folder.iterdir()} == {"day=2025-02-04", "day=2025-02-05", "day=2025-02-06"}
        assert cluster.query("external_table('Archive') | summarize count(), min(N), max(N)") == [[150, 0, 149]]
        until(lambda: sum(int(row["NumRecords"]) for row in told(cluster)) == 150)
        assert {row["ExternalTableName"] for row in told(cluster)} == {"Archive"}
        shown = cluster.manage(".show continuous-exports")
        assert [(row["Name"], row["LastRunResult"], row["IsDisabled"]) for row in shown] == [
            ("Export", "Completed", False)
        ]


def told(cluster: Cluster) -> list[dict[str, Any]]:
    return cluster.manage(".show continuous-export Export exported-artifacts")


def test_disabled_export_waits_and_then_takes_what_it_missed(server: ServerProcess, tmp_path: Path) -> None:
    folder = tmp_path / "archive"
    with client(server) as cluster:
        prepare(cluster, folder)
        cluster.manage(".disable continuous-export Export")
        append(cluster, range(10))
        other = Path(f"{folder}2")
        cluster.manage(f".create external table Other (N: long) kind=storage dataformat=parquet ('{other}')")
        often = "with (intervalBetweenRuns=1s)"
        cluster.manage(f".create-or-alter continuous-export Probe over (T) to table Other {often} <| T | project N")
        append(cluster, range(10, 20))
        until(lambda: len(exported(other)) == 10)
        assert not folder.exists()

        cluster.manage(".enable continuous-export Export")

        until(lambda: len(exported(folder)) == 20)
        cluster.manage(".drop continuous-export Probe")
        assert [row["Name"] for row in cluster.manage(".show continuous-exports")] == ["Export"]


def test_a_failing_export_is_told_and_goes_on_when_it_can(server: ServerProcess, tmp_path: Path) -> None:
    blocked = tmp_path / "archive"
    blocked.write_text("a file where the folder should be")
    with client(server) as cluster:
        prepare(cluster, blocked)
        append(cluster, range(10))
        until(lambda: cluster.manage(".show continuous-export Export failures"))
        blocked.unlink()

        until(lambda: blocked.is_dir() and len(exported(blocked)) == 10)
        until(lambda: not cluster.manage(".show continuous-export Export failures"))
        assert set(exported(blocked).values()) == {1}


def has_more_than(folder: Path, known: int) -> bool:
    return len(list(folder.rglob("*"))) > known


def test_kill_9_between_writing_and_remembering_exports_each_row_once(server: ServerProcess, tmp_path: Path) -> None:
    folder = tmp_path / "archive"
    with client(server) as cluster:
        prepare(cluster, folder)
    last = 0
    for _ in range(6):
        with client(server) as cluster:
            append(cluster, range(last, last + 20_000))
        last += 20_000
        known = len(list(folder.rglob("*")))
        until(partial(has_more_than, folder, known))
        server.restart()

    until(lambda: len(exported(folder)) == last)
    counts = exported(folder)
    assert sorted(counts) == list(range(last))
    assert set(counts.values()) == {1}
