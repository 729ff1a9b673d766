"""Text to datetime and timespan, in ticks of 100 ns, as Kusto counts them.

A datetime is ticks since 0001-01-01 UTC (year 1 to 9999); a timespan is ticks. Sources: Microsoft Learn, "The datetime
data type" (ISO 8601, RFC 822, RFC 850) and "The timespan data type".
"""

import re
from datetime import date

TICKS_PER_SECOND = 10_000_000
TICKS_PER_MINUTE = 60 * TICKS_PER_SECOND
TICKS_PER_HOUR = 60 * TICKS_PER_MINUTE
TICKS_PER_DAY = 24 * TICKS_PER_HOUR
UNIX_EPOCH = date(1970, 1, 1).toordinal() * TICKS_PER_DAY - TICKS_PER_DAY
"""Ticks of 1970-01-01 UTC."""
LAST_TICK = date.max.toordinal() * TICKS_PER_DAY - 1
_LONGEST_TIMESPAN = 2**63 - 1

_ISO = re.compile(
    r"\s*(\d{4})-(\d{1,2})-(\d{1,2})"
    r"(?:[T ]\s*(\d{1,2}):(\d{2})(?::(\d{2})(?:[.,](\d{1,18}))?)?)?"
    r"\s*(Z|UTC|GMT|[+-]\d{2}:?\d{2})?\s*",
    re.IGNORECASE | re.ASCII,
)
_RFC = re.compile(
    r"\s*(?:[A-Za-z]{3,9},?\s+)?(\d{1,2})[ -]([A-Za-z]{3})[ -](\d{2}|\d{4})"
    r"\s+(\d{1,2}):(\d{2})(?::(\d{2}))?\s*(Z|UTC|GMT|UT|[+-]\d{4})?\s*",
    re.IGNORECASE | re.ASCII,
)
_MONTHS = {
    name: number
    for number, name in enumerate(
        ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"), start=1
    )
}
_CLOCK = re.compile(r"\s*(-)?(?:(\d{1,8})\.)?(\d{1,2}):(\d{1,2})(?::(\d{1,2})(?:\.(\d{1,7})\d*)?)?\s*", re.ASCII)
_DAYS = re.compile(r"\s*(-?\d{1,8})\s*", re.ASCII)
_LITERAL = re.compile(
    r"\s*(-?\d{1,18}(?:\.\d{1,9})?)\s*(d|h|m|s|ms|microseconds?|us|ticks?)\s*", re.ASCII | re.IGNORECASE
)
_UNIT = {
    "d": TICKS_PER_DAY,
    "h": TICKS_PER_HOUR,
    "m": TICKS_PER_MINUTE,
    "s": TICKS_PER_SECOND,
    "ms": TICKS_PER_SECOND // 1000,
    "us": 10,
    "microsecond": 10,
    "microseconds": 10,
    "tick": 1,
    "ticks": 1,
}


def datetime_ticks(text: str) -> int | None:
    """Ticks since 0001-01-01 UTC; a time without an offset is UTC. None when the text is no datetime."""
    found = _ISO.fullmatch(text)
    if found is not None:
        year, month, day, hour, minute, second, fraction, zone = found.groups()
        return _instant(int(year), int(month), int(day), hour, minute, second, fraction, zone)
    found = _RFC.fullmatch(text)
    if found is None:
        return None
    day, name, year, hour, minute, second, zone = found.groups()
    month_number = _MONTHS.get(name.lower())
    return (
        _instant(_full_year(year), month_number, int(day), hour, minute, second, None, zone) if month_number else None
    )


def _full_year(digits: str) -> int:
    """RFC 2822, 4.3: two digits below 50 are of this century."""
    year = int(digits)
    if len(digits) == 4:
        return year
    return year + (2000 if year < 50 else 1900)


def _instant(
    year: int,
    month: int,
    day: int,
    hour: str | None,
    minute: str | None,
    second: str | None,
    fraction: str | None,
    zone: str | None,
) -> int | None:
    try:
        days = date(year, month, day).toordinal() - 1
    except ValueError:
        return None
    hours, minutes, seconds = int(hour or 0), int(minute or 0), int(second or 0)
    if hours > 23 or minutes > 59 or seconds > 59:
        return None
    ticks = (
        days * TICKS_PER_DAY
        + (hours * 3600 + minutes * 60 + seconds) * TICKS_PER_SECOND
        + (int(fraction[:7].ljust(7, "0")) if fraction else 0)
        - _offset(zone)
    )
    return ticks if 0 <= ticks <= LAST_TICK else None


def _offset(zone: str | None) -> int:
    if zone is None or zone[0] not in "+-":
        return 0
    digits = zone[1:].replace(":", "")
    ticks = int(digits[:2]) * TICKS_PER_HOUR + int(digits[2:]) * TICKS_PER_MINUTE
    return -ticks if zone[0] == "-" else ticks


def timespan_ticks(text: str) -> int | None:
    """Ticks of `[-][d.]hh:mm[:ss[.fffffff]]`, of whole days, or of a literal such as 1.5h. None when it is neither."""
    ticks = _clock_ticks(text)
    if ticks is None:
        ticks = _literal_ticks(text)
    return ticks if ticks is not None and abs(ticks) <= _LONGEST_TIMESPAN else None


def _clock_ticks(text: str) -> int | None:
    found = _CLOCK.fullmatch(text)
    if found is None:
        return None
    sign, days, hours, minutes, seconds, fraction = found.groups()
    if int(hours) > 23 or int(minutes) > 59 or int(seconds or 0) > 59:
        return None
    ticks = (
        int(days or 0) * TICKS_PER_DAY
        + int(hours) * TICKS_PER_HOUR
        + int(minutes) * TICKS_PER_MINUTE
        + int(seconds or 0) * TICKS_PER_SECOND
        + (int(fraction.ljust(7, "0")) if fraction else 0)
    )
    return -ticks if sign else ticks


def _literal_ticks(text: str) -> int | None:
    days = _DAYS.fullmatch(text)
    if days is not None:
        return int(days[1]) * TICKS_PER_DAY
    found = _LITERAL.fullmatch(text)
    if found is None:
        return None
    whole, _, part = found[1].partition(".")
    unit = _UNIT[found[2].lower()]
    ticks = abs(int(whole)) * unit + (int(part) * unit // 10 ** len(part) if part else 0)
    return -ticks if whole.startswith("-") else ticks
