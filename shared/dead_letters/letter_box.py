"""Where dead letters are put, found and marked."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from datetime import UTC, datetime
from typing import NamedTuple

from shared.dead_letters.letters import DeadLetter, NotALetter
from shared.gateways.blobs import LetterContainer
from shared.telemetry.timestamps import canonical

CONCURRENT_WRITES = 16
REPLAYED = "replayedat"
"""Metadata of a blob whose letter was replayed, beside `replayedAt` in the letter, so that a list shows it."""


class ListedLetter(NamedTuple):
    name: str
    written: datetime
    replayed_at: str | None


class LetterBox:
    """Dead letters in their container. Raises Unavailable."""

    def __init__(self, container: LetterContainer) -> None:
        self._container = container

    async def put(self, letters: Sequence[DeadLetter]) -> None:
        """Writes letters, each over itself if it was written before: then it counts as not replayed again."""
        limit = asyncio.Semaphore(CONCURRENT_WRITES)

        async def put_one(letter: DeadLetter) -> None:
            async with limit:
                await self._container.put(letter.name, letter.to_json())

        for outcome in await asyncio.gather(*map(put_one, letters), return_exceptions=True):
            if isinstance(outcome, BaseException):
                raise outcome

    async def read(self, name: str) -> DeadLetter:
        """Raises NoSuchBlob or NotALetter."""
        try:
            return DeadLetter.from_json(await self._container.get(name))
        except NotALetter as error:
            raise NotALetter(f"{name}: {error}") from error

    async def list(self, prefix: str = "") -> AsyncIterator[ListedLetter]:
        """Letters whose name starts so, in the order of their names."""
        async for blob in self._container.list(prefix):
            yield ListedLetter(blob.name, blob.written, blob.metadata.get(REPLAYED))

    async def mark_replayed(self, letter: DeadLetter) -> None:
        """Notes in the letter and on its blob that it was replayed now."""
        now = canonical(datetime.now(UTC))
        marked = letter.model_copy(update={"replayed_at": now})
        await self._container.put(letter.name, marked.to_json(), {REPLAYED: now})
