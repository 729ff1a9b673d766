"""The SQLite file: its connections, its schema, and the one thread that writes it.

Everything acknowledged was committed with synchronous=FULL, so it survives kill -9 and power loss. Requests that
arrive while a commit is being flushed share the next one.
"""

import asyncio
import sqlite3
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from queue import SimpleQueue
from typing import Any, NamedTuple, TypeVar

from local.cosmos.errors import owner_not_found
from local.cosmos.query.indexes import register

T = TypeVar("T")

_SCHEMA = """
CREATE TABLE IF NOT EXISTS databases(number INTEGER PRIMARY KEY AUTOINCREMENT, id TEXT UNIQUE NOT NULL, body TEXT);
CREATE TABLE IF NOT EXISTS containers(
    number INTEGER PRIMARY KEY AUTOINCREMENT, database TEXT NOT NULL, id TEXT NOT NULL, partitions INTEGER NOT NULL,
    lsn INTEGER NOT NULL DEFAULT 0, body TEXT, UNIQUE(database, id));
CREATE TABLE IF NOT EXISTS offers(number INTEGER PRIMARY KEY AUTOINCREMENT, resource TEXT UNIQUE NOT NULL, body TEXT);
"""
_WRITER_CACHE_KIB = 65536
_READER_CACHE_KIB = 8192
_CHECKPOINT_PAGES = 8000
"""Pages of 4 KiB that the log gathers before they go into the file: with fewer, hot pages go there too often."""
_GROUP_LIMIT = 256


def connect(path: Path, *, cache_kib: int = _READER_CACHE_KIB) -> sqlite3.Connection:
    connection = sqlite3.connect(path, isolation_level=None, cached_statements=512, check_same_thread=False, timeout=30)
    connection.execute("PRAGMA journal_mode=WAL")
    connection.execute("PRAGMA synchronous=FULL")
    connection.execute(f"PRAGMA cache_size=-{cache_kib}")
    connection.execute(f"PRAGMA wal_autocheckpoint={_CHECKPOINT_PAGES}")
    connection.execute("PRAGMA temp_store=MEMORY")
    register(connection)
    return connection


class Transaction:
    """What a write job sees: the connection, and the log sequence numbers of the containers it changes."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self.connection = connection
        self._lsns: dict[int, int] = dict(connection.execute("SELECT number, lsn FROM containers"))
        self._changed: set[int] = set()
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


class _Outcome(NamedTuple):
    future: "asyncio.Future[Any]"
    result: Any
    error: Exception | None


class Writer:
    """The thread that owns the writing connection: it runs jobs in order, and commits many at once."""

    def __init__(self, path: Path) -> None:
        self._connection = connect(path, cache_kib=_WRITER_CACHE_KIB)
        self._connection.executescript(_SCHEMA)
        self._transaction = Transaction(self._connection)
        self._jobs: SimpleQueue[_Job | None] = SimpleQueue()
        self._loop = asyncio.get_running_loop()
        self._thread = threading.Thread(target=self._run, name="cosmos-writer")
        self._thread.start()

    def submit(self, work: Callable[[Transaction], T]) -> "asyncio.Future[T]":
        """Runs `work` in the writer's thread; done once what it wrote is on disk.

        What `work` raises comes out, and nothing that it wrote stays.
        """
        future: asyncio.Future[T] = self._loop.create_future()
        self._jobs.put(_Job(work, future))
        return future

    def close(self) -> None:
        """Finishes the jobs that are queued, and closes the file."""
        self._jobs.put(None)
        self._thread.join()
        self._connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        self._connection.close()

    def _run(self) -> None:
        while (job := self._jobs.get()) is not None:
            self._loop.call_soon_threadsafe(_settle, self._run_group(job))

    def _run_group(self, job: _Job) -> list[_Outcome]:
        """Runs the job and those that wait behind it as one transaction."""
        taken: list[_Job] = []
        outcomes: list[_Outcome] = []
        following: _Job | None = job
        try:
            self._connection.execute("BEGIN IMMEDIATE")
            while following is not None:
                taken.append(following)
                outcomes.append(self._perform(following))
                following = self._waiting() if len(taken) < _GROUP_LIMIT else None
            self._transaction.keep_lsns()
            self._connection.execute("COMMIT")
        except sqlite3.Error as error:
            if self._connection.in_transaction:
                self._connection.execute("ROLLBACK")
            return [_Outcome(failed.future, None, error) for failed in taken or [job]]
        return outcomes

    def _waiting(self) -> _Job | None:
        if self._jobs.empty():
            return None
        job = self._jobs.get()
        if job is None:
            self._jobs.put(None)
        return job

    def _perform(self, job: _Job) -> _Outcome:
        """Runs one job. Raises sqlite3.Error when SQLite has given up the whole transaction, as for a full disk."""
        self._connection.execute("SAVEPOINT job")
        try:
            outcome = _Outcome(job.future, job.work(self._transaction), None)
        except Exception as error:
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
