"""A dynamic array's elements as numbers, and numbers as elements.

JSON has no NaN and no infinity; the service writes them as the strings below, and so do we.
"""

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
_NOT_FINITE = {"NaN": math.nan, "Infinity": math.inf, "-Infinity": -math.inf}


class SeriesMistake(ValueError):
    """An argument that the function can't take; the message says which and why."""


def numbers(series: object) -> Floats | None:
    """The elements as numbers, NaN for one that is none (null, text, a list); None for what is no array."""
    if isinstance(series, np.ndarray):
        return np.asarray(series, dtype=np.float64)
    if not isinstance(series, list):
        return None
    array = as_array(series)
    return np.array([number(element) for element in series], dtype=np.float64) if array is None else array * 1.0


def finite(series: object) -> Floats | None:
    """The elements as numbers when every one is finite; else None, as for what is no array."""
    found = numbers(series)
    return found if found is not None and np.isfinite(found).all() else None


def as_array(series: Sequence[Any]) -> NDArray[Any] | None:
    """The elements as int64 or float64 when all are plain numbers of 64 bits; else None."""
    try:
        array = np.array(series) if len(series) else np.empty(0)
    except ValueError:
        return None  # lists of unlike lengths
    return array if array.ndim == 1 and array.dtype in (np.int64, np.float64) else None


def number(element: object) -> float:
    """An element as a number, NaN when it is none."""
    if isinstance(element, float):
        return element
    if isinstance(element, int):
        return float(element) if abs(element) < 2**1023 else math.copysign(math.inf, element)
    return _NOT_FINITE.get(element, math.nan) if isinstance(element, str) else math.nan


def whole(argument: object) -> int:
    """An argument that counts something, which may be a real such as 7d/1h; 0 for what is no number."""
    value = number(argument)
    return int(value) if math.isfinite(value) else 0


def elements(values: Floats) -> list[Any] | Floats:
    """Numbers as a dynamic array's elements."""
    return values if np.isfinite(values).all() else [element(value) for value in values.tolist()]


def element(value: float) -> float | str:
    """A number as a dynamic's value."""
    if math.isfinite(value):
        return value
    return "NaN" if math.isnan(value) else "Infinity" if value > 0 else "-Infinity"
