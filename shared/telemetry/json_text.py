"""Exact slices of JSON text: a value's own bytes, so that its digits and its type travel untouched.

Parsing and writing JSON again would turn 1.10 into 1.1, 1E5 into 100000.0 and cut long integers in many readers.
"""

import json
import re
from collections import Counter
from collections.abc import Iterator
from typing import Any

import orjson

from shared.telemetry.events import Reason, Rejected

WHITESPACE = b" \t\r\n"
MAX_ELEMENTS = 5_000
"""Elements of one message. More are refused as one letter: each bad element's letter holds the whole body."""

# Possessive quantifiers: a match fails at once instead of trying every shorter one.
_STRING = rb'"[^"\\]*+(?:\\.[^"\\]*+)*+"'
_TO_STRUCTURE = re.compile(rb'[^"\[\]{},]*+(?:' + _STRING + rb'[^"\[\]{},]*+)*+', re.DOTALL)
_TO_BRACKET = re.compile(rb'[^"\[\]{}]*+(?:' + _STRING + rb'[^"\[\]{}]*+)*+', re.DOTALL)
_KEY = re.compile(rb"[\s,]*+(" + _STRING + rb")\s*+:\s*+", re.DOTALL)
_SCALAR = re.compile(_STRING + rb"|[^\s,\]}]++", re.DOTALL)
_OPEN = b"[{"
_COMMA = ord(",")


def parse_strictly(text: bytes) -> Any:
    """The value of one JSON text, with no leniency: UTF-8, no NaN, no lone surrogate, no key twice in one object.

    Raises Rejected.
    """
    try:
        orjson.loads(text)  # strict where the standard library is lenient; but it rounds integers beyond 64 bits
        value = json.loads(text, object_pairs_hook=_distinct)
    except RecursionError as error:
        raise Rejected(Reason.NOT_JSON, "nested too deeply") from error
    except ValueError as error:
        raise Rejected(Reason.NOT_JSON, str(error)) from error
    return value


def _distinct(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    members = dict(pairs)
    if len(members) < len(pairs):
        ((twice, _),) = Counter(name for name, _ in pairs).most_common(1)
        raise Rejected(Reason.DUPLICATE_KEY, f"{twice!r} is named more than once in one object")
    return members


def object_members(text: bytes) -> Iterator[tuple[bytes, bytes]]:
    """Each key (with its quotes) and value of a JSON object, as the exact bytes they have in it.

    The text must be a JSON object already checked.
    """
    position = text.index(b"{") + 1
    while key := _KEY.match(text, position):
        start = key.end()
        position = _value_end(text, start)
        yield key[1], text[start:position]


def _value_end(text: bytes, start: int) -> int:
    if text[start] not in _OPEN:
        scalar = _SCALAR.match(text, start)
        assert scalar is not None, "the text was checked"
        return scalar.end()
    depth = 0
    position = start
    while True:
        position = _after(_TO_BRACKET, text, position)
        depth += 1 if text[position] in _OPEN else -1
        position += 1
        if depth == 0:
            return position


def array_elements(text: bytes) -> list[bytes]:
    """The elements of a JSON array as the exact bytes they have in it, without the whitespace around them.

    Only strings, brackets and commas are looked at, so that an element that is no JSON leaves its neighbours whole.
    Raises Rejected when the text has no end where an array has it, or too many elements.
    """
    elements: list[bytes] = []
    depth = 0
    start = 1
    position = 0
    end = len(text)
    while position < end:
        position = _after(_TO_STRUCTURE if depth == 1 else _TO_BRACKET, text, position)
        mark = text[position]
        if mark in _OPEN:
            depth += 1
        elif mark != _COMMA:
            depth -= 1
        if depth == 0 or (depth == 1 and mark == _COMMA):
            elements.append(text[start:position].strip(WHITESPACE))
            start = position + 1
            if len(elements) > MAX_ELEMENTS:
                raise Rejected(Reason.TOO_MANY, f"more than {MAX_ELEMENTS} elements in one message")
        position += 1
        if depth == 0:
            break
    if depth != 0 or position != end or text[end - 1 :] != b"]":
        raise Rejected(Reason.NOT_JSON, f"brackets don't close where the text ends (byte {position} of {end})")
    if elements == [b""]:
        return []
    return elements


def _after(skip: re.Pattern[bytes], text: bytes, position: int) -> int:
    """Where the next structural mark stands. Raises Rejected when there is none."""
    found = skip.match(text, position)
    place = found.end() if found else position
    if place >= len(text) or text[place] == ord('"'):
        raise Rejected(Reason.NOT_JSON, f"brackets or quotes don't close (byte {place} of {len(text)})")
    return place
