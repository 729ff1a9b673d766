"""The database itself: retention, extents, appends of bad rows."""

import datetime
import time
from collections.abc import Iterator
from pathlib import Path

import pyarrow as pa
import pytest

from local.data_explorer.cluster import Cluster
from local.data_explorer.commands.dispatch import Commands
from local.data_explorer.database import Database
from local.data_explorer.errors import EntityNotFound, KustoError
from local.data_explorer.extensions import CommandContext
from local.data_explorer.housekeeping import KEPT_EXTENTS, tidy
from local.data_explorer.ingested import Batch, Checkpoint
from local.data_explorer.queries import run_query
from local.data_explorer.requests import KustoRequest


class Laboratory:
    """A cluster in this process, and its database."""

    def __init__(self, directory: Path) -> None:
        self.cluster = Cluster(directory, ["iot"])
        self.commands = Commands([])

    @property
    def database(self) -> Database:
        return self.cluster.database("iot")

    def command(self, text: str) -> None:
        self.commands.run(CommandContext(self.cluster, self.database), text)

    def rows(self, query: str) -> list[tuple[object, ...]]:
        return [tuple(row) for row in run_query(self.database, KustoRequest("iot", query)).table.rows]


@pytest.fixture
def laboratory(tmp_path: Path) -> Iterator[Laboratory]:
    made = Laboratory(tmp_path)
    made.command(".create table T (v:long, s:string)")
    yield made
    made.cluster.close()


def batch(*values: int, created: datetime.datetime | None = None) -> Batch:
    return Batch("T", pa.table({"v": list(values)}), creation_time=created)


def test_retention_drops_what_is_older_and_nothing_else(laboratory: Laboratory) -> None:
    old = datetime.datetime.now(datetime.UTC) - datetime.timedelta(days=3)
    laboratory.database.append([batch(1, created=old), batch(2)])
    laboratory.command(".alter-merge table T policy retention softdelete = 2d recoverability = disabled")

    tidy(laboratory.database)

    assert laboratory.rows("T | project v") == [(2,)]


def test_retention_of_the_database_goes_for_tables_without_their_own(laboratory: Laboratory) -> None:
    old = datetime.datetime.now(datetime.UTC) - datetime.timedelta(days=3)
    laboratory.database.append([batch(1, created=old)])
    laboratory.command(".alter-merge database iot policy retention softdelete = 2d")

    tidy(laboratory.database)

    assert laboratory.rows("T | count") == [(0,)]


def test_retention_of_a_view_drops_its_old_rows(laboratory: Laboratory) -> None:
    laboratory.command(".create materialized-view V on table T { T | summarize count() by v }")
    laboratory.command(".alter-merge materialized-view V policy retention softdelete = 1ms")
    laboratory.database.append([batch(1)])
    laboratory.cluster.maintenance(laboratory.database).run()
    time.sleep(0.01)

    tidy(laboratory.database)

    assert laboratory.rows("V | count") == [(0,)]


def test_records_of_extents_stay_bounded_and_keep_their_sum(laboratory: Laboratory) -> None:
    extents = KEPT_EXTENTS + 20
    laboratory.database.append([batch(value) for value in range(extents)])

    tidy(laboratory.database)

    with laboratory.database.storage.reading("iot") as cursor:
        kept = cursor.execute("SELECT count(*), sum(row_count) FROM meta.extents").fetchone()
    assert kept == (KEPT_EXTENTS + 1, extents)


def test_rows_that_do_not_fit_leave_neither_rows_nor_checkpoint(laboratory: Laboratory) -> None:
    good, bad = batch(1), Batch("T", pa.table({"v": ["no number"]}))

    with pytest.raises(KustoError):
        laboratory.database.append([good, bad], checkpoint=Checkpoint("c", "0", 5, "500"))
    with pytest.raises(EntityNotFound):
        laboratory.database.append([good, Batch("Nope", pa.table({"v": [1]}))])

    assert laboratory.rows("T | count") == [(0,)]
    assert laboratory.database.checkpoints("c") == {}


def test_checkpoint_moves_with_the_rows_and_is_kept(laboratory: Laboratory, tmp_path: Path) -> None:
    laboratory.database.append([batch(1)], checkpoint=Checkpoint("c", "0", 5, "500"))
    laboratory.database.append([batch(2)], checkpoint=Checkpoint("c", "0", 6, "600"))
    laboratory.cluster.close()

    laboratory.cluster = Cluster(tmp_path, ["iot"])

    assert laboratory.database.checkpoints("c") == {"0": Checkpoint("c", "0", 6, "600")}
    assert laboratory.rows("T | summarize sum(v)") == [(3,)]


def test_batch_with_a_known_ingest_by_tag_is_left_out(laboratory: Laboratory) -> None:
    tagged = Batch("T", pa.table({"v": [1]}), tags=("ingest-by:x",), if_not_exists=("x",))

    assert len(laboratory.database.append([tagged])) == 1
    assert laboratory.database.append([tagged, batch(2)])[0].rows == 1
    assert laboratory.rows("T | order by v asc | project v") == [(1,), (2,)]


def test_extent_numbers_rise_even_when_the_clock_goes_back(
    laboratory: Laboratory, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = laboratory.database.next_extent()
    monkeypatch.setattr(time, "time_ns", lambda: 0)

    assert laboratory.database.next_extent() > before


def test_views_are_merged_rarely_while_rows_come_and_queries_see_them_all(
    laboratory: Laboratory, monkeypatch: pytest.MonkeyPatch
) -> None:
    laboratory.command(".create materialized-view V on table T { T | summarize count() by v }")
    maintenance = laboratory.cluster.maintenance(laboratory.database)
    maintenance.run()
    monkeypatch.setattr("local.data_explorer.materialization.maintenance.FRESH_ROWS", 3)

    laboratory.database.append([batch(1, 1)])
    assert not maintenance.is_due()
    assert laboratory.rows("V") == [(1, 2)]

    laboratory.database.append([batch(1)])
    assert maintenance.is_due()
    maintenance.run()
    assert laboratory.rows("materialized_view('V')") == [(1, 3)]

    laboratory.database.append([batch(2)])
    assert not maintenance.is_due()


def test_views_are_merged_once_nothing_comes_any_more(laboratory: Laboratory, monkeypatch: pytest.MonkeyPatch) -> None:
    maintenance = laboratory.cluster.maintenance(laboratory.database)
    laboratory.database.append([batch(1)])
    assert not maintenance.is_due()

    monkeypatch.setattr("local.data_explorer.materialization.maintenance.QUIET_SECONDS", 0)

    assert maintenance.is_due()
