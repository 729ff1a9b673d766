"""SQL indexes over properties: those that a container's indexing policy names, and those that queries turn out to want.

A policy that indexes everything (`/*`) names nothing, so its indexes are made the first time a query would gain.
"""

import asyncio
import sqlite3
from collections.abc import Iterable

from local.cosmos.catalog import Container
from local.cosmos.query import composite_index, ensure_index, single_index
from local.cosmos.query.indexes import Index, existing_indexes
from local.cosmos.storage import Readers, Transaction, Writer

WORTH_INDEXING = range(2000, 250_000)
"""How many items a container has when an index is made unasked: for fewer it gains nothing, for more it takes long."""

Path = tuple[str, ...]


def match_policy(transaction: Transaction, container: Container) -> None:
    """Makes the indexes that the policy names, and drops those it names no more."""
    connection = transaction.connection
    wanted = {index.name(container.table): index for index in _named(container)}
    present = existing_indexes(connection, container.table)
    for name in present - wanted.keys():
        connection.execute(f'DROP INDEX "{name}"')
    for name in wanted.keys() - present:
        wanted[name].make(connection, container.table)
    transaction.forget()


def _named(container: Container) -> list[Index]:
    single = [single_index(path) for path in container.policy.selected]
    composite = [composite_index(columns) for columns in container.policy.composite]
    return [index for index in (*single, *composite) if index is not None]


class WantedIndexes:
    """Makes, in the background, the indexes that queries want and the policy allows; each once."""

    def __init__(self, writer: Writer, readers: Readers) -> None:
        self._writer = writer
        self._readers = readers
        self._asked: set[tuple[Container, Path]] = set()
        self._tasks: set[asyncio.Task[None]] = set()

    def want(self, container: Container, paths: Iterable[Path]) -> None:
        for path in paths:
            if (container, path) not in self._asked and container.policy.covers(path):
                self._asked.add((container, path))
                task = asyncio.create_task(self._make(container, path))
                self._tasks.add(task)
                task.add_done_callback(self._tasks.discard)

    async def _make(self, container: Container, path: Path) -> None:
        size = await self._readers.run(lambda connection: _size(connection, container))
        if size < WORTH_INDEXING.start:
            self._asked.discard((container, path))
        elif size in WORTH_INDEXING:
            await self._writer.submit_long(lambda transaction: _ensure(transaction, container, path))

    async def finish(self) -> None:
        """Waits for the indexes that are being made."""
        await asyncio.gather(*self._tasks, return_exceptions=True)


def _size(connection: sqlite3.Connection, container: Container) -> int:
    """The number of items, counted no further than matters."""
    statement = f"SELECT count(*) FROM (SELECT 1 FROM {container.table} LIMIT {WORTH_INDEXING.stop})"
    return int(connection.execute(statement).fetchone()[0])


def _ensure(transaction: Transaction, container: Container, path: Path) -> None:
    if transaction.has_container(container.number):
        ensure_index(transaction.connection, container.table, path)
        transaction.forget()
