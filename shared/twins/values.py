"""Values and their times as twins hold them."""

from typing import Final

from shared.telemetry.timestamps import moment
from shared.twins.registry import Tag

Value = bool | int | float | str
MAX_STRING = 4096
"""UTF-8 bytes of a string property (learn.microsoft.com, "Azure Digital Twins service limits")."""
_DIGITS: Final = 7
"""Of a second: what Digital Twins keeps of a time."""


def source_time(text: str) -> str:
    """A reading's time as `sourceTime` holds it: UTC, seven digits of a second. Such texts sort as their times do.

    Raises ValueError when the text names no time.
    """
    if text[-1:] == "Z" and text[10:11] == "T":
        return f"{text[:19]}.{text[20:-1]:0<{_DIGITS}.{_DIGITS}}Z"
    seconds = moment(text).isoformat(timespec="seconds")[:19]
    fraction = text[20:].rstrip("Z").split("+")[0].split("-")[0] if text[19:20] == "." else ""
    return f"{seconds}.{fraction:0<{_DIGITS}.{_DIGITS}}Z"


def fitted(value: Value, tag: Tag) -> Value | None:
    """The value as the tag's property takes it; None when it does not."""
    match tag.schema_:
        case "boolean":
            return value if isinstance(value, bool) else None
        case "integer" | "long":
            bits = 31 if tag.schema_ == "integer" else 63
            return value if type(value) is int and -(1 << bits) <= value < 1 << bits else None
        case "float" | "double":
            return float(value) if type(value) in (int, float) else None
        case "enum":
            return value if isinstance(value, str) and value in tag.values else None
        case "string":
            return value if isinstance(value, str) and len(value.encode()) <= MAX_STRING else None


def rank(value: object) -> tuple[int, bool | int | float | str]:
    """Orders values of the same time, so that the same one is kept whichever comes first."""
    if isinstance(value, bool):
        return 0, value
    if isinstance(value, (int, float)):
        return 1, value
    return 2, str(value)
