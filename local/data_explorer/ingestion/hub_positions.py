"""How far a data connection has read each partition."""

from collections.abc import Iterable

from local.amqp.receiver import Position
from local.data_explorer.ingested import Checkpoint

_START = Position("-1")


class Positions:
    """The last event taken from each partition: what is committed, and what waits in this process to be committed.

    Where a partition is opened again, so that a lost connection neither repeats nor skips an event.
    """

    def __init__(self, committed: Iterable[Checkpoint]) -> None:
        self._taken = {checkpoint.partition: checkpoint for checkpoint in committed}

    @property
    def partitions(self) -> list[str]:
        """Those that an event was taken from."""
        return list(self._taken)

    def next(self, partition: str) -> Position:
        """Where the partition goes on."""
        taken = self._taken.get(partition)
        return _START if taken is None else Position(taken.offset)

    def last(self, partition: str) -> int:
        """The sequence number of the last event taken; -1 when there is none."""
        taken = self._taken.get(partition)
        return -1 if taken is None else taken.sequence_number

    def take(self, checkpoint: Checkpoint) -> None:
        self._taken[checkpoint.partition] = checkpoint

    def forget(self, partition: str) -> None:
        """Starts the partition over: its hub was made anew, so its numbers mean other events."""
        self._taken.pop(partition, None)
