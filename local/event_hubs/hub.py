"""Event hubs: partitions with their durable log, consumers with their epochs, and the flush that stands between."""

import json
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from local.amqp.errors import LINK_STOLEN, NOT_FOUND, OUT_OF_RANGE, RESOURCE_LIMIT, Refused
from local.certificates import write_whole
from local.event_hubs.log import FlushPoint, PartitionLog
from local.event_hubs.messages import Event, stamp
from local.event_hubs.routing import partition_of
from local.process import UserMistake

DEFAULT_GROUP = "$default"
MAX_READERS = 5
"""Consumers without an epoch per partition and consumer group (Event Hubs quotas)."""


class Flusher(Protocol):
    """Makes a log durable off the event loop."""

    def flush(self, point: FlushPoint, done: Callable[[], None]) -> None:
        """Calls `done` on the event loop once `point` is durable."""


class Consumer(Protocol):
    """Who receives from a partition."""

    group: str
    epoch: int | None

    def pump(self) -> None:
        """Sends what is there and what the peer has credit for."""

    def disconnect(self, condition: str, description: str) -> None:
        """Ends the consumer's link with an error."""


@dataclass(frozen=True, slots=True)
class HubSpecification:
    """A hub to serve: `--hub NAME:PARTITIONS[:GROUP,GROUP…]`, or an entry of topology.json."""

    name: str
    partitions: int
    groups: tuple[str, ...]


class Partition:
    """One partition: what is appended is acknowledged, and shown to consumers, only once it is durable."""

    def __init__(self, log: PartitionLog, flusher: Flusher) -> None:
        self.log = log
        self._flusher = flusher
        self._consumers: list[Consumer] = []
        self._waiting: list[Callable[[], None]] = []
        self._is_flushing = False

    def append(self, events: list[Event], done: Callable[[], None]) -> None:
        """Writes events, and calls `done` when they are durable. Raises OSError when the disk refuses.

        All that comes while one flush runs shares the next one (group commit).
        """
        self.log.append(lambda sequence, offset, now: stamp(events, sequence, offset, now))
        self._waiting.append(done)
        if not self._is_flushing:
            self._flush()

    def _flush(self) -> None:
        self._is_flushing = True
        point, waiting = self.log.flush_point(), self._waiting
        self._waiting = []
        self._flusher.flush(point, lambda: self._flushed(point, waiting))

    def _flushed(self, point: FlushPoint, waiting: list[Callable[[], None]]) -> None:
        self.log.flushed(point)
        self._is_flushing = False
        if self._waiting:
            self._flush()
        for done in waiting:
            done()
        for consumer in list(self._consumers):
            consumer.pump()

    def join(self, consumer: Consumer) -> None:
        """Adds a consumer. The newest epoch owns the partition in its group. Raises Refused."""
        peers = [each for each in self._consumers if each.group == consumer.group]
        owner = max((each.epoch for each in peers if each.epoch is not None), default=None)
        epoch = consumer.epoch
        if owner is not None and (epoch is None or epoch < owner):
            raise Refused(
                LINK_STOLEN,
                f"Receiver with a higher epoch of '{owner}' already exists. Receiver '{consumer.group}' with epoch "
                f"'{0 if epoch is None else epoch}' cannot be created. Make sure you are creating receiver with "
                "increasing epoch value to ensure connectivity, or ensure all old epoch receivers are closed or "
                "disconnected.",
            )
        if epoch is None and len(peers) >= MAX_READERS:
            raise Refused(
                RESOURCE_LIMIT,
                "Exceeded the maximum number of allowed receivers per partition in a consumer group which is "
                f"{MAX_READERS}.",
            )
        if epoch is not None:
            for each in peers:
                each.disconnect(
                    LINK_STOLEN,
                    f"New receiver with higher epoch of '{epoch}' is created hence current receiver with epoch "
                    f"'{0 if each.epoch is None else each.epoch}' is getting disconnected. If you are recreating the "
                    "receiver, make sure a higher epoch is used.",
                )
        self._consumers.append(consumer)

    def leave(self, consumer: Consumer) -> None:
        if consumer in self._consumers:
            self._consumers.remove(consumer)

    @property
    def consumers(self) -> int:
        return len(self._consumers)

    @property
    def is_flushing(self) -> bool:
        """Something was taken that is not accepted yet."""
        return self._is_flushing


class Hub:
    """An event hub: its partitions, its consumer groups, and who gets an event."""

    def __init__(
        self, specification: HubSpecification, directory: Path, partition: Callable[[Path], Partition]
    ) -> None:
        self.name = specification.name
        self.groups = frozenset((DEFAULT_GROUP, *(group.lower() for group in specification.groups)))
        self.created_ms = _created(directory, specification)
        self.partitions = [partition(directory / str(number)) for number in range(specification.partitions)]
        self._by_number = {str(number): each for number, each in enumerate(self.partitions)}
        self._turn = -1

    def partition(self, number: str) -> Partition:
        """The partition with this id. Raises Refused."""
        partition = self._by_number.get(number)
        if partition is None:
            raise Refused(
                OUT_OF_RANGE,
                f"The specified partition '{number}' is invalid for an EventHub partition sender or receiver. "
                f"It should be between 0 and {len(self.partitions) - 1}.",
            )
        return partition

    def route(self, key: str | None) -> Partition:
        """The partition of a key; without one, each in turn."""
        if key is not None:
            return self.partitions[partition_of(key, len(self.partitions))]
        self._turn = (self._turn + 1) % len(self.partitions)
        return self.partitions[self._turn]

    def require_group(self, group: str) -> None:
        """Raises Refused when the consumer group does not exist."""
        if group not in self.groups:
            raise Refused(NOT_FOUND, f"The messaging entity '{self.name}/ConsumerGroups/{group}' could not be found.")


class Hubs:
    """The namespace's hubs, by name without regard to case."""

    def __init__(self, hubs: Iterable[Hub]) -> None:
        self._hubs = {hub.name.lower(): hub for hub in hubs}

    def __iter__(self) -> Iterator[Hub]:
        return iter(self._hubs.values())

    @property
    def are_flushing(self) -> bool:
        return any(partition.is_flushing for hub in self for partition in hub.partitions)

    def find(self, name: str) -> Hub:
        """Raises Refused when there is no such hub."""
        hub = self._hubs.get(name.lower())
        if hub is None:
            raise Refused(NOT_FOUND, f"The messaging entity '{name}' could not be found.")
        return hub


def _created(directory: Path, specification: HubSpecification) -> int:
    """When the hub was made, in ms since 1970: kept beside its partitions, with their number.

    Raises UserMistake when the hub on disk has more partitions than asked for: their events would be out of reach.
    """
    directory.mkdir(parents=True, exist_ok=True)
    path = directory / "hub.json"
    known = json.loads(path.read_text()) if path.exists() else {"created": time.time_ns() // 1_000_000, "partitions": 0}
    if known["partitions"] > specification.partitions:
        raise UserMistake(
            f"Hub '{specification.name}' has {known['partitions']} partitions in {directory}, and can't have "
            f"{specification.partitions}: ask for as many or more, or remove that folder to begin anew."
        )
    if known["partitions"] < specification.partitions:
        known["partitions"] = specification.partitions
        write_whole(path, json.dumps(known).encode())
    created: int = known["created"]
    return created
