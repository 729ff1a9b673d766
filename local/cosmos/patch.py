"""Partial document updates: add, set, replace, remove, incr and move.

Source: Microsoft Learn, "Partial document update in Azure Cosmos DB" (supported operations), and RFC 6901 for paths.
"""

import math
from collections.abc import Callable
from typing import Any, NamedTuple

import orjson

from local.cosmos import items
from local.cosmos.catalog import Container
from local.cosmos.documents import SYSTEM_PROPERTIES, doubles, draft, without_system_properties
from local.cosmos.errors import PATCH_CONDITION_NOT_MET, ServiceError, bad_request, invalid_payload
from local.cosmos.items import Conditions, Stored, Written
from local.cosmos.storage import Transaction

MAX_OPERATIONS = 10
_FIXED = frozenset({"id", *SYSTEM_PROPERTIES})

Path = tuple[str, ...]


class Step(NamedTuple):
    """One checked operation."""

    name: str
    path: Path
    value: Any
    source: Path


class Patch(NamedTuple):
    """A checked patch: the steps in order, and the SQL condition (`from c where …`) that must hold before."""

    steps: tuple[Step, ...]
    condition: str | None


def parse_patch(given: object) -> Patch:
    """The body of a patch request. Raises ServiceError (400)."""
    condition = None
    if isinstance(given, dict):
        condition = given.get("condition")
        given = given.get("operations")
    if not isinstance(given, list) or not given or not isinstance(condition, str | None):
        raise invalid_payload()
    if len(given) > MAX_OPERATIONS:
        raise bad_request(f"The number of patch operations can't exceed '{MAX_OPERATIONS}'.")
    return Patch(tuple(_step(number, entry) for number, entry in enumerate(given, 1)), condition)


def _step(number: int, given: object) -> Step:
    if not isinstance(given, dict):
        raise invalid_payload()
    name = str(given.get("op")).lower()
    if name not in _APPLY:
        raise _refused(number, f"'{given.get('op')}' is not a valid operation type.")
    path = _path(number, given.get("path"))
    source = _path(number, given.get("from")) if name == "move" else ()
    if name not in ("remove", "move") and "value" not in given:
        raise _refused(number, "The 'value' of the operation is missing.")
    if source and path[: len(source)] == source:
        raise _refused(number, "'path' attribute can't be a JSON child of the 'from' JSON location.")
    return Step(name, path, given.get("value"), source)


def _path(number: int, text: object) -> Path:
    if not isinstance(text, str) or not text.startswith("/") or len(text) < 2:
        raise _refused(number, f"The path {text!r} must start with '/' and name a property.")
    path = tuple(part.replace("~1", "/").replace("~0", "~") for part in text[1:].split("/"))
    if path[0] in _FIXED:
        raise _refused(number, f"The property '{path[0]}' can't be patched.")
    return path


def patch(
    transaction: Transaction,
    container: Container,
    epk: str,
    item_id: str,
    wanted: Patch,
    conditions: Conditions,
    holds: Callable[[Transaction, Container, Stored, str], bool],
) -> tuple[Written, int]:
    """Patches one item: what was written, and its number of indexed values.

    `holds` says whether a condition is true for an item. Raises ServiceError (400, 404, 412).
    """
    current = items.existing(transaction, container, epk, item_id, conditions)
    if wanted.condition is not None and not holds(transaction, container, current, wanted.condition):
        raise ServiceError(
            412,
            "One of the specified pre-condition is not met: the patch's filter predicate is false.",
            substatus=PATCH_CONDITION_NOT_MET,
        )
    document = orjson.loads(without_system_properties(current.body))
    for number, step in enumerate(wanted.steps, 1):
        _APPLY[step.name](number, document, step)
    new = draft(doubles(document), container.key, None, container.policy)
    if new.epk != epk:
        raise bad_request("The partition key of an item can't be patched.", substatus=1001)
    return items.update(transaction, container, new, current), new.terms


def _parent(number: int, document: Any, path: Path) -> Any:
    for segment in path[:-1]:
        if isinstance(document, dict) and segment in document:
            document = document[segment]
        elif isinstance(document, list) and _is_index(segment, len(document)):
            document = document[int(segment)]
        else:
            document = None
        if not isinstance(document, dict | list):
            raise _refused(
                number,
                "Given Operation can only create a child object of an existing node(array or object) and cannot create"
                f" path recursively, no path found beyond: '{segment}'.",
            )
    return document


def _add(number: int, document: Any, step: Step) -> None:
    parent, last = _parent(number, document, step.path), step.path[-1]
    if isinstance(parent, dict):
        parent[last] = step.value
    elif last == "-":
        parent.append(step.value)
    else:
        parent.insert(_index(number, last, len(parent) + 1), step.value)


def _set(number: int, document: Any, step: Step) -> None:
    parent, last = _parent(number, document, step.path), step.path[-1]
    if isinstance(parent, dict):
        parent[last] = step.value
    elif last == "-":
        parent.append(step.value)
    else:
        parent[_index(number, last, len(parent))] = step.value


def _replace(number: int, document: Any, step: Step) -> None:
    parent, key = _existing(number, document, step.path)
    parent[key] = step.value


def _remove(number: int, document: Any, step: Step) -> None:
    parent, key = _existing(number, document, step.path)
    del parent[key]


def _incr(number: int, document: Any, step: Step) -> None:
    if not _is_number(step.value):
        raise _refused(number, "The value to increment by must be a number.")
    parent, last = _parent(number, document, step.path), step.path[-1]
    if isinstance(parent, dict) and last not in parent:
        parent[last] = step.value
        return
    parent, key = _existing(number, document, step.path)
    if not _is_number(parent[key]):
        raise _refused(number, "Only a number can be incremented.")
    total = float(parent[key]) + step.value
    if not math.isfinite(total):
        raise _refused(number, "The incremented number is too large.")
    parent[key] = total


def _move(number: int, document: Any, step: Step) -> None:
    parent, key = _existing(number, document, step.source)
    value = parent.pop(key)
    _add(number, document, step._replace(value=value))


_APPLY: dict[str, Callable[[int, Any, Step], None]] = {
    "add": _add,
    "set": _set,
    "replace": _replace,
    "remove": _remove,
    "incr": _incr,
    "move": _move,
}


def _existing(number: int, document: Any, path: Path) -> tuple[Any, Any]:
    """The node that holds the end of a path, and the key or index there."""
    parent, last = _parent(number, document, path), path[-1]
    if isinstance(parent, list):
        return parent, _index(number, last, len(parent))
    if last not in parent:
        raise _refused(number, f"The path '/{'/'.join(path)}' to be updated or removed is not found.")
    return parent, last


def _index(number: int, text: str, end: int) -> int:
    if not _is_index(text, end):
        raise _refused(number, f"'{text}' is no index of the array.")
    return int(text)


def _is_index(text: str, end: int) -> bool:
    return text.isascii() and text.isdecimal() and len(text) < 10 and int(text) < end


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _refused(number: int, reason: str) -> ServiceError:
    return bad_request(f"For Operation({number}): {reason}")
