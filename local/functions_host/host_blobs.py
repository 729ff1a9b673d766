"""The host's own blobs, in container azure-webjobs-hosts: timers' schedule status, and locks held by blob leases.

Sources: webjobs-sdk-extensions, StorageScheduleMonitor.cs; azure-webjobs-sdk, BlobLeaseDistributedLockManager.cs.
"""

import json
from datetime import datetime, timedelta

from azure.core.exceptions import HttpResponseError, ResourceExistsError, ResourceNotFoundError
from azure.storage.blob.aio import BlobLeaseClient, BlobServiceClient, ContainerClient

from local.functions_host.schedules import ScheduleStatus

CONTAINER = "azure-webjobs-hosts"
_NEVER = "0001-01-01T00:00:00"
_CONFLICT = 409
_PRECONDITION = 412


async def host_container(storage: BlobServiceClient) -> ContainerClient:
    """The container, made when it is not there. Raises AzureError."""
    return await container_made(storage, CONTAINER)


async def container_made(storage: BlobServiceClient, name: str) -> ContainerClient:
    """A container that surely exists. Raises AzureError."""
    container = storage.get_container_client(name)
    try:
        await container.create_container()
    except ResourceExistsError:
        return container
    return container


def status_document(status: ScheduleStatus) -> dict[str, str]:
    """A schedule status as the host writes it, and as TimerRequest.schedule_status shows it."""
    return {
        "Last": status.last.isoformat() if status.last else _NEVER,
        "Next": status.next.isoformat(),
        "LastUpdated": status.updated.isoformat(),
    }


class StatusBlob:
    """Where one timer's schedule status is kept. Methods raise AzureError."""

    def __init__(self, container: ContainerClient, host_id: str, function: str) -> None:
        self._blob = container.get_blob_client(f"timers/{host_id}/Host.Functions.{function}/status")

    async def read(self) -> ScheduleStatus | None:
        try:
            content = await (await self._blob.download_blob()).readall()
        except ResourceNotFoundError:
            return None
        document = json.loads(content)
        last = None if document["Last"] == _NEVER else datetime.fromisoformat(document["Last"])
        return ScheduleStatus(
            last, datetime.fromisoformat(document["Next"]), datetime.fromisoformat(document["LastUpdated"])
        )

    async def write(self, status: ScheduleStatus) -> None:
        await self._blob.upload_blob(json.dumps(status_document(status)), overwrite=True)


class LockLost(Exception):
    """Another host holds the lock now."""


class Lock:
    """A lock that one host at a time holds. Methods raise AzureError when the storage can't be used."""

    def __init__(self, container: ContainerClient, host_id: str, scope: str, period: timedelta) -> None:
        self._blob = container.get_blob_client(f"locks/{host_id}/{scope}")
        self._seconds = min(60, max(15, round(period.total_seconds())))
        self._lease: BlobLeaseClient | None = None

    @property
    def renewal_seconds(self) -> float:
        return self._seconds / 2

    async def acquire(self) -> bool:
        """Whether the lock is held now."""
        try:
            self._lease = await self._blob.acquire_lease(self._seconds)
        except ResourceNotFoundError:
            await self._create()
            return await self.acquire()
        except HttpResponseError as error:
            if error.status_code == _CONFLICT:
                return False
            raise
        return True

    async def renew(self) -> None:
        """Raises LockLost."""
        if self._lease is None:
            raise LockLost(self._blob.blob_name)
        try:
            await self._lease.renew()
        except HttpResponseError as error:
            if error.status_code in (_CONFLICT, _PRECONDITION):
                raise LockLost(self._blob.blob_name) from error
            raise

    async def release(self) -> None:
        if self._lease is None:
            return
        lease, self._lease = self._lease, None
        try:
            await lease.release()
        except HttpResponseError as error:
            if error.status_code != _CONFLICT:
                raise

    async def _create(self) -> None:
        try:
            await self._blob.upload_blob(b"", overwrite=False)
        except ResourceExistsError:
            return
