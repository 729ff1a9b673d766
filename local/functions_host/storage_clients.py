"""Clients of a storage account's blobs and queues."""

from typing import Any

from azure.storage.blob.aio import BlobServiceClient, ExponentialRetry
from azure.storage.queue import BinaryBase64DecodePolicy, BinaryBase64EncodePolicy
from azure.storage.queue.aio import QueueClient, QueueServiceClient

from local.azurite import ACCOUNT, KEY
from local.functions_host.connections import Connection


def blob_service(connection: Connection) -> BlobServiceClient:
    """A client of the storage account's blobs, which the caller closes."""
    options = storage_options(connection)
    if connection.text:
        return BlobServiceClient.from_connection_string(storage_text(connection.text), **options)
    return BlobServiceClient(blob_url(connection), credential=connection.credential(), **options)


def queue_service(connection: Connection) -> QueueServiceClient:
    """A client of the storage account's queues, which the caller closes."""
    options = storage_options(connection)
    if connection.text:
        return QueueServiceClient.from_connection_string(storage_text(connection.text), **options)
    account = connection.section.get("accountname")
    url = f"https://{account}.queue.core.windows.net" if account else connection.need("queueServiceUri", "serviceUri")
    return QueueServiceClient(url, credential=connection.credential(), **options)


def base64_queue(service: QueueServiceClient, name: str) -> QueueClient:
    """A queue whose messages are bytes, in base64 on the wire, as the Functions extensions have them."""
    return service.get_queue_client(
        name, message_encode_policy=BinaryBase64EncodePolicy(), message_decode_policy=BinaryBase64DecodePolicy()
    )


def storage_text(connection: str) -> str:
    """A storage connection string; `UseDevelopmentStorage=true`, which this SDK does not know, is Azurite's own."""
    parts = dict(part.strip().split("=", 1) for part in connection.lower().split(";") if "=" in part)
    if parts.get("usedevelopmentstorage") != "true":
        return connection
    host = parts.get("developmentstorageproxyuri", "http://127.0.0.1").rstrip("/")
    ports = {"BlobEndpoint": 10000, "QueueEndpoint": 10001, "TableEndpoint": 10002}
    endpoints = (f"{name}={host}:{port}/{ACCOUNT}" for name, port in ports.items())
    return ";".join(["DefaultEndpointsProtocol=http", f"AccountName={ACCOUNT}", f"AccountKey={KEY}", *endpoints])


def storage_options(connection: Connection) -> dict[str, Any]:
    """How the host's storage clients behave.

    They retry for some seconds, like the .NET client's; this SDK's default of over a minute would hold up a partition
    as long.
    """
    retries = ExponentialRetry(initial_backoff=0, increment_base=2, retry_total=2, random_jitter_range=1)
    return {"retry_policy": retries, "use_env_settings": connection.uses_proxies}


def blob_url(connection: Connection) -> str:
    """Where an identity-based connection's blobs are. Raises MissingSetting."""
    account = connection.section.get("accountname")
    return f"https://{account}.blob.core.windows.net" if account else connection.need("blobServiceUri", "serviceUri")
