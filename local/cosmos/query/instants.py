"""Instants as the query language sees them: ticks of 100 ns since 1970, and ISO 8601 texts in UTC."""

import datetime
import re
import time

TICKS_PER_SECOND = 10_000_000
TICKS_PER_DAY = 86400 * TICKS_PER_SECOND
_EPOCH = datetime.date(1970, 1, 1).toordinal()
_TEXT = re.compile(r"(\d{4})-(\d\d)-(\d\d)(?:[T ](\d\d):(\d\d):(\d\d)(?:\.(\d{1,7}))?)?Z?", re.ASCII)
"""Source: Microsoft Learn, "IS_DATETIME", which says character by character what a valid text is."""


def ticks_of(text: str) -> int | None:
    """The instant that a text like 2025-02-04T11:24:52.9911021Z names; fraction, time and Z may be missing."""
    found = _TEXT.fullmatch(text)
    if found is None:
        return None
    year, month, day, hour, minute, second = (int(part or 0) for part in found.groups()[:6])
    fraction = int((found[7] or "").ljust(7, "0"))
    return ticks_from(year, month, day, hour, minute, second, fraction)


def ticks_from(
    year: int, month: int, day: int, hour: int = 0, minute: int = 0, second: int = 0, fraction: int = 0
) -> int | None:
    """The instant of these parts, the last in ticks; None when there is no such date and time."""
    try:
        ordinal = datetime.date(year, month, day).toordinal()
    except (ValueError, OverflowError):
        return None
    if not (0 <= hour < 24 and 0 <= minute < 60 and 0 <= second < 60 and 0 <= fraction < TICKS_PER_SECOND):
        return None
    seconds = ((ordinal - _EPOCH) * 24 + hour) * 3600 + minute * 60 + second
    return seconds * TICKS_PER_SECOND + fraction


def date_of(ticks: int) -> datetime.date | None:
    """The day of an instant; None outside the years 1 to 9999."""
    ordinal = ticks // TICKS_PER_DAY + _EPOCH
    return datetime.date.fromordinal(ordinal) if 1 <= ordinal <= datetime.date.max.toordinal() else None


def text_of(ticks: int) -> str | None:
    """The text of an instant, with seven digits of a second; None outside the years 1 to 9999."""
    date = date_of(ticks)
    if date is None:
        return None
    seconds, fraction = divmod(ticks % TICKS_PER_DAY, TICKS_PER_SECOND)
    return f"{date.isoformat()}T{seconds // 3600:02}:{seconds // 60 % 60:02}:{seconds % 60:02}.{fraction:07}Z"


def now() -> int:
    return time.time_ns() // 100
