"""Parameters: each is described, and a wrong value is refused before anything is deployed."""

from collections.abc import Iterator

from tree_sitter import Node

from checks.bicep.declarations import Declarations, Declared
from checks.bicep.source import Finding, Source, walk

ENTRY = "infra/main.bicep"
"""What a user sets; the modules are given checked values."""


def careless(source: Source, declared: Declarations) -> Iterator[Finding]:
    for name, parameter in declared.of("param").items():
        decorators = decorators_of(source, parameter)
        if "description" not in decorators:
            yield source.finding(parameter.node, "parameter", f"'{name}' needs @description")
        if source.name != ENTRY or "allowed" in decorators:
            continue
        kind = _kind(source, parameter.node)
        if kind == "string" and "maxLength" not in decorators:
            yield source.finding(parameter.node, "parameter", f"'{name}' needs @allowed or @maxLength")
        if kind == "int" and not {"minValue", "maxValue"} <= decorators:
            yield source.finding(parameter.node, "parameter", f"'{name}' needs @allowed, or @minValue and @maxValue")


def decorators_of(source: Source, parameter: Declared) -> set[str]:
    if parameter.decorators is None:
        return set()
    calls = (each for each in walk(parameter.decorators) if each.type == "decorator")
    return {source.text(each.named_children[0].named_children[0]) for each in calls}


def _kind(source: Source, parameter: Node) -> str:
    return next((source.text(each) for each in parameter.named_children if each.type == "type"), "")
