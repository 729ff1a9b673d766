"""Array, set and object functions, and the two that choose.

Source: Microsoft Learn, "Array functions - Query language in Cosmos DB", page by page.
"""

import statistics
import sys

from local.cosmos.query.aggregates import new_aggregate
from local.cosmos.query.functions.function import ANY_NUMBER, Function, bounded
from local.cosmos.query.values import UNDEFINED, Value, equal, is_number, number, sort_key, whole_number


def _concat(*arrays: Value) -> Value:
    if not all(isinstance(array, list) for array in arrays):
        return UNDEFINED
    bounded(sum(map(len, arrays)))
    return [item for array in arrays for item in array]


def _contains(array: Value, sought: Value, partial: Value = False) -> Value:
    if not isinstance(array, list) or not isinstance(partial, bool):
        return UNDEFINED
    if partial and isinstance(sought, dict):
        return any(isinstance(item, dict) and _includes(item, sought) for item in array)
    if isinstance(sought, str):
        return sought in array
    return any(equal(item, sought) is True for item in array)


def _includes(item: dict[str, Value], part: dict[str, Value]) -> bool:
    """Has an object every member of another one?"""
    return all(name in item and equal(item[name], value) is True for name, value in part.items())


def _contains_any(array: Value, *sought: Value) -> Value:
    if not isinstance(array, list):
        return UNDEFINED
    keys = set(map(sort_key, array))
    return any(sort_key(item) in keys for item in sought)


def _contains_all(array: Value, *sought: Value) -> Value:
    if not isinstance(array, list):
        return UNDEFINED
    keys = set(map(sort_key, array))
    return all(sort_key(item) in keys for item in sought)


def _length(array: Value) -> Value:
    return len(array) if isinstance(array, list) else UNDEFINED


def _slice(array: Value, start: Value, count: Value = sys.maxsize) -> Value:
    """Elements from `start`, counted from the end when negative; at most `count` of them."""
    first, most = whole_number(start), whole_number(count)
    if not isinstance(array, list) or first is None or most is None:
        return UNDEFINED
    if first < 0:
        first = max(0, len(array) + first)
    return array[first : first + max(0, most)]


def _aggregated(name: str) -> Function:
    """An aggregate over the elements of one array; undefined for an empty one."""

    def aggregated(array: Value) -> Value:
        if not isinstance(array, list) or not array:
            return UNDEFINED
        aggregate = new_aggregate(name)
        for item in array:
            aggregate.add(item)
        return aggregate.result()

    return Function((1, 1), aggregated)


def _median(array: Value) -> Value:
    if not isinstance(array, list) or not array or not all(map(is_number, array)):
        return UNDEFINED
    return number(statistics.median(map(float, array)))


def _intersect(left: Value, right: Value) -> Value:
    """What both have, in the order of the second."""
    if not isinstance(left, list) or not isinstance(right, list):
        return UNDEFINED
    keys = set(map(sort_key, left))
    return [item for item in _unique(right) if sort_key(item) in keys]


def _union(left: Value, right: Value) -> Value:
    return _unique(left + right) if isinstance(left, list) and isinstance(right, list) else UNDEFINED


def _unique(items: list[Value]) -> list[Value]:
    first: dict[bytes, Value] = {}
    for item in items:
        first.setdefault(sort_key(item), item)
    return list(first.values())


def _object_to_array(value: Value, key: Value = "k", member: Value = "v") -> Value:
    if not isinstance(value, dict) or not isinstance(key, str) or not isinstance(member, str):
        return UNDEFINED
    return [{key: name, member: item} for name, item in value.items()]


def _choose(index: Value, *values: Value) -> Value:
    """The value at that place, from 1."""
    place = whole_number(index)
    return UNDEFINED if place is None or not 1 <= place <= len(values) else values[place - 1]


def _iif(condition: Value, consequent: Value, alternative: Value) -> Value:
    return consequent if condition is True else alternative


ARRAY_FUNCTIONS = {
    "ARRAY_CONCAT": Function((2, ANY_NUMBER), _concat),
    "ARRAY_CONTAINS": Function((2, 3), _contains),
    "ARRAY_CONTAINS_ANY": Function((2, ANY_NUMBER), _contains_any),
    "ARRAY_CONTAINS_ALL": Function((2, ANY_NUMBER), _contains_all),
    "ARRAY_AVG": _aggregated("AVG"),
    "ARRAY_MAX": _aggregated("MAX"),
    "ARRAY_MEDIAN": Function((1, 1), _median),
    "ARRAY_MIN": _aggregated("MIN"),
    "ARRAY_SUM": _aggregated("SUM"),
    "ARRAY_LENGTH": Function((1, 1), _length),
    "ARRAY_SLICE": Function((2, 3), _slice),
    "SETINTERSECT": Function((2, 2), _intersect),
    "SETUNION": Function((2, 2), _union),
    "OBJECTTOARRAY": Function((1, 3), _object_to_array),
    "CHOOSE": Function((2, ANY_NUMBER), _choose, is_strict=False),
    "IIF": Function((3, 3), _iif, is_strict=False),
}
