"""Names: what topology.json names is written nowhere else, and what is read from a JSON file is there."""

import json
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from tree_sitter import Node

from checks.bicep.declarations import Declarations, value_of
from checks.bicep.language import LOADING
from checks.bicep.modules import loader_of
from checks.bicep.source import PROJECT, Source, walk
from checks.findings import Finding

TOPOLOGY = PROJECT / "topology.json"
_SEPARATORS = re.compile(r"[/;]")
_NOT_NAMED = frozenset(["$Default", "$twin.tags.asset"])
_LISTED = frozenset(["consumerGroups", "partitionKey", "indexedPaths"])


def names_of(topology: Mapping[str, Any]) -> frozenset[str]:
    """Hubs, groups, containers, databases, tables, mappings: every name that stands in topology.json."""
    found: set[str] = set(topology["eventHubs"]) | set(topology["cosmos"]["containers"])
    _collect(topology, "", found)
    return frozenset(found) - _NOT_NAMED


def _collect(value: Any, key: str, found: set[str]) -> None:
    if isinstance(value, dict):
        for name, each in value.items():
            _collect(each, name, found)
    elif isinstance(value, list):
        if key in _LISTED:
            found.update(each for each in value if isinstance(each, str))
    elif isinstance(value, str) and not key.startswith("$"):
        found.add(value)


def written_out(source: Source, names: frozenset[str]) -> Iterator[Finding]:
    """Strings that hold a name of topology.json instead of reading it from there."""
    for node in walk(source.root):
        if node.type != "string_content" or _is_exempt(source, node):
            continue
        for part in _SEPARATORS.split(source.text(node)):
            if part in names:
                yield source.finding(node, "topology", f"'{part}' is a name of topology.json: read it from there")


def _is_exempt(source: Source, node: Node) -> bool:
    """A type, a path, a description, or the key into a JSON file."""
    string = node.parent
    outer = string.parent if string is not None else None
    while outer is not None and outer.type in ("arguments", "array"):
        outer = outer.parent
    if outer is None:
        return False
    if outer.type == "call_expression":
        function = source.text(outer.named_children[0])
        is_decorator = outer.parent is not None and outer.parent.type == "decorator"
        return is_decorator or function in LOADING
    return outer.type in ("resource_declaration", "module_declaration", "subscript_expression", "metadata_declaration")


def unknown_keys(source: Source, declared: Declarations) -> Iterator[Finding]:
    """`variable.a.b['c']` where the JSON file that the variable holds has no such thing."""
    for node in walk(source.root):
        if node.type not in ("member_expression", "subscript_expression"):
            continue
        if node.parent is not None and node.parent.type == node.type and node == node.parent.named_children[0]:
            continue
        missing = _missing(source, declared, node)
        if missing is not None:
            path, keys = missing
            yield source.finding(node, "json", f"{path.name} has no {'.'.join(keys)}")


def _missing(source: Source, declared: Declarations, node: Node) -> tuple[Path, list[str]] | None:
    """The file and the keys that lead nowhere; None when they lead somewhere, or what they are is not known here."""
    found = _file_and_keys(source, declared, node)
    if found is None or not found[0].is_file():
        return None
    path, keys = found
    value: Any = json.loads(path.read_text())
    for index, key in enumerate(keys):
        if not isinstance(value, dict):
            return None
        if key not in value:
            return path, keys[: index + 1]
        value = value[key]
    return None


def _file_and_keys(source: Source, declared: Declarations, node: Node) -> tuple[Path, list[str]] | None:
    if node.type == "identifier":
        name = source.text(node)
        path = loader_of(source, name, declared)
        if path is not None:
            return path, []
        variable = declared.of("var").get(name)
        value = value_of(variable.node) if variable is not None else None
        is_chain = value is not None and value.type in ("member_expression", "subscript_expression")
        return _file_and_keys(source, declared, value) if is_chain and value is not None else None
    if node.type not in ("member_expression", "subscript_expression"):
        return None
    before = _file_and_keys(source, declared, node.named_children[0])
    is_optional = any(".?" in source.text(each) for each in node.children if not each.is_named)
    if before is None or is_optional:
        return None
    if node.type == "member_expression":
        return before[0], [*before[1], source.text(node.named_children[1])]
    key = source.literal(node.named_children[1])
    return None if key is None else (before[0], [*before[1], key])


def unknown_members(source: Source, declared: Declarations) -> Iterator[Finding]:
    """`each.name` in a loop over a variable's objects, of which one has no such property."""
    for loop in walk(source.root):
        if loop.type != "for_statement":
            continue
        objects = _objects(source, declared, loop)
        variable = loop.child_by_field_name("initializer") or loop.named_children[0].named_children[0]
        for node in walk(loop) if objects else ():
            if node.type == "member_expression" and source.text(node.named_children[0]) == source.text(variable):
                name = source.text(node.named_children[1])
                if any(name not in source.properties(each)[0] for each in objects):
                    yield source.finding(node, "property", f"not every one has '{name}'")


def _objects(source: Source, declared: Declarations, loop: Node) -> list[Node]:
    """The objects that a loop goes through; none when they do not stand in the text."""
    names = [name for each in loop.named_children if (name := source.text(each)) in declared.of("var")]
    value = value_of(declared.of("var")[names[0]].node) if names else None
    items = value.named_children if value is not None and value.type == "array" else []
    return items if all(each.type == "object" for each in items) else []
