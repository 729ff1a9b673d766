"""Clients of a hub, and of the blobs that keep its checkpoints."""

from typing import Any
from urllib.parse import urlsplit

from azure.eventhub.aio import EventHubConsumerClient, EventHubProducerClient
from azure.eventhub.extensions.checkpointstoreblobaio import BlobCheckpointStore

from local.functions_host.connections import Connection
from local.functions_host.host_json import ClientRetries
from local.functions_host.storage_clients import blob_url, storage_retries, storage_text

_NEVER_BY_ITSELF = 1_000_000
"""Seconds after which the SDK opens a broken receiver anew, from where it began; the listener does it, from the
checkpoint."""


def event_hub_consumer(connection: Connection, hub: str, group: str, retries: ClientRetries) -> EventHubConsumerClient:
    """A client that reads one hub for one consumer group, which the caller closes."""
    options = {**_retry_options(retries), "consumer_group": group, "eventhub_name": hub}
    options["load_balancing_interval"] = _NEVER_BY_ITSELF
    if connection.text:
        return EventHubConsumerClient.from_connection_string(connection.text, **options)
    return EventHubConsumerClient(
        connection.need("fullyQualifiedNamespace"), credential=connection.credential(), **options
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
    if connection.text:
        return BlobCheckpointStore.from_connection_string(
            storage_text(connection.text), container, retry_policy=storage_retries()
        )
    return BlobCheckpointStore(
        blob_url(connection), container, credential=connection.credential(), retry_policy=storage_retries()
    )


def event_hub_namespace(connection: Connection) -> str:
    """The namespace's host name, under which checkpoints are kept."""
    if connection.text:
        parts = dict(part.split("=", 1) for part in connection.text.split(";") if "=" in part)
        endpoint = next((value for key, value in parts.items() if key.strip().lower() == "endpoint"), "")
        return urlsplit(endpoint).hostname or ""
    return connection.need("fullyQualifiedNamespace")


def _retry_options(retries: ClientRetries) -> dict[str, Any]:
    return {
        "retry_total": retries.maximum_retries,
        "retry_backoff_factor": retries.delay.total_seconds(),
        "retry_backoff_max": retries.maximum_delay.total_seconds(),
        "retry_mode": retries.mode,
    }
