"""One value of a record to one value of a typed column: Kusto's coercion, where what doesn't fit becomes null.

Columns hold: string → str (never null: a missing string is empty), long and int → int, real → float, bool → bool,
datetime and timespan → int ticks (see times), guid → its canonical text, decimal → Decimal, dynamic → JSON text.
Source: Microsoft Learn, "Ingestion behavior of invalid data".
"""

import re
import uuid
from collections.abc import Callable
from decimal import Decimal, InvalidOperation, localcontext
from functools import partial
from math import isinf

import orjson

from local.data_explorer.ingestion.times import LAST_TICK, TICKS_PER_SECOND, UNIX_EPOCH, datetime_ticks, timespan_ticks

Value = str | int | float | bool | Decimal | None


class Number(str):
    """A JSON number as the text it came as, so that no digit is lost."""

    __slots__ = ()


Json = dict[str, "Json"] | list["Json"] | str | Number | bool | None

LARGEST_VALUE = 1024 * 1024
"""Bytes: a longer string is cut, a longer dynamic value is null (the default encoding policy)."""
_DECIMAL_DIGITS = 34
_INTEGER = re.compile(r"\s*[+-]?\d{1,19}\s*", re.ASCII)
_REAL = re.compile(r"\s*[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?\s*", re.ASCII)
_SPECIAL_REALS = {
    "nan": float("nan"),
    "inf": float("inf"),
    "+inf": float("inf"),
    "infinity": float("inf"),
    "-inf": float("-inf"),
    "-infinity": float("-inf"),
}
_BOOLS = {"true": True, "false": False, "1": True, "0": False}


def _string(text: str) -> str:
    if len(text) * 4 <= LARGEST_VALUE:
        return text
    return text.encode("utf-8", "replace")[:LARGEST_VALUE].decode("utf-8", "ignore")


def _integer(bits: int) -> Callable[[str], int | None]:
    bound = 1 << (bits - 1)

    def parse(text: str) -> int | None:
        if not _INTEGER.fullmatch(text):
            return None
        value = int(text)
        return value if -bound <= value < bound else None

    return parse


def _real(text: str) -> float | None:
    if not _REAL.fullmatch(text):
        return _SPECIAL_REALS.get(text.strip().lower())
    value = float(text)
    return None if isinf(value) else value


def _bool(text: str) -> bool | None:
    return _BOOLS.get(text.strip().lower())


def _guid(text: str) -> str | None:
    try:
        return str(uuid.UUID(text.strip()))
    except ValueError:
        return None


def _decimal(text: str) -> Decimal | None:
    if not _REAL.fullmatch(text):
        return None
    with localcontext(prec=_DECIMAL_DIGITS) as context:
        try:
            return context.create_decimal(text.strip())
        except InvalidOperation:
            return None


def _dynamic_text(text: str) -> str | None:
    """A dynamic from plain text: its JSON when it is JSON, else the text as a JSON string."""
    if not text.strip():
        return None
    try:
        orjson.loads(text)
    except orjson.JSONDecodeError:
        return dynamic_json(text)
    return text if _fits(text) else None


def dynamic_json(value: object) -> str | None:
    """A dynamic from what JSON can say: its text, with numbers as they came. JSON's null is null."""
    if value is None:
        return None
    try:
        text = orjson.dumps(value, default=_as_written, option=orjson.OPT_PASSTHROUGH_SUBCLASS).decode()
    except orjson.JSONEncodeError:
        return None
    return text if _fits(text) else None


def _as_written(number: Number) -> orjson.Fragment:
    return orjson.Fragment(str(number))


def _fits(text: str) -> bool:
    return len(text) * 4 <= LARGEST_VALUE or len(text.encode("utf-8", "replace")) <= LARGEST_VALUE


FROM_TEXT: dict[str, Callable[[str], Value]] = {
    "string": _string,
    "long": _integer(64),
    "int": _integer(32),
    "real": _real,
    "bool": _bool,
    "datetime": datetime_ticks,
    "timespan": timespan_ticks,
    "guid": _guid,
    "decimal": _decimal,
    "dynamic": _dynamic_text,
}
"""By Kusto type: a field's text to the column's value, or None where it doesn't fit."""


def from_text(kind: str, transform: str = "") -> Callable[[str], Value]:
    """The conversion of text to a column of this Kusto type, after a mapping's transformation."""
    unit = _UNIX_UNITS.get(transform)
    return FROM_TEXT[kind] if unit is None else partial(_from_unix, unit)


def from_json(kind: str, transform: str = "") -> Callable[[Json], Value]:
    """The conversion of JSON values to a column of this Kusto type, after a mapping's transformation."""
    parse = from_text(kind, transform)
    if kind == "dynamic":
        return dynamic_json

    def convert(value: Json) -> Value:
        text = json_text(value)
        return None if text is None else parse(text)

    return convert


_UNIX_UNITS = {
    "DateTimeFromUnixSeconds": Decimal(TICKS_PER_SECOND),
    "DateTimeFromUnixMilliseconds": Decimal(TICKS_PER_SECOND // 1000),
    "DateTimeFromUnixMicroseconds": Decimal(10),
    "DateTimeFromUnixNanoseconds": Decimal("0.01"),
}


def _from_unix(unit: Decimal, text: str) -> int | None:
    """Ticks of a count of units since 1970; parts of a unit count, too."""
    number = _decimal(text)
    if number is None or not -(10**19) < number < 10**19:
        return None
    ticks = UNIX_EPOCH + int(number * unit)
    return ticks if 0 <= ticks <= LAST_TICK else None


def json_text(value: Json) -> str | None:
    """A JSON value as the text that a string column holds; None for JSON's null."""
    if value is None or isinstance(value, str):
        return value
    if value is True:
        return "true"
    if value is False:
        return "false"
    return dynamic_json(value)
