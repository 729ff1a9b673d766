"""What a program reaches: the modules that it imports, and the gateways that those use."""

import ast
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache, lru_cache
from pathlib import Path

from checks.bicep.source import PROJECT

WORKER = "shared.gateways.worker"
OURS = ("functions", "operations", "shared", "function_app")


@dataclass(frozen=True)
class Gateway:
    """A property of Gateways: the module that it uses, the settings that it reads, the other properties."""

    module: str | None
    settings: frozenset[str]
    properties: frozenset[str]


def path_of(module: str) -> Path | None:
    base = PROJECT / Path(*module.split("."))
    return next((path for path in (base.with_suffix(".py"), base / "__init__.py") if path.is_file()), None)


@cache
def tree_of(module: str) -> ast.Module:
    path = path_of(module)
    return ast.parse(path.read_text()) if path is not None else ast.Module([], [])


def reached(entry: str) -> set[str]:
    """The modules that `entry` imports, one from another. Gateways are reached through the worker's properties."""
    found: set[str] = set()
    waiting = [entry]
    while waiting:
        module = waiting.pop()
        if module in found or path_of(module) is None:
            continue
        found.add(module)
        if module != WORKER:
            waiting += _imports(tree_of(module))
    return {module for module in found if not module.startswith("shared.gateways.")}


def _imports(tree: ast.AST) -> Iterator[str]:
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and node.module and node.module.startswith(OURS):
            yield node.module
            yield from (f"{node.module}.{each.name}" for each in node.names)


def gateways_used(modules: set[str]) -> set[str]:
    """The properties of Gateways that these modules read, and those which these read."""
    known = gateways()
    used = {name for module in modules for name in _attributes(tree_of(module)) if name in known}
    while more := {each for name in used for each in known[name].properties} - used:
        used |= more
    return used


def _attributes(tree: ast.AST) -> Iterator[str]:
    """`x.name` for each x that is annotated as Gateways, or made by gateways()."""
    holders = {
        node.arg
        for node in ast.walk(tree)
        if isinstance(node, ast.arg) and node.annotation is not None and "Gateways" in ast.unparse(node.annotation)
    }
    for node in ast.walk(tree):
        if isinstance(node, ast.Attribute):
            holder = node.value
            is_made = isinstance(holder, ast.Call) and ast.unparse(holder.func) == "gateways"
            if is_made or (isinstance(holder, ast.Name) and holder.id in holders):
                yield node.attr


@lru_cache(maxsize=1)
def gateways() -> dict[str, Gateway]:
    worker = next(
        node for node in ast.walk(tree_of(WORKER)) if isinstance(node, ast.ClassDef) and node.name == "Gateways"
    )
    return {each.name: _gateway(each) for each in worker.body if isinstance(each, ast.FunctionDef)}


def _gateway(function: ast.FunctionDef) -> Gateway:
    nodes = list(ast.walk(function))
    imported = [
        node.module
        for node in nodes
        if isinstance(node, ast.ImportFrom) and node.module and node.module.startswith("shared.gateways.")
    ]
    read = [(ast.unparse(node.value), node.attr) for node in nodes if isinstance(node, ast.Attribute)]
    return Gateway(
        next(iter(imported), None),
        frozenset(attribute for holder, attribute in read if holder in ("given", "self._settings")),
        frozenset(attribute for holder, attribute in read if holder == "self" and not attribute.startswith("_")),
    )
