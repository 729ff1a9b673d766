"""Where clients of queued ingestion leave their data: containers and queues of a storage account (Azurite).

Source: Microsoft Learn, "Queued ingestion without the Kusto.Ingest library" (ingestion resources, identity token).
"""

import contextlib
import datetime
from dataclasses import dataclass

from azure.core.exceptions import ResourceExistsError
from azure.storage.blob import AccountSasPermissions as BlobPermissions
from azure.storage.blob import BlobServiceClient
from azure.storage.blob import ResourceTypes as BlobResources
from azure.storage.blob import generate_account_sas as blob_sas
from azure.storage.queue import AccountSasPermissions as QueuePermissions
from azure.storage.queue import QueueServiceClient
from azure.storage.queue import ResourceTypes as QueueResources
from azure.storage.queue import generate_account_sas as queue_sas

READY, FAILED, SUCCEEDED, TEMPORARY = "adx-ready", "adx-failed", "adx-succeeded", "adx-ingest-temp"
_STATUS_TABLE = "adxstatus"
_SAS_LASTS = datetime.timedelta(hours=24)


@dataclass(frozen=True)
class StorageAccount:
    """A storage account by its connection string."""

    connection_string: str

    @property
    def _parts(self) -> dict[str, str]:
        pairs = (part.partition("=") for part in self.connection_string.split(";") if part)
        return {name: value for name, _, value in pairs}

    def queues(self) -> QueueServiceClient:
        return QueueServiceClient.from_connection_string(self.connection_string)

    def blobs(self) -> BlobServiceClient:
        return BlobServiceClient.from_connection_string(self.connection_string)

    def create(self) -> None:
        """Makes the queues and the container that are not there. Raises azure.core.exceptions.AzureError."""
        with self.queues() as queues:
            for name in (READY, FAILED, SUCCEEDED):
                with contextlib.suppress(ResourceExistsError):
                    queues.create_queue(name)
        with self.blobs() as blobs, contextlib.suppress(ResourceExistsError):
            blobs.create_container(TEMPORARY)

    def ingestion_resources(self) -> list[tuple[str, str]]:
        """(ResourceTypeName, StorageRoot) of each; every root carries a shared access signature for a day."""
        account, key = self._parts["AccountName"], self._parts["AccountKey"]
        expiry = datetime.datetime.now(datetime.UTC) + _SAS_LASTS
        blob = blob_sas(
            account,
            key,
            BlobResources(service=True, container=True, object=True),
            BlobPermissions(read=True, write=True, create=True, add=True, list=True, delete=True),
            expiry,
        )
        queue = queue_sas(
            account,
            key,
            QueueResources(service=True, container=True, object=True),
            QueuePermissions(read=True, write=True, create=True, add=True, process=True, update=True, list=True),
            expiry,
        )
        with self.blobs() as blobs, self.queues() as queues:
            blob_root, queue_root = blobs.url.split("?")[0].rstrip("/"), queues.url.split("?")[0].rstrip("/")
        table_root = self._parts.get("TableEndpoint", blob_root).rstrip("/")
        return [
            ("TempStorage", f"{blob_root}/{TEMPORARY}?{blob}"),
            ("SecuredReadyForAggregationQueue", f"{queue_root}/{READY}?{queue}"),
            ("FailedIngestionsQueue", f"{queue_root}/{FAILED}?{queue}"),
            ("SuccessfulIngestionsQueue", f"{queue_root}/{SUCCEEDED}?{queue}"),
            ("IngestionsStatusTable", f"{table_root}/{_STATUS_TABLE}?{queue}"),
        ]
