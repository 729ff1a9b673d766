"""Type checking functions: what kind of value is it. They answer true or false for undefined too.

Source: Microsoft Learn, "Type checking functions - Query language in Cosmos DB".
"""

import math

from local.cosmos.query.functions.function import Function
from local.cosmos.query.values import UNDEFINED, Value, is_number

_INT64 = 1 << 63


def _is_finite_number(value: Value) -> bool:
    return is_number(value) and math.isfinite(value)


def _is_integer(value: Value) -> bool:
    return _is_finite_number(value) and value == int(value) and -_INT64 <= value <= _INT64


def _is_primitive(value: Value) -> bool:
    return value is not UNDEFINED and not isinstance(value, list | dict)


TYPE_FUNCTIONS = {
    "IS_DEFINED": Function((1, 1), lambda value: value is not UNDEFINED, is_strict=False),
    "IS_NULL": Function((1, 1), lambda value: value is None, is_strict=False),
    "IS_BOOL": Function((1, 1), lambda value: isinstance(value, bool), is_strict=False),
    "IS_NUMBER": Function((1, 1), is_number, is_strict=False),
    "IS_FINITE_NUMBER": Function((1, 1), _is_finite_number, is_strict=False),
    "IS_INTEGER": Function((1, 1), _is_integer, is_strict=False),
    "IS_STRING": Function((1, 1), lambda value: isinstance(value, str), is_strict=False),
    "IS_ARRAY": Function((1, 1), lambda value: isinstance(value, list), is_strict=False),
    "IS_OBJECT": Function((1, 1), lambda value: isinstance(value, dict), is_strict=False),
    "IS_PRIMITIVE": Function((1, 1), _is_primitive, is_strict=False),
}
