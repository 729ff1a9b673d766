"""Writing output bindings: blob, queue and Event Hubs. (http is the response, written by the trigger itself.)"""

import json
from collections.abc import Mapping
from contextlib import AsyncExitStack
from typing import Any

from azure.core.exceptions import ResourceNotFoundError
from azure.eventhub import EventData
from azure.eventhub.aio import EventHubProducerClient
from azure.functions.meta import Datum
from azure.storage.blob.aio import BlobServiceClient
from azure.storage.queue.aio import QueueServiceClient

from local.functions_host.connections import STORAGE, find_connection
from local.functions_host.event_hub_clients import event_hub_producer
from local.functions_host.functions import Binding
from local.functions_host.output_paths import bind_path
from local.functions_host.settings import Settings
from local.functions_host.storage_clients import base64_queue, blob_service, queue_service


class Writers:
    """Writes outputs; its clients are made when first needed and closed with it."""

    def __init__(self, settings: Settings, queue_encoding: str) -> None:
        self._settings = settings
        self._queue_encoding = queue_encoding
        self._clients: dict[tuple[str, str], Any] = {}
        self._stack = AsyncExitStack()

    async def close(self) -> None:
        await self._stack.aclose()

    async def write(self, binding: Binding, datum: Datum, names: Mapping[str, str]) -> None:
        """Writes one output; `names` fill the `{name}`s of its path. Raises what the service's SDK raises."""
        if binding.type == "blob":
            await self._write_blob(binding, datum, names)
        elif binding.type == "queue":
            await self._write_queue(binding, datum)
        else:
            await self._write_events(binding, datum)

    async def _write_blob(self, binding: Binding, datum: Datum, names: Mapping[str, str]) -> None:
        path = bind_path(self._settings.resolve(binding.text("path") or ""), names)
        container, _, blob = path.partition("/")
        service: BlobServiceClient = await self._client(binding, "")
        client = service.get_container_client(container)
        try:
            await client.upload_blob(blob, _as_bytes(datum), overwrite=True)
        except ResourceNotFoundError:
            await client.create_container()
            await client.upload_blob(blob, _as_bytes(datum), overwrite=True)

    async def _write_queue(self, binding: Binding, datum: Datum) -> None:
        service: QueueServiceClient = await self._client(binding, "")
        name = self._settings.resolve(binding.text("queueName") or "")
        queue = base64_queue(service, name) if self._queue_encoding == "base64" else service.get_queue_client(name)
        for message in _messages(datum):
            content = message if self._queue_encoding == "base64" else message.decode()
            try:
                await queue.send_message(content)
            except ResourceNotFoundError:
                await queue.create_queue()
                await queue.send_message(content)

    async def _write_events(self, binding: Binding, datum: Datum) -> None:
        hub = self._settings.resolve(binding.text("eventHubName") or "")
        producer: EventHubProducerClient = await self._client(binding, hub)
        await producer.send_batch([EventData(body) for body in _messages(datum)])

    async def _client(self, binding: Binding, entity: str) -> Any:
        key = (f"{binding.type}:{binding.text('connection')}", entity)
        if key not in self._clients:
            connection = find_connection(self._settings, binding.text("connection"), STORAGE)
            if binding.type == "blob":
                client: Any = blob_service(connection)
            elif binding.type == "queue":
                client = queue_service(connection)
            else:
                client = event_hub_producer(connection, entity)
            self._clients[key] = await self._stack.enter_async_context(client)
        return self._clients[key]


def _as_bytes(datum: Datum) -> bytes:
    return datum.value if isinstance(datum.value, bytes) else str(datum.value).encode()


def _messages(datum: Datum) -> list[bytes]:
    """One message for each element of a list, else one for the value."""
    if datum.type != "json":
        return [_as_bytes(datum)]
    value = json.loads(datum.value)
    return [_message(item) for item in (value if isinstance(value, list) else [value])]


def _message(item: Any) -> bytes:
    """A queue message object stands for its body; other values stand for themselves."""
    if isinstance(item, dict) and set(item) == {"id", "body"}:
        return str(item["body"]).encode()
    return (item if isinstance(item, str) else json.dumps(item)).encode()
