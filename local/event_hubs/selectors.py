"""The filter by which a consumer says where it starts: `amqp.annotation.x-opt-offset > '123'`."""

import re
from dataclasses import dataclass
from typing import Any

from local.amqp.codec import Described
from local.amqp.errors import ARGUMENT_ERROR, INVALID_FIELD, Refused
from local.event_hubs.log import PartitionLog

NAME = "apache.org:selector-filter:string"
CODE = 0x468C00000004
_SELECTOR = re.compile(
    r"\s*amqp\.annotation\.x-opt-(offset|sequence-number|enqueued-time|enqueuedtimeutc)\s*(>=|>)\s*'?([^']*)'?\s*"
)
_LATEST = "@latest"


@dataclass(frozen=True, slots=True)
class StartPosition:
    """Where to start: beyond (or, inclusive, at) an offset, a sequence number or an enqueued time in ms.

    `value` None is behind the newest event.
    """

    kind: str
    value: int | None
    inclusive: bool

    def sequence_in(self, log: PartitionLog) -> int:
        """The sequence number of the first event to give. Raises Refused for a place beyond the partition's end."""
        if self.value is None:
            return log.last.sequence + 1
        if self.kind == "offset":
            _refuse_beyond("offset", self.value, log.last.offset)
            return log.sequence_after_offset(self.value, inclusive=self.inclusive)
        if self.kind == "sequence-number":
            _refuse_beyond("sequence number", self.value, log.last.sequence + (1 if self.inclusive else 0))
            return max(self.value + (0 if self.inclusive else 1), log.begin)
        return log.sequence_at_time(self.value + (0 if self.inclusive else 1))


def _refuse_beyond(what: str, value: int, last: int) -> None:
    """A checkpoint from another life of the hub must not silently skip what comes now."""
    if value > max(last, 0):
        raise Refused(ARGUMENT_ERROR, f"The supplied {what} '{value}' is invalid. The last {what} is '{last}'.")


LATEST = StartPosition("offset", None, False)


def start_position(filters: dict[Any, Any]) -> StartPosition:
    """The position that a source's filter set asks for; behind the newest event without one. Raises Refused."""
    selectors = [_text(name, value) for name, value in filters.items()]
    if not selectors:
        return LATEST
    match = _SELECTOR.fullmatch(selectors[0]) if len(selectors) == 1 else None
    if match is None:
        raise Refused(INVALID_FIELD, f"The filter {selectors[0]!r:.200} is not one that Event Hubs takes.")
    kind, operator, value = match[1].replace("enqueuedtimeutc", "enqueued-time"), match[2], match[3].strip()
    if value == _LATEST:
        return LATEST
    try:
        return StartPosition(kind, int(value), operator == ">=")
    except ValueError:
        raise Refused(ARGUMENT_ERROR, f"The supplied {kind} {value!r:.200} is invalid.") from None


def _text(name: Any, value: Any) -> str:
    """A selector's text: Python describes it by symbol, JavaScript by code."""
    is_selector = isinstance(value, Described) and value.descriptor in (NAME, CODE)
    text = value.value if is_selector else None
    if not isinstance(text, str):
        raise Refused(INVALID_FIELD, f"The filter {name!r:.100} is not one that Event Hubs takes.")
    return text
