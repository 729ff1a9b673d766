"""Reads a hub for a data connection: every partition, through azure-eventhub, from the start or the last commit."""

import asyncio
import logging

from azure.eventhub import EventData
from azure.eventhub.aio import EventHubConsumerClient, PartitionContext

from local.data_explorer.database import Database
from local.data_explorer.errors import EntityNotFound
from local.data_explorer.ingestion.connection_events import DataConnection
from local.data_explorer.ingestion.formats import MAPPED_AS
from local.data_explorer.ingestion.hub_commits import RETRY_SECONDS, Commits, position
from local.data_explorer.ingestion.hub_events import embedding, event_of
from local.data_explorer.ingestion.hub_positions import Positions
from local.faults import Faults

_RECEIVED_AT_ONCE = 1_000
_BALANCING_SECONDS = 0.2
"""How soon the SDK opens a partition again, and lets itself be stopped."""
_SCHEMA_SETTLES_SECONDS = 1.5
_LATER_RETRY_SECONDS = 2.0
_log = logging.getLogger(__name__)


class HubReader:
    """One data connection at work. `run` ends only when it is cancelled; what was not committed is read again."""

    def __init__(self, database: Database, connection: DataConnection, connection_string: str, faults: Faults) -> None:
        self._database = database
        self._connection = connection
        self._connection_string = connection_string
        self._positions = Positions(database.checkpoints(connection.name).values())
        self._commits = Commits(database, connection, faults)
        self._embed = embedding(connection.system_properties)
        self._failure: Exception | None = None

    async def run(self) -> None:
        """Reads and commits."""
        await self._until_target_exists()
        async with asyncio.TaskGroup() as group:
            group.create_task(self._commits.run())
            group.create_task(self._read())

    async def _until_target_exists(self) -> None:
        """Reads nothing before there is a table for it, and the scripts that make it and its policies have run."""
        if has_target(self._database, self._connection):
            return
        version = -1
        while version != self._database.catalog.version or not has_target(self._database, self._connection):
            version = self._database.catalog.version
            await asyncio.sleep(_SCHEMA_SETTLES_SECONDS)

    async def _read(self) -> None:
        told = ""
        while True:
            try:
                await self._session()
                reason = str(self._failure or "")
            except Exception as error:  # noqa: BLE001 - whatever the SDK raises, the connection is made again
                reason = str(error)
            is_news = reason != told
            if reason and is_news:
                _log.warning("data connection %s lost its hub and tries again: %s", self._connection.name, reason)
            told = reason
            await asyncio.sleep(RETRY_SECONDS if is_news else _LATER_RETRY_SECONDS)

    async def _session(self) -> None:
        """Reads all partitions until the connection breaks. Raises what azure-eventhub raises."""
        self._commits.cut.clear()
        self._failure = None
        client = EventHubConsumerClient.from_connection_string(
            self._connection_string,
            consumer_group=self._connection.consumer_group,
            eventhub_name=self._connection.hub,
            checkpoint_store=self._positions,
            load_balancing_interval=_BALANCING_SECONDS,
            retry_total=0,
        )
        async with client:
            receiving = asyncio.ensure_future(
                client.receive_batch(
                    self._on_events,
                    on_error=self._on_error,
                    starting_position="-1",
                    max_batch_size=_RECEIVED_AT_ONCE,
                    prefetch=4 * _RECEIVED_AT_ONCE,
                )
            )
            checking = asyncio.ensure_future(self._check_positions(client))
            cut = asyncio.ensure_future(self._commits.cut.wait())
            try:
                await asyncio.wait([receiving, cut], return_when=asyncio.FIRST_COMPLETED)
                if receiving.done():
                    receiving.result()
            finally:
                for task in (receiving, checking, cut):
                    task.cancel()
                await asyncio.gather(receiving, checking, cut, return_exceptions=True)

    async def _check_positions(self, client: EventHubConsumerClient) -> None:
        """A position beyond a partition's last event is of a hub made anew since: it is read from the start."""
        known = self._positions.partitions
        found = await asyncio.gather(*[client.get_partition_properties(partition) for partition in known])
        for partition, properties in zip(known, found, strict=True):
            if self._positions.last(partition) > properties["last_enqueued_sequence_number"]:
                _log.warning("hub %s is new: partition %s is read from its start", self._connection.hub, partition)
                self._positions.forget(partition)
                self._commits.cut.set()

    async def _on_error(self, context: PartitionContext | None, error: Exception) -> None:
        self._failure = error
        self._commits.cut.set()

    async def _on_events(self, context: PartitionContext, received: list[EventData]) -> None:
        partition = context.partition_id
        last = self._positions.last(partition)
        events = [
            event for each in received if (event := event_of(partition, each, self._embed)).sequence_number > last
        ]
        if events:
            self._positions.take(position(self._connection, events[-1]))
            await self._commits.add(events)


def has_target(database: Database, connection: DataConnection) -> bool:
    """Whether the connection's table and mapping exist; for one whose events name theirs, whether any table does."""
    if not connection.table:
        return bool(database.catalog.tables)
    try:
        database.table_schema(connection.table)
        if connection.mapping:
            database.mapping(connection.table, MAPPED_AS[connection.format], connection.mapping)
    except EntityNotFound:
        return False
    return True
