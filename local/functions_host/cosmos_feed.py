"""Reading the change feed of one feed range, page by page."""

from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal

from azure.cosmos.aio import ContainerProxy

Beginning = Literal["Now", "Beginning"] | datetime


@dataclass(frozen=True)
class Page:
    """Changed documents, and where the feed goes on after them."""

    documents: Sequence[Mapping[str, Any]]
    continuation: str


class ChangeFeed:
    """The change feed of one container."""

    def __init__(self, container: ContainerProxy, largest_page: int | None) -> None:
        self._container = container
        self._largest_page = largest_page

    async def ranges(self) -> list[Mapping[str, Any]]:
        """The container's feed ranges: its physical partitions."""
        return [found async for found in self._container.read_feed_ranges()]

    async def read(self, continuation: str) -> Page:
        """The next page. Raises AzureError."""
        return await self._page(continuation=continuation)

    async def start(self, feed_range: Mapping[str, Any], beginning: Beginning) -> Page:
        """The first page of a feed range. Raises AzureError."""
        return await self._page(feed_range=dict(feed_range), start_time=beginning)

    async def _page(self, **scope: Any) -> Page:
        headers: list[Mapping[str, str]] = []
        items: Any = self._container.query_items_change_feed(
            max_item_count=self._largest_page, response_hook=lambda answered, body: headers.append(answered), **scope
        )
        pages: AsyncIterator[AsyncIterator[dict[str, Any]]] = items.by_page()
        documents: list[dict[str, Any]] = []
        async for page in pages:
            documents = [document async for document in page]
            break
        # The SDK writes the whole state of the feed into these headers after the hook, so they are read only here.
        return Page(documents, headers[-1]["etag"])
