"""Cosmos DB triggers: the feed ranges whose leases this host owns, one pump each.

Source: webjobs-sdk-extensions, CosmosDBTriggerListener.cs: the lease advances after the invocation whether it
succeeded or not, but not once the host is stopping; intervals are the change feed processor's.
"""

import asyncio
import logging
import uuid
from collections.abc import Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from urllib.parse import urlsplit

from azure.core.exceptions import AzureError
from azure.core.pipeline.transport import AioHttpTransport
from azure.cosmos import PartitionKey
from azure.cosmos.aio import ContainerProxy, CosmosClient
from azure.cosmos.exceptions import CosmosResourceNotFoundError

from local.functions_host.connections import Connection, find_connection
from local.functions_host.console import HOST
from local.functions_host.cosmos_feed import Beginning, ChangeFeed
from local.functions_host.cosmos_leases import Lease, LeaseLost, LeaseStore, leases_to_take
from local.functions_host.cosmos_range import RangePump, documents_call
from local.functions_host.functions import Binding
from local.functions_host.invocations import Invoker
from local.functions_host.listeners import wait_until
from local.functions_host.settings import MissingSetting, Settings
from local.functions_host.surroundings import Surroundings

_DEFAULT_CONNECTION = "CosmosDB"


class MissingContainer(Exception):
    """The monitored container or the lease container does not exist; the message is the extension's own."""


@dataclass(frozen=True)
class Names:
    """What the trigger watches and where its leases are; all resolved."""

    database: str
    container: str
    lease_database: str
    lease_container: str
    prefix: str


@dataclass(frozen=True)
class Intervals:
    """How often leases are taken and renewed, when they expire, and how often an idle feed is read."""

    acquire: timedelta
    expiration: timedelta
    renew: timedelta
    poll: timedelta


def names_of(trigger: Binding, settings: Settings) -> Names:
    """Raises MissingSetting."""

    def name(key: str, default: str = "") -> str:
        return settings.resolve(trigger.text(key) or default)

    database = name("databaseName")
    return Names(
        database,
        name("containerName"),
        name("leaseDatabaseName", database),
        name("leaseContainerName", "leases"),
        name("leaseContainerPrefix"),
    )


def intervals_of(trigger: Binding, takeover: timedelta | None) -> Intervals:
    """The binding's intervals, which are in milliseconds, else the change feed processor's."""

    def interval(key: str, default: int) -> timedelta:
        return timedelta(milliseconds=trigger.number(key, default))

    poll = interval("feedPollDelay", 5_000)
    if takeover:
        return Intervals(takeover / 4, takeover, takeover / 4, poll)
    return Intervals(
        interval("leaseAcquireInterval", 13_000),
        interval("leaseExpirationInterval", 60_000),
        interval("leaseRenewInterval", 17_000),
        poll,
    )


def beginning_of(trigger: Binding, settings: Settings) -> Beginning:
    """Where a feed range without a lease starts. Raises MissingSetting, which puts the function in error."""
    given = trigger.text("startFromTime")
    if given is None:
        is_from_start = settings.resolve(trigger.text("startFromBeginning") or "").lower() == "true"
        return "Beginning" if is_from_start else "Now"
    if "%" not in given:
        raise MissingSetting("a literal start_from_time can't be read by the worker (#1610): name a setting, %…%.")
    try:
        moment = datetime.fromisoformat(settings.resolve(given))
    except ValueError as error:
        raise MissingSetting("start_from_time must be in ISO 8601 with Z, such as 2021-02-16T14:19:29Z.") from error
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


class CosmosListener:
    """Listens for one function. Raises MissingSetting when its trigger names a setting that is not set."""

    def __init__(self, invoker: Invoker, surroundings: Surroundings) -> None:
        settings, trigger = surroundings.settings, invoker.function.trigger
        self._invoker = invoker
        self._console = surroundings.console
        self._connection = find_connection(settings, trigger.text("connection"), _DEFAULT_CONNECTION)
        leases = trigger.text("leaseConnection") or trigger.text("connection")
        self._lease_connection = find_connection(settings, leases, _DEFAULT_CONNECTION)
        self._names = names_of(trigger, settings)
        self._intervals = intervals_of(trigger, surroundings.takeover)
        self._beginning = beginning_of(trigger, settings)
        self._largest_page = trigger.number("maxItemsPerInvocation", 0) or None
        self._me = str(uuid.uuid4())
        self._pumps: dict[str, tuple[RangePump, asyncio.Task[None]]] = {}
        self._finishing: set[asyncio.Task[None]] = set()

    @property
    def function(self) -> str:
        return self._invoker.function.name

    async def run(self, stop: asyncio.Event) -> None:
        async with AsyncExitStack() as stack:
            client = await stack.enter_async_context(_client(self._connection))
            leases = client
            if self._lease_connection != self._connection:
                leases = await stack.enter_async_context(_client(self._lease_connection))
            await self._create_lease_container(leases)
            feed, store = await self._opened(client, leases)
            try:
                await self._share(feed, store, stop)
            finally:
                await self._give_up(store)

    async def invoke(self, text: str) -> None:
        """Runs the function with `text`: a JSON document or an array of them."""
        await self._invoker.run(documents_call(text, self._names.container))

    async def _opened(self, client: CosmosClient, leases: CosmosClient) -> tuple[ChangeFeed, LeaseStore]:
        names = self._names
        try:
            database = client.get_database_client(names.database)
            container = database.get_container_client(names.container)
            database_id, container_id = (await database.read())["_rid"], (await container.read())["_rid"]
            lease_container = leases.get_database_client(names.lease_database).get_container_client(
                names.lease_container
            )
            await lease_container.read()
        except CosmosResourceNotFoundError as error:
            raise MissingContainer(
                f"Either the source container '{names.container}' (in database '{names.database}') or the lease "
                f"container '{names.lease_container}' (in database '{names.lease_database}') does not exist. Both "
                "containers must exist before the listener starts. To automatically create the lease container, set "
                "'create_lease_container_if_not_exists' to 'true'."
            ) from error
        account = urlsplit(client.client_connection.url_connection).hostname
        store = LeaseStore(lease_container, f"{names.prefix}{account}_{database_id}_{container_id}", self._me)
        feed = ChangeFeed(container, self._largest_page)
        await self._create_leases(feed, store, container)
        return feed, store

    async def _create_lease_container(self, client: CosmosClient) -> None:
        if self._invoker.function.trigger.text("createLeaseContainerIfNotExists") != "True":
            return
        database = await client.create_database_if_not_exists(self._names.lease_database)
        await database.create_container_if_not_exists(
            self._names.lease_container, PartitionKey(path="/id"), default_ttl=-1
        )

    async def _create_leases(self, feed: ChangeFeed, store: LeaseStore, container: ContainerProxy) -> None:
        """Leases that start now get their continuation at once, lest a restart move the start."""
        ranges = await feed.ranges()
        if self._beginning != "Now":
            await store.create_missing((found, None) for found in ranges)
            return
        if len(await store.all()) < len(ranges):
            await store.create_missing([(found, (await feed.start(found, "Now")).continuation) for found in ranges])

    async def _share(self, feed: ChangeFeed, store: LeaseStore, stop: asyncio.Event) -> None:
        renewing = asyncio.create_task(self._renew(store, stop))
        try:
            while not stop.is_set():
                try:
                    await self._take(feed, store)
                except AzureError as error:
                    self._tell("Sharing the leases failed, to be tried again", error)
                await wait_until(stop, self._intervals.acquire.total_seconds())
        finally:
            renewing.cancel()

    async def _take(self, feed: ChangeFeed, store: LeaseStore) -> None:
        leases = await store.all()
        self._cut([lease.id for lease in leases if lease.owner != self._me])
        for lease in leases_to_take(self._me, leases, datetime.now(UTC), self._intervals.expiration):
            if lease.id in self._pumps:  # its own lease, renewed too late: the pump goes on, the next renewal tells
                continue
            try:
                acquired = await store.acquire(lease)
            except LeaseLost:
                continue
            pump = RangePump(self._invoker, self._names.container, acquired, feed, store, self._console)
            self._pumps[lease.id] = (pump, asyncio.create_task(pump.run(self._beginning, self._intervals.poll)))

    async def _renew(self, store: LeaseStore, stop: asyncio.Event) -> None:
        while not await wait_until(stop, self._intervals.renew.total_seconds()):
            for lease_id, (pump, task) in list(self._pumps.items()):
                try:
                    if task.done():
                        raise LeaseLost(lease_id)
                    await store.renew(pump.lease)
                except LeaseLost:
                    self._cut([lease_id])
                except AzureError as error:
                    self._tell(f"The lease {lease_id} could not be renewed", error)

    def _cut(self, lease_ids: Sequence[str]) -> None:
        for lease_id in lease_ids:
            if lease_id in self._pumps:
                pump, task = self._pumps.pop(lease_id)
                pump.cut()
                self._finishing.add(task)
                task.add_done_callback(self._finishing.discard)

    async def _give_up(self, store: LeaseStore) -> None:
        held: list[Lease] = [pump.lease for pump, _ in self._pumps.values()]
        self._cut(list(self._pumps))
        try:
            if self._finishing:
                await asyncio.wait(self._finishing)
        finally:
            for lease in held:
                try:
                    await store.release(lease)
                except LeaseLost:
                    continue
                except AzureError as error:
                    self._tell(f"The lease {lease.id} could not be given back, it will expire", error)

    def _tell(self, text: str, error: Exception) -> None:
        self._console.show(HOST, f"Functions.{self.function}: {text}: {error}", logging.ERROR)


def _client(connection: Connection) -> CosmosClient:
    """A client of the Cosmos account, which the caller closes."""
    transport = AioHttpTransport(use_env_settings=connection.uses_proxies)
    if connection.text:
        return CosmosClient.from_connection_string(connection.text, transport=transport)
    return CosmosClient(connection.need("accountEndpoint"), credential=connection.credential(), transport=transport)
