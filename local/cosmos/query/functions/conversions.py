"""Between strings and other values. Source: Microsoft Learn, the pages of STRINGTOARRAY and its like, and TOSTRING."""

import math

import orjson

from local.cosmos.query.functions.function import Function
from local.cosmos.query.values import UNDEFINED, Value, is_number, normal

_EXACT = 1 << 53


def _parsed(*kinds: type) -> Function:
    """Parses a string as JSON; undefined unless that gives a value of the kind."""

    def parse(text: Value) -> Value:
        if not isinstance(text, str):
            return UNDEFINED
        try:
            value = normal(orjson.loads(text))
        except (ValueError, RecursionError):
            return UNDEFINED
        return value if type(value) in kinds else UNDEFINED

    return Function((1, 1), parse)


def to_string(value: Value) -> Value:
    """TOSTRING: strings as they are, numbers as the service prints them, and the rest as JSON."""
    if isinstance(value, str):
        return value
    if is_number(value):
        return number_text(float(value))
    try:
        return orjson.dumps(value).decode()
    except TypeError:
        return UNDEFINED


def number_text(value: float) -> str:
    """A double as the service prints it: the shortest digits, no fraction when whole, e+018 for an exponent."""
    if math.isnan(value):
        return "NaN"
    if math.isinf(value):
        return "Infinity" if value > 0 else "-Infinity"
    if value == int(value) and abs(value) <= _EXACT:
        return str(int(value))
    mantissa, _, exponent = repr(value).partition("e")
    if not exponent:
        return mantissa.removesuffix(".0")
    return f"{mantissa}e{exponent[0]}{exponent[1:]:0>3}"


CONVERSION_FUNCTIONS = {
    "STRINGTOARRAY": _parsed(list),
    "STRINGTOBOOLEAN": _parsed(bool),
    "STRINGTONULL": _parsed(type(None)),
    "STRINGTONUMBER": _parsed(int, float),
    "STRINGTOOBJECT": _parsed(dict),
    "TOSTRING": Function((1, 1), to_string),
}
