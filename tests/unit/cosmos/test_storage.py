"""The writing thread: groups, failures of one job, and of the disk."""

import asyncio
import sqlite3
from collections.abc import AsyncIterator
from functools import partial
from pathlib import Path

import orjson
import pytest

from local.cosmos.catalog import Container, create_container, create_database, replace_container
from local.cosmos.documents import draft
from local.cosmos.items import create
from local.cosmos.storage import Readers, Transaction, Writer
from local.process import UserMistake


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


async def test_long_and_short_jobs_run_in_the_order_they_were_given(writer: Writer) -> None:
    ran: list[int] = []

    def note(number: int, transaction: Transaction) -> None:
        ran.append(number)

    submits = [writer.submit, writer.submit_long, writer.submit, writer.submit, writer.submit_long, writer.submit_long]
    await asyncio.gather(*(submit(partial(note, number)) for number, submit in enumerate(submits * 5)))

    assert ran == list(range(30))


async def test_failing_long_job_leaves_nothing(writer: Writer, readers: Readers) -> None:
    def fail(transaction: Transaction) -> None:
        insert(1, transaction)
        raise LookupError("something unforeseen")

    with pytest.raises(LookupError):
        await writer.submit_long(fail)
    await writer.submit(partial(insert, 2))

    assert await numbers(readers) == [2]


async def test_jobs_that_wait_when_the_file_is_closed_are_done(tmp_path: Path) -> None:
    writer = Writer(tmp_path / "closed")
    writer.submit_long(lambda transaction: transaction.connection.execute("CREATE TABLE t(n INTEGER)").rowcount)
    waiting = [writer.submit(partial(insert, number)) for number in range(5)]

    writer.close()

    assert await asyncio.gather(*waiting) == [1] * 5
    with sqlite3.connect(tmp_path / "closed") as file:
        assert file.execute("SELECT count(*) FROM t").fetchone() == (5,)
    file.close()


async def test_file_of_another_version_is_refused_and_left_as_it_is(tmp_path: Path) -> None:
    with sqlite3.connect(tmp_path / "older") as file:
        file.execute("CREATE TABLE containers(number INTEGER)")
    file.close()

    with pytest.raises(UserMistake, match="made by another version"):
        Writer(tmp_path / "older")

    with sqlite3.connect(tmp_path / "older") as file:
        assert file.execute("SELECT name FROM sqlite_master").fetchall() == [("containers",)]
    file.close()


async def test_write_counts_by_the_time_to_live_of_its_own_moment(writer: Writer) -> None:
    """A request looks its container up before it waits its turn to write: its default may be another one by then."""
    properties = {"id": "c", "partitionKey": {"paths": ["/pk"]}}

    def make(transaction: Transaction) -> Container:
        create_database(transaction, b'{"id":"d"}')
        return create_container(transaction, "d", orjson.dumps(properties), 1)

    before = await writer.submit_long(make)
    changed = orjson.dumps({**properties, "defaultTtl": 10})
    await writer.submit_long(lambda transaction: replace_container(transaction, before, changed))
    new = draft({"id": "a", "pk": "p"}, before.key, None, before.policy)

    def expiry_of_a_new_item(transaction: Transaction) -> tuple[int, int]:
        written = create(transaction, before, new)
        (expires_at,) = transaction.connection.execute(f"SELECT expires_at FROM {before.table}").fetchone()
        return expires_at, orjson.loads(written.body)["_ts"]

    expires_at, written_at = await writer.submit(expiry_of_a_new_item)
    assert expires_at == written_at + 10
