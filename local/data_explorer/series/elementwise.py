"""series_add, series_less, series_abs …: one element of the answer for one of each input.

An element that is no number, or that only the longer of two arrays has, gives null. A number stands for an array of
its own. Whole numbers stay whole, but for division and what is not arithmetic. Sources: Learn, "series_add()",
"series_divide()" and their siblings.
"""

from collections.abc import Callable
from typing import Any

import numpy as np

from local.data_explorer.series.values import as_array, element, elements, number

Operation = Callable[..., Any]

ARITHMETIC: dict[str, Operation] = {"add": np.add, "subtract": np.subtract, "multiply": np.multiply}
REAL_ARITHMETIC: dict[str, Operation] = {"divide": np.divide, "pow": np.power}
COMPARISONS: dict[str, Operation] = {
    "equals": np.equal,
    "not_equals": np.not_equal,
    "less": np.less,
    "less_equals": np.less_equal,
    "greater": np.greater,
    "greater_equals": np.greater_equal,
}
OF_ONE: dict[str, Operation] = {"abs": np.abs, "sign": np.sign}
REAL_OF_ONE: dict[str, Operation] = {
    **{name: getattr(np, name) for name in ("exp", "log", "floor", "sin", "cos", "tan")},
    "ceiling": np.ceil,
    "asin": np.arcsin,
    "acos": np.arccos,
    "atan": np.arctan,
}


def elementwise(operation: Operation, *, whole: bool) -> Callable[..., Any]:
    """The operation on series. `whole`: of whole numbers it is computed exactly, else all numbers are reals."""

    def computed(*operands: object) -> Any:
        columns = _aligned(operands)
        if columns is None:
            return None
        arrays = [as_array(column) for column in columns]
        if any(array is None for array in arrays):
            return _one_by_one(operation, columns, whole)
        with np.errstate(all="ignore"):
            return _elements(operation(*(array if whole else array * 1.0 for array in arrays if array is not None)))

    return computed


def chosen(condition: object, if_true: object, if_false: object) -> list[Any] | None:
    """array_iff: of two arrays or values, what each condition says; null where it is neither true nor false.

    A number is true unless it is 0. Source: Learn, "array_iff()".
    """
    if not isinstance(condition, list):
        return None
    sources = [each if isinstance(each, list) else [each] * len(condition) for each in (if_false, if_true)]
    found: list[Any] = []
    for place, is_true in enumerate(condition):
        source = sources[bool(is_true)] if isinstance(is_true, int | float) else []
        found.append(source[place] if place < len(source) else None)
    return found


def _aligned(operands: tuple[object, ...]) -> list[list[Any]] | None:
    """The operands as arrays of one length, None when none of them is an array."""
    lengths = [len(operand) for operand in operands if isinstance(operand, list)]
    if not lengths:
        return None
    longest = max(lengths)
    return [
        operand + [None] * (longest - len(operand)) if isinstance(operand, list) else [operand] * longest
        for operand in operands
    ]


def _one_by_one(operation: Operation, columns: list[list[Any]], whole: bool) -> list[Any]:
    found: list[Any] = []
    with np.errstate(all="ignore"):
        for row in zip(*columns, strict=True):
            if not all(map(_is_number, row)):
                found.append(None)
                continue
            is_whole = whole and all(isinstance(value, int) for value in row)
            value = operation(*(np.int64(v) if is_whole and abs(v) < 2**63 else np.float64(number(v)) for v in row))
            found.append(element(value.item()) if isinstance(value, np.floating) else value.item())
    return found


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) or (isinstance(value, str) and number(value) == number(value))


def _elements(values: Any) -> Any:
    return elements(values) if values.dtype == np.float64 else values
