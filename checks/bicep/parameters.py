"""Parameters: each is described, and a wrong value is refused before anything is deployed."""

import json
import re
from collections.abc import Iterator

from tree_sitter import Node

from checks.bicep.declarations import Declarations, Declared
from checks.bicep.source import Finding, Source, walk

ENTRY = "infra/main.bicep"
"""What a user sets; the modules are given checked values."""
FILE = "infra/main.parameters.json"
_DEFAULT = re.compile(r"\$\{\w+=(.*)\}")


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


def unfit_parameter_file(entry: Source, declared: Declarations, text: str) -> Iterator[Finding]:
    """azd's parameter file: each name is a parameter's, each default is one that it takes, and none is forgotten."""
    given = {name: str(each["value"]) for name, each in json.loads(text)["parameters"].items()}
    parameters = declared.of("param")
    for name in sorted(set(given) - set(parameters)):
        yield Finding(FILE, 1, 1, "parameter", f"{ENTRY} has no parameter '{name}'")
    for name in sorted(declared.required - set(given)):
        yield Finding(FILE, 1, 1, "parameter", f"'{name}' has no default in {ENTRY}, and no value")
    for name in sorted(set(given) & set(parameters)):
        default = _DEFAULT.fullmatch(given[name])
        allowed = _allowed(entry, parameters[name])
        if default and allowed and default[1] not in allowed:
            yield Finding(FILE, 1, 1, "parameter", f"'{name}': {default[1]!r} is not one of {', '.join(allowed)}")


def _allowed(source: Source, parameter: Declared) -> list[str]:
    """The values of @allowed; nothing without."""
    nodes = walk(parameter.decorators) if parameter.decorators is not None else iter(())
    for node in nodes:
        if node.type == "call_expression" and source.text(node.named_children[0]) == "allowed":
            return [
                source.literal(each) or source.text(each) for each in walk(node) if each.type in ("string", "number")
            ]
    return []
