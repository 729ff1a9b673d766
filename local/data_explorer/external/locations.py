"""Where files are: a folder on this machine, or blobs under a prefix (Azurite or Azure).

Connection strings are those of Microsoft Learn, "Storage connection strings": `https://account…/container/path;KEY`,
the same with a SAS query, `;managed_identity=system` or `;impersonate`. Blobs of Azurite need no key: it has the one
that every Azurite has. A folder is a path or a file:// URL.
"""

from pathlib import Path
from urllib.parse import unquote, urlsplit

from local.data_explorer.external.places import Folder, Location


def location(connection: str) -> Location:
    """The place that a storage connection string names. Raises StorageRefused (BadRequest_InvalidBlobUri)."""
    if not connection.lower().startswith(("http://", "https://")):
        return Folder(_local_path(connection))
    from local.data_explorer.external.blobs import blobs  # azure-storage-blob takes long to import

    return blobs(connection)


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
    return Path(connection.partition(";")[0])
