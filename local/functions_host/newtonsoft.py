"""What the real host's JSON library does to strings that look like ISO dates: it parses and writes them anew.

The Cosmos trigger's documents (and Event Hub bodies of triggers without data_type) pass through Newtonsoft.Json
with DateParseHandling.DateTime, so "…:00.000Z" arrives as "…:00Z" and an offset as local time:
webjobs-sdk-extensions#898. Source: Newtonsoft.Json, DateTimeParser.cs and DateTimeUtils.cs.
"""

import re
from datetime import UTC, datetime, timedelta

_DATE = (
    r"(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d)(?:\.(\d{1,7}))?(?:([Zz])|([+-])(\d\d)(?::?(\d\d)?)?)?"
    r"|/Date\((-?\d+)(?:[+-]\d{4})?\)/"
)
_TEXT = re.compile(_DATE, re.ASCII)
_VALUE = re.compile(rf'[\[,:]"(?:{_DATE})"(?=[,\]}}])', re.ASCII)
"""A date that is a whole string value in compact JSON, and the mark before it: quotes within strings have a backslash
before them, and keys a colon behind them."""
_MIDNIGHT = "24:00:00"


def rewrite_json(text: str) -> str:
    """JSON text as it arrives at the worker: every string value that Newtonsoft takes for a date is rewritten.

    The text must be an object or an array without whitespace between its tokens, as orjson writes it.
    """
    return _VALUE.sub(_rewritten_value, text)


def rewrite(text: str) -> str:
    """One string: rewritten when it is a date, else as it is."""
    match = _TEXT.fullmatch(text)
    return _rewritten(match, text) if match else text


def _rewritten_value(match: re.Match[str]) -> str:
    whole = match[0]
    return f'{whole[:2]}{_rewritten(match, whole[2:-1])}"'


def _rewritten(match: re.Match[str], text: str) -> str:
    """What Newtonsoft writes for a date, or its text itself when there is no such day or time."""
    second, fraction, zulu, sign, hours, minutes, milliseconds = match.groups()
    try:
        if milliseconds:
            return _from_milliseconds(int(milliseconds))
        if second.endswith(_MIDNIGHT):
            if fraction and fraction.strip("0"):
                return text
            moment = datetime.fromisoformat(second[:10]) + timedelta(days=1)
        else:
            moment = datetime.fromisoformat(second)
        if sign:
            return _local(moment, fraction, timedelta(hours=int(sign + hours), minutes=int(sign + (minutes or "0"))))
    except (ValueError, OverflowError):
        return text
    return _written(moment, fraction) + ("Z" if zulu else "")


def _local(moment: datetime, fraction: str | None, offset: timedelta) -> str:
    """A time with an offset becomes this machine's local time, written with the local offset."""
    local = (moment - offset).replace(tzinfo=UTC).astimezone()
    return _written(local.replace(tzinfo=None), fraction) + _offset_text(local)


def _offset_text(moment: datetime) -> str:
    minutes = round((moment.utcoffset() or timedelta(0)).total_seconds() / 60)
    sign = "-" if minutes < 0 else "+"
    return f"{sign}{abs(minutes) // 60:02}:{abs(minutes) % 60:02}"


def _written(moment: datetime, fraction: str | None) -> str:
    """Newtonsoft writes seven digits of a second without trailing zeros, and none when they are all zero."""
    digits = (fraction or "").rstrip("0")
    return f"{moment.isoformat()}.{digits}" if digits else moment.isoformat()


def _from_milliseconds(milliseconds: int) -> str:
    """Raises OverflowError for a time that is none."""
    seconds, rest = divmod(milliseconds, 1000)
    return _written(datetime(1970, 1, 1) + timedelta(seconds=seconds), f"{rest:03}") + "Z"
