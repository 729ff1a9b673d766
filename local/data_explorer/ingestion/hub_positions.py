"""How far a data connection has read each partition, in the form in which azure-eventhub asks for it."""

import time
from collections.abc import Iterable
from typing import Any

from azure.eventhub.aio import CheckpointStore

from local.data_explorer.ingested import Checkpoint


class Positions(CheckpointStore):
    """The last event taken from each partition: what is committed, and what waits in this process to be committed.

    The SDK reads them when it opens a partition again, so a lost connection neither repeats nor skips an event. This
    process owns every partition: no other reader is in its consumer group.
    """

    def __init__(self, committed: Iterable[Checkpoint]) -> None:
        self._taken = {checkpoint.partition: checkpoint for checkpoint in committed}

    @property
    def partitions(self) -> list[str]:
        """Those that an event was taken from."""
        return list(self._taken)

    def last(self, partition: str) -> int:
        """The sequence number of the last event taken; -1 when there is none."""
        taken = self._taken.get(partition)
        return -1 if taken is None else taken.sequence_number

    def take(self, checkpoint: Checkpoint) -> None:
        self._taken[checkpoint.partition] = checkpoint

    def forget(self, partition: str) -> None:
        """Starts the partition over: its hub was made anew, so its numbers mean other events."""
        self._taken.pop(partition, None)

    async def list_checkpoints(
        self, fully_qualified_namespace: str, eventhub_name: str, consumer_group: str, **kwargs: Any
    ) -> Iterable[dict[str, Any]]:
        return [
            {
                "fully_qualified_namespace": fully_qualified_namespace,
                "eventhub_name": eventhub_name,
                "consumer_group": consumer_group,
                "partition_id": taken.partition,
                "sequence_number": taken.sequence_number,
                "offset": taken.offset,
            }
            for taken in self._taken.values()
        ]

    async def list_ownership(
        self, fully_qualified_namespace: str, eventhub_name: str, consumer_group: str, **kwargs: Any
    ) -> Iterable[dict[str, Any]]:
        return []

    async def claim_ownership(
        self, ownership_list: Iterable[dict[str, Any]], **kwargs: Any
    ) -> Iterable[dict[str, Any]]:
        return [{**ownership, "etag": "", "last_modified_time": time.time()} for ownership in ownership_list]

    async def update_checkpoint(self, checkpoint: dict[str, Any], **kwargs: Any) -> None:
        raise NotImplementedError("positions move with the rows, in the database's own transaction")
