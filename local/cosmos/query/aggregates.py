"""The aggregate functions, one value at a time. All of them pass over undefined.

Sources: Microsoft Learn, "Aggregate functions - Query language in Cosmos DB"; for an empty input and for non-numbers
the reference interpreter in the tests of azure-cosmos-dotnet-v3: SUM of nothing is 0, AVG, MIN and MAX are undefined;
a value that isn't a number makes SUM and AVG undefined, an array or object MIN and MAX.
"""

import math
from typing import Protocol

from local.cosmos.query.values import UNDEFINED, Value, is_number, number, sort_key


class Aggregate(Protocol):
    """Takes values and gives their aggregate."""

    def add(self, value: Value) -> None: ...

    def result(self) -> Value: ...


class Count:
    """How many values are defined."""

    def __init__(self) -> None:
        self._count = 0

    def add(self, value: Value) -> None:
        if value is not UNDEFINED:
            self._count += 1

    def result(self) -> Value:
        return self._count


class _Total:
    """The exactly rounded sum, whatever the order of the values (Shewchuk's partial sums, as math.fsum)."""

    def __init__(self) -> None:
        self._whole = 0
        self._partials: list[float] = []
        self._count = 0
        self._is_defined = True

    def add(self, value: Value) -> None:
        if is_number(value):
            self._count += 1
            if isinstance(value, int):
                self._whole += value
            else:
                self._add_partial(value)
        elif value is not UNDEFINED:
            self._is_defined = False

    def _add_partial(self, value: float) -> None:
        kept = 0
        for partial in self._partials:
            high, low = (value, partial) if abs(value) >= abs(partial) else (partial, value)
            value = high + low
            rest = low - (value - high)
            if rest:
                self._partials[kept] = rest
                kept += 1
        self._partials[kept:] = [value]

    def total(self) -> float | None:
        if not self._is_defined:
            return None
        try:
            return math.fsum([*self._partials, *_halves(self._whole)])
        except OverflowError:
            return None

    @property
    def count(self) -> int:
        return self._count


def _halves(whole: int) -> list[float]:
    """Doubles that add up to an int exactly, or nearly so when it has more digits than they."""
    high = float(whole)
    return [high, float(whole - int(high))]


class Sum(_Total):
    def result(self) -> Value:
        total = self.total()
        return UNDEFINED if total is None else number(total)


class Average(_Total):
    def result(self) -> Value:
        total = self.total()
        return UNDEFINED if total is None or not self.count else number(total / self.count)


class Extreme:
    """The least or greatest value in the order of all types."""

    def __init__(self, *, greatest: bool) -> None:
        self._greatest = greatest
        self._key: bytes | None = None
        self._value: Value = UNDEFINED
        self._is_defined = True

    def add(self, value: Value) -> None:
        if value is UNDEFINED:
            return
        if isinstance(value, list | dict):
            self._is_defined = False
            return
        key = sort_key(value)
        if self._key is None or (key > self._key if self._greatest else key < self._key):
            self._key, self._value = key, value

    def result(self) -> Value:
        return self._value if self._is_defined else UNDEFINED


def new_aggregate(name: str) -> Aggregate:
    """A fresh aggregate of that upper-case name."""
    match name:
        case "COUNT":
            return Count()
        case "SUM":
            return Sum()
        case "AVG":
            return Average()
        case _:
            return Extreme(greatest=name == "MAX")
