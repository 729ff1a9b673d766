"""Blob triggers: the container is looked through, each new version of a blob goes once through a queue to the function.

Source: azure-webjobs-sdk, BlobListener and BlobQueueTriggerExecutor: five tries, then the poison queue.
"""

import asyncio
import hashlib
import json
import logging
from dataclasses import dataclass
from typing import Any

import orjson
from azure.core.exceptions import AzureError, ResourceExistsError, ResourceNotFoundError
from azure.functions.meta import Datum
from azure.storage.blob import BlobProperties
from azure.storage.blob.aio import BlobClient, BlobServiceClient
from azure.storage.queue import QueueMessage
from azure.storage.queue.aio import QueueClient

from local.functions_host.blob_paths import parse_blob_path
from local.functions_host.blob_receipts import Receipts
from local.functions_host.connections import STORAGE, find_connection
from local.functions_host.console import HOST
from local.functions_host.host_blobs import host_container
from local.functions_host.invocations import Call, Invoker
from local.functions_host.listeners import wait_until
from local.functions_host.storage_clients import base64_queue, blob_service, queue_service
from local.functions_host.surroundings import Surroundings

POISON_QUEUE = "webjobs-blobtrigger-poison"
_LOOK_SECONDS = 2.0
_RECEIVE_SECONDS = 0.5
_INVISIBLE_SECONDS = 600


@dataclass(frozen=True)
class Queues:
    """The trigger's own queue, and where blobs go that fail again and again."""

    work: QueueClient
    poison: QueueClient


class BlobListener:
    """Listens for one function. Raises MissingSetting when its trigger can't be used."""

    def __init__(self, invoker: Invoker, surroundings: Surroundings) -> None:
        settings, trigger = surroundings.settings, invoker.function.trigger
        self._invoker = invoker
        self._surroundings = surroundings
        self._connection = find_connection(settings, trigger.text("connection"), STORAGE)
        self._storage = surroundings.storage()
        self._path = parse_blob_path(settings.resolve(trigger.text("path") or ""))
        self._options = surroundings.options.extensions.blobs
        takeover = surroundings.takeover
        self._invisible = max(1, round(takeover.total_seconds())) if takeover else _INVISIBLE_SECONDS
        self._seen: set[tuple[str, str]] = set()

    @property
    def function(self) -> str:
        return self._invoker.function.name

    async def run(self, stop: asyncio.Event) -> None:
        async with (
            blob_service(self._connection) as blobs,
            blob_service(self._storage) as storage,
            queue_service(self._storage) as queue_account,
        ):
            receipts = Receipts(await host_container(storage), self._surroundings.host_id, self.function)
            identity = f"{self._surroundings.host_id}/{self.function}"
            name = f"azure-webjobs-blobtrigger-{hashlib.blake2b(identity.encode(), digest_size=8).hexdigest()}"
            queues = Queues(base64_queue(queue_account, name), base64_queue(queue_account, POISON_QUEUE))
            await _create(queues.work)
            looking = asyncio.create_task(self._look(blobs, receipts, queues, stop))
            working = asyncio.create_task(self._work(blobs, queues, stop))
            try:
                await asyncio.gather(looking, working)
            finally:
                looking.cancel()
                working.cancel()

    async def invoke(self, text: str) -> None:
        """Runs the function with the blob whose `container/name` is given."""
        container, _, name = text.partition("/")
        async with blob_service(self._connection) as blobs:
            client = blobs.get_blob_client(container, name)
            await self._invoker.run(await self._call(client, await client.get_blob_properties()))

    async def _look(self, blobs: BlobServiceClient, receipts: Receipts, queues: Queues, stop: asyncio.Event) -> None:
        container = blobs.get_container_client(self._path.container)
        while not stop.is_set():
            try:
                async for blob in container.list_blobs(name_starts_with=self._path.prefix or None):
                    await self._queue(blob, receipts, queues)
            except ResourceNotFoundError:
                self._seen.clear()
            except AzureError as error:
                self._tell(f"looking for blobs in {self._path.container} failed, to be tried again: {error}")
            await wait_until(stop, _LOOK_SECONDS)

    async def _queue(self, blob: BlobProperties, receipts: Receipts, queues: Queues) -> None:
        version = (blob.name, blob.etag)
        if version in self._seen or self._path.match(blob.name) is None:
            return
        message = {
            "Type": "BlobTrigger",
            "FunctionId": f"Host.Functions.{self.function}",
            "BlobType": str(blob.blob_type.value if blob.blob_type else "BlockBlob"),
            "ContainerName": self._path.container,
            "BlobName": blob.name,
            "ETag": blob.etag,
        }

        async def enqueue() -> None:
            await queues.work.send_message(json.dumps(message).encode())

        if await receipts.queue_once(blob, enqueue):
            self._seen.add(version)

    async def _work(self, blobs: BlobServiceClient, queues: Queues, stop: asyncio.Event) -> None:
        most = min(32, self._options.max_degree_of_parallelism)
        while not stop.is_set():
            received = queues.work.receive_messages(
                max_messages=most, messages_per_page=most, visibility_timeout=self._invisible
            )
            messages = [message async for message in received]
            await asyncio.gather(*(self._process(message, blobs, queues, stop) for message in messages))
            if not messages:
                await wait_until(stop, _RECEIVE_SECONDS)

    async def _process(
        self, message: QueueMessage, blobs: BlobServiceClient, queues: Queues, stop: asyncio.Event
    ) -> None:
        content: dict[str, Any] = json.loads(message.content)
        client = blobs.get_blob_client(content["ContainerName"], content["BlobName"])
        try:
            properties = await client.get_blob_properties()
        except ResourceNotFoundError:
            await queues.work.delete_message(message)
            return
        if properties.etag.strip('"') != content["ETag"].strip('"'):
            await queues.work.delete_message(message)
            return
        call = await self._call(client, properties)
        keeping = asyncio.create_task(self._keep_invisible(message, queues.work))
        try:
            outcome = await self._invoker.run(call, stop)
        finally:
            keeping.cancel()
        if outcome.succeeded:
            await queues.work.delete_message(message)
        elif (message.dequeue_count or 0) >= self._options.poison_blob_threshold:
            await _create(queues.poison)
            await queues.poison.send_message(json.dumps(content).encode())
            await queues.work.delete_message(message)
            self._tell(f"'{content['BlobName']}' failed {message.dequeue_count} times: moved to queue {POISON_QUEUE}")
        else:
            await queues.work.update_message(message, visibility_timeout=0)

    async def _keep_invisible(self, message: QueueMessage, queue: QueueClient) -> None:
        """No other host gets the message while its invocation runs here."""
        while True:
            await asyncio.sleep(self._invisible / 2)
            renewed = await queue.update_message(message, visibility_timeout=self._invisible)
            message.pop_receipt = renewed.pop_receipt

    async def _call(self, client: BlobClient, properties: BlobProperties) -> Call:
        body: bytes = await (await client.download_blob()).readall()
        path = f"{client.container_name}/{client.blob_name}"
        names = self._path.match(client.blob_name) or {}
        metadata = {
            "BlobTrigger": Datum(path, "string"),
            "Uri": Datum(_dumps(client.url), "json"),
            "Properties": Datum(_dumps(_properties(properties)), "json"),
            "Metadata": Datum(_dumps(properties.metadata or {}), "json"),
            **{name: Datum(value, "string") for name, value in names.items()},
        }
        parameter = next(iter(self._invoker.function.inputs.values()))
        is_text = (self._invoker.function.trigger.text("dataType") or "").lower() == "string"
        data = Datum(body.decode(), "string") if is_text or parameter.annotation is str else Datum(body, "bytes")
        reason = f"New blob detected(LogsAndContainerScan): {path}"
        return Call(data, metadata, reason=reason, names={**names, "blobTrigger": path})

    def _tell(self, text: str) -> None:
        self._surroundings.console.show(HOST, f"Functions.{self.function}: {text}", logging.WARNING)


async def _create(queue: QueueClient) -> None:
    try:
        await queue.create_queue()
    except ResourceExistsError:
        return


def _properties(properties: BlobProperties) -> dict[str, Any]:
    settings = properties.content_settings
    return {
        "ContentLength": properties.size,
        "ContentType": settings.content_type,
        "ContentEncoding": settings.content_encoding,
        "ETag": properties.etag,
        "LastModified": properties.last_modified.isoformat() if properties.last_modified else None,
        "CreatedOn": properties.creation_time.isoformat() if properties.creation_time else None,
        "BlobType": str(properties.blob_type.value) if properties.blob_type else None,
    }


def _dumps(value: Any) -> str:
    return orjson.dumps(value).decode()
