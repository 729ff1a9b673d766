"""Reads a hub for a data connection: every partition, from the start or the last commit."""

import asyncio
import logging
from collections.abc import Sequence

from azure.eventhub.aio import EventHubConsumerClient

from local.amqp.events import ReceivedEvent
from local.amqp.namespaces import namespace_by_key
from local.amqp.receiver import Receiver, Retries, Subscription
from local.data_explorer.database import Database
from local.data_explorer.errors import EntityNotFound
from local.data_explorer.ingestion.connection_events import DataConnection
from local.data_explorer.ingestion.formats import MAPPED_AS
from local.data_explorer.ingestion.hub_commits import RETRY_SECONDS, Commits, position
from local.data_explorer.ingestion.hub_events import embedding, event_of
from local.data_explorer.ingestion.hub_positions import Positions
from local.faults import Faults

_RECEIVED_AT_ONCE = 1_000
_WINDOW = 4 * _RECEIVED_AT_ONCE
_OWNER_LEVEL = 0
"""No other reader is in its consumer group; an earlier one of a process that was killed gives way at once."""
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
                reason = ""
            except Exception as error:  # noqa: BLE001 - whatever the SDK raises, the connection is made again
                reason = str(error)
            is_news = reason != told
            if reason and is_news:
                _log.warning("data connection %s lost its hub and tries again: %s", self._connection.name, reason)
            told = reason
            await asyncio.sleep(RETRY_SECONDS if is_news else _LATER_RETRY_SECONDS)

    async def _session(self) -> None:
        """Reads all partitions until the connection breaks. Raises what azure-eventhub raises, and Disconnected."""
        self._commits.cut.clear()
        client = EventHubConsumerClient.from_connection_string(
            self._connection_string,
            consumer_group=self._connection.consumer_group,
            eventhub_name=self._connection.hub,
            retry_total=0,
        )
        async with client:
            partitions = await client.get_partition_ids()
            await self._check_positions(client)
        tasks = {asyncio.create_task(self._receive(partition)) for partition in partitions}
        tasks.add(asyncio.create_task(self._until_cut()))
        try:
            ended, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
            for task in ended:
                task.result()
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    async def _check_positions(self, client: EventHubConsumerClient) -> None:
        """A position beyond a partition's last event is of a hub made anew since: it is read from the start."""
        known = self._positions.partitions
        found = await asyncio.gather(*[client.get_partition_properties(partition) for partition in known])
        for partition, properties in zip(known, found, strict=True):
            if self._positions.last(partition) > properties["last_enqueued_sequence_number"]:
                _log.warning("hub %s is new: partition %s is read from its start", self._connection.hub, partition)
                self._positions.forget(partition)

    async def _until_cut(self) -> None:
        await self._commits.cut.wait()

    async def _receive(self, partition: str) -> None:
        """Reads one partition. Raises Disconnected."""
        hub, group = self._connection.hub, self._connection.consumer_group
        subscription = Subscription(hub, group, partition, _WINDOW, owner_level=_OWNER_LEVEL)
        namespace = namespace_by_key(self._connection_string)
        receiver = Receiver(namespace, subscription, self._positions.next(partition), Retries(most=0))
        try:
            while True:
                await self._take(partition, await receiver.receive(_RECEIVED_AT_ONCE))
        finally:
            receiver.close()

    async def _take(self, partition: str, received: Sequence[ReceivedEvent]) -> None:
        last = self._positions.last(partition)
        events = [
            event for each in received if (event := event_of(partition, each, self._embed)).sequence_number > last
        ]
        if events:
            await self._commits.add(events)
            self._positions.take(position(self._connection, events[-1]))


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
