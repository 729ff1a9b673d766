"""The app's handlers called as a worker calls them."""

import asyncio
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager

from shared.gateways.worker import gateways
from shared.settings import settings


@contextmanager
def worker_with(given: Mapping[str, str]) -> Iterator[asyncio.Runner]:
    """Runs coroutines as one worker does, in one event loop, with these settings; the test's end takes them back."""
    os.environ.update(given)
    settings.cache_clear()
    with asyncio.Runner() as runner:
        yield runner
        runner.run(_close())
    settings.cache_clear()


async def _close() -> None:
    await gateways().close()
