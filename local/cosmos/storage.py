"""The SQLite file: its connections, its schema, and its one writer.

Everything acknowledged was committed with synchronous=FULL, so it survives kill -9 and power loss. Requests that
arrive while a commit is being flushed share the next one.
"""

import asyncio
import sqlite3
import threading
import time
from collections import deque
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import Any, NamedTuple, TypeVar

from local.cosmos.errors import owner_not_found
from local.cosmos.query.indexes import Path as PropertyPath
from local.cosmos.query.indexes import key_paths, register
from local.process import UserMistake

T = TypeVar("T")

_SCHEMA = """
CREATE TABLE IF NOT EXISTS databases(number INTEGER PRIMARY KEY AUTOINCREMENT, id TEXT UNIQUE NOT NULL, body TEXT);
CREATE TABLE IF NOT EXISTS containers(
    number INTEGER PRIMARY KEY AUTOINCREMENT, database TEXT NOT NULL, id TEXT NOT NULL, partitions INTEGER NOT NULL,
    lsn INTEGER NOT NULL DEFAULT 0, body TEXT, UNIQUE(database, id));
CREATE TABLE IF NOT EXISTS offers(number INTEGER PRIMARY KEY AUTOINCREMENT, resource TEXT UNIQUE NOT NULL, body TEXT);
"""
_LAYOUT = 2
"""Which layout of tables a file has: SQLite keeps the number for its user. Files of another one are not read."""
_WRITER_CACHE_KIB = 81920
_READER_CACHE_KIB = 8192
_PAGE_BYTES = 8192
"""For a new file: documents of 1 KiB fill larger pages better, and a batch changes fewer of them."""
_CHECKPOINT_PAGES = 4000
"""Pages that the log gathers before they go into the file: with fewer, hot pages go there too often."""
_GROUP_SECONDS = 0.01
_MAX_GROUP_SECONDS = 0.03
"""How long jobs are run, at least and at most, before what they wrote is committed."""


def connect(path: Path, *, cache_kib: int = _READER_CACHE_KIB) -> sqlite3.Connection:
    connection = sqlite3.connect(path, isolation_level=None, cached_statements=512, check_same_thread=False, timeout=30)
    connection.execute(f"PRAGMA page_size={_PAGE_BYTES}")
    connection.execute("PRAGMA journal_mode=WAL")
    connection.execute("PRAGMA synchronous=FULL")
    connection.execute(f"PRAGMA cache_size=-{cache_kib}")
    connection.execute(f"PRAGMA wal_autocheckpoint={_CHECKPOINT_PAGES}")
    connection.execute("PRAGMA temp_store=MEMORY")
    register(connection)
    return connection


def _prepare(connection: sqlite3.Connection, path: Path) -> None:
    """Makes the tables of a new file. Raises UserMistake for a file that another version of this server made."""
    tables, layout = connection.execute(
        "SELECT count(*), user_version FROM sqlite_master, pragma_user_version"
    ).fetchone()
    if tables and layout != _LAYOUT:
        raise UserMistake(f"{path} was made by another version of local.cosmos: remove it, or give another --data.")
    connection.executescript(f"{_SCHEMA} PRAGMA user_version = {_LAYOUT};")


class Transaction:
    """What a write job sees: the connection, and the log sequence numbers of the containers it changes."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self.connection = connection
        self._lsns: dict[int, int] = dict(connection.execute("SELECT number, lsn FROM containers"))
        self._changed: set[int] = set()
        self._key_paths: dict[str, tuple[PropertyPath, ...]] = {}
        self._default_ttls: dict[int, int | None] = {}
        self._now = 0

    def now(self) -> int:
        """Unix seconds that never go back, so that changes are in the order of their times."""
        self._now = max(self._now, int(time.time()))
        return self._now

    def next_lsn(self, container: int, count: int = 1) -> int:
        """The first of `count` new numbers in a container's order of changes. Raises ServiceError when it is gone."""
        lsn = self._lsns.get(container)
        if lsn is None:
            raise owner_not_found()
        self._lsns[container] = lsn + count
        self._changed.add(container)
        return lsn + 1

    def newest_lsn(self, container: int) -> int:
        return self._lsns.get(container, 0)

    def key_paths(self, table: str) -> tuple[PropertyPath, ...]:
        """The properties whose keys a container's table has columns for: after `body`, in this order."""
        found = self._key_paths.get(table)
        if found is None:
            found = self._key_paths[table] = key_paths(self.connection, table)
        return found

    def default_ttl(self, container: int) -> int | None:
        """The seconds that a container's items live by default, as of this very write."""
        if container not in self._default_ttls:
            row = self.connection.execute(
                "SELECT json_extract(body, '$.defaultTtl') FROM containers WHERE number = ?", (container,)
            ).fetchone()
            self._default_ttls[container] = row[0] if row else None
        return self._default_ttls[container]

    def forget(self) -> None:
        """To be called when a container's columns or its time to live were changed, or changed back by a rollback."""
        self._key_paths.clear()
        self._default_ttls.clear()

    def add_container(self, container: int) -> None:
        self._lsns[container] = 0

    def has_container(self, container: int) -> bool:
        return container in self._lsns

    def drop_container(self, container: int) -> None:
        self._lsns.pop(container, None)
        self._changed.discard(container)

    def keep_lsns(self) -> None:
        """Writes the numbers given out, so that they never go back, whatever is deleted later."""
        for container in self._changed:
            self.connection.execute(
                "UPDATE containers SET lsn = ? WHERE number = ?", (self._lsns[container], container)
            )
        self._changed.clear()


class _Job(NamedTuple):
    work: Callable[[Transaction], Any]
    future: "asyncio.Future[Any]"
    is_long: bool


class _Outcome(NamedTuple):
    future: "asyncio.Future[Any]"
    result: Any
    error: Exception | None


class Writer:
    """Runs jobs in order, and commits many at once.

    Jobs run on the event loop: Python runs one thread at a time, so a thread of their own would mostly wait for the
    loop's, and the loop's for it. Only the disk is waited for in a thread, and what may take long runs there whole.
    """

    def __init__(self, path: Path) -> None:
        self._connection = connect(path, cache_kib=_WRITER_CACHE_KIB)
        _prepare(self._connection, path)
        self._transaction = Transaction(self._connection)
        self._jobs: deque[_Job] = deque()
        self._is_busy = False
        self._commit_seconds = 0.0
        self._loop = asyncio.get_running_loop()
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="cosmos-writer")

    def submit(self, work: Callable[[Transaction], T]) -> "asyncio.Future[T]":
        """Runs `work`, which must be short; done once what it wrote is on disk.

        What `work` raises comes out, and nothing that it wrote stays.
        """
        return self._queued(work, is_long=False)

    def submit_long(self, work: Callable[[Transaction], T]) -> "asyncio.Future[T]":
        """The same for work that may take long: in the writer's thread, and in a transaction of its own."""
        return self._queued(work, is_long=True)

    def newest_lsn(self, container: int) -> int:
        """The last number given out in a container's order of changes, be its change committed yet or not."""
        return self._transaction.newest_lsn(container)

    def close(self) -> None:
        """Finishes the jobs that are queued, and closes the file."""
        self._thread.shutdown()
        while self._jobs:
            _settle(self._committed(self._performed()))
        self._connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        self._connection.close()

    def _queued(self, work: Callable[[Transaction], T], *, is_long: bool) -> "asyncio.Future[T]":
        future: asyncio.Future[T] = self._loop.create_future()
        self._jobs.append(_Job(work, future, is_long))
        if len(self._jobs) == 1 and not self._is_busy:
            self._loop.call_soon(self._start)
        return future

    def _start(self) -> None:
        """Runs jobs that wait, and leaves the rest to the thread."""
        if self._is_busy or not self._jobs:
            return
        self._is_busy = True
        if self._jobs[0].is_long:
            running = self._thread.submit(lambda: self._committed(self._performed()))
        else:
            running = self._thread.submit(self._committed, self._performed())
        running.add_done_callback(lambda done: self._loop.call_soon_threadsafe(self._finish, done))

    def _finish(self, running: "Future[list[_Outcome]]") -> None:
        """Gives the results out, and goes on once those who waited for them have sent their answers."""
        self._is_busy = False
        _settle(running.result())
        self._loop.call_soon(self._start)

    def _performed(self) -> list[_Outcome]:
        """Runs the next jobs as one transaction, and leaves it open; when SQLite gave it up, they all have failed.

        A long job runs alone. Short ones run for as long as the last commit took, so that neither the disk nor the
        clients wait for much: while a group is committed they send the next one.
        """
        taken: list[_Job] = []
        outcomes: list[_Outcome] = []
        until = time.perf_counter() + max(_GROUP_SECONDS, self._commit_seconds)
        try:
            self._connection.execute("BEGIN IMMEDIATE")
            while self._jobs and not (taken and (taken[0].is_long or self._jobs[0].is_long)):
                taken.append(self._jobs.popleft())
                outcomes.append(self._perform(taken[-1]))
                if time.perf_counter() > until:
                    break
        except sqlite3.Error as error:
            taken = taken or [self._jobs.popleft()]
            return self._failed([job.future for job in taken], error)
        return outcomes

    def _committed(self, outcomes: list[_Outcome]) -> list[_Outcome]:
        if not self._connection.in_transaction:
            return outcomes
        started = time.perf_counter()
        try:
            self._transaction.keep_lsns()
            self._connection.execute("COMMIT")
        except sqlite3.Error as error:
            return self._failed([outcome.future for outcome in outcomes], error)
        self._commit_seconds = min(time.perf_counter() - started, _MAX_GROUP_SECONDS)
        return outcomes

    def _failed(self, futures: "list[asyncio.Future[Any]]", error: sqlite3.Error) -> list[_Outcome]:
        self._transaction.forget()
        if self._connection.in_transaction:
            self._connection.execute("ROLLBACK")
        return [_Outcome(future, None, error) for future in futures]

    def _perform(self, job: _Job) -> _Outcome:
        """Runs one job. Raises sqlite3.Error when SQLite has given up the whole transaction, as for a full disk."""
        self._connection.execute("SAVEPOINT job")
        try:
            outcome = _Outcome(job.future, job.work(self._transaction), None)
        except Exception as error:
            self._transaction.forget()
            if not self._connection.in_transaction:
                raise sqlite3.OperationalError(f"the transaction was rolled back: {error}") from error
            self._connection.execute("ROLLBACK TO job")
            outcome = _Outcome(job.future, None, error)
        self._connection.execute("RELEASE job")
        return outcome


def _settle(outcomes: list[_Outcome]) -> None:
    for future, result, error in outcomes:
        if future.done():
            continue
        if error is None:
            future.set_result(result)
        else:
            future.set_exception(error)


class Readers:
    """Threads that read, each with a connection of its own, so that a slow query stops nobody else."""

    def __init__(self, path: Path, *, threads: int = 4) -> None:
        self._path = path
        self._local = threading.local()
        self._connections: list[sqlite3.Connection] = []
        self._pool = ThreadPoolExecutor(threads, thread_name_prefix="cosmos-reader", initializer=self._open)

    def _open(self) -> None:
        self._local.connection = connect(self._path)
        self._connections.append(self._local.connection)

    async def run(self, work: Callable[[sqlite3.Connection], T]) -> T:
        """Runs `work` with a reading connection, off the event loop."""
        return await asyncio.get_running_loop().run_in_executor(self._pool, self._call, work)

    def _call(self, work: Callable[[sqlite3.Connection], T]) -> T:
        return work(self._local.connection)

    def close(self) -> None:
        self._pool.shutdown()
        for connection in self._connections:
            connection.close()
