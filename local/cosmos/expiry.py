"""Removing what has expired. Expired items are invisible at once; this only gives their space back."""

import asyncio
import sqlite3
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress

from local.cosmos.catalog import Container
from local.cosmos.service import Service
from local.cosmos.storage import Transaction

INTERVAL_SECONDS = 1.0
SLICE = 500
"""Items removed in one write job, so that requests wait for a few milliseconds at most."""


@asynccontextmanager
async def purging(service: Service) -> AsyncIterator[None]:
    """Purges in the background while the block runs."""
    task = asyncio.create_task(_purge_for_ever(service))
    try:
        yield
    finally:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task


async def _purge_for_ever(service: Service) -> None:
    while True:
        await asyncio.sleep(INTERVAL_SECONDS)
        for container in service.catalog.all_containers():
            if container.default_ttl is not None:
                with suppress(sqlite3.OperationalError):  # A full disk: it may have room again later.
                    await _purge(service, container)


async def _purge(service: Service, container: Container) -> None:
    now = int(time.time())
    removed = SLICE
    while removed == SLICE:
        removed = await service.writer.submit_long(lambda transaction: purge_slice(transaction, container, now))


def purge_slice(transaction: Transaction, container: Container, now: int) -> int:
    """Removes some of the items that expired up to `now` (unix seconds): how many."""
    if not transaction.has_container(container.number):
        return 0
    return transaction.connection.execute(
        f"DELETE FROM {container.table} WHERE lsn IN"
        f" (SELECT lsn FROM {container.table} WHERE expires_at <= ? LIMIT {SLICE})",
        (now,),
    ).rowcount
