"""Relationships as JSON documents: made, patched, and checked against the model of their source. No I/O."""

from collections.abc import Iterable, Mapping
from typing import Any

from local.digital_twins.dtdl.interfaces import Interface, Relationship
from local.digital_twins.dtdl.schemas import violations
from local.digital_twins.errors import (
    ServiceError,
    invalid_argument,
    invalid_patch,
    invalid_relationship,
    invalid_relationship_content,
)
from local.digital_twins.json_patch import Operation, apply

Document = dict[str, Any]


def ends_of(body: object, source: str, relationship_id: str) -> tuple[str, str]:
    """The name and the target that the body of a PUT gives. Raises ServiceError (400)."""
    if not isinstance(body, dict):
        raise invalid_argument("The payload must be a JSON object.")
    for key, expected in (("$sourceId", source), ("$relationshipId", relationship_id)):
        if body.get(key, expected) != expected:
            raise invalid_argument(f"The payload's {key} {body[key]!r} is not the {expected} of the request's path.")
    name, target = body.get("$relationshipName"), body.get("$targetId")
    if not isinstance(name, str) or not isinstance(target, str):
        raise invalid_relationship("$relationshipName and $targetId are required, and are strings.")
    if target == source:
        raise ServiceError(400, "OperationNotAllowed", "The relationship cannot connect to the same digital twin.")
    return name, target


def declared(name: str, interface: Interface) -> Relationship:
    """The relationship in the source's model. Raises ServiceError (400 InvalidRelationship)."""
    element = interface.contents.get(name)
    if not isinstance(element, Relationship):
        raise invalid_relationship(f"{name} is not a relationship of the model {interface.id}.")
    return element


def created(source: str, relationship_id: str, body: Mapping[str, Any], declaration: Relationship) -> Document:
    """A new relationship of the body of a PUT, its etag still to be set. Raises ServiceError (400)."""
    document = {
        "$relationshipId": relationship_id,
        "$etag": "",
        "$sourceId": source,
        "$relationshipName": body["$relationshipName"],
        "$targetId": body["$targetId"],
        **{name: value for name, value in body.items() if name not in _SYSTEM},
    }
    check(document, declaration)
    return document


_SYSTEM = frozenset(("$relationshipId", "$etag", "$sourceId", "$relationshipName", "$targetId", "$metadata"))


def patched(document: Document, patch: Iterable[Operation], declaration: Relationship) -> list[str]:
    """Changes the relationship in place; the names of the properties it touched. Raises ServiceError (400)."""
    names: dict[str, None] = {}
    for operation in patch:
        if operation.path[0].startswith("$"):
            raise invalid_patch(f"{operation.pointer} can't be changed")
        apply(document, operation)
        names[operation.path[0]] = None
    check(document, declaration)
    return list(names)


def check(document: Mapping[str, Any], declaration: Relationship) -> None:
    """Raises ServiceError (400 ValidationFailed) when a property is undeclared, or not of its schema."""
    found: list[str] = []
    for name, value in document.items():
        if name in _SYSTEM:
            continue
        schema = declaration.properties.get(name)
        if schema is None:
            found.append(f"{name} is not a property of the relationship {declaration.name}.")
        else:
            found += violations(schema, value, name)
    if found:
        raise invalid_relationship_content(found)


def properties(document: Mapping[str, Any]) -> list[str]:
    return [name for name in document if name not in _SYSTEM]


def differences(old: Mapping[str, Any], new: Mapping[str, Any]) -> list[dict[str, Any]]:
    """The JSON Patch that leads from one relationship to another of the same id."""
    names = ["$relationshipName", "$targetId"]
    before = {name: old[name] for name in names + properties(old)}
    found: list[dict[str, Any]] = []
    for name in names + properties(new):
        if name not in before:
            found.append({"value": new[name], "path": f"/{name}", "op": "add"})
        elif before[name] != new[name]:
            found.append({"value": new[name], "path": f"/{name}", "op": "replace"})
    return found + [{"path": f"/{name}", "op": "remove"} for name in before if name not in new]
