"""The instance: its file, its connections, its models, and what changes it."""

import asyncio
import sqlite3
import threading
from collections.abc import AsyncIterator, Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from local.digital_twins.limits import Limits
from local.digital_twins.models import Models
from local.digital_twins.outbox import Destinations, Outbox
from local.digital_twins.relationships import Relationships
from local.digital_twins.stamps import Clock
from local.digital_twins.storage import SCHEMA, Writer, connect
from local.digital_twins.twins import Twins

T = TypeVar("T")
_QUERY_THREADS = 4


@dataclass(frozen=True)
class Service:
    """`reader` is for rows that are found by key, on the event loop's own thread; `models` belong to the writer."""

    writer: Writer
    reader: sqlite3.Connection
    queries: "Queries"
    models: Models
    twins: Twins
    relationships: Relationships
    clock: Clock
    destinations: Destinations
    limits: Limits | None


class Queries:
    """Threads with a reading connection each, for queries, which may take long."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._executor = ThreadPoolExecutor(_QUERY_THREADS, thread_name_prefix="query")
        self._own = threading.local()
        self._connections: list[sqlite3.Connection] = []

    async def run(self, work: Callable[[sqlite3.Connection], T]) -> T:
        return await asyncio.get_running_loop().run_in_executor(self._executor, self._with_connection, work)

    def close(self) -> None:
        self._executor.shutdown()
        for connection in self._connections:
            connection.close()

    def _with_connection(self, work: Callable[[sqlite3.Connection], T]) -> T:
        if not hasattr(self._own, "connection"):
            self._own.connection = connect(self._path)
            self._connections.append(self._own.connection)
        return work(self._own.connection)


@asynccontextmanager
async def opened(path: Path, destinations: Destinations, limits: Limits | None) -> AsyncIterator[Service]:
    """The instance kept in this file, while the block runs."""
    writing, reading = connect(path, cache_kib=65536), connect(path)
    writing.executescript(SCHEMA)
    queries = Queries(path)
    writer, models, clock, outbox = Writer(writing), Models(), Clock(), Outbox(destinations)
    writer.on_rollback = models.forget
    twins, relationships = Twins(models, outbox, clock), Relationships(models, outbox, clock)
    try:
        async with writer.running():
            yield Service(writer, reading, queries, models, twins, relationships, clock, destinations, limits)
    finally:
        queries.close()
        reading.close()
        writing.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        writing.close()
