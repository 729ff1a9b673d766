"""What a place that holds files is, and the plainest of them: a folder on this machine."""

import os
import uuid
from abc import ABC, abstractmethod
from collections.abc import Iterator
from pathlib import Path

from local.data_explorer.errors import KustoError


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
