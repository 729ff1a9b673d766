"""Brings materialized views up to date: each time, what came since the last time is merged into what is kept."""

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

import duckdb

from local.data_explorer.catalog import Catalog
from local.data_explorer.database import Database
from local.data_explorer.materialization.plan import Plan, plan
from local.data_explorer.materialization.relations import FRESH, merged, same_keys
from local.data_explorer.schema import MaterializedView
from local.data_explorer.storage import EXTENT, quoted

FRESH_ROWS = 100_000
"""So many new rows of all tables are merged though more come; queries aggregate fewer of them each time anew."""
QUIET_SECONDS = 3.0


class Maintenance:
    """Materializes one database's views, one transaction a time; appends go on meanwhile."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._cursor = database.storage.cursor(database.name)
        self._running = threading.Lock()
        self._plans: dict[str, tuple[MaterializedView, Plan]] = {}
        self._seen = (0, -1)
        self._merged_rows = 0
        self._looked = (-1, 0.0)

    def is_due(self) -> bool:
        """Whether it is worth while to `run`: much has come, or nothing any more for some seconds.

        Each run costs tens of milliseconds of planning, however little there is to merge.
        """
        extent, now = self._database.last_extent, time.monotonic()
        if extent != self._looked[0]:
            self._looked = (extent, now)
        is_quiet = now - self._looked[1] >= QUIET_SECONDS
        return is_quiet or self._database.appended_rows - self._merged_rows >= FRESH_ROWS

    def run(self) -> bool:
        """Brings every enabled view up to date; False when there was nothing new. Blocks."""
        with self._running:
            catalog = self._database.catalog
            if not catalog.views or self._seen == (self._database.last_extent, catalog.version):
                return False
            rows = self._database.appended_rows
            extent, catalog = self._database.begin(self._cursor)
            try:
                for view in in_order(catalog):
                    if view.enabled:
                        self._materialize(view, self._plan(catalog, view), extent)
                self._cursor.execute("COMMIT")
            except duckdb.Error:
                self._cursor.execute("ROLLBACK")
                raise
            self._seen, self._merged_rows = (extent, catalog.version), rows
            return True

    @contextmanager
    def paused(self) -> Iterator[None]:
        """Nothing is materialized while the block runs: for changes of the views themselves."""
        with self._running:
            yield

    def close(self) -> None:
        with self._running:
            self._cursor.close()

    def _plan(self, catalog: Catalog, view: MaterializedView) -> Plan:
        known = self._plans.get(view.name)
        if known is None or known[0] != view:
            known = view, view_plan(self._database, catalog, view)
            self._plans[view.name] = known
        return known[1]

    def _materialize(self, view: MaterializedView, planned: Plan, extent: int) -> None:
        kept, fresh = f"views.{quoted(view.name)}", "temp.fresh"
        self._cursor.execute(f"CREATE TEMP TABLE fresh AS SELECT * FROM views.{quoted(view.name + FRESH)}")
        columns = ", ".join(quoted(column) for column in (*planned.keys, *planned.state, EXTENT))
        insert = f"INSERT INTO {kept}({columns})"
        if planned.is_take_any:
            known = f"SELECT k.* FROM {kept} k SEMI JOIN {fresh} f ON {same_keys(planned, 'k', 'f')}"
            self._cursor.execute(
                f"{insert} WITH known AS MATERIALIZED ({known}) "
                f"SELECT f.*, {extent} FROM {fresh} f ANTI JOIN known k ON {same_keys(planned, 'f', 'k')}"
            )
        else:
            self._cursor.execute(f"CREATE TEMP TABLE renewed AS {merged(kept, fresh, planned)}")
            self._cursor.execute(f"DELETE FROM {kept} k USING temp.renewed r WHERE {same_keys(planned, 'k', 'r')}")
            self._cursor.execute(f"{insert} SELECT *, {extent} FROM temp.renewed")
            self._cursor.execute("DROP TABLE temp.renewed")
        self._cursor.execute("DROP TABLE temp.fresh")
        self._cursor.execute(
            "UPDATE meta.watermarks SET extent = ?, materialized_on = now()::TIMESTAMP WHERE view_name = ?",
            [extent, view.name],
        )


def view_plan(database: Database, catalog: Catalog, view: MaterializedView) -> Plan:
    """The view's plan, over the columns that its source had when it was made. Raises KustoError."""
    return plan(database.translator_of(catalog), view.source, list(view.source_columns), view.query)


def in_order(catalog: Catalog) -> list[MaterializedView]:
    """The views, each after the one it reads."""
    tables = [view for view in catalog.views.values() if view.source not in catalog.views]
    return tables + [view for view in catalog.views.values() if view.source in catalog.views]
