"""The DuckDB instance that holds every database of this server: one file each, attached.

A database's file has three schemas: `rows` holds each table's rows with the hidden column "$extent"; `main` holds what
queries see, a view for each table and materialized view; `meta` holds the catalog, extents and checkpoints.
"""

import itertools
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import duckdb

from local.data_explorer.kql import macros, python_functions
from local.data_explorer.kql.python_functions import PythonFunction

EXTENT = "$extent"
"""The hidden column: microseconds since 1970 of the append that made the row, unique to that append and rising."""
_SCHEMA = """
CREATE SCHEMA IF NOT EXISTS rows;
CREATE SCHEMA IF NOT EXISTS views;
CREATE SCHEMA IF NOT EXISTS meta;
CREATE TABLE IF NOT EXISTS meta.entities(kind VARCHAR, name VARCHAR, definition VARCHAR);
CREATE TABLE IF NOT EXISTS meta.extents(
  id VARCHAR, table_name VARCHAR, first BIGINT, last BIGINT, row_count BIGINT, tags VARCHAR[], source VARCHAR,
  created_on TIMESTAMP);
CREATE TABLE IF NOT EXISTS meta.checkpoints(
  connection VARCHAR, partition VARCHAR, sequence_number BIGINT, event_offset VARCHAR, updated TIMESTAMP);
CREATE TABLE IF NOT EXISTS meta.failures(
  operation_id VARCHAR, table_name VARCHAR, failed_on TIMESTAMP, details VARCHAR, error_code VARCHAR, kind VARCHAR,
  operation_kind VARCHAR, source VARCHAR, from_update_policy BOOLEAN, properties VARCHAR);
CREATE TABLE IF NOT EXISTS meta.watermarks(view_name VARCHAR, extent BIGINT, materialized_on TIMESTAMP);
CREATE TABLE IF NOT EXISTS meta.operations(
  operation_id VARCHAR, operation VARCHAR, started_on TIMESTAMP, last_updated_on TIMESTAMP, state VARCHAR,
  status VARCHAR, text VARCHAR);
"""


def quoted(name: str) -> str:
    """A SQL identifier."""
    return '"' + name.replace('"', '""') + '"'


def literal(text: str) -> str:
    """A SQL string literal."""
    return "'" + text.replace("'", "''") + "'"


class Storage:
    """DuckDB with every database attached. Cursors are for one thread at a time; see `reading`."""

    def __init__(
        self,
        directory: Path,
        *,
        memory_limit: str = "1GB",
        threads: int = 2,
        functions: Sequence[PythonFunction] = (),
    ) -> None:
        directory.mkdir(parents=True, exist_ok=True)
        self._directory = directory
        self._root = duckdb.connect(
            ":memory:",
            config={
                "memory_limit": memory_limit,
                "threads": threads,
                "temp_directory": str(directory / "spill"),
                "checkpoint_threshold": "32MB",
                "preserve_insertion_order": False,
            },
        )
        self._root.execute("SET GLOBAL TimeZone = 'UTC'")
        python_functions.install(self._root, functions)
        self._idle: dict[str, list[duckdb.DuckDBPyConnection]] = {}
        self._idle_lock = threading.Lock()

    def names(self) -> list[str]:
        """The databases that have a file here."""
        return sorted(path.stem for path in self._directory.glob("*.duckdb"))

    def attach(self, database: str) -> None:
        """Opens a database's file, made when there is none. Replays its log after a kill -9."""
        path = self._directory / f"{database}.duckdb"
        self._root.execute(f"ATTACH {literal(str(path))} AS {quoted(database)}")
        with self.reading(database) as cursor:
            cursor.execute(_SCHEMA)
            macros.install(cursor)

    @contextmanager
    def reading(self, database: str) -> Iterator[duckdb.DuckDBPyConnection]:
        """A cursor of this thread's own while the block runs, with `database` as its default."""
        with self._idle_lock:
            idle = self._idle.setdefault(database, [])
            cursor = idle.pop() if idle else None
        cursor = cursor or self.cursor(database)
        try:
            yield cursor
        finally:
            with self._idle_lock:
                idle.append(cursor)

    def cursor(self, database: str) -> duckdb.DuckDBPyConnection:
        """A cursor for the caller to keep, with `database` as its default."""
        cursor = self._root.cursor()
        cursor.execute(f"USE {quoted(database)}.main")
        return cursor

    def close(self) -> None:
        """Writes the logs into the files and lets go of them."""
        for cursor in itertools.chain.from_iterable(self._idle.values()):
            cursor.close()
        for name in self.names():
            self._root.execute(f"CHECKPOINT {quoted(name)}")
        self._root.close()
