"""Pages of the change feed, the next one of them read while its reader still works on the last.

Whoever follows the feed of a container that nobody writes to asks for one page after the other: the next one is read
ahead, and given out only if it still is what would be read now.
"""

import asyncio
import sqlite3
from collections.abc import Iterable
from typing import NamedTuple

from local.cosmos.catalog import Container
from local.cosmos.scopes import Scope
from local.cosmos.storage import Readers, Writer

MAX_PAGE_BYTES = 4 * 1024 * 1024
MAX_AHEAD = 8
"""Pages that are kept for readers who may never come back for them."""


class Start(NamedTuple):
    """Where to go on: after a change, at a time (unix seconds), or now."""

    lsn: int = 0
    time: int | None = None
    is_now: bool = False


class PageRequest(NamedTuple):
    """What a page depends on besides the data; its scope says which second it is, if items can expire."""

    container: Container
    scope: Scope
    start: Start
    limit: int


class Changes(NamedTuple):
    bodies: list[bytes]
    lsn: int
    """Everything up to this change has been seen."""
    newest: int
    """The last change of the container when this was read."""
    is_cut: bool
    """Is there more?"""


class FeedPages:
    """Reads pages; `read` gives exactly what the container holds when it is called."""

    def __init__(self, readers: Readers, writer: Writer) -> None:
        self._readers = readers
        self._writer = writer
        self._ahead: dict[PageRequest, asyncio.Task[Changes]] = {}
        self._newest: dict[int, int] = {}
        """The last change of each container when a page of it was read last."""

    async def read(self, wanted: PageRequest) -> Changes:
        number = wanted.container.number
        ahead = self._ahead.pop(wanted, None)
        changes = None if ahead is None else await ahead
        if changes is None or changes.newest != self._writer.newest_lsn(number):
            changes = await self._read(wanted)
        if changes.is_cut and self._newest.get(number) == changes.newest:
            self._read_ahead(wanted._replace(start=Start(changes.lsn)))
        self._newest[number] = changes.newest
        return changes

    def _read_ahead(self, wanted: PageRequest) -> None:
        task = asyncio.create_task(self._read(wanted))
        task.add_done_callback(_let_fail)
        self._ahead[wanted] = task
        while len(self._ahead) > MAX_AHEAD:
            del self._ahead[next(iter(self._ahead))]

    async def _read(self, wanted: PageRequest) -> Changes:
        return await self._readers.run(lambda connection: _changes(connection, wanted))


def _let_fail(task: "asyncio.Task[Changes]") -> None:
    """Nobody may ever ask how a page was read ahead: who does gets the error from awaiting it."""
    if not task.cancelled():
        task.exception()


def _changes(connection: sqlite3.Connection, wanted: PageRequest) -> Changes:
    container, scope, start, limit = wanted
    connection.execute("BEGIN")
    try:
        found = connection.execute("SELECT lsn FROM containers WHERE number = ?", (container.number,)).fetchone()
        newest = found[0] if found else 0
        if start.is_now:
            return Changes([], newest, newest, False)
        after = start.lsn if start.time is None else _before(connection, container, start.time, newest)
        # A scan in the order of changes is right for a large share of the container, its keys' index for a small one.
        index = f"INDEXED BY {container.table}_key" if scope.is_narrow else "NOT INDEXED"
        rows = connection.execute(
            f"SELECT lsn, body FROM {container.table} {index} WHERE lsn > ? AND {scope.condition} ORDER BY lsn LIMIT ?",
            (after, *scope.bindings, limit),
        )
        bodies, last, is_cut = _within_bytes(rows)
        is_cut = is_cut or len(bodies) == limit
        return Changes(bodies, last if is_cut else max(newest, after), newest, is_cut)
    finally:
        connection.execute("COMMIT")


def _within_bytes(rows: Iterable[tuple[int, bytes]]) -> tuple[list[bytes], int, bool]:
    """Items with their sequence number in them, until a page is full: (items, last number, whether some are left)."""
    bodies: list[bytes] = []
    size = last = 0
    for lsn, body in rows:
        if bodies and size + len(body) > MAX_PAGE_BYTES:
            return bodies, last, True
        bodies.append(b'%b,"_lsn":%d}' % (body[:-1], lsn))
        size += len(body)
        last = lsn
    return bodies, last, False


def _before(connection: sqlite3.Connection, container: Container, time: int, newest: int) -> int:
    """The last change before a time: found by halving, because changes are in the order of their times."""
    low, high = 0, newest
    timestamp = "json_extract(CAST(body AS TEXT), '$._ts')"
    statement = f"SELECT lsn, {timestamp} FROM {container.table} WHERE lsn > ? ORDER BY lsn LIMIT 1"
    while low < high:
        middle = (low + high) // 2
        row = connection.execute(statement, (middle,)).fetchone()
        if row is None or row[1] >= time:
            high = middle
        else:
            low = row[0]
    return low
