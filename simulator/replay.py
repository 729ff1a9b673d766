"""Plays messages to a hub, as fast as it takes them or at a rate, with a progress bar."""

import asyncio
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from simulator.samples import Message
from simulator.senders import Sender

CHUNK = 2_000
"""Messages handed to the sender at a time, when nothing holds them back."""


@dataclass(frozen=True, slots=True)
class Replayed:
    """What was sent, and how long it took in seconds."""

    messages: int
    seconds: float

    @property
    def rate(self) -> float:
        return self.messages / self.seconds if self.seconds else 0.0


async def replay(
    messages: Iterable[Message],
    sender: Sender,
    *,
    rate: float | None = None,
    told: Callable[[int], None] = lambda sent: None,
) -> Replayed:
    """Sends every message; `rate` is in messages a second, None for as fast as they are taken.

    `told` is called with the number sent so far. Raises SendingFailed.
    """
    start = time.monotonic()
    sent = 0
    for chunk in _chunks(messages, CHUNK if rate is None else max(1, min(CHUNK, int(rate / 10)))):
        if rate is not None:
            await asyncio.sleep(max(0.0, start + sent / rate - time.monotonic()))
        await sender.send(chunk)
        sent += len(chunk)
        told(sent)
    return Replayed(sent, time.monotonic() - start)


async def replay_with_progress(
    messages: Sequence[Message],
    sender: Sender,
    console: Console,
    *,
    rate: float | None = None,
    told: Callable[[int], None] = lambda sent: None,
) -> Replayed:
    """`replay`, showing how far it is."""
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=console) as progress:
        task = progress.add_task("Sending", total=len(messages))

        def show(sent: int) -> None:
            progress.update(task, completed=sent)
            told(sent)

        return await replay(messages, sender, rate=rate, told=show)


def _chunks(messages: Iterable[Message], size: int) -> Iterator[list[Message]]:
    iterator = iter(messages)
    while chunk := list(islice(iterator, size)):
        yield chunk
