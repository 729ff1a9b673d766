"""Events of the twin-events hub → which twin's places have to be made anew.

Digital Twins sends CloudEvents in AMQP's binary mode: their attributes are application properties `cloudEvents:…`, the
data is the body (learn.microsoft.com, "Event notifications").
"""

from typing import Any, NamedTuple

import orjson

from shared.telemetry.events import HubEvent, Reason, Rejected
from shared.twins.identifiers import is_twin_id
from shared.twins.registry import Registry
from shared.twins.values import source_time

_UPDATE = "Microsoft.DigitalTwins.Twin.Update"
_RELATIONSHIP = ("Microsoft.DigitalTwins.Relationship.Create", "Microsoft.DigitalTwins.Relationship.Delete")
CONTAINS, IS_PART_OF = "contains", "isPartOf"


class ChildChanged(NamedTuple):
    """A twin has other values: the places above it are to be made anew. `time` sorts as text."""

    twin: str
    time: str


class PlaceChanged(NamedTuple):
    """A place contains more or less than before."""

    place: str


def read_event(event: HubEvent, registry: Registry) -> ChildChanged | PlaceChanged | None:
    """What an event asks for; None when nothing.

    A place's own update asks for nothing: whoever made it goes on to the places above. So no update goes in circles.
    Raises Rejected.
    """
    kind = event.properties.get("cloudEvents:type")
    if kind == _UPDATE:
        return _update(event, registry)
    if kind in _RELATIONSHIP:
        return _relationship(_data(event))
    return None


def _update(event: HubEvent, registry: Registry) -> ChildChanged | None:
    data = _data(event)
    if str(data.get("modelId")) in registry.place_models or not _touches_aggregates(data, registry):
        return None
    twin = _twin(event.properties.get("cloudEvents:subject"))
    try:
        return ChildChanged(twin, source_time(str(event.properties.get("cloudEvents:time"))))
    except ValueError:
        return ChildChanged(twin, _AFTER_ALL)


_AFTER_ALL = "9999"


def _touches_aggregates(data: dict[str, Any], registry: Registry) -> bool:
    sources = {aggregate.of for aggregate in registry.aggregates.values()}
    patch = data.get("patch")
    if not isinstance(patch, list):
        raise Rejected(Reason.NOT_TWIN_EVENT, "an update without a patch")
    return any(_property(operation) in sources for operation in patch)


def _property(operation: Any) -> str | None:
    path = operation.get("path") if isinstance(operation, dict) else None
    return path.split("/")[1] if isinstance(path, str) and path.startswith("/") else None


def _relationship(data: dict[str, Any]) -> PlaceChanged | None:
    ends = {CONTAINS: "$sourceId", IS_PART_OF: "$targetId"}
    end = ends.get(str(data.get("$relationshipName")))
    return None if end is None else PlaceChanged(_twin(data.get(end)))


def _twin(given: Any) -> str:
    if not is_twin_id(given):
        raise Rejected(Reason.NOT_TWIN_EVENT, f"{given!r} is no twin's id")
    return str(given)


def _data(event: HubEvent) -> dict[str, Any]:
    try:
        data = orjson.loads(event.body)
    except ValueError as error:
        raise Rejected(Reason.NOT_TWIN_EVENT, f"the data is no JSON: {error}") from error
    if not isinstance(data, dict):
        raise Rejected(Reason.NOT_TWIN_EVENT, "the data is no JSON object")
    return data
