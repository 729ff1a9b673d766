"""Times as telemetry carries them: ISO 8601 text, up to nine digits of a second, a zone or UTC without one."""

from datetime import UTC, datetime, timedelta

CLOCK_TOLERANCE = timedelta(minutes=5)
"""How far a reading may be ahead of its arrival before its clock is taken to be wrong."""


def moment(text: str) -> datetime:
    """The aware time that an ISO 8601 text names, cut to microseconds; without a zone it is UTC.

    Raises ValueError when it names none, or one that UTC can't express (before year 1 or after 9999).
    """
    parsed = datetime.fromisoformat(text)
    if parsed.tzinfo is None:
        return parsed.replace(tzinfo=UTC)
    if parsed.tzinfo is UTC:
        return parsed
    try:
        return parsed.astimezone(UTC)
    except OverflowError as error:
        raise ValueError(f"{text!r} is outside the years 1 to 9999 in UTC") from error


def canonical(time: datetime) -> str:
    """The one text of a time: UTC, Z, milliseconds or as many digits as it has."""
    text = time.astimezone(UTC).isoformat(timespec="microseconds")
    return f"{text[:23]}{text[23:26].rstrip('0')}Z"


def day_of(time: datetime) -> str:
    """The UTC date, as a document's `day`: 2026-11-22."""
    return time.astimezone(UTC).date().isoformat()
