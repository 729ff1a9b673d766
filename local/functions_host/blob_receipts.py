"""Receipts of the blob trigger: which version of which blob was handed to the trigger's queue already.

Source: azure-webjobs-sdk, BlobReceiptManager.cs and BlobTriggerExecutor.cs.
"""

from collections.abc import Awaitable, Callable

from azure.core.exceptions import HttpResponseError, ResourceExistsError
from azure.storage.blob import BlobProperties
from azure.storage.blob.aio import ContainerClient

_COMPLETED = "Completed"
_LEASE_SECONDS = 15
_TAKEN = (409, 412)


class Receipts:
    """The receipts of one function."""

    def __init__(self, container: ContainerClient, host_id: str, function: str) -> None:
        self._container = container
        self._folder = f"blobreceipts/{host_id}/Host.Functions.{function}"

    async def queue_once(self, blob: BlobProperties, enqueue: Callable[[], Awaitable[None]]) -> bool:
        """Queues this version of a blob unless that was done; False when another host is about to do it.

        Dying between the two steps queues it twice, never not at all. Raises AzureError.
        """
        client = self._container.get_blob_client(f'{self._folder}/"{blob.etag}"/{blob.container}/{blob.name}')
        try:
            await client.upload_blob(b"", metadata={_COMPLETED: "False"}, overwrite=False)
        except ResourceExistsError:
            properties = await client.get_blob_properties()
            if properties.metadata.get(_COMPLETED) == "True":
                return True
        try:
            lease = await client.acquire_lease(_LEASE_SECONDS)
        except HttpResponseError as error:
            if error.status_code in _TAKEN:
                return False
            raise
        await enqueue()
        await client.set_blob_metadata({_COMPLETED: "True"}, lease=lease)
        await lease.release()
        return True
