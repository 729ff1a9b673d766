"""Modules: their files, parameters and outputs; and the files that load… functions take."""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from tree_sitter import Node

from checks.bicep.contracts import contract_of, misfits
from checks.bicep.declarations import Declarations, declarations, value_of
from checks.bicep.language import LOADING
from checks.bicep.source import Source, body_of, walk
from checks.findings import Finding

_OF_A_MODULE = frozenset(["name", "scope", "params", "dependsOn"])


@dataclass(frozen=True)
class Module:
    """A module's file, and what it declares."""

    source: Source
    declared: Declarations


@cache
def _module(path: Path, changed: int) -> Module:
    source = Source(path, path.name)
    return Module(source, declarations(source))


def _target(source: Source, declaration: Node) -> Path | None:
    path = source.literal(next((each for each in declaration.named_children if each.type == "string"), None))
    return None if path is None else source.path.parent / path


def broken_modules(source: Source, declared: Declarations) -> Iterator[Finding]:
    for name, each in declared.of("module").items():
        target = _target(source, each.node)
        if target is None or not target.is_file():
            yield source.finding(each.node, "module", f"module '{name}': there is no such file")
            continue
        yield from _unknown_properties(source, name, each.node)
        yield from _parameters(source, declared, name, _module(target, target.stat().st_mtime_ns))
    yield from _outputs(source, declared)


def _parameters(source: Source, declared: Declarations, name: str, module: Module) -> Iterator[Finding]:
    node = declared.symbols[name].node
    given, is_open = _given(source, node)
    taken = module.declared.of("param")
    for parameter, (at, value) in given.items():
        if parameter not in taken:
            yield source.finding(at, "module", f"module '{name}' has no parameter '{parameter}'")
        elif value is not None:
            for place, reason in misfits(contract_of(module.source, taken[parameter]), source, declared, value):
                yield source.finding(place, "value", f"module '{name}': '{parameter}' does not take {reason}")
    for parameter in sorted(module.declared.required - set(given)):
        if not is_open:
            yield source.finding(node, "module", f"module '{name}': parameter '{parameter}' is missing")


def _unknown_properties(source: Source, name: str, node: Node) -> Iterator[Finding]:
    body = body_of(node)
    for found, (at, _) in source.properties(body)[0].items() if body is not None else ():
        if found not in _OF_A_MODULE:
            yield source.finding(at, "property", f"module '{name}' has no property '{found}'")


def _given(source: Source, node: Node) -> tuple[dict[str, tuple[Node, Node | None]], bool]:
    """What a module is given by name, and whether some of it is known only at run time."""
    body = body_of(node)
    _, value = source.properties(body)[0].get("params", (None, None)) if body is not None else (None, None)
    return source.properties(value) if value is not None and value.type == "object" else ({}, False)


def _outputs(source: Source, declared: Declarations) -> Iterator[Finding]:
    """`module.outputs.name` of modules that have no such output."""
    modules = declared.of("module")
    for node in walk(source.root):
        inner = node.child_by_field_name("object") if node.type == "member_expression" else None
        if inner is None or inner.type != "member_expression" or not _is_property(source, inner, "outputs"):
            continue
        root = next((each for each in walk(inner) if each.type == "identifier"), None)
        if root is None or source.text(root) not in modules:
            continue
        target = _target(source, modules[source.text(root)].node)
        wanted = node.child_by_field_name("property")
        if target is None or not target.is_file() or wanted is None:
            continue
        if source.text(wanted) not in _module(target, target.stat().st_mtime_ns).declared.outputs:
            yield source.finding(node, "module", f"{target.name} has no output '{source.text(wanted)}'")


def _is_property(source: Source, member: Node, name: str) -> bool:
    found = member.child_by_field_name("property")
    return found is not None and source.text(found) == name


def loaded_files(source: Source) -> Iterator[tuple[Node, Path]]:
    """Each call of a load… function: where, and which file."""
    for node in walk(source.root):
        if node.type != "call_expression" or source.text(node.named_children[0]) not in LOADING:
            continue
        arguments = node.child_by_field_name("arguments")
        path = source.literal(arguments.named_children[0]) if arguments and arguments.named_children else None
        if path is not None:
            yield node, source.path.parent / path


def missing_files(source: Source) -> Iterator[Finding]:
    for node, path in loaded_files(source):
        if not path.is_file():
            yield source.finding(node, "file", f"there is no file {path.name} in {path.parent.name}/")


def loader_of(source: Source, name: str, declared: Declarations) -> Path | None:
    """The JSON file that a variable holds: `var name = loadJsonContent('…')`, or any(…) of that."""
    variable = declared.of("var").get(name)
    value = value_of(variable.node) if variable is not None else None
    if value is not None and value.type == "call_expression" and source.text(value.named_children[0]) == "any":
        value = value.named_children[1].named_children[0]
    return next((path for node, path in loaded_files(source) if node == value), None)
