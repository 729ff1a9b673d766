"""infra/grants.json against the Bicep that carries it out: every role assignment is one of its lines, on the resource
that the line says, and every line is carried out once."""

import operator
import re
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass

from tree_sitter import Node

from checks.access.grants import Grant
from checks.bicep.declarations import Declarations, declarations, value_of
from checks.bicep.resources import Resource, resources
from checks.bicep.source import Source, body_of, walk
from checks.findings import Finding

AZURE = "Microsoft.Authorization/roleAssignments"
COSMOS = "Microsoft.DocumentDB/databaseAccounts/sqlRoleAssignments"
KUSTO = "Microsoft.Kusto/clusters/databases/principalAssignments"
SCOPES: Mapping[tuple[str, str], str] = {
    ("storage", "account"): "Microsoft.Storage/storageAccounts",
    ("storage", "*"): "Microsoft.Storage/storageAccounts/blobServices/containers",
    ("eventHubs", "*"): "Microsoft.EventHub/namespaces/eventhubs",
    ("digitalTwins", "instance"): "Microsoft.DigitalTwins/digitalTwinsInstances",
    ("dataExplorer", "resource"): "Microsoft.Kusto/clusters/databases",
    ("monitoring", "component"): "Microsoft.Insights/components",
    ("iotHub", "hub"): "Microsoft.Devices/IotHubs",
}
"""On which resource type an Azure role of a service is given; * is any other of its resources."""
_FILE = "grants.json"
_CONDITION = re.compile(r"grant\.(service|resource) (==|!=) '([\w-]+)'")
_COMPARED: Mapping[str, Callable[[object, object], bool]] = {"==": operator.eq, "!=": operator.ne}


@dataclass(frozen=True)
class Assignment:
    """A loop over lines of grants.json: `lines` are those that it takes. `scope` is a resource type."""

    source: Source
    resource: Resource
    lines: tuple[Grant, ...]
    scope: str


def unfit_assignments(files: Iterable[Source], given: list[Grant]) -> Iterator[Finding]:
    carried_out: Counter[Grant] = Counter()
    for source in files:
        declared = declarations(source)
        for resource in resources(source):
            if resource.kind not in (AZURE, COSMOS, KUSTO) or resource.is_existing:
                continue
            assignment = _assignment(source, declared, resource, given)
            if assignment is None:
                message = f"'{resource.symbol}' is no loop over lines of {_FILE}, with their role and principal"
                yield source.finding(resource.node, "assignment", message)
                continue
            carried_out.update(assignment.lines)
            yield from _misplaced(assignment)
    for grant in given:
        if carried_out[grant] != 1:
            times = f"{carried_out[grant]} times"
            message = f"{grant.principal} is {grant.role} on {grant.service}/{grant.resource}: carried out {times}"
            yield Finding(f"infra/{_FILE}", 1, 1, "assignment", message)


def _assignment(source: Source, declared: Declarations, resource: Resource, given: list[Grant]) -> Assignment | None:
    loop = next((each for each in resource.node.named_children if each.type == "for_statement"), None)
    body = body_of(resource.node)
    if loop is None or body is None:
        return None
    text = source.text(body)
    if "principals[grant.principal]" not in text or "grant.role" not in text:
        return None
    variables = declared.of("var")
    listed = [name for each in loop.named_children if (name := source.text(each)) in variables]
    conditions = _conditions(source, declared, listed[0]) if listed else None
    if conditions is None:
        return None
    lines = tuple(grant for grant in given if _meets(grant, conditions))
    return Assignment(source, resource, lines, _scope(source, body))


def _meets(grant: Grant, conditions: list[tuple[str, str, str]]) -> bool:
    return all(_COMPARED[sign](getattr(grant, part), value) for part, sign, value in conditions)


def _conditions(source: Source, declared: Declarations, variable: str) -> list[tuple[str, str, str]] | None:
    """What a variable's filters, one over another, ask of a line; None when they are not over grants.json."""
    value = value_of(declared.of("var")[variable].node)
    if value is None or value.type != "call_expression" or source.text(value.named_children[0]) != "filter":
        return None
    filtered, *_ = value.named_children[1].named_children
    found: list[tuple[str, str, str]] = _CONDITION.findall(source.text(value))
    if filtered.type == "identifier":
        before = _conditions(source, declared, source.text(filtered))
        return None if before is None else [*before, *found]
    return found if f"/{_FILE}'" in source.text(filtered) else None


def _scope(source: Source, body: Node) -> str:
    """The type of the resource that an assignment's `scope` is."""
    properties, _ = source.properties(body)
    _, scope = properties.get("scope", (None, None))
    if scope is None:
        return ""
    symbol = next(source.text(each) for each in walk(scope) if each.type == "identifier")
    return next((each.kind for each in resources(source) if each.symbol == symbol), "")


def _misplaced(assignment: Assignment) -> Iterator[Finding]:
    """Lines that stand on another resource than they say."""
    for grant in assignment.lines:
        expected, scope = _expected(grant), assignment.scope if assignment.resource.kind == AZURE else ""
        if (assignment.resource.kind, scope) != expected:
            message = f"{grant.role} on {grant.service}/{grant.resource} must be {' on '.join(filter(None, expected))}"
            yield assignment.source.finding(assignment.resource.node, "assignment", message)


def _expected(grant: Grant) -> tuple[str, str]:
    if grant.service == "cosmos":
        return COSMOS, ""
    if (grant.service, grant.resource) == ("dataExplorer", "database"):
        return KUSTO, ""
    return AZURE, SCOPES.get((grant.service, grant.resource)) or SCOPES[(grant.service, "*")]
