"""Blobs of Azurite or Azure, below a prefix of one container."""

import ipaddress
from collections.abc import Iterator
from urllib.parse import unquote, urlsplit

from azure.core.credentials import TokenCredential
from azure.core.exceptions import AzureError, ClientAuthenticationError, HttpResponseError, ResourceNotFoundError
from azure.storage.blob import BlobServiceClient, ContainerClient

from local.azurite import ACCOUNT, KEY
from local.data_explorer.external.places import Location, StorageRefused

_KEYLESS = ("managed_identity", "impersonate", "token")


class Blobs(Location):
    """Blobs of one container whose names begin with a path."""

    def __init__(self, container: ContainerClient, path: str) -> None:
        self._container = container
        self._path = f"{path.strip('/')}/" if path.strip("/") else ""

    def names(self, prefix: str = "") -> Iterator[str]:
        try:
            for name in self._container.list_blob_names(name_starts_with=self._path + prefix):
                yield name.removeprefix(self._path)
        except AzureError as error:
            raise _refused(error, self.url(prefix)) from error

    def read(self, name: str) -> bytes:
        try:
            return bytes(self._container.download_blob(self._path + name).readall())
        except AzureError as error:
            raise _refused(error, self.url(name)) from error

    def write(self, name: str, content: bytes) -> None:
        try:
            self._container.upload_blob(self._path + name, content, overwrite=True)
        except ResourceNotFoundError:
            self._write_first(name, content)
        except AzureError as error:
            raise _refused(error, self.url(name)) from error

    def _write_first(self, name: str, content: bytes) -> None:
        try:
            self._container.create_container()
            self._container.upload_blob(self._path + name, content, overwrite=True)
        except AzureError as error:
            raise _refused(error, self.url(name)) from error

    def delete(self, name: str) -> None:
        try:
            self._container.delete_blob(self._path + name)
        except ResourceNotFoundError:
            return
        except AzureError as error:
            raise _refused(error, self.url(name)) from error

    def url(self, name: str) -> str:
        return f"{self._container.primary_endpoint.split('?')[0]}/{self._path}{name}"


def blobs(connection: str) -> Blobs:
    """The place that a connection string of blobs names. Raises StorageRefused (BadRequest_InvalidBlobUri)."""
    address, _, credential = connection.partition(";")
    parts = urlsplit(address)
    path = unquote(parts.path).strip("/")
    account_url = f"{parts.scheme}://{parts.netloc}"
    is_azurite = _is_path_style(parts.hostname or "")
    if is_azurite:
        account, _, path = path.partition("/")
        account_url += f"/{account}"
    container, _, prefix = path.partition("/")
    if not container:
        raise StorageRefused("BadRequest_InvalidBlobUri", f"'{account_url}' names no container")
    service = BlobServiceClient(account_url, credential=_credential(credential, parts.query, is_azurite))
    return Blobs(service.get_container_client(container), prefix)


def _is_path_style(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return False
    return True


def _credential(written: str, query: str, is_azurite: bool) -> str | dict[str, str] | TokenCredential:
    if query:
        return query
    kind = written.partition("=")[0].strip().lower()
    if written and kind not in _KEYLESS:
        return {"account_name": ACCOUNT, "account_key": written} if is_azurite else written
    if is_azurite:
        return {"account_name": ACCOUNT, "account_key": KEY}
    from azure.identity import DefaultAzureCredential  # half a second to import, for Azure's own storage only

    return DefaultAzureCredential()


def _refused(error: AzureError, url: str) -> StorageRefused:
    if isinstance(error, ResourceNotFoundError):
        return StorageRefused("Download_SourceNotFound", f"There is no blob {url}")
    status = error.status_code if isinstance(error, HttpResponseError) else None
    if isinstance(error, ClientAuthenticationError) or status == 403:
        return StorageRefused("Download_Forbidden", f"Access to {url} is refused")
    if status is not None and 400 <= status < 500 and status not in (408, 429):
        return StorageRefused("Download_BadRequest", f"{url} is refused: {error.message}")
    return StorageRefused("Download_UnknownError", f"{url} can't be reached: {error.message}")
