"""Date and time functions. Source: Microsoft Learn, "Date and time functions - Query language in Cosmos DB"."""

import calendar

from local.cosmos.query.functions.function import Function
from local.cosmos.query.instants import (
    TICKS_PER_DAY,
    TICKS_PER_SECOND,
    date_of,
    now,
    text_of,
    ticks_from,
    ticks_of,
)
from local.cosmos.query.values import UNDEFINED, Value, is_number, whole_number

_TICKS_PER_MILLISECOND = 10_000
_NANOSECONDS_PER_TICK = 100
_BIN_START = "1601-01-01"

_PART_NAMES = {
    "year": ("year", "yyyy", "yy"),
    "month": ("month", "mm", "m"),
    "day": ("day", "dd", "d"),
    "hour": ("hour", "hh"),
    "minute": ("minute", "mi", "n"),
    "second": ("second", "ss", "s"),
    "millisecond": ("millisecond", "ms"),
    "microsecond": ("microsecond", "mcs"),
    "nanosecond": ("nanosecond", "ns"),
}
_PARTS = {name: part for part, names in _PART_NAMES.items() for name in names}
_NANOSECONDS = {
    "day": TICKS_PER_DAY * _NANOSECONDS_PER_TICK,
    "hour": 3600 * 10**9,
    "minute": 60 * 10**9,
    "second": 10**9,
    "millisecond": 10**6,
    "microsecond": 10**3,
    "nanosecond": 1,
}


def _instant(value: Value) -> int | None:
    return ticks_of(value) if isinstance(value, str) else None


def _part(value: Value) -> str | None:
    return _PARTS.get(value.lower()) if isinstance(value, str) else None


def _text(ticks: int | None) -> Value:
    found = None if ticks is None else text_of(ticks)
    return UNDEFINED if found is None else found


def _add(part: Value, amount: Value, instant: Value) -> Value:
    name, count, ticks = _part(part), whole_number(amount), _instant(instant)
    if name is None or count is None or ticks is None:
        return UNDEFINED
    if name in ("year", "month"):
        return _text(_add_months(ticks, count * 12 if name == "year" else count))
    return _text(ticks + count * _NANOSECONDS[name] // _NANOSECONDS_PER_TICK)


def _add_months(ticks: int, months: int) -> int | None:
    """The same day of another month, or its last day when it is shorter."""
    date = date_of(ticks)
    if date is None:
        return None
    year, month = divmod(date.year * 12 + date.month - 1 + months, 12)
    if not 1 <= year <= 9999:
        return None
    day = min(date.day, calendar.monthrange(year, month + 1)[1])
    start = ticks_from(year, month + 1, day)
    return None if start is None else start + ticks % TICKS_PER_DAY


def _difference(part: Value, start: Value, end: Value) -> Value:
    """How many boundaries of the part lie between two instants."""
    name, first, last = _part(part), _instant(start), _instant(end)
    if name is None or first is None or last is None:
        return UNDEFINED
    return _boundary(name, last) - _boundary(name, first)


def _boundary(part: str, ticks: int) -> int:
    if part in ("year", "month"):
        date = date_of(ticks)
        assert date is not None, "an instant that came from a text has a date"
        return date.year if part == "year" else date.year * 12 + date.month
    return ticks * _NANOSECONDS_PER_TICK // _NANOSECONDS[part]


def _ago(part: Value, amount: Value) -> Value:
    return _add(part, -amount, _current_text()) if is_number(amount) else UNDEFINED


def _value_of_part(part: Value, instant: Value) -> Value:
    name, ticks = _part(part), _instant(instant)
    if name is None or ticks is None:
        return UNDEFINED
    date = date_of(ticks)
    if name in ("year", "month", "day"):
        return getattr(date, name)
    seconds, fraction = divmod(ticks % TICKS_PER_DAY, TICKS_PER_SECOND)
    return {
        "hour": seconds // 3600,
        "minute": seconds // 60 % 60,
        "second": seconds % 60,
        "millisecond": fraction // _TICKS_PER_MILLISECOND,
        "microsecond": fraction // 10,
        "nanosecond": fraction * _NANOSECONDS_PER_TICK,
    }[name]


def _bin(instant: Value, part: Value, size: Value = 1, start: Value = "1970-01-01") -> Value:
    ticks, name, count, origin = _instant(instant), _part(part), whole_number(size), _instant(start)
    if ticks is None or name not in _NANOSECONDS or count is None or count <= 0 or origin is None:
        return UNDEFINED
    if origin < (ticks_of(_BIN_START) or 0):
        return UNDEFINED
    width = count * _NANOSECONDS[name]
    steps = (ticks - origin) * _NANOSECONDS_PER_TICK // width
    return _text(origin + steps * width // _NANOSECONDS_PER_TICK)


def _from_parts(*values: Value) -> Value:
    parts = [whole_number(value) for value in values]
    if any(part is None for part in parts):
        return UNDEFINED
    return _text(ticks_from(*(part for part in parts if part is not None)))


def _to_ticks(instant: Value) -> Value:
    ticks = _instant(instant)
    return UNDEFINED if ticks is None else ticks


def _to_timestamp(instant: Value) -> Value:
    ticks = _instant(instant)
    return UNDEFINED if ticks is None else ticks // _TICKS_PER_MILLISECOND


def _from_ticks(ticks: Value) -> Value:
    return _text(whole_number(ticks))


def _from_timestamp(timestamp: Value) -> Value:
    milliseconds = whole_number(timestamp)
    return UNDEFINED if milliseconds is None else _text(milliseconds * _TICKS_PER_MILLISECOND)


def _current_text() -> Value:
    return _text(now())


def _current_timestamp() -> Value:
    return now() // _TICKS_PER_MILLISECOND


DATE_FUNCTIONS = {
    "NOW": Function((0, 0), _current_text),
    "AGO": Function((2, 2), _ago),
    "YEAR": Function((1, 1), lambda instant: _value_of_part("year", instant)),
    "MONTH": Function((1, 1), lambda instant: _value_of_part("month", instant)),
    "DAY": Function((1, 1), lambda instant: _value_of_part("day", instant)),
    "IS_DATETIME": Function((1, 1), lambda value: _instant(value) is not None, is_strict=False),
    "GETCURRENTDATETIME": Function((0, 0), _current_text),
    "GETCURRENTDATETIMESTATIC": Function((0, 0), _current_text, is_constant=True),
    "GETCURRENTTICKS": Function((0, 0), now),
    "GETCURRENTTICKSSTATIC": Function((0, 0), now, is_constant=True),
    "GETCURRENTTIMESTAMP": Function((0, 0), _current_timestamp),
    "GETCURRENTTIMESTAMPSTATIC": Function((0, 0), _current_timestamp, is_constant=True),
    "DATETIMEADD": Function((3, 3), _add),
    "DATETIMEBIN": Function((2, 4), _bin),
    "DATETIMEDIFF": Function((3, 3), _difference),
    "DATETIMEFROMPARTS": Function((3, 7), _from_parts),
    "DATETIMEPART": Function((2, 2), _value_of_part),
    "DATETIMETOTICKS": Function((1, 1), _to_ticks),
    "DATETIMETOTIMESTAMP": Function((1, 1), _to_timestamp),
    "TICKSTODATETIME": Function((1, 1), _from_ticks),
    "TIMESTAMPTODATETIME": Function((1, 1), _from_timestamp),
}
