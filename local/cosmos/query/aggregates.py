"""The aggregate functions, one value at a time. All of them pass over undefined.

Sources: Microsoft Learn, "Aggregate functions - Query language in Cosmos DB"; for an empty input and for non-numbers
the reference interpreter in the tests of azure-cosmos-dotnet-v3: SUM of nothing is 0, AVG, MIN and MAX are undefined;
a value that isn't a number makes SUM and AVG undefined, an array or object MIN and MAX.
"""

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
    """The sum of numbers in doubles, and how many they are."""

    def __init__(self) -> None:
        self.total = 0.0
        self.count = 0
        self.is_defined = True

    def add(self, value: Value) -> None:
        if is_number(value):
            self.count += 1
            self.total += value
        elif value is not UNDEFINED:
            self.is_defined = False


class Sum(_Total):
    def result(self) -> Value:
        return number(self.total) if self.is_defined else UNDEFINED


class Average(_Total):
    def result(self) -> Value:
        return number(self.total / self.count) if self.is_defined and self.count else UNDEFINED


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
