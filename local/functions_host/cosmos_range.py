"""Pumping one feed range: pages → invocations → the lease's continuation, for as long as this host owns it."""

import asyncio
import json
import logging
from datetime import UTC, datetime, timedelta
from typing import Any

import orjson
from azure.core.exceptions import AzureError
from azure.functions.meta import Datum

from local.functions_host.console import HOST, Console
from local.functions_host.cosmos_feed import Beginning, ChangeFeed, Page
from local.functions_host.cosmos_leases import Lease, LeaseLost, LeaseStore
from local.functions_host.invocations import Call, Invoker
from local.functions_host.listeners import wait_until
from local.functions_host.newtonsoft import rewrite_json

_AFTER_ERROR = timedelta(seconds=1)


def documents_call(text: str, container: str) -> Call:
    """One invocation for documents, given as JSON."""
    now = datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
    return Call(Datum(text, "json"), reason=f"New changes on container {container} at {now}")


def documents_text(documents: Any) -> str:
    """Documents as the real host sends them: strings that look like dates rewritten."""
    try:
        text = orjson.dumps(documents).decode()
    except TypeError:  # a number beyond 64 bits
        text = json.dumps(documents, separators=(",", ":"))
    return rewrite_json(text)


class RangePump:
    """One feed range, from the moment its lease is acquired until it is lost or the host stops."""

    def __init__(
        self, invoker: Invoker, container: str, lease: Lease, feed: ChangeFeed, store: LeaseStore, console: Console
    ) -> None:
        self.lease = lease
        self._invoker = invoker
        self._container = container
        self._feed = feed
        self._store = store
        self._console = console
        self._cut = asyncio.Event()

    def cut(self) -> None:
        """No more pages and no more checkpoints; the invocation that runs is left to finish."""
        self._cut.set()

    async def run(self, beginning: Beginning, poll: timedelta) -> None:
        """Pumps until cut, or until the lease turns out to be lost."""
        continuation = self.lease.continuation
        while not self._cut.is_set():
            try:
                page = await self._read(continuation, beginning)
                if page.documents and not await self._process(page):
                    return
            except LeaseLost as lost:
                self._console.show(HOST, f"Functions.{self._invoker.function.name}: the lease {lost}")
                return
            except AzureError as error:
                text = f"Functions.{self._invoker.function.name}: the change feed of {self._container} failed"
                self._console.show(HOST, f"{text}, to be tried again: {error}", logging.WARNING)
                await wait_until(self._cut, _AFTER_ERROR.total_seconds())
                continue
            continuation = page.continuation
            if not page.documents:
                await wait_until(self._cut, poll.total_seconds())

    async def _read(self, continuation: str | None, beginning: Beginning) -> Page:
        if continuation is not None:
            return await self._feed.read(continuation)
        return await self._feed.start(self.lease.feed_range, beginning)

    async def _process(self, page: Page) -> bool:
        """Invokes and then, whatever the outcome, advances the lease; False when cut before that."""
        await self._invoker.run(documents_call(documents_text(page.documents), self._container), self._cut)
        if self._cut.is_set():
            return False
        await self._store.checkpoint(self.lease, page.continuation)
        return True
