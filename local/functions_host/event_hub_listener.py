"""Event Hub triggers: the partitions that this host owns, one pump each, checkpoints in the host's storage.

Source: Microsoft.Azure.WebJobs.Extensions.EventHubs, EventHubOptions.cs (container, defaults) and
EventProcessorHost.cs; the blobs' names and metadata are those of all Event Hubs SDKs' checkpoint stores.
"""

import asyncio
import logging
from collections.abc import Sequence
from datetime import UTC, datetime
from functools import partial

from azure.core.exceptions import AzureError
from azure.eventhub.extensions.checkpointstoreblobaio import BlobCheckpointStore
from azure.storage.blob.aio import ContainerClient

from local.amqp.events import ReceivedEvent
from local.amqp.namespaces import Namespace
from local.amqp.receiver import Position, Receiver, Subscription
from local.functions_host.connections import find_connection
from local.functions_host.console import HOST
from local.functions_host.event_hub_clients import (
    checkpoint_store,
    event_hub_consumer,
    event_hub_namespace,
    received_namespace,
    receiver_retries,
)
from local.functions_host.event_hub_data import PartitionContext, call_of
from local.functions_host.event_hub_ownership import Hub, Ownerships
from local.functions_host.event_hub_partition import BrokenReceiver, PartitionPump, Start, initial_start
from local.functions_host.host_blobs import container_made
from local.functions_host.invocations import Invoker
from local.functions_host.listeners import wait_until
from local.functions_host.storage_clients import blob_service
from local.functions_host.surroundings import Surroundings

CONTAINER = "azure-webjobs-eventhub"
_DEFAULT_CONNECTION = "EventHub"
_DEFAULT_GROUP = "$Default"
_AFTER_STEALING = 1.0


class EventHubListener:
    """Listens for one function. Raises MissingSetting when its trigger names a setting that is not set."""

    def __init__(self, invoker: Invoker, surroundings: Surroundings) -> None:
        settings, trigger = surroundings.settings, invoker.function.trigger
        self._invoker = invoker
        self._surroundings = surroundings
        self._connection = find_connection(settings, trigger.text("connection"), _DEFAULT_CONNECTION)
        self._storage = surroundings.storage()
        self._hub = Hub(
            event_hub_namespace(self._connection),
            settings.resolve(trigger.text("eventHubName") or ""),
            settings.resolve(trigger.text("consumerGroup") or _DEFAULT_GROUP),
        )
        self._options = surroundings.options.extensions.event_hubs
        takeover = surroundings.takeover
        self._expiration = takeover or self._options.partition_ownership_expiration_interval
        self._interval = takeover / 4 if takeover else self._options.load_balancing_update_interval
        self._pumps: dict[str, tuple[PartitionPump, asyncio.Task[None]]] = {}
        self._finishing: set[asyncio.Task[None]] = set()

    @property
    def function(self) -> str:
        return self._invoker.function.name

    async def run(self, stop: asyncio.Event) -> None:
        client = event_hub_consumer(
            self._connection, self._hub.name, self._hub.group, self._options.client_retry_options
        )
        store = checkpoint_store(self._storage, CONTAINER)
        async with client, blob_service(self._storage) as storage, store:
            container = await container_made(storage, CONTAINER)
            ownerships = Ownerships(store, self._hub, self._surroundings.instance, self._expiration)
            try:
                await self._share(await client.get_partition_ids(), container, store, ownerships, stop)
            finally:
                await self._give_up(ownerships)

    async def invoke(self, text: str) -> None:
        """Runs the function with one event that has `text` as its body and no system properties."""
        trigger = self._invoker.function.trigger
        context = PartitionContext(self._hub.namespace, self._hub.name, self._hub.group, "", is_checkpointing=False)
        await self._invoker.run(call_of([ReceivedEvent(text.encode())], context, trigger))

    async def _share(
        self,
        partitions: Sequence[str],
        container: ContainerClient,
        store: BlobCheckpointStore,
        ownerships: Ownerships,
        stop: asyncio.Event,
    ) -> None:
        namespace = received_namespace(self._connection)
        owned: frozenset[str] = frozenset()
        while not stop.is_set():
            wait = self._interval.total_seconds()
            try:
                owned, has_stolen = await ownerships.balance(partitions)
                wait = min(wait, _AFTER_STEALING) if has_stolen else wait
                self._cut(set(self._pumps) - owned)
                await self._start(owned - set(self._pumps), namespace, container, store)
            except AzureError as error:
                text = f"Sharing the partitions of {self._hub.name} ({self._hub.group}) failed, to be tried again"
                self._surroundings.console.show(HOST, f"{text}: {error}", logging.ERROR)
            await self._wait(stop, wait)

    async def _wait(self, stop: asyncio.Event, seconds: float) -> None:
        """Until the next balancing, or until a pump ends by itself; ended pumps are then forgotten."""
        stopping = asyncio.create_task(wait_until(stop, seconds))
        await asyncio.wait({stopping, *(task for _, task in self._pumps.values())}, return_when=asyncio.FIRST_COMPLETED)
        for partition, (_, task) in list(self._pumps.items()):
            if task.done():
                del self._pumps[partition]
                self._tell_end(partition, task)
        if not stopping.done():
            await asyncio.wait({stopping}, timeout=min(seconds, _AFTER_STEALING))
        stopping.cancel()

    def _tell_end(self, partition: str, task: "asyncio.Task[None]") -> None:
        try:
            task.result()
        except BrokenReceiver as broken:
            text = f"Receiving from partition {partition} of {self._hub.name} ({self._hub.group}) broke off"
            self._surroundings.console.show(HOST, f"{text}: {broken}", logging.WARNING)

    async def _start(
        self,
        partitions: "frozenset[str] | set[str]",
        namespace: Namespace,
        container: ContainerClient,
        store: BlobCheckpointStore,
    ) -> None:
        if not partitions:
            return
        starts = await self._starts(container, store)
        default = initial_start(self._options.initial_offset_options)
        for partition in sorted(partitions):
            pump = PartitionPump(
                self._invoker,
                self._hub,
                partition,
                self._options,
                partial(self._checkpoint, store),
                self._surroundings.console,
            )
            start = starts.get(partition, default)
            receiver = self._receiver(namespace, partition, start.position)
            self._pumps[partition] = (pump, asyncio.create_task(pump.run(receiver, start.checkpointed)))

    def _receiver(self, namespace: Namespace, partition: str, position: Position) -> Receiver:
        prefetch = max(1, self._options.prefetch_count)
        subscription = Subscription(
            self._hub.name, self._hub.group, partition, prefetch, owner_level=0, name=self._surroundings.instance
        )
        return Receiver(namespace, subscription, position, receiver_retries(self._options.client_retry_options))

    async def _starts(self, container: ContainerClient, store: BlobCheckpointStore) -> dict[str, Start]:
        """Where each partition with a checkpoint goes on."""
        prefix = f"{'/'.join(self._hub.names().values())}/checkpoint/".lower()
        written = {
            blob.name.rsplit("/", 1)[1]: blob.last_modified
            async for blob in container.list_blobs(name_starts_with=prefix)
        }
        checkpoints = await store.list_checkpoints(*self._hub.names().values())
        return {
            one["partition_id"]: Start(Position(one["offset"]), written.get(one["partition_id"], datetime.now(UTC)))
            for one in checkpoints
        }

    async def _checkpoint(self, store: BlobCheckpointStore, partition: str, offset: str, sequence_number: int) -> None:
        await store.update_checkpoint(
            {**self._hub.names(), "partition_id": partition, "offset": offset, "sequence_number": sequence_number}
        )

    def _cut(self, partitions: set[str]) -> None:
        """Cuts pumps of lost partitions; the invocations that run are left to finish beside the new owner's."""
        for partition in partitions:
            pump, task = self._pumps.pop(partition)
            pump.cut()
            self._finishing.add(task)
            task.add_done_callback(partial(self._finished, partition))

    def _finished(self, partition: str, task: "asyncio.Task[None]") -> None:
        self._finishing.discard(task)
        if not task.cancelled():
            self._tell_end(partition, task)

    async def _give_up(self, ownerships: Ownerships) -> None:
        """At the end: no more batches, the running invocations finish, then other hosts may have the partitions."""
        self._cut(set(self._pumps))
        try:
            if self._finishing:
                await asyncio.wait(self._finishing)
        finally:
            await self._release(ownerships)

    async def _release(self, ownerships: Ownerships) -> None:
        try:
            await ownerships.release()
        except AzureError as error:
            text = f"The partitions of {self._hub.name} could not be given back, they will expire"
            self._surroundings.console.show(HOST, f"{text}: {error}", logging.WARNING)
