"""The writing thread: groups, failures of one job, and of the disk."""

import asyncio
import sqlite3
from collections.abc import AsyncIterator
from functools import partial
from pathlib import Path

import pytest

from local.cosmos.storage import Readers, Transaction, Writer


@pytest.fixture
async def writer(tmp_path: Path) -> AsyncIterator[Writer]:
    writer = Writer(tmp_path / "file")
    await writer.submit(lambda transaction: transaction.connection.execute("CREATE TABLE t(n INTEGER UNIQUE)").rowcount)
    yield writer
    writer.close()


@pytest.fixture
async def readers(writer: Writer, tmp_path: Path) -> AsyncIterator[Readers]:
    readers = Readers(tmp_path / "file", threads=1)
    yield readers
    readers.close()


def insert(number: int, transaction: Transaction) -> int:
    return transaction.connection.execute("INSERT INTO t VALUES(?)", (number,)).rowcount


async def numbers(readers: Readers) -> list[int]:
    return await readers.run(lambda connection: [n for (n,) in connection.execute("SELECT n FROM t ORDER BY n")])


async def test_many_jobs_at_once_are_all_done(writer: Writer, readers: Readers) -> None:
    await asyncio.gather(*(writer.submit(partial(insert, number)) for number in range(1000)))

    assert await numbers(readers) == list(range(1000))


async def test_failing_job_leaves_nothing_and_the_others_everything(writer: Writer, readers: Readers) -> None:
    def fail(transaction: Transaction) -> None:
        insert(50, transaction)
        raise LookupError("something unforeseen")

    results = await asyncio.gather(
        *(writer.submit(partial(insert, number)) for number in range(5)),
        writer.submit(fail),
        *(writer.submit(partial(insert, number)) for number in range(3, 8)),
        return_exceptions=True,
    )

    assert [type(result) for result in results] == [int] * 5 + [LookupError] + [sqlite3.IntegrityError] * 2 + [int] * 3
    assert await numbers(readers) == list(range(8))


async def test_writer_lives_on_after_sqlite_gave_up_a_transaction(writer: Writer, readers: Readers) -> None:
    await writer.submit(lambda transaction: transaction.connection.execute("PRAGMA max_page_count = 40").fetchone())

    def fill(transaction: Transaction) -> None:
        transaction.connection.execute("CREATE TABLE big AS SELECT randomblob(1000000) AS blob")

    def give_up(transaction: Transaction) -> None:
        transaction.connection.execute("ROLLBACK")
        raise sqlite3.OperationalError("database or disk is full")

    with pytest.raises(sqlite3.OperationalError, match="full"):
        await writer.submit(fill)
    for result in await asyncio.gather(writer.submit(give_up), writer.submit(give_up), return_exceptions=True):
        assert isinstance(result, sqlite3.OperationalError)

    await writer.submit(lambda transaction: insert(1, transaction))
    assert await numbers(readers) == [1]


async def test_sequence_numbers_go_on_after_a_reopening(writer: Writer, tmp_path: Path) -> None:
    def make(transaction: Transaction) -> int:
        transaction.connection.execute(
            "INSERT INTO containers(number, database, id, partitions) VALUES(7, 'd', 'c', 1)"
        )
        transaction.add_container(7)
        return transaction.next_lsn(7, 10)

    assert await writer.submit(make) == 1
    again = Writer(tmp_path / "file")
    try:
        assert await again.submit(lambda transaction: transaction.next_lsn(7)) == 11
    finally:
        again.close()
