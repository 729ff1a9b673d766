"""A data connection's transactions: rows, failures and offsets of many events together, or not at all."""

import asyncio
import contextlib
import logging
import time
from collections.abc import Sequence

import duckdb

from local.data_explorer.database import Database
from local.data_explorer.errors import KustoError
from local.data_explorer.ingested import Checkpoint
from local.data_explorer.ingestion.arrivals import refusal_failure, told_by_caller
from local.data_explorer.ingestion.background import in_thread
from local.data_explorer.ingestion.connection_events import DataConnection, Event, arrival_of, route_of
from local.data_explorer.ingestion.connection_rows import Gathering
from local.faults import FaultRule, Faults

OPERATION = "data-connection"
"""What fault rules call one commit of a data connection."""
RETRY_SECONDS = 0.5
_LONGEST_GATHERING_SECONDS = 0.5
_GATHERING_SHARE = 10
"""So many times what the last commit took go by before the next, up to that: each costs as much as hundreds of events,
however small it is."""
_ENOUGH = 8_000
"""So many events are worth a commit at once."""
_LARGEST = 12_000
_MOST_PENDING = 24_000
_log = logging.getLogger(__name__)


class OutageError(Exception):
    """The database can't take anything now, whatever it is given."""


class Commits:
    """Events that wait, in the order of their partitions, and the loop that commits them."""

    def __init__(self, database: Database, connection: DataConnection, faults: Faults) -> None:
        self._database = database
        self._connection = connection
        self._faults = faults
        self._pending: list[Event] = []
        self._next_at = 0.0
        self._arrived = asyncio.Event()
        self._has_enough = asyncio.Event()
        self._has_room = asyncio.Event()
        self._has_room.set()
        self.cut = asyncio.Event()
        """Set when a fault rule wants the connection to the hub broken."""

    async def add(self, events: Sequence[Event]) -> None:
        """Queues events to be committed; waits while too many are."""
        await self._has_room.wait()
        self._pending += events
        self._arrived.set()
        if len(self._pending) >= _ENOUGH:
            self._has_enough.set()
        if len(self._pending) >= _MOST_PENDING:
            self._has_room.clear()

    async def run(self) -> None:
        """Commits what is added, without end."""
        while True:
            await self._arrived.wait()
            await self._gather()
            events = self._pending[:_LARGEST]
            await self._until_unfaulted()
            began = time.monotonic()
            await self.commit(events)
            ended = time.monotonic()
            self._next_at = ended + min(_GATHERING_SHARE * (ended - began), _LONGEST_GATHERING_SECONDS)
            del self._pending[: len(events)]
            self._has_room.set()
            if len(self._pending) < _ENOUGH:
                self._has_enough.clear()
            if not self._pending:
                self._arrived.clear()

    async def _gather(self) -> None:
        """Lets a commit grow while events stream in; after a pause the first ones don't wait."""
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self._has_enough.wait(), max(self._next_at - time.monotonic(), 0))

    async def _until_unfaulted(self) -> None:
        """Waits out the fault rules that hit this connection's commits."""
        while (rule := self._faults.strike(OPERATION)) is not None:
            await self._suffer(rule)

    async def _suffer(self, rule: FaultRule) -> None:
        await asyncio.sleep(rule.delay_ms / 1000)
        if rule.action in ("reset", "detach"):
            self.cut.set()
        elif rule.action != "delay":
            await asyncio.sleep(max(rule.retry_after_ms / 1000, RETRY_SECONDS))

    async def commit(self, events: Sequence[Event]) -> None:
        """Commits events, again and again while the database can't take anything at all."""
        parts = [events]
        while parts:
            try:
                parts[-1:] = await in_thread(self._append, parts[-1])
            except (duckdb.Error, OSError, OutageError) as error:
                _log.warning("data connection %s can't commit and tries again: %s", self._connection.name, error)
                await asyncio.sleep(RETRY_SECONDS)

    def _append(self, events: Sequence[Event]) -> list[Sequence[Event]]:
        """Takes events in one transaction.

        When it is refused, the answer is what to take instead, last part first: the events' halves, so that only the
        bad ones fail, each alone.
        """
        gathering = Gathering(self._database, self._connection)
        gathering.take(events)
        moved = self._checkpoints(events)
        try:
            self._database.append(gathering.batches, checkpoint=moved, refused=gathering.failures, keep=told_by_caller)
        except KustoError as error:
            if _is_outage(error):
                raise OutageError(str(error)) from error
            if len(events) > 1:
                return [events[len(events) // 2 :], events[: len(events) // 2]]
            arrival = arrival_of(self._connection, events[0], route_of(self._connection, events[0]))
            self._database.append([], checkpoint=moved, refused=[refusal_failure(arrival, error)])
        return []

    def _checkpoints(self, events: Sequence[Event]) -> list[Checkpoint]:
        last = {event.partition: event for event in events}
        return [position(self._connection, event) for event in last.values()]


def position(connection: DataConnection, event: Event) -> Checkpoint:
    """Where a connection stands once it has taken this event."""
    return Checkpoint(connection.name, event.partition, event.sequence_number, event.offset)


def _is_outage(error: BaseException | None) -> bool:
    """Whether an error comes of the disk, not of the data."""
    while error is not None and not isinstance(error, duckdb.IOException):
        error = error.__cause__
    return error is not None
