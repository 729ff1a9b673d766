"""The dependencies that a remote build adds: those of requirements.txt, as they are installed here."""

import re
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from importlib.metadata import Distribution, PackageNotFoundError, distribution
from pathlib import Path

_PIN = re.compile(r"^([A-Za-z0-9._-]+)(?:\[[^]]*])?==(\S+)", re.MULTILINE)


class NotInstalled(Exception):
    """The environment is not the one of requirements.txt; the message says what to do."""


@dataclass(frozen=True)
class Size:
    """Bytes of a distribution's files: as installed, and deflated one by one."""

    name: str
    installed: int
    zipped: int


def sizes(requirements: Path) -> Iterator[Size]:
    """Of every pin. Raises NotInstalled when one isn't installed as it is pinned."""
    for name, version in _PIN.findall(requirements.read_text()):
        yield _size(_installed(name, version.split(";")[0].strip()))


def _installed(name: str, version: str) -> Distribution:
    try:
        found = distribution(name)
    except PackageNotFoundError as error:
        raise NotInstalled(f"{name} is not installed: run `make setup`.") from error
    if found.version != version:
        raise NotInstalled(f"{name} is {found.version}, and {version} is pinned: run `make setup`.")
    return found


def _size(found: Distribution) -> Size:
    installed = zipped = 0
    for file in found.files or []:
        path = Path(str(file.locate()))
        if file.suffix == ".pyc" or ".." in file.parts or not path.is_file():
            continue
        content = path.read_bytes()
        installed += len(content)
        zipped += len(zlib.compress(content))
    return Size(found.metadata["Name"], installed, zipped)
