"""What the real host's JSON library does to strings that look like ISO dates: it parses and writes them anew.

The Cosmos trigger's documents (and Event Hub bodies of triggers without data_type) pass through Newtonsoft.Json
with DateParseHandling.DateTime, so "…:00.000Z" arrives as "…:00Z" and an offset as local time:
webjobs-sdk-extensions#898. Source: Newtonsoft.Json, DateTimeParser.cs and DateTimeUtils.cs.
"""

import re
from datetime import UTC, datetime, timedelta
from typing import Any

_SHORTEST, _LONGEST = 19, 40
_ISO = re.compile(
    r"(\d{4})-(\d\d)-(\d\d)T(\d\d):(\d\d):(\d\d)(?:\.(\d{1,7}))?"
    r"(?:([Zz])|([+-])(\d\d)(?::?(\d\d)?)?)?",
    re.ASCII,
)
_MICROSOFT = re.compile(r"/Date\((-?\d+)(?:[+-]\d{4})?\)/", re.ASCII)
_TICKS_PER_SECOND = 10_000_000


def rewrite_dates(value: Any) -> Any:
    """A JSON value as it arrives at the worker: every string value that Newtonsoft takes for a date is rewritten."""
    if isinstance(value, str):
        return rewrite(value)
    if isinstance(value, dict):
        return {key: rewrite_dates(inner) for key, inner in value.items()}
    if isinstance(value, list):
        return [rewrite_dates(inner) for inner in value]
    return value


def rewrite(text: str) -> str:
    """One string: rewritten when it is a date, else as it is."""
    if _SHORTEST <= len(text) <= _LONGEST and text[10] == "T":
        match = _ISO.fullmatch(text)
        return (_rewritten(match) if match else None) or text
    if text.startswith("/Date(") and (match := _MICROSOFT.fullmatch(text)):
        return _from_milliseconds(int(match[1])) or text
    return text


def _rewritten(match: re.Match[str]) -> str | None:
    year, month, day, hour, minute, second = (int(part) for part in match.groups()[:6])
    ticks = int((match[7] or "").ljust(7, "0"))
    is_midnight = hour == 24 and minute == second == ticks == 0
    try:
        moment = datetime(year, month, day, 0 if is_midnight else hour, minute, second)
        moment += timedelta(days=1) if is_midnight else timedelta(0)
        if match[8]:
            return _written(moment, ticks) + "Z"
        if match[9]:
            return _local(moment, ticks, match[9], int(match[10]), int(match[11] or 0))
    except (ValueError, OverflowError):
        return None
    return _written(moment, ticks)


def _local(moment: datetime, ticks: int, sign: str, hours: int, minutes: int) -> str:
    """A time with an offset becomes this machine's local time, written with the local offset."""
    offset = timedelta(hours=hours, minutes=minutes) * (-1 if sign == "-" else 1)
    local = (moment - offset).replace(tzinfo=UTC).astimezone()
    return _written(local, ticks) + _offset_text(local)


def _offset_text(moment: datetime) -> str:
    minutes = round((moment.utcoffset() or timedelta(0)).total_seconds() / 60)
    sign = "-" if minutes < 0 else "+"
    return f"{sign}{abs(minutes) // 60:02}:{abs(minutes) % 60:02}"


def _written(moment: datetime, ticks: int) -> str:
    """Newtonsoft writes seven digits of a second without trailing zeros, and none when they are all zero."""
    text = f"{moment.year:04}-{moment.month:02}-{moment.day:02}T{moment.hour:02}:{moment.minute:02}:{moment.second:02}"
    return f"{text}.{ticks:07}".rstrip("0") if ticks else text


def _from_milliseconds(milliseconds: int) -> str | None:
    try:
        moment = datetime(1970, 1, 1, tzinfo=UTC) + timedelta(milliseconds=milliseconds)
    except OverflowError:
        return None
    return _written(moment, milliseconds % 1000 * (_TICKS_PER_SECOND // 1000)) + "Z"
