"""What a place makes of the twins that it contains: the same whatever their order."""

from collections.abc import Iterable, Mapping, Sequence
from math import fsum, isfinite
from typing import Any, NamedTuple

from shared.twins.comparison import Operation
from shared.twins.registry import Aggregate, Registry

Twin = Mapping[str, Any]
Number = int | float


class _Part(NamedTuple):
    """What one child brings to an aggregate: a value, and how many assets it is of."""

    value: Any
    weight: int


def aggregates(children: Iterable[Twin], registry: Registry) -> dict[str, Number | str]:
    """A place's aggregated properties; one to which no child brings anything is not there.

    An asset brings its own property, a place what it has made of those below it.
    """
    known = list(children)
    found: dict[str, Number | str] = {}
    for name, aggregate in registry.aggregates.items():
        parts = [part for child in known for part in _parts(child, name, aggregate, registry)]
        combined = _combined(parts, aggregate, registry) if parts else None
        if combined is not None:
            found[name] = combined
    return found


def _parts(child: Twin, name: str, aggregate: Aggregate, registry: Registry) -> list[_Part]:
    if child["$metadata"]["$model"] in registry.place_models:
        weight = child.get(registry.weight_of(aggregate) or "", 1) if aggregate.by == "avg" else 1
        return _fitting(child.get(name), weight, aggregate, registry)
    if aggregate.of is None:
        return [_Part(1, 1)]
    value = child.get(aggregate.of)
    if aggregate.by == "count":
        return [_Part(1, 1)] if _is_number(value) else []
    if isinstance(value, bool) and aggregate.by == "sum":
        value = int(value)
    return _fitting(value, 1, aggregate, registry)


def _fitting(value: Any, weight: Any, aggregate: Aggregate, registry: Registry) -> list[_Part]:
    if aggregate.by == "worst-status":
        return [_Part(value, 1)] if value in registry.severity else []
    return [_Part(value, int(weight))] if _is_number(value) and _is_number(weight) else []


def _is_number(value: Any) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool)


def _combined(parts: Sequence[_Part], aggregate: Aggregate, registry: Registry) -> Number | str | None:
    """None when the numbers are too large to add up."""
    values = [part.value for part in parts]
    match aggregate.by:
        case "avg":
            total = _sum([part.value * part.weight for part in parts])
            return None if total is None else total / (sum(part.weight for part in parts) or 1)
        case "min":
            return min(values)  # type: ignore[no-any-return]
        case "max":
            return max(values)  # type: ignore[no-any-return]
        case "worst-status":
            return max(values, key=registry.severity.index)  # type: ignore[no-any-return]
        case "sum" | "count":
            return sum(values) if all(isinstance(value, int) for value in values) else _sum(values)


def _sum(values: Iterable[Number]) -> float | None:
    try:
        total = fsum(values)
    except (OverflowError, ValueError):  # ValueError: infinities of both signs
        return None
    return total if isfinite(total) else None


def place_operations(place: Twin, wanted: Mapping[str, Number | str], names: Iterable[str]) -> list[Operation]:
    """What makes these aggregated properties of a place as they should be: nothing when they are."""
    operations: list[Operation] = []
    for name in names:
        if name in wanted and place.get(name) != wanted[name]:
            operations.append({"op": "add", "path": f"/{name}", "value": wanted[name]})
        elif name not in wanted and name in place:
            operations.append({"op": "remove", "path": f"/{name}"})
    return operations


def children_first(above: Mapping[str, Iterable[str]]) -> tuple[list[list[str]], set[str]]:
    """Places in the order in which they can be made, side by side within a step, and those that go in a circle.

    `above` gives for each place those that contain it; all of them are keys.
    """
    waiting = dict.fromkeys(above, 0)
    for places in above.values():
        for place in places:
            waiting[place] += 1
    steps: list[list[str]] = []
    step = [place for place, count in waiting.items() if count == 0]
    while step:
        steps.append(step)
        following = []
        for place in step:
            del waiting[place]
            for each in above[place]:
                waiting[each] -= 1
                if waiting[each] == 0:
                    following.append(each)
        step = following
    return steps, set(waiting)
