"""The SQLite file: its schema, its connections, and the one writer, which commits many requests at once.

Everything acknowledged was committed with synchronous=FULL, so it survives kill -9 and power loss. Requests that
arrive while a commit is being flushed share the next one.
"""

import asyncio
import contextlib
import sqlite3
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any, NamedTuple, TypeVar

T = TypeVar("T")

SCHEMA = """
CREATE TABLE IF NOT EXISTS models(
    id TEXT PRIMARY KEY, document TEXT NOT NULL, decommissioned INTEGER NOT NULL, upload_time TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS model_bases(
    model TEXT NOT NULL, base TEXT NOT NULL, PRIMARY KEY(model, base)) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS model_bases_by_base ON model_bases(base);
CREATE TABLE IF NOT EXISTS twins(id TEXT PRIMARY KEY, model TEXT NOT NULL, document TEXT NOT NULL);
CREATE INDEX IF NOT EXISTS twins_by_model ON twins(model);
CREATE TABLE IF NOT EXISTS relationships(
    source TEXT NOT NULL, id TEXT NOT NULL, target TEXT NOT NULL, name TEXT NOT NULL, document TEXT NOT NULL,
    PRIMARY KEY(source, id));
CREATE INDEX IF NOT EXISTS relationships_by_target ON relationships(target);
CREATE INDEX IF NOT EXISTS relationships_by_name ON relationships(name);
CREATE TABLE IF NOT EXISTS routes(id TEXT PRIMARY KEY, endpoint TEXT NOT NULL, filter TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS outbox(
    sequence INTEGER PRIMARY KEY AUTOINCREMENT, hub TEXT NOT NULL, partition_key TEXT NOT NULL,
    properties TEXT NOT NULL, body TEXT NOT NULL);
CREATE INDEX IF NOT EXISTS outbox_by_hub ON outbox(hub, sequence);
"""
"""`document` is JSON: a model's DTDL interface; a twin whole, with $dtId, $etag and $metadata; a relationship whole.

`model_bases` is the transitive closure of `extends`, each model itself included. `outbox` holds what Event Hubs has
not accepted yet: `properties` is a JSON object of application properties.
"""

_CHECKPOINT_PAGES = 8000
_GROUP_LIMIT = 128


def connect(path: Path, *, cache_kib: int = 16384) -> sqlite3.Connection:
    """A connection to the file: in autocommit mode, so that transactions are begun and ended by name."""
    connection = sqlite3.connect(path, isolation_level=None, cached_statements=512, check_same_thread=False, timeout=30)
    connection.execute("PRAGMA journal_mode=WAL")
    connection.execute("PRAGMA synchronous=FULL")
    connection.execute(f"PRAGMA cache_size=-{cache_kib}")
    connection.execute(f"PRAGMA wal_autocheckpoint={_CHECKPOINT_PAGES}")
    connection.execute("PRAGMA temp_store=MEMORY")
    return connection


class _Job(NamedTuple):
    work: Callable[[sqlite3.Connection], Any]
    future: "asyncio.Future[Any]"


class Writer:
    """Runs write jobs one after another on the event loop's own thread; only their common commit runs in another.

    On the loop's thread no statement has to win Python's lock back from it, which costs far more than the statement.
    """

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection
        self._jobs: list[_Job] = []
        self._arrived = asyncio.Event()
        self._is_stopping = False
        self.on_commit: Callable[[], None] = lambda: None
        """Called after every commit."""
        self.on_rollback: Callable[[], None] = lambda: None
        """Called when a commit failed, so that what is remembered of its rows is forgotten."""

    async def submit(self, work: Callable[[sqlite3.Connection], T]) -> T:
        """What `work` returns, once all that it wrote is on disk; what it raises comes out, and nothing is written.

        Raises sqlite3.Error when the disk fails.
        """
        future: asyncio.Future[T] = asyncio.get_running_loop().create_future()
        self._jobs.append(_Job(work, future))
        self._arrived.set()
        return await future

    @contextlib.asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Jobs are done while the block runs; those that came are finished before it ends."""
        task = asyncio.create_task(self._run())
        try:
            yield
        finally:
            self._is_stopping = True
            self._arrived.set()
            await task

    async def _run(self) -> None:
        while self._jobs or not self._is_stopping:
            await self._arrived.wait()
            group, self._jobs = self._jobs[:_GROUP_LIMIT], self._jobs[_GROUP_LIMIT:]
            if group:
                await self._commit(group)
            if not self._jobs and not self._is_stopping:
                self._arrived.clear()

    async def _commit(self, group: list[_Job]) -> None:
        """Does the jobs as one transaction, each whole or not at all, and answers them once it is flushed."""
        try:
            self._connection.execute("BEGIN IMMEDIATE")
            results = [(job.future, self._performed(job)) for job in group]
            await asyncio.to_thread(self._connection.execute, "COMMIT")
        except sqlite3.Error as error:
            if self._connection.in_transaction:
                self._connection.execute("ROLLBACK")
            self.on_rollback()
            for job in group:
                _fail(job, error)
            return
        for future, result in results:
            if not future.done():
                future.set_result(result)
        self.on_commit()

    def _performed(self, job: _Job) -> Any:
        """A job's result; a job that fails is answered at once, and leaves nothing behind."""
        self._connection.execute("SAVEPOINT job")
        try:
            return job.work(self._connection)
        except sqlite3.OperationalError:
            raise
        except Exception as error:  # noqa: BLE001 - whatever ails one job goes to its own caller, and the others go on
            self._connection.execute("ROLLBACK TO job")
            _fail(job, error)
            return None
        finally:
            if self._connection.in_transaction:
                self._connection.execute("RELEASE job")


def _fail(job: _Job, error: Exception) -> None:
    if not job.future.done():
        job.future.set_exception(error)
