"""Durations as host.json and bindings write them: .NET's TimeSpan, `[d.]hh:mm:ss[.fffffff]`.

Source: .NET, "Standard TimeSpan format strings", the constant ("c") format.
"""

import re
from datetime import timedelta

_TIMESPAN = re.compile(
    r"(?P<sign>-)?(?:(?P<days>\d+)\.)?(?P<hours>\d{1,2}):(?P<minutes>\d{1,2})(?::(?P<seconds>\d{1,2})(?:\.(?P<fraction>\d{1,7}))?)?"
)


class InvalidDuration(ValueError):
    """A text that is no TimeSpan."""


def parse_duration(text: str) -> timedelta:
    """A TimeSpan such as `00:00:30`, `1.12:00:00` or `00:00:00.250`. Raises InvalidDuration."""
    match = _TIMESPAN.fullmatch(text.strip())
    if match is None:
        raise InvalidDuration(f"{text!r} is no duration: write it as hh:mm:ss, such as 00:00:30.")
    hours, minutes, seconds = (int(match[part] or 0) for part in ("hours", "minutes", "seconds"))
    if hours > 23 or minutes > 59 or seconds > 59:
        raise InvalidDuration(f"{text!r} is no duration: hours go to 23, minutes and seconds to 59 (days: 1.00:00:00).")
    microseconds = int((match["fraction"] or "").ljust(7, "0")) // 10
    length = timedelta(
        days=int(match["days"] or 0), hours=hours, minutes=minutes, seconds=seconds, microseconds=microseconds
    )
    return -length if match["sign"] else length
