"""Where files are: a folder on this machine, or blobs under a prefix (Azurite or Azure).

Connection strings are those of Microsoft Learn, "Storage connection strings": `https://account…/container/path;KEY`,
the same with a SAS query, `;managed_identity=system` or `;impersonate`. Blobs of Azurite need no key: it has the one
that every Azurite has. A folder is a path or a file:// URL.
"""

import ipaddress
import os
import uuid
from abc import ABC, abstractmethod
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import unquote, urlsplit

from azure.core.credentials import TokenCredential
from azure.core.exceptions import AzureError, ClientAuthenticationError, HttpResponseError, ResourceNotFoundError
from azure.storage.blob import BlobServiceClient, ContainerClient

from local.azurite import ACCOUNT, KEY
from local.data_explorer.errors import KustoError

_KEYLESS = ("managed_identity", "impersonate", "token")


class StorageRefused(KustoError):
    """A file can't be read, written or listed; `code` is one of the service's Download_… codes."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message, code=code)
        self.permanent = code not in ("Download_UnknownError", "Download_TransientNameResolutionFailure")


class Location(ABC):
    """A place that holds files by name. Every method raises StorageRefused."""

    @abstractmethod
    def names(self, prefix: str = "") -> Iterator[str]:
        """The names, below this place, of the files that begin with `prefix`, in order."""

    @abstractmethod
    def read(self, name: str) -> bytes: ...

    @abstractmethod
    def write(self, name: str, content: bytes) -> None:
        """Makes or replaces a file; it is whole or not there."""

    @abstractmethod
    def delete(self, name: str) -> None:
        """Removes a file; it is no error if there is none."""

    @abstractmethod
    def url(self, name: str) -> str:
        """What a user calls the file, without any secret."""


class Folder(Location):
    """Files below a directory of this machine."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def names(self, prefix: str = "") -> Iterator[str]:
        for folder, _, files in sorted(os.walk(self._path)):
            for file in sorted(files):
                name = (Path(folder) / file).relative_to(self._path).as_posix()
                if name.startswith(prefix) and not file.startswith(".writing-"):
                    yield name

    def read(self, name: str) -> bytes:
        try:
            return (self._path / name).read_bytes()
        except FileNotFoundError as error:
            raise StorageRefused("Download_SourceNotFound", f"There is no file {self.url(name)}") from error
        except OSError as error:
            raise StorageRefused(
                "Download_NotTransient", f"{self.url(name)} can't be read: {error.strerror}"
            ) from error

    def write(self, name: str, content: bytes) -> None:
        target = self._path / name
        passing = target.with_name(f".writing-{uuid.uuid4()}")
        try:
            target.parent.mkdir(parents=True, exist_ok=True)
            with passing.open("wb") as stream:
                stream.write(content)
                stream.flush()
                os.fsync(stream.fileno())
            passing.replace(target)
        except OSError as error:
            raise StorageRefused("Download_NotTransient", f"{self.url(name)} can't be written: {error}") from error

    def delete(self, name: str) -> None:
        (self._path / name).unlink(missing_ok=True)

    def url(self, name: str) -> str:
        return f"file://{(self._path / name).absolute()}"


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


def location(connection: str) -> Location:
    """The place that a storage connection string names. Raises StorageRefused (BadRequest_InvalidBlobUri)."""
    if not connection.lower().startswith(("http://", "https://")):
        return Folder(_local_path(connection))
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


def read_source(connection: str) -> bytes:
    """The bytes of the one file that a storage connection string names. Raises StorageRefused."""
    place, name = _source(connection)
    return place.read(name)


def delete_source(connection: str) -> None:
    """Removes the one file that a storage connection string names. Raises StorageRefused."""
    place, name = _source(connection)
    place.delete(name)


def _source(connection: str) -> tuple[Location, str]:
    address, separator, credential = connection.partition(";")
    base, question, query = address.partition("?")
    folder, _, name = base.rpartition("/")
    return location(f"{folder}{question}{query}{separator}{credential}"), unquote(name)


def _local_path(connection: str) -> Path:
    if connection.startswith("file://"):
        return Path(unquote(urlsplit(connection).path))
    return Path(connection)


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
