"""Clients of a hub, and of the blobs that keep its checkpoints."""

from typing import Any
from urllib.parse import urlsplit

from azure.eventhub.aio import EventHubConsumerClient, EventHubProducerClient
from azure.eventhub.extensions.checkpointstoreblobaio import BlobCheckpointStore

from local.amqp.namespaces import Namespace, namespace_by_identity, namespace_by_key
from local.amqp.receiver import Retries
from local.functions_host.connections import Connection
from local.functions_host.host_json import ClientRetries
from local.functions_host.storage_clients import blob_url, storage_options, storage_text


def event_hub_consumer(connection: Connection, hub: str, group: str, retries: ClientRetries) -> EventHubConsumerClient:
    """A client that tells of one hub, which the caller closes; events are received by our own `Receiver`."""
    options: dict[str, Any] = {
        "consumer_group": group,
        "eventhub_name": hub,
        "retry_total": retries.maximum_retries,
        "retry_backoff_factor": retries.delay.total_seconds(),
        "retry_backoff_max": retries.maximum_delay.total_seconds(),
        "retry_mode": retries.mode,
    }
    if connection.text:
        return EventHubConsumerClient.from_connection_string(connection.text, **options)
    return EventHubConsumerClient(
        connection.need("fullyQualifiedNamespace"), credential=connection.credential(), **options
    )


def received_namespace(connection: Connection) -> Namespace:
    """The namespace as receivers know it. Raises ValueError for a malformed connection string."""
    if connection.text:
        return namespace_by_key(connection.text)
    return namespace_by_identity(connection.need("fullyQualifiedNamespace"), connection.credential())


def receiver_retries(retries: ClientRetries) -> Retries:
    """The same retries for our receiver."""
    return Retries(
        most=retries.maximum_retries,
        delay=retries.delay.total_seconds(),
        longest=retries.maximum_delay.total_seconds(),
        is_growing=retries.mode == "exponential",
        timeout=retries.try_timeout.total_seconds(),
    )


def event_hub_producer(connection: Connection, hub: str) -> EventHubProducerClient:
    """A client that sends to one hub, which the caller closes."""
    if connection.text:
        return EventHubProducerClient.from_connection_string(connection.text, eventhub_name=hub)
    return EventHubProducerClient(
        connection.need("fullyQualifiedNamespace"), eventhub_name=hub, credential=connection.credential()
    )


def checkpoint_store(connection: Connection, container: str) -> BlobCheckpointStore:
    """Event Hubs checkpoints and ownership in a container of the storage account, which the caller closes."""
    options = storage_options(connection)
    if connection.text:
        return BlobCheckpointStore.from_connection_string(storage_text(connection.text), container, **options)
    return BlobCheckpointStore(blob_url(connection), container, credential=connection.credential(), **options)


def event_hub_namespace(connection: Connection) -> str:
    """The namespace's host name, under which checkpoints are kept."""
    if connection.text:
        parts = dict(part.split("=", 1) for part in connection.text.split(";") if "=" in part)
        endpoint = next((value for key, value in parts.items() if key.strip().lower() == "endpoint"), "")
        return urlsplit(endpoint).hostname or ""
    return connection.need("fullyQualifiedNamespace")
