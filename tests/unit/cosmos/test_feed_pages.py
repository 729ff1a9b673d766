"""Pages of the change feed that are read ahead: as if they were read when they are asked for."""

import asyncio
import sqlite3
from collections.abc import AsyncIterator, Callable
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

import orjson
import pytest

from local.cosmos import items
from local.cosmos.catalog import Container, create_container, create_database
from local.cosmos.documents import draft
from local.cosmos.feed_pages import Changes, FeedPages, PageRequest, Start
from local.cosmos.items import Conditions
from local.cosmos.partition_keys import END, KeyRange
from local.cosmos.scopes import scope_of
from local.cosmos.storage import Readers, Transaction, Writer

T = TypeVar("T")
PAGE = 10
PATIENCE = 60


class CountingReaders(Readers):
    """Readers that know how often they were asked."""

    asked = 0

    async def run(self, work: Callable[[sqlite3.Connection], T]) -> T:
        self.asked += 1
        return await super().run(work)


class Feed:
    """A container of fifty items, and its feed."""

    def __init__(self, writer: Writer, readers: CountingReaders, container: Container) -> None:
        self.readers = readers
        self._pages = FeedPages(readers, writer)
        self._writer = writer
        self._container = container

    async def page(self, lsn: int) -> Changes:
        scope = scope_of(self._container, KeyRange("", END))
        return await self._pages.read(PageRequest(self._container, scope, Start(lsn), PAGE))

    async def replace(self, name: str, **properties: Any) -> None:
        new = draft({"id": name, "pk": "p", **properties}, self._container.key, None, self._container.policy)
        await self._writer.submit(lambda transaction: items.replace(transaction, self._container, new, Conditions()))

    async def delete(self, name: str) -> None:
        epk = self._container.key.effective(b'["p"]')
        await self._writer.submit(
            lambda transaction: items.delete(transaction, self._container, epk, name, Conditions())
        )


@pytest.fixture
async def feed(tmp_path: Path) -> AsyncIterator[Feed]:
    writer = Writer(tmp_path / "file")
    readers = CountingReaders(tmp_path / "file", threads=1)

    def fill(transaction: Transaction) -> Container:
        create_database(transaction, b'{"id":"d"}')
        given = orjson.dumps({"id": "c", "partitionKey": {"paths": ["/pk"]}})
        container = create_container(transaction, "d", given, 1)
        make = partial(draft, definition=container.key, key=None, policy=container.policy)
        items.create_many(transaction, container, [make({"id": str(number), "pk": "p"}) for number in range(50)])
        return container

    yield Feed(writer, readers, await writer.submit_long(fill))
    readers.close()
    writer.close()


def names(page: Changes) -> list[str]:
    return [orjson.loads(body)["id"] for body in page.bodies]


async def test_next_page_is_read_before_it_is_asked_for(feed: Feed) -> None:
    second = await feed.page((await feed.page(0)).lsn)
    async with asyncio.timeout(PATIENCE):
        while feed.readers.asked < 3:  # noqa: ASYNC110 - nothing tells of it
            await asyncio.sleep(0)

    third = await feed.page(second.lsn)

    assert names(third) == [str(number) for number in range(20, 30)]
    assert feed.readers.asked == 3


async def test_page_read_ahead_is_read_again_when_something_was_written(feed: Feed) -> None:
    second = await feed.page((await feed.page(0)).lsn)
    await feed.delete("20")
    await feed.replace("21", version=2)

    third = await feed.page(second.lsn)
    rest = [third]
    while rest[-1].is_cut:
        rest.append(await feed.page(rest[-1].lsn))

    assert names(third) == [str(number) for number in range(22, 32)]
    assert [name for page in rest for name in names(page)] == [*map(str, range(22, 50)), "21"]


async def test_container_that_is_written_to_is_not_read_ahead(feed: Feed) -> None:
    lsn = 0
    for number in range(40, 44):
        await feed.replace(str(number), version=2)
        lsn = (await feed.page(lsn)).lsn

    assert feed.readers.asked == 4
