"""The files that are published, against those that the app needs: its Python, and the data files that it names."""

import ast
import io
import os
import zipfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from checks.package.ignoring import READERS

PROJECT = Path(__file__).resolve().parents[2]
IGNORE_FILE = ".funcignore"
ENTRY = "function_app.py"
CODE = ("functions", "shared")
FOR_THE_HOST = ("host.json", "requirements.txt")
MOST_ZIPPED = 25_000_000
"""Bytes."""
_LARGE_AND_IGNORED = {".git", ".venv", "node_modules", ".local"}
"""Folders that are looked into by one file only: what the ignore file says of it goes for the rest."""


@dataclass(frozen=True)
class Finding:
    """What is wrong with what one tool would publish."""

    tool: str
    message: str

    def __str__(self) -> str:
        return f"{IGNORE_FILE}: {self.tool}: {self.message}"


def published(tool: str, root: Path = PROJECT) -> list[str]:
    """The files that a tool would publish, by their paths from the root."""
    ignores = READERS[tool]((root / IGNORE_FILE).read_text())
    return [path for path in _files(root) if not ignores(path)]


def needed(root: Path = PROJECT) -> list[str]:
    """The entry, the code's modules, and every file of the project that a string in them names."""
    modules = [ENTRY, *(str(path.relative_to(root)) for folder in CODE for path in (root / folder).rglob("*.py"))]
    named = {text for module in modules for text in _strings(root / module)}
    data = (name for name in named if _is_name(name) and (root / name).is_file())
    return sorted({*modules, *FOR_THE_HOST, *data})


def findings(root: Path = PROJECT) -> list[Finding]:
    wanted = set(needed(root))
    found: list[Finding] = []
    for tool in READERS:
        sent = set(published(tool, root))
        found += [Finding(tool, f"{path} is needed, and left out") for path in sorted(wanted - sent)]
        found += [Finding(tool, f"{path} is no part of the app, and published") for path in sorted(sent - wanted)]
    return found


def zipped(paths: Sequence[str], root: Path = PROJECT) -> bytes:
    """The package, as the tools make it: deflated, paths from the root."""
    package = io.BytesIO()
    with zipfile.ZipFile(package, "w", zipfile.ZIP_DEFLATED) as archive:
        for path in paths:
            archive.write(root / path, path)
    return package.getvalue()


def _files(root: Path) -> Iterator[str]:
    for folder, folders, names in os.walk(root):
        folders.sort()
        names.sort()
        here = Path(folder).relative_to(root)
        if here.parts and here.parts[0] in _LARGE_AND_IGNORED:
            folders.clear()
            names = names[:1]
        for name in names:
            yield (here / name).as_posix()


def _strings(module: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(module.read_text())):
        if isinstance(node, ast.Constant) and isinstance(node.value, str):
            yield node.value


def _is_name(text: str) -> bool:
    """A relative path of a file with an ending, such as topology.json."""
    return "\n" not in text and not text.startswith(("/", ".")) and "." in text and len(text) < 100
