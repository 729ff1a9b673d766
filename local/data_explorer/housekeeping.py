"""Bounded background work: materialized views brought up to date, retention applied, small extents' records merged."""

import asyncio
import logging
import time

import duckdb
from duckdb_kql.params import parse_timespan

from local.data_explorer.catalog import Catalog
from local.data_explorer.cluster import Cluster
from local.data_explorer.database import Change, Database
from local.data_explorer.storage import quoted

LOOK_EVERY = 1.0
LONGEST_PAUSE = 10.0
"""Seconds between two materializations, at least and at most: in between, a fifth of the time is spent on them."""
TIDY_EVERY = 60.0
"""Seconds; views are materialized then, too, however slowly rows come."""
KEPT_EXTENTS = 1000
"""Records of untagged extents that a table keeps one by one; older ones become one."""
KEPT_FAILURES = "14 days"
_log = logging.getLogger(__name__)


async def keep_house(cluster: Cluster) -> None:
    """Runs until it is cancelled; work under way then ends first."""
    tidied = time.monotonic()
    while True:
        began = time.monotonic()
        is_time_to_tidy = began - tidied > TIDY_EVERY
        tidied = began if is_time_to_tidy else tidied
        for database in cluster.databases.values():
            maintenance = cluster.maintenance(database)
            try:
                if maintenance.is_due() or is_time_to_tidy:
                    await asyncio.to_thread(maintenance.run)
                if is_time_to_tidy:
                    await asyncio.to_thread(tidy, database)
            except duckdb.Error:
                _log.exception("Housekeeping of database %s failed; it is tried again", database.name)
        await asyncio.sleep(min(max(LOOK_EVERY, 4 * (time.monotonic() - began)), LONGEST_PAUSE))


def tidy(database: Database) -> None:
    """Applies retention, and merges what is kept about extents; views are to be up to date before."""
    apply_retention(database)
    with database.change() as change:
        for name in change.catalog.tables:
            _merge_extents(change, name)
        change.cursor.execute(
            f"DELETE FROM meta.failures WHERE failed_on < now()::TIMESTAMP - INTERVAL '{KEPT_FAILURES}'"
        )


def apply_retention(database: Database) -> None:
    """Drops the extents of tables, and the rows of views, that are older than their retention policy says."""
    catalog = database.catalog
    for name in catalog.tables:
        seconds = soft_delete_seconds(catalog, "table", name)
        if seconds is not None:
            _drop_extents(database, name, seconds)
    for name in catalog.views:
        seconds = soft_delete_seconds(catalog, "materialized-view", name)
        if seconds is not None:
            oldest = (time.time() - seconds) * 1_000_000
            with database.change() as change:
                change.cursor.execute(f'DELETE FROM views.{quoted(name)} WHERE "$extent" < ?', [int(oldest)])


def _drop_extents(database: Database, table: str, seconds: float) -> None:
    with database.change() as change:
        ranges = change.cursor.execute(
            "SELECT first, last FROM meta.extents "
            "WHERE table_name = ? AND created_on < now()::TIMESTAMP - to_seconds(?)",
            [table, seconds],
        ).fetchall()
        for first, last in ranges:
            key = [first, last]
            change.cursor.execute(f'DELETE FROM rows.{quoted(table)} WHERE "$extent" BETWEEN ? AND ?', key)
            change.cursor.execute(
                "DELETE FROM meta.extents WHERE table_name = ? AND first = ? AND last = ?", [table, *key]
            )


def soft_delete_seconds(catalog: Catalog, owner_kind: str, owner: str) -> float | None:
    """How long an entity's data is kept: by its own retention policy or the database's; None for ever."""
    policy = catalog.policy(owner_kind, owner, "retention") or catalog.policy("database", "", "retention") or {}
    span = parse_timespan(str(policy.get("SoftDeletePeriod", "")))
    return None if span is None else float(span.total_seconds())


def _merge_extents(change: Change, table: str) -> None:
    """Makes one record of each day's old extents, unless one of them has tags or a creation time of its own."""
    mergeable = change.cursor.execute(
        "SELECT min(first), max(last), sum(row_count)::BIGINT, max(created_on) FROM ("
        "  SELECT *, make_timestamp(first) AS appended FROM meta.extents WHERE table_name = ? "
        "  ORDER BY first DESC OFFSET ?) "
        "GROUP BY date_trunc('day', appended) "
        "HAVING count(*) > 1 AND bool_and(len(tags) = 0 AND abs(epoch(created_on) - epoch(appended)) < 60)",
        [table, KEPT_EXTENTS],
    ).fetchall()
    for first, last, rows, created in mergeable:
        change.cursor.execute(
            "DELETE FROM meta.extents WHERE table_name = ? AND first BETWEEN ? AND ?", [table, first, last]
        )
        change.cursor.execute(
            "INSERT INTO meta.extents VALUES (uuid()::VARCHAR, ?, ?, ?, ?, [], '', ?)",
            [table, first, last, rows, created],
        )
