"""Parameters: each is described, and a wrong value is refused before anything is deployed."""

import json
import re
from collections.abc import Iterator

from checks.bicep.contracts import Contract, contract_of, misfits
from checks.bicep.declarations import Declarations, Declared
from checks.bicep.source import Source, walk
from checks.findings import Finding

ENTRY = "infra/main.bicep"
"""What a user sets; the modules are given checked values."""
FILE = "infra/main.parameters.json"
_DEFAULT = re.compile(r"\$\{\w+=(.*)\}")


def careless(source: Source, declared: Declarations) -> Iterator[Finding]:
    for name, parameter in declared.of("param").items():
        decorators = decorators_of(source, parameter)
        if "description" not in decorators:
            yield source.finding(parameter.node, "parameter", f"'{name}' needs @description")
        contract = contract_of(source, parameter)
        value = parameter.node.named_children[-1]
        for place, reason in misfits(contract, source, declared, value) if value.type != "type" else ():
            yield source.finding(place, "value", f"'{name}' does not take {reason}")
        if source.name == ENTRY and not contract.allowed:
            yield from _limitless(source, name, parameter, contract)


def _limitless(source: Source, name: str, parameter: Declared, contract: Contract) -> Iterator[Finding]:
    if contract.kind == "string" and "maxLength" not in contract.limits:
        yield source.finding(parameter.node, "parameter", f"'{name}' needs @allowed or @maxLength")
    if contract.kind == "int" and not {"minValue", "maxValue"} <= set(contract.limits):
        yield source.finding(parameter.node, "parameter", f"'{name}' needs @allowed, or @minValue and @maxValue")


def decorators_of(source: Source, parameter: Declared) -> set[str]:
    if parameter.decorators is None:
        return set()
    calls = (each for each in walk(parameter.decorators) if each.type == "decorator")
    return {source.text(each.named_children[0].named_children[0]) for each in calls}


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
        reason = contract_of(entry, parameters[name]).refusal(default[1]) if default else None
        if reason is not None:
            yield Finding(FILE, 1, 1, "parameter", f"'{name}': {reason}")
