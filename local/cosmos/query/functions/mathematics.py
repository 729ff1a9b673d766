"""Mathematical functions on doubles: undefined for anything but numbers, and where the result is no finite number.

Source: Microsoft Learn, "Mathematical functions - Query language in Cosmos DB", page by page.
"""

import decimal
import math
import random
from collections.abc import Callable

from local.cosmos.query.functions.function import Function
from local.cosmos.query.values import UNDEFINED, Value, is_number, number

_INT64 = 1 << 63
_PRECISION = decimal.Context(prec=800)


def _of_numbers(low: int, high: int, operation: Callable[..., float]) -> Function:
    def calculated(*values: Value) -> Value:
        if not all(map(is_number, values)):
            return UNDEFINED
        try:
            return number(operation(*map(float, values)))
        except (ArithmeticError, ValueError):
            return UNDEFINED

    return Function((low, high), calculated)


def _of_integers(count: int, operation: Callable[..., int]) -> Function:
    """A function of 64-bit integers: undefined for any other number, and past 64 bits."""

    def calculated(*values: Value) -> Value:
        if not all(is_number(value) and value == int(value) and -_INT64 <= value <= _INT64 for value in values):
            return UNDEFINED
        try:
            result = operation(*map(int, values))
        except (ArithmeticError, ValueError):
            return UNDEFINED
        return number(float(result)) if -_INT64 <= result < _INT64 else UNDEFINED

    return Function((count, count), calculated)


def _round(value: float, precision: float = 0.0) -> float:
    """Midpoints away from zero; a positive precision is decimal places, a negative one digits before the point."""
    digits = int(precision)
    if digits != precision or abs(digits) > 400:
        raise ValueError("no such precision")
    exact = decimal.Decimal(repr(value))
    return float(exact.quantize(decimal.Decimal(1).scaleb(-digits), decimal.ROUND_HALF_UP, _PRECISION))


def _logarithm(value: float, base: float | None = None) -> float:
    if base is None:
        return math.log(value)
    return math.log10(value) if base == 10 else math.log(value) / math.log(base)


def _power(base: float, exponent: float) -> float:
    return math.pow(base, exponent)


def _sign(value: float) -> float:
    return float((value > 0) - (value < 0))


def _number_bin(value: float, size: float = 1.0) -> float:
    if size == 0:
        raise ValueError("a bin has a size")
    return math.floor(value / size) * size


def _quotient(left: int, right: int) -> int:
    whole = abs(left) // abs(right)
    return whole if (left < 0) == (right < 0) else -whole


def _wrapped(value: int) -> int:
    """The low 64 bits as a signed integer."""
    value &= (_INT64 << 1) - 1
    return value - (_INT64 << 1) if value & _INT64 else value


def _shift_distance(value: int) -> int:
    if not 0 <= value < 64:
        raise ValueError("no such shift")
    return value


MATHEMATICAL_FUNCTIONS = {
    "ABS": _of_numbers(1, 1, abs),
    "ACOS": _of_numbers(1, 1, math.acos),
    "ASIN": _of_numbers(1, 1, math.asin),
    "ATAN": _of_numbers(1, 1, math.atan),
    "ATN2": _of_numbers(2, 2, math.atan2),
    "CEILING": _of_numbers(1, 1, math.ceil),
    "COS": _of_numbers(1, 1, math.cos),
    "COT": _of_numbers(1, 1, lambda value: 1 / math.tan(value)),
    "DEGREES": _of_numbers(1, 1, math.degrees),
    "EXP": _of_numbers(1, 1, math.exp),
    "FLOOR": _of_numbers(1, 1, math.floor),
    "LOG": _of_numbers(1, 2, _logarithm),
    "LOG10": _of_numbers(1, 1, math.log10),
    "NUMBERBIN": _of_numbers(1, 2, _number_bin),
    "PI": _of_numbers(0, 0, lambda: math.pi),
    "POWER": _of_numbers(2, 2, _power),
    "RADIANS": _of_numbers(1, 1, math.radians),
    "RAND": _of_numbers(0, 0, random.random),
    "ROUND": _of_numbers(1, 2, _round),
    "SIGN": _of_numbers(1, 1, _sign),
    "SIN": _of_numbers(1, 1, math.sin),
    "SQRT": _of_numbers(1, 1, math.sqrt),
    "SQUARE": _of_numbers(1, 1, lambda value: value * value),
    "TAN": _of_numbers(1, 1, math.tan),
    "TRUNC": _of_numbers(1, 1, math.trunc),
    "INTADD": _of_integers(2, lambda left, right: left + right),
    "INTSUB": _of_integers(2, lambda left, right: left - right),
    "INTMUL": _of_integers(2, lambda left, right: left * right),
    "INTDIV": _of_integers(2, _quotient),
    "INTMOD": _of_integers(2, lambda left, right: left - right * _quotient(left, right)),
    "INTBITAND": _of_integers(2, lambda left, right: left & right),
    "INTBITOR": _of_integers(2, lambda left, right: left | right),
    "INTBITXOR": _of_integers(2, lambda left, right: left ^ right),
    "INTBITNOT": _of_integers(1, lambda value: ~value),
    "INTBITLEFTSHIFT": _of_integers(2, lambda value, by: _wrapped(value << _shift_distance(by))),
    "INTBITRIGHTSHIFT": _of_integers(2, lambda value, by: value >> _shift_distance(by)),
}
