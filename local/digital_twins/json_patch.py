"""JSON Patch (RFC 6902) as the service takes it: add, replace and remove, on members of objects."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from local.digital_twins.errors import ServiceError, invalid_argument, invalid_patch

_WITH_VALUE = ("add", "replace")


@dataclass(frozen=True)
class Operation:
    """`path` is the pointer's segments, `given` the operation as it came."""

    op: str
    path: tuple[str, ...]
    value: Any
    given: Mapping[str, Any]

    @property
    def pointer(self) -> str:
        return str(self.given["path"])


def operations(document: object, *, below: str = "") -> list[Operation]:
    """Reads a patch; with `below`, its paths are relative to that member. Raises ServiceError (400)."""
    if not isinstance(document, list):
        raise invalid_argument("The payload must be a JSON Patch: an array of operations.")
    return [_operation(each, below) for each in document]


def apply(target: dict[str, Any], operation: Operation) -> None:
    """Changes `target` as the operation says. Raises ServiceError (400) when its path leads nowhere."""
    holder: Any = target
    for segment in operation.path[:-1]:
        holder = holder.get(segment) if isinstance(holder, dict) else None
    if not isinstance(holder, dict):
        raise _unresolved(operation)
    last = operation.path[-1]
    if operation.op != "add" and last not in holder:
        raise invalid_patch(f"{last} does not exist on component")
    if operation.op == "remove":
        del holder[last]
    else:
        holder[last] = operation.value


def _operation(document: object, below: str) -> Operation:
    if not isinstance(document, dict):
        raise invalid_argument("The payload must be a JSON Patch: each operation is an object.")
    op, pointer = document.get("op"), document.get("path")
    if op not in (*_WITH_VALUE, "remove"):
        raise invalid_patch(f"Unsupported operation type {op}")
    if not isinstance(pointer, str) or not pointer.startswith("/") or pointer == "/":
        raise invalid_patch(f"The path {pointer!r} is no JSON pointer to a property")
    if op in _WITH_VALUE and "value" not in document:
        raise invalid_patch(f"The operation {op} on {pointer} has no value")
    given = {"value": document["value"]} if op in _WITH_VALUE else {}
    given |= {"path": f"/{below}{pointer}" if below else pointer, "op": op}
    path = (*((below,) if below else ()), *_segments(pointer))
    return Operation(op, path, document.get("value"), given)


def _segments(pointer: str) -> list[str]:
    return [segment.replace("~1", "/").replace("~0", "~") for segment in pointer[1:].split("/")]


def _unresolved(operation: Operation) -> ServiceError:
    return invalid_patch(f"The path {operation.pointer} can't be resolved: what it goes through is no object")
