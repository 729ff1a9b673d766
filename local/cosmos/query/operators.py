"""What operators make of values: undefined for operands they don't take.

Sources: Microsoft Learn, "Operators - Query language in Cosmos DB"; for values of different types the reference
interpreter in the tests of azure-cosmos-dotnet-v3 (`=` is false and `!=` true; `<` and its like are undefined).
"""

import math
from collections.abc import Callable

from local.cosmos.query.functions.strings import concat
from local.cosmos.query.values import UNDEFINED, Value, equal, is_number, number, order


def logical_not(value: Value) -> Value:
    return not value if isinstance(value, bool) else UNDEFINED


def between(value: Value, low: Value, high: Value) -> Value:
    above, below = order(value, low), order(value, high)
    if (above is not None and above < 0) or (below is not None and below > 0):
        return False
    return UNDEFINED if above is None or below is None else True


def _not_equal(left: Value, right: Value) -> Value:
    same = equal(left, right)
    return UNDEFINED if same is UNDEFINED else not same


def _compared(test: Callable[[int], bool]) -> Callable[[Value, Value], Value]:
    def compared(left: Value, right: Value) -> Value:
        found = order(left, right)
        return UNDEFINED if found is None else test(found)

    return compared


def _arithmetic(operation: Callable[[float, float], float]) -> Callable[[Value, Value], Value]:
    def calculated(left: Value, right: Value) -> Value:
        if not is_number(left) or not is_number(right):
            return UNDEFINED
        try:
            return number(operation(float(left), float(right)))
        except (ZeroDivisionError, OverflowError, ValueError):
            return UNDEFINED

    return calculated


def _bitwise(operation: Callable[[int, int], int]) -> Callable[[Value, Value], Value]:
    def calculated(left: Value, right: Value) -> Value:
        if not is_number(left) or not is_number(right):
            return UNDEFINED
        return signed(operation(signed(int(left)), signed(int(right))))

    return calculated


def signed(value: int) -> int:
    """The low 32 bits as a signed integer, as JavaScript's bitwise operators see a number."""
    value &= 0xFFFFFFFF
    return value - (1 << 32) if value >> 31 else value


def _unsigned_shift(left: Value, right: Value) -> Value:
    if not is_number(left) or not is_number(right):
        return UNDEFINED
    return (int(left) & 0xFFFFFFFF) >> (int(right) & 31)


BINARY: dict[str, Callable[[Value, Value], Value]] = {
    "=": equal,
    "!=": _not_equal,
    "<": _compared(lambda found: found < 0),
    "<=": _compared(lambda found: found <= 0),
    ">": _compared(lambda found: found > 0),
    ">=": _compared(lambda found: found >= 0),
    "+": _arithmetic(lambda left, right: left + right),
    "-": _arithmetic(lambda left, right: left - right),
    "*": _arithmetic(lambda left, right: left * right),
    "/": _arithmetic(lambda left, right: left / right),
    "%": _arithmetic(math.fmod),
    "&": _bitwise(lambda left, right: left & right),
    "|": _bitwise(lambda left, right: left | right),
    "^": _bitwise(lambda left, right: left ^ right),
    "<<": _bitwise(lambda left, right: left << (right & 31)),
    ">>": _bitwise(lambda left, right: left >> (right & 31)),
    ">>>": _unsigned_shift,
    "||": concat,
}

UNARY: dict[str, Callable[[Value], Value]] = {
    "NOT": logical_not,
    "-": lambda value: number(-float(value)) if is_number(value) else UNDEFINED,
    "+": lambda value: value if is_number(value) else UNDEFINED,
    "~": lambda value: ~signed(int(value)) if is_number(value) else UNDEFINED,
}


def step(base: Value, key: Value) -> Value:
    """A member of an object by name, or an element of an array by its whole, non-negative index."""
    if isinstance(base, dict):
        return base.get(key, UNDEFINED) if isinstance(key, str) else UNDEFINED
    if isinstance(base, list) and is_number(key) and 0 <= key < len(base) and key == int(key):
        return base[int(key)]
    return UNDEFINED
