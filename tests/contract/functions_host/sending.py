"""Sending to hubs and reading checkpoints, with the real SDKs."""

from collections.abc import Iterable, Mapping
from typing import Any

from azure.eventhub import EventData, EventHubProducerClient
from azure.storage.blob import BlobServiceClient

from tests.contract.functions_host.conftest import Hub


def send(hub: Hub, bodies: Iterable[str | bytes | EventData], **target: Any) -> None:
    """Sends events in one batch; `target` is a partition_id or a partition_key."""
    with EventHubProducerClient.from_connection_string(hub.connection, eventhub_name=hub.name) as producer:
        batch = producer.create_batch(**target)
        for body in bodies:
            batch.add(body if isinstance(body, EventData) else EventData(body))
        producer.send_batch(batch)


def checkpoints(blobs: BlobServiceClient, hub: Hub, group: str = "store") -> Mapping[str, int]:
    """The checkpointed sequence number of each partition that has one."""
    return {name: int(metadata["sequencenumber"]) for name, metadata in _blobs(blobs, hub, group, "checkpoint").items()}


def owners(blobs: BlobServiceClient, hub: Hub, group: str = "store") -> Mapping[str, str]:
    """Who owns each partition; empty: it was given back."""
    return {name: metadata["ownerid"] or "" for name, metadata in _blobs(blobs, hub, group, "ownership").items()}


def steal(blobs: BlobServiceClient, hub: Hub, partition: str, *, thief: str) -> None:
    """Claims a partition in another host's name."""
    name = f"127.0.0.1/{hub.name}/store/ownership/{partition}"
    blobs.get_blob_client("azure-webjobs-eventhub", name).set_blob_metadata({"ownerid": thief})


def _blobs(blobs: BlobServiceClient, hub: Hub, group: str, kind: str) -> dict[str, dict[str, Any]]:
    prefix = f"127.0.0.1/{hub.name}/{group}/{kind}/".lower()
    container = blobs.get_container_client("azure-webjobs-eventhub")
    if not container.exists():
        return {}
    found = container.list_blobs(name_starts_with=prefix, include=["metadata"])
    return {blob.name.rsplit("/", 1)[1]: blob.metadata for blob in found}
