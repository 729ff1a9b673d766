"""Continuous exports: what they are, how far each has come, and one run of one.

A run is exactly once: its bounds are kept before it writes, its files have names made of them, and its artifacts and
the new cursor are kept in one transaction after. A server that is killed in between finds the bounds, removes what
the unfinished run wrote and writes it again. Source: Microsoft Learn, "Continuous data export".
"""

import dataclasses
import datetime
import json
import re
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field

import duckdb

from local.data_explorer.database import Database
from local.data_explorer.errors import EntityNotFound, KustoError
from local.data_explorer.external.definitions import external_table
from local.data_explorer.external.exporting import Artifact, run, table_target, write_to_table
from local.data_explorer.external.locations import location
from local.data_explorer.storage import EXTENT, quoted

_RETRY_SECONDS = 30.0
KIND, STATE, ARTIFACTS = "continuous-export", "continuous-export-state", "continuous-export-artifacts"


@dataclass(frozen=True)
class ContinuousExport:
    """`over` are the tables of which each run takes the new rows only; none: every table that the query names."""

    name: str
    external_table: str
    query: str
    over: tuple[str, ...] = ()
    interval_seconds: float = 3600.0
    latency_seconds: float = 0.0
    is_disabled: bool = False
    properties: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Progress:
    """Extent numbers (microseconds since 1970): rows up to `cursor` are exported; a run up to `running_to` began.

    `start` is where the first run started from. Times are in seconds since 1970, 0 for never.
    """

    start: int
    cursor: int
    running_to: int = 0
    last_run: float = 0.0
    last_success: float = 0.0
    failure: str = ""


def keep(database: Database, export: ContinuousExport) -> None:
    """Adds or replaces an export; a new one begins with the rows that come after. Raises EntityNotFound."""
    external_table(database, export.external_table)
    for table in export.over:
        database.table_schema(table)
    with database.change() as change:
        change.put("documents", (KIND, export.name), json.dumps(dataclasses.asdict(export)))
        if (STATE, export.name) not in change.catalog.documents:
            first = Progress(database.last_extent, database.last_extent)
            change.put("documents", (STATE, export.name), json.dumps(dataclasses.asdict(first)))


def drop(database: Database, name: str) -> None:
    """Removes an export and what was kept of its runs."""
    with database.change() as change:
        for kind, key in list(change.catalog.documents):
            if (kind in (KIND, STATE) and key == name) or (kind == ARTIFACTS and key.startswith(f"{name}/")):
                change.remove("documents", (kind, key))


def continuous_exports(database: Database) -> list[ContinuousExport]:
    return [_decoded(text) for _, text in sorted(database.documents(KIND).items())]


def continuous_export(database: Database, name: str) -> ContinuousExport:
    """Raises EntityNotFound."""
    text = database.document(KIND, name)
    if text is None:
        raise EntityNotFound(f"Entity ID '{name}' of kind 'ContinuousExport' was not found.")
    return _decoded(text)


def _decoded(text: str) -> ContinuousExport:
    kept = json.loads(text)
    return ContinuousExport(**{**kept, "over": tuple(kept["over"])})


def progress(database: Database, name: str) -> Progress:
    text = database.document(STATE, name)
    return Progress(0, 0) if text is None else Progress(**json.loads(text))


def artifacts(database: Database, name: str) -> Iterator[tuple[float, Artifact]]:
    """The files of every run that completed, with the run's time in seconds since 1970."""
    for key, text in sorted(database.documents(ARTIFACTS).items()):
        if key.startswith(f"{name}/"):
            kept = json.loads(text)
            for artifact in kept["artifacts"]:
                yield kept["time"], Artifact(**artifact)


def is_due(database: Database, export: ContinuousExport, now: float) -> bool:
    """Whether a run was cut off or has failed a while ago, or may find new rows and the interval is over."""
    state = progress(database, export.name)
    if export.is_disabled:
        return False
    waited = now - state.last_run
    if state.running_to:
        return not state.failure or waited >= min(export.interval_seconds, _RETRY_SECONDS)
    return waited >= export.interval_seconds and database.last_extent > state.cursor


def run_once(database: Database, export: ContinuousExport) -> list[Artifact]:
    """Exports the new rows. Raises KustoError, duckdb.Error; the same run is tried again later then."""
    now = time.time()
    state = progress(database, export.name)
    was_cut_off = state.running_to > 0
    if not was_cut_off:
        bound = min(_committed(database), int((now - export.latency_seconds) * 1_000_000))
        if bound <= state.cursor:
            return []
        state = dataclasses.replace(state, running_to=bound, last_run=now)
        _keep_progress(database, export, state)
    try:
        written = _write(database, export, state, was_cut_off=was_cut_off)
    except Exception as error:
        _keep_progress(database, export, dataclasses.replace(state, last_run=now, failure=str(error)))
        raise KustoError(f"The run failed: {error}") from error
    done = dataclasses.replace(state, cursor=state.running_to, running_to=0, last_success=now, failure="")
    _keep_progress(database, export, done, written)
    return written


def _committed(database: Database) -> int:
    """An extent number up to which every append is committed, and above which every later one will be."""
    with database.storage.reading(database.name) as cursor:
        number, _ = database.begin(cursor)
        cursor.execute("ROLLBACK")
    return number


def _keep_progress(
    database: Database, export: ContinuousExport, state: Progress, written: list[Artifact] | None = None
) -> None:
    """Keeps how far the export has come, and in the same transaction the files that brought it there."""
    with database.change() as change:
        change.put("documents", (STATE, export.name), json.dumps(dataclasses.asdict(state)))
        if written:
            kept = {"time": state.last_success, "artifacts": [dataclasses.asdict(artifact) for artifact in written]}
            change.put("documents", (ARTIFACTS, f"{export.name}/{state.cursor}"), json.dumps(kept))


def _write(database: Database, export: ContinuousExport, state: Progress, *, was_cut_off: bool) -> list[Artifact]:
    table = external_table(database, export.external_table)
    name = f"{export.name}_{state.running_to}"
    target = table_target(table, export.properties, name)
    if was_cut_off:
        for connection in target.connections:
            place = location(connection)
            for file in list(place.names()):
                if file.rpartition("/")[2].startswith(f"{target.name}_"):
                    place.delete(file)
    with database.storage.reading(database.name) as cursor:
        tables = export.over or _named(database, export.query)
        with _only_new(cursor, tables, state.cursor, state.running_to):
            data = run(database, cursor, export.query, shadowed=tables[0] if tables else None)
        return write_to_table(cursor, data, table, target)


def _named(database: Database, query: str) -> tuple[str, ...]:
    """The tables whose names stand in a query."""
    return tuple(name for name in database.catalog.tables if re.search(rf"\b{re.escape(name)}\b", query))


@contextmanager
def _only_new(cursor: duckdb.DuckDBPyConnection, tables: tuple[str, ...], after: int, up_to: int) -> Iterator[None]:
    """While the block runs, these tables hold on this cursor only the rows of extents in (after, up_to]."""
    try:
        for table in tables:
            cursor.execute(
                f"CREATE TEMP VIEW {quoted(table)} AS SELECT * FROM rows.{quoted(table)} "
                f"WHERE {quoted(EXTENT)} > {after} AND {quoted(EXTENT)} <= {up_to}"
            )
        yield
    finally:
        for table in tables:
            cursor.execute(f"DROP VIEW IF EXISTS temp.{quoted(table)}")


def moment(seconds: float) -> str | None:
    """A time as the service shows it, None for never."""
    if not seconds:
        return None
    return datetime.datetime.fromtimestamp(seconds, datetime.UTC).isoformat().replace("+00:00", "Z")


def export_properties(export: ContinuousExport) -> Mapping[str, str]:
    """What `.show continuous-exports` shows of the properties."""
    return {
        name: value for name, value in export.properties.items() if name not in ("intervalbetweenruns", "forcedlatency")
    }
