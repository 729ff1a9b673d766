"""The container of dead letters: small JSON blobs, written over by themselves, listed by their path."""

from collections.abc import AsyncIterator, Mapping
from datetime import datetime
from typing import TYPE_CHECKING, NamedTuple

from azure.core.exceptions import AzureError, ResourceExistsError, ResourceNotFoundError
from azure.storage.blob import ContentSettings
from azure.storage.blob.aio import BlobServiceClient, ExponentialRetry

from shared.gateways.errors import Unavailable

if TYPE_CHECKING:
    from azure.core.credentials_async import AsyncTokenCredential

DEVELOPMENT_STORAGE = (
    "DefaultEndpointsProtocol=http;AccountName=devstoreaccount1;"
    "AccountKey=Eby8vdM02xNOcqFlqUwJPLlmEtlCDXJ1OUzFT50uSRZ6IFsuFq2UVErCz4I6tq/K1SZFPTOtr/KBHBeksoGMGw==;"
    "BlobEndpoint=http://127.0.0.1:10000/devstoreaccount1;"
)
"""What UseDevelopmentStorage=true stands for, which the Python SDK does not know (Azurite README)."""


class NoSuchBlob(Exception):
    """There is no blob of that name."""


class ListedBlob(NamedTuple):
    name: str
    written: datetime
    metadata: Mapping[str, str]


def blob_client(
    connection: str | None, account_url: str | None, credential: "AsyncTokenCredential | None"
) -> BlobServiceClient:
    """A client that tries three more times by itself, over about half a minute."""
    retries = ExponentialRetry(initial_backoff=1, increment_base=2, retry_total=3)
    if connection and connection.lower().startswith("usedevelopmentstorage=true"):
        connection = DEVELOPMENT_STORAGE
    if connection:
        return BlobServiceClient.from_connection_string(connection, retry_policy=retries)
    return BlobServiceClient(account_url or "", credential=credential, retry_policy=retries)


class LetterContainer:
    """Reads and writes blobs of one container, which is made when the first is written. Raises Unavailable."""

    def __init__(self, client: BlobServiceClient, container: str) -> None:
        self._client = client
        self._container = client.get_container_client(container)

    async def put(self, name: str, content: bytes, metadata: Mapping[str, str] | None = None) -> None:
        """Writes a blob over the one of that name; its metadata too."""
        try:
            try:
                await self._upload(name, content, metadata)
            except ResourceNotFoundError:
                await self._create_container()
                await self._upload(name, content, metadata)
        except AzureError as error:
            raise Unavailable("Blob Storage", error) from error

    async def _upload(self, name: str, content: bytes, metadata: Mapping[str, str] | None) -> None:
        settings = ContentSettings(content_type="application/json")
        given = dict(metadata) if metadata else None
        await self._container.upload_blob(name, content, overwrite=True, content_settings=settings, metadata=given)

    async def _create_container(self) -> None:
        try:
            await self._container.create_container()
        except ResourceExistsError:
            return

    async def get(self, name: str) -> bytes:
        """Raises NoSuchBlob too."""
        try:
            return await (await self._container.download_blob(name)).readall()
        except ResourceNotFoundError as error:
            raise NoSuchBlob(name) from error
        except AzureError as error:
            raise Unavailable("Blob Storage", error) from error

    async def list(self, prefix: str = "") -> AsyncIterator[ListedBlob]:
        """Blobs whose name starts so, in the order of their names; none while the container does not exist."""
        try:
            async for blob in self._container.list_blobs(name_starts_with=prefix, include=["metadata"]):
                yield ListedBlob(blob.name, blob.last_modified, blob.metadata or {})
        except ResourceNotFoundError:
            return
        except AzureError as error:
            raise Unavailable("Blob Storage", error) from error

    async def close(self) -> None:
        await self._client.close()
