"""Finds names of topology.json that are spelled elsewhere: in the app's and the stack's Python, KQL, hooks, workflows.

Bicep's are found with Bicep's own syntax (checks/bicep). Tests, benchmarks and checks make places of their own and may
name them. A key into a JSON file (`TOPOLOGY["eventHubs"]["telemetry"]`) is how a name is read.
"""

import ast
import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ruamel.yaml import YAML

from checks.bicep.names import names_of
from checks.names.meanings import MEANINGS, Meaning

PROJECT = Path(__file__).resolve().parents[2]
TOPOLOGY = "topology.json"
READER = "shared/topology.py"
"""The app's one reader: it may ask for what it needs by name, since it fails when that is not there."""
PYTHON = ("function_app.py", "functions", "shared", "local", "simulator", "operations")
TEXTS = {"kql": ".kql", "infra/hooks": ""}
WORKFLOWS = ".github/workflows"
_QUOTED = re.compile(r"\"([^\"\n]*)\"|'([^'\n]*)'")


@dataclass(frozen=True)
class Finding:
    """A name that is spelled where it should be read."""

    file: str
    line: int
    message: str

    def __str__(self) -> str:
        return f"{self.file}:{self.line}: {self.message}"


def spellable(topology: Mapping[str, Any]) -> frozenset[str]:
    """Hubs, consumer groups, containers, databases, tables and mappings; the paths within a document are no names."""
    return frozenset(name for name in names_of(topology) if not name.startswith("/"))


def findings(root: Path = PROJECT, meanings: Sequence[Meaning] = MEANINGS) -> list[Finding]:
    """Names that are spelled, and meanings that no file has any more."""
    names = spellable(json.loads((root / TOPOLOGY).read_text()))
    used: set[Meaning] = set()
    found: list[Finding] = []
    for file, line, word in _words(root):
        if word not in names or file == READER:
            continue
        meaning = next((each for each in meanings if _is_of(each, file, word)), None)
        if meaning:
            used.add(meaning)
        else:
            found.append(Finding(file, line, f"'{word}' is a name of {TOPOLOGY}: read it from there"))
    stale = (each for each in meanings if each not in used)
    return found + [Finding("checks/names/meanings.py", 1, f"'{each.word}' is not in {each.path}") for each in stale]


def _is_of(meaning: Meaning, file: str, word: str) -> bool:
    return meaning.word == word and (file == meaning.path or file.startswith(f"{meaning.path}/"))


def _words(root: Path) -> Iterator[tuple[str, int, str]]:
    """File, line and text of every string."""
    for path in PYTHON:
        for module in _files(root / path, ".py"):
            yield from (
                (str(module.relative_to(root)), line, word) for line, word in python_strings(module.read_text())
            )
    for folder, suffix in TEXTS.items():
        for file in _files(root / folder, suffix):
            yield from ((str(file.relative_to(root)), line, word) for line, word in quoted(file.read_text()))
    for workflow in _files(root / WORKFLOWS, ".yml"):
        values = YAML(typ="safe", pure=True).load(workflow.read_text())
        yield from ((str(workflow.relative_to(root)), 1, word) for word in _values(values))


def python_strings(source: str) -> Iterator[tuple[int, str]]:
    """String literals that are no key into something."""
    tree = ast.parse(source)
    keys = {id(node.slice) for node in ast.walk(tree) if isinstance(node, ast.Subscript)}
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in keys:
            yield node.lineno, node.value


def quoted(text: str) -> Iterator[tuple[int, str]]:
    """What stands in quotation marks, on one line."""
    for number, line in enumerate(text.splitlines(), 1):
        for match in _QUOTED.finditer(line):
            yield number, match[1] or match[2] or ""


def _values(value: Any) -> Iterator[str]:
    """Every string of a workflow that is a value, and each word of its commands."""
    if isinstance(value, str):
        yield from (value, *value.split()) if " " in value else (value,)
    elif isinstance(value, Mapping):
        for each in value.values():
            yield from _values(each)
    elif isinstance(value, list):
        for each in value:
            yield from _values(each)


def _files(path: Path, suffix: str) -> list[Path]:
    return [path] if path.is_file() else sorted(each for each in path.rglob(f"*{suffix}") if each.is_file())
