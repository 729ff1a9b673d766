"""Connections named by bindings: one setting with a connection string, or a section `NAME__key` for an identity.

Source: Microsoft Learn, "Azure Functions developer guide", Connections; "Configure an identity-based connection".
"""

from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from azure.core.credentials_async import AsyncTokenCredential
from azure.cosmos.aio import CosmosClient
from azure.eventhub.aio import EventHubConsumerClient, EventHubProducerClient
from azure.eventhub.extensions.checkpointstoreblobaio import BlobCheckpointStore
from azure.identity.aio import DefaultAzureCredential
from azure.storage.blob.aio import BlobServiceClient, ExponentialRetry
from azure.storage.queue import BinaryBase64DecodePolicy, BinaryBase64EncodePolicy
from azure.storage.queue.aio import QueueClient, QueueServiceClient

from local.functions_host.host_json import ClientRetries
from local.functions_host.settings import MissingSetting, Settings

STORAGE = "AzureWebJobsStorage"


@dataclass(frozen=True)
class Connection:
    """Either `text` is a connection string, or `section` holds an identity-based connection's keys (lower case)."""

    name: str
    text: str | None
    section: dict[str, str]

    def need(self, *keys: str) -> str:
        """The section's first key that is set. Raises MissingSetting when none is."""
        for key in keys:
            if value := self.section.get(key.lower()):
                return value
        raise MissingSetting(f"{self.name}__{keys[0]} is not set.")

    def credential(self) -> AsyncTokenCredential:
        return DefaultAzureCredential(managed_identity_client_id=self.section.get("clientid"))


def find_connection(settings: Settings, name: str | None, default: str) -> Connection:
    """The connection that a binding names, else `default`. Raises MissingSetting when neither form of it is set."""
    wanted = name or default
    for candidate in (wanted, f"AzureWebJobs{wanted}", f"ConnectionStrings__{wanted}"):
        text, section = settings.get(candidate), settings.section(candidate)
        if text or section:
            return Connection(candidate, text, section)
    raise MissingSetting(
        f"the connection {wanted} is not set: set {wanted} to a connection string, or {wanted}__… to use an identity."
    )


def blob_service(connection: Connection) -> BlobServiceClient:
    """A client of the storage account's blobs, which the caller closes."""
    if connection.text:
        return BlobServiceClient.from_connection_string(connection.text, retry_policy=_storage_retries())
    return BlobServiceClient(_blob_url(connection), credential=connection.credential(), retry_policy=_storage_retries())


def checkpoint_store(connection: Connection, container: str) -> BlobCheckpointStore:
    """Event Hubs checkpoints and ownership in a container of the storage account, which the caller closes."""
    if connection.text:
        return BlobCheckpointStore.from_connection_string(connection.text, container, retry_policy=_storage_retries())
    return BlobCheckpointStore(
        _blob_url(connection), container, credential=connection.credential(), retry_policy=_storage_retries()
    )


def queue_service(connection: Connection) -> QueueServiceClient:
    """A client of the storage account's queues, which the caller closes."""
    if connection.text:
        return QueueServiceClient.from_connection_string(connection.text, retry_policy=_storage_retries())
    account = connection.section.get("accountname")
    url = f"https://{account}.queue.core.windows.net" if account else connection.need("queueServiceUri", "serviceUri")
    return QueueServiceClient(url, credential=connection.credential(), retry_policy=_storage_retries())


def base64_queue(service: QueueServiceClient, name: str) -> QueueClient:
    """A queue whose messages are bytes, in base64 on the wire, as the Functions extensions have them."""
    return service.get_queue_client(
        name, message_encode_policy=BinaryBase64EncodePolicy(), message_decode_policy=BinaryBase64DecodePolicy()
    )


def event_hub_consumer(connection: Connection, hub: str, group: str, retries: ClientRetries) -> EventHubConsumerClient:
    """A client that reads one hub for one consumer group, which the caller closes."""
    options = {**_retry_options(retries), "consumer_group": group, "eventhub_name": hub}
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


def cosmos_client(connection: Connection) -> CosmosClient:
    """A client of the Cosmos account, which the caller closes."""
    if connection.text:
        return CosmosClient.from_connection_string(connection.text)
    return CosmosClient(connection.need("accountEndpoint"), credential=connection.credential())


def event_hub_namespace(connection: Connection) -> str:
    """The namespace's host name, under which checkpoints are kept."""
    if connection.text:
        parts = dict(part.split("=", 1) for part in connection.text.split(";") if "=" in part)
        endpoint = next((value for key, value in parts.items() if key.strip().lower() == "endpoint"), "")
        return urlsplit(endpoint).hostname or ""
    return connection.need("fullyQualifiedNamespace")


def _storage_retries() -> ExponentialRetry:
    """Some seconds, like the .NET client's; this SDK's default of over a minute would hold up a partition as long."""
    return ExponentialRetry(initial_backoff=0, increment_base=2, retry_total=3, random_jitter_range=1)


def _blob_url(connection: Connection) -> str:
    account = connection.section.get("accountname")
    return f"https://{account}.blob.core.windows.net" if account else connection.need("blobServiceUri", "serviceUri")


def _retry_options(retries: ClientRetries) -> dict[str, Any]:
    return {
        "retry_total": retries.maximum_retries,
        "retry_backoff_factor": retries.delay.total_seconds(),
        "retry_backoff_max": retries.maximum_delay.total_seconds(),
        "retry_mode": retries.mode,
    }
