"""Cutting a partition's events into batches of host.json's sizes.

Source: PartitionProcessorEventsManager.cs and EventHubListener.PartitionProcessor.cs (MonitorCachedEvents).
"""

from collections import deque
from collections.abc import Iterable, Sequence
from datetime import timedelta
from typing import Generic, TypeVar

Event = TypeVar("Event")


class Batches(Generic[Event]):
    """Events that wait for their invocation, oldest first."""

    def __init__(self, smallest: int, largest: int) -> None:
        self._smallest = min(smallest, largest)
        self._largest = largest
        self._waiting: deque[Event] = deque()

    def __len__(self) -> int:
        return len(self._waiting)

    def add(self, events: Iterable[Event]) -> None:
        self._waiting.extend(events)

    def take(self, *, partial: bool = False) -> Sequence[Event]:
        """The next batch; none while fewer wait than the smallest batch, unless a `partial` one will do."""
        if not self._waiting or (len(self._waiting) < self._smallest and not partial):
            return ()
        return [self._waiting.popleft() for _ in range(min(self._largest, len(self._waiting)))]


def first_wait(configured: timedelta, since_checkpoint: timedelta | None) -> timedelta:
    """How long the first partial batch of a partition may wait: what is left since the last checkpoint.

    Without a checkpoint (None) it does not wait at all.
    """
    if since_checkpoint is None:
        return timedelta(0)
    return max(timedelta(0), configured - since_checkpoint)
