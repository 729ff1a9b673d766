"""Twins as JSON documents: made, patched, checked against their model, and stamped with metadata. No I/O.

A twin is `$dtId`, `$etag`, its properties and components, and `$metadata`: `$model`, `$lastUpdateTime`, and for each
property its `lastUpdateTime` and, when a client gave it, its `sourceTime`. A component has `$metadata` of its own.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from local.digital_twins.dtdl.interfaces import Component, Interface, Property
from local.digital_twins.dtdl.schemas import is_instant, violations
from local.digital_twins.errors import invalid_argument, invalid_patch, invalid_twin
from local.digital_twins.json_patch import Operation, apply

Document = dict[str, Any]
Place = tuple[str, str]
"""A property: the component it is in ("" for the twin itself), and its name."""

_SYSTEM = frozenset(("$dtId", "$etag", "$metadata"))
_METADATA = "$metadata"
_UPDATED = "$lastUpdateTime"


def model_of(document: Mapping[str, Any]) -> str:
    return str(document[_METADATA]["$model"])


def wanted_model(body: object) -> str:
    """The model that the body of a PUT names. Raises ServiceError (400)."""
    if not isinstance(body, dict):
        raise invalid_argument("The payload must be a JSON object.")
    metadata = body.get(_METADATA)
    model = metadata.get("$model") if isinstance(metadata, dict) else None
    if not isinstance(model, str):
        raise invalid_twin(["$metadata.$model is required: the id of the twin's model."])
    return model


def created(twin_id: str, body: Mapping[str, Any], interface: Interface, moment: str) -> Document:
    """A new twin of the body of a PUT, its etag still to be set. Raises ServiceError (400)."""
    if body.get("$dtId", twin_id) != twin_id:
        raise invalid_argument(f"The payload's $dtId {body['$dtId']!r} is not the twin's id {twin_id}.")
    check(body, interface)
    contents = {name: value for name, value in body.items() if not name.startswith("$")}
    metadata = {"$model": interface.id, **_fresh_metadata(body, interface, moment)}
    for name, component in interface.components.items():
        contents[name] = _component(contents[name], component, moment)
    return {"$dtId": twin_id, "$etag": "", **contents, _METADATA: metadata}


def patched(
    document: Document, patch: Iterable[Operation], interface_of: Callable[[str], Interface], moment: str
) -> list[Place]:
    """Changes the twin in place as the patch says; the properties that it touched. Raises ServiceError (400)."""
    changes = _Changes()
    before = model_of(document)
    for operation in patch:
        changes.take(document, operation)
    model = document[_METADATA]["$model"]
    interface = interface_of(model) if isinstance(model, str) else None
    if interface is None:
        raise invalid_patch("$metadata.$model must be the id of a model")
    check(document, interface)
    places = list(dict.fromkeys(_places(document, changes.paths, interface)))
    for component, name in places:
        _stamp(document, interface, component, name, moment)
    for (component, name), source_time in changes.source_times.items():
        _set_source_time(document, component, name, source_time)
    if changes.paths or model != before:
        document[_METADATA][_UPDATED] = moment
    return [place for place in places if place[1]]


def check(document: Mapping[str, Any], interface: Interface) -> None:
    """Raises ServiceError (400 ValidationFailed) when the twin does not conform to its model."""
    found = [*_violations(document, interface, ""), *_source_time_violations(document, interface)]
    if found:
        raise invalid_twin(found)


def properties(document: Mapping[str, Any], interface: Interface) -> Iterator[Place]:
    """All properties that the twin has."""
    for name, value in document.items():
        if name in interface.components:
            yield from ((name, inner) for inner in value if not inner.startswith("$"))
        elif not name.startswith("$"):
            yield "", name


def value_at(document: Mapping[str, Any], place: Place) -> Any:
    """The property's value. Raises KeyError when the twin has it no more."""
    component, name = place
    return (document[component] if component else document)[name]


def source_time_at(document: Mapping[str, Any], place: Place) -> str | None:
    component, name = place
    metadata = (document[component] if component else document).get(_METADATA, {})
    source_time: str | None = metadata.get(name, {}).get("sourceTime")
    return source_time


def component_in(document: Mapping[str, Any], name: str) -> Document | None:
    """The twin's component of this name, told by its metadata."""
    value = document.get(name)
    is_component = not name.startswith("$") and isinstance(value, dict) and isinstance(value.get(_METADATA), dict)
    return value if is_component else None


def differences(old: Mapping[str, Any], new: Mapping[str, Any], interface: Interface) -> list[dict[str, Any]]:
    """The JSON Patch that leads from one twin to another of the same model or not: what a replacement changed."""
    before, after = dict(_flat(old)), dict(_flat(new))
    found: list[dict[str, Any]] = []
    if model_of(old) != interface.id:
        found.append({"value": interface.id, "path": "/$metadata/$model", "op": "replace"})
    for path, value in after.items():
        if path not in before:
            found.append({"value": value, "path": path, "op": "add"})
        elif before[path] != value:
            found.append({"value": value, "path": path, "op": "replace"})
    return found + [{"path": path, "op": "remove"} for path in before if path not in after]


def _flat(document: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    """Properties by path; a component's own apart."""
    for name, value in document.items():
        if name.startswith("$"):
            continue
        if component_in(document, name) is not None:
            yield from ((f"/{name}/{inner}", each) for inner, each in value.items() if not inner.startswith("$"))
        else:
            yield f"/{name}", value


@dataclass
class _Changes:
    """What a patch did, while it is applied: paths of properties, and source times to be set when all is in place."""

    paths: list[tuple[str, ...]] = field(default_factory=list)
    source_times: dict[Place, Any] = field(default_factory=dict)

    def take(self, document: Document, operation: Operation) -> None:
        path = operation.path
        if path == (_METADATA, "$model"):
            if operation.op == "remove":
                raise invalid_patch("$metadata.$model can't be removed")
            document[_METADATA]["$model"] = operation.value
        elif path[0] == _METADATA:
            self._take_source_time("", path[1:], operation)
        elif len(path) > 1 and path[1] == _METADATA:
            self._take_source_time(path[0], path[2:], operation)
        elif path[0].startswith("$"):
            raise invalid_patch(f"{operation.pointer} can't be changed")
        else:
            apply(document, operation)
            self.paths.append(path)

    def _take_source_time(self, component: str, path: tuple[str, ...], operation: Operation) -> None:
        if len(path) != 2 or path[1] != "sourceTime" or path[0].startswith("$"):
            raise invalid_patch(f"{operation.pointer} can't be changed")
        if operation.op == "remove":
            self.source_times[component, path[0]] = None
            return
        if not is_instant(operation.value):
            raise invalid_twin([f"{operation.pointer} must be an ISO 8601 date and time, found {operation.value!r}."])
        self.source_times[component, path[0]] = operation.value


def _violations(document: Mapping[str, Any], interface: Interface, prefix: str) -> Iterator[str]:
    for name, value in document.items():
        if name in _SYSTEM and (not prefix or name == _METADATA):
            continue
        element = interface.contents.get(name)
        path = prefix + name
        match element:
            case Property(_, schema):
                yield from violations(schema, value, path)
            case Component():
                if isinstance(value, dict):
                    yield from _violations(value, interface.components[name], f"{path}/")
                else:
                    yield f"{path} must be an object: it is a Component."
            case None:
                yield f"{path} is not defined in {interface.id}."
            case _:
                yield f"{path} is not a property - it is a {type(element).__name__}."
    for name in interface.components:
        if name not in document:
            yield f"{prefix}{name} is required: {interface.id} has this component."


def _source_time_violations(document: Mapping[str, Any], interface: Interface) -> Iterator[str]:
    holders = [("", document), *((name, document.get(name)) for name in interface.components)]
    for component, holder in holders:
        metadata = holder.get(_METADATA, {}) if isinstance(holder, Mapping) else {}
        prefix = f"{component}/{_METADATA}" if component else _METADATA
        if not isinstance(metadata, dict):
            yield f"{prefix} must be an object."
            continue
        for name, entry in metadata.items():
            if isinstance(entry, dict) and "sourceTime" in entry and not is_instant(entry["sourceTime"]):
                yield f"{prefix}/{name}/sourceTime must be an ISO 8601 date and time, found {entry['sourceTime']!r}."


def _fresh_metadata(given: Mapping[str, Any], interface: Interface, moment: str) -> Document:
    """Metadata of a twin or component just written: the moment everywhere, and the source times that came with it."""
    sent = given.get(_METADATA, {})
    metadata: Document = {_UPDATED: moment}
    for name in given:
        if name.startswith("$") or name in interface.components:
            continue
        entry = sent.get(name)
        source_time = entry.get("sourceTime") if isinstance(entry, dict) else None
        metadata[name] = {"lastUpdateTime": moment, **({"sourceTime": source_time} if source_time else {})}
    return metadata


def _component(given: Mapping[str, Any], interface: Interface, moment: str) -> Document:
    contents = {name: value for name, value in given.items() if not name.startswith("$")}
    return {**contents, _METADATA: _fresh_metadata(given, interface, moment)}


def _places(document: Mapping[str, Any], paths: Iterable[tuple[str, ...]], interface: Interface) -> Iterator[Place]:
    """The properties that paths lead to or into; a path to a component is each of its properties, and its metadata."""
    for path in paths:
        if path[0] not in interface.components:
            yield "", path[0]
        elif len(path) > 1:
            yield path[0], path[1]
        else:
            yield path[0], ""
            yield from ((path[0], name) for name in document[path[0]] if not name.startswith("$"))


def _stamp(document: Document, interface: Interface, component: str, name: str, moment: str) -> None:
    """Says when the property was written. With no name: the whole component was."""
    if component and not name:
        document[component] = _component(document[component], interface.components[component], moment)
        return
    holder = document[component] if component else document
    metadata = holder.setdefault(_METADATA, {})
    if name in holder:
        metadata[name] = {**metadata.get(name, {}), "lastUpdateTime": moment}
    else:
        metadata.pop(name, None)
    if component:
        metadata[_UPDATED] = moment


def _set_source_time(document: Document, component: str, name: str, source_time: Any) -> None:
    holder = document.get(component) if component else document
    if not isinstance(holder, dict) or name not in holder or name not in holder.get(_METADATA, {}):
        raise invalid_patch(f"{name} does not exist on component: it has no metadata to hold a sourceTime")
    if source_time is None:
        holder[_METADATA][name].pop("sourceTime", None)
    else:
        holder[_METADATA][name]["sourceTime"] = source_time
