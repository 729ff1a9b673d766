"""Retention: forgets what is older than the namespace keeps."""

import asyncio
import contextlib
import sys
import time
from collections.abc import AsyncIterator

from local.event_hubs.hub import Hubs

_LONGEST_PAUSE = 60.0


class Retention:
    """Trims every partition now and then: at least every minute, and ten times per retention period."""

    def __init__(self, hubs: Hubs, seconds: float) -> None:
        self._hubs = hubs
        self._seconds = seconds

    def trim(self) -> None:
        before = int((time.time() - self._seconds) * 1000)
        for hub in self._hubs:
            for partition in hub.partitions:
                partition.log.trim(before)

    @contextlib.asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Trims at once, and then in the background while the block runs."""
        self.trim()
        task = asyncio.create_task(self._run())
        try:
            yield
        finally:
            task.cancel()

    async def _run(self) -> None:
        while True:
            await asyncio.sleep(min(_LONGEST_PAUSE, max(self._seconds / 10, 0.1)))
            try:
                self.trim()
            except OSError as error:
                print(f"Retention could not trim, and tries again: {error}", file=sys.stderr, flush=True)
