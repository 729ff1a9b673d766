"""The Azure operations that the code calls, found in its own text.

A call counts when its name is a public member of a client class of an SDK that the module imports. An operation that
rights.py does not know is told as such, so that nobody forgets its role.
"""

import ast
import importlib
import inspect
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from checks.access.rights import BATCH_VERBS, SDKS
from checks.bicep.source import PROJECT


@dataclass(frozen=True)
class Call:
    """An operation, where it is called, and the verbs of a batch."""

    sdk: str
    operation: str
    file: str
    line: int
    verbs: frozenset[str] = frozenset()


@cache
def operations_of(sdk: str) -> frozenset[str]:
    """The public members of an SDK's clients, and the clients and functions that it is entered by."""
    found: set[str] = set(SDKS[sdk].operations)
    for module, classes in SDKS[sdk].clients.items():
        loaded = importlib.import_module(module)
        for name in classes:
            found.add(name)
            members = inspect.getmembers(getattr(loaded, name), callable)
            found.update(member for member, _ in members if not member.startswith("_"))
    return frozenset(found)


def calls_of(path: Path, root: Path = PROJECT) -> Iterator[Call]:
    tree = ast.parse(path.read_text())
    for sdk in sorted(_imported(tree)):
        for node in ast.walk(tree):
            if not isinstance(node, ast.Call):
                continue
            name = _called(node)
            if name is not None and name in operations_of(sdk):
                yield Call(sdk, name, str(path.relative_to(root)), node.lineno, _verbs(node))


def _imported(tree: ast.AST) -> set[str]:
    modules = {node.module for node in ast.walk(tree) if isinstance(node, ast.ImportFrom) and node.module}
    modules |= {each.name for node in ast.walk(tree) if isinstance(node, ast.Import) for each in node.names}
    return {sdk for sdk in SDKS for module in modules if module == sdk or module.startswith(sdk + ".")}


def _called(node: ast.Call) -> str | None:
    """What a call is of; nothing for one on `self` itself. A method given to a thread counts as called."""
    function = node.func
    if isinstance(function, ast.Attribute) and function.attr == "to_thread" and node.args:
        function = node.args[0]
    if isinstance(function, ast.Name):
        return function.id
    if not isinstance(function, ast.Attribute):
        return None
    return None if isinstance(function.value, ast.Name) and function.value.id == "self" else function.attr


def _verbs(node: ast.Call) -> frozenset[str]:
    firsts = (each.elts[0] for each in ast.walk(node) if isinstance(each, ast.Tuple) and each.elts)
    texts = {first.value for first in firsts if isinstance(first, ast.Constant)}
    return frozenset(text for text in texts if isinstance(text, str)) & BATCH_VERBS
