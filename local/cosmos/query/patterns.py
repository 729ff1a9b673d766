"""LIKE, in time that grows with text times pattern at worst: no backtracking over wildcards.

`%` is any run of characters, `_` one character, `[a-f]` and `[^abc]` one of a set; after the ESCAPE character the next
one stands for itself. Source: Microsoft Learn, "LIKE - Query language in Cosmos DB".
"""

from collections.abc import Callable
from functools import lru_cache
from typing import NamedTuple

from local.cosmos.query.errors import QueryError
from local.cosmos.query.values import UNDEFINED, Value

MAX_COMPARISONS = 5_000_000
"""Characters of a pattern times characters of a text, where both `_` and sets stand between two `%`."""


class _Set(NamedTuple):
    """One character: any (no ranges, negated), or in or out of ranges."""

    ranges: tuple[tuple[str, str], ...]
    negated: bool

    def takes(self, character: str) -> bool:
        return any(low <= character <= high for low, high in self.ranges) is not self.negated


_ANY = _Set((), True)
_Segment = str | tuple[_Set, ...]
"""What stands between two `%`: plain text, or one set for each character."""


def like(escape: str | None) -> Callable[[Value, Value], Value]:
    """The operator LIKE with that ESCAPE character: undefined unless both operands are strings."""

    def matches(value: Value, pattern: Value) -> Value:
        if not isinstance(value, str) or not isinstance(pattern, str):
            return UNDEFINED
        return _matches(value, _segments(pattern, escape))

    return matches


@lru_cache(maxsize=128)
def _segments(pattern: str, escape: str | None) -> tuple[_Segment, ...]:
    segments: list[list[str | _Set]] = [[]]
    position = 0
    while position < len(pattern):
        character = pattern[position]
        position += 1
        if character == escape and position < len(pattern):
            segments[-1].append(pattern[position])
            position += 1
        elif character == "%":
            segments.append([])
        elif character == "_":
            segments[-1].append(_ANY)
        elif character == "[" and (end := pattern.find("]", position + 1)) > 0:
            segments[-1].append(_set(pattern[position:end]))
            position = end + 1
        else:
            segments[-1].append(character)
    return tuple(_segment(parts) for parts in segments)


def _set(inside: str) -> _Set:
    negated = inside.startswith("^")
    members = inside[negated:]
    ranges = []
    position = 0
    while position < len(members):
        if members[position + 1 : position + 2] == "-" and position + 2 < len(members):
            ranges.append((members[position], members[position + 2]))
            position += 3
        else:
            ranges.append((members[position], members[position]))
            position += 1
    return _Set(tuple(ranges), negated)


def _segment(parts: list[str | _Set]) -> _Segment:
    texts = [part for part in parts if isinstance(part, str)]
    if len(texts) == len(parts):
        return "".join(texts)
    return tuple(_Set(((part, part),), False) if isinstance(part, str) else part for part in parts)


def _matches(text: str, segments: tuple[_Segment, ...]) -> bool:
    first, last = segments[0], segments[-1]
    if len(segments) == 1:
        return len(text) == len(first) and _stands_at(text, first, 0)
    end = len(text) - len(last)
    position = len(first)
    if end < position or not _stands_at(text, first, 0) or not _stands_at(text, last, end):
        return False
    for segment in segments[1:-1]:
        position = _find(text, segment, position, end)
        if position < 0:
            return False
        position += len(segment)
    return True


def _stands_at(text: str, segment: _Segment, start: int) -> bool:
    if isinstance(segment, str):
        return text.startswith(segment, start)
    return all(part.takes(text[start + offset]) for offset, part in enumerate(segment))


def _find(text: str, segment: _Segment, start: int, end: int) -> int:
    if isinstance(segment, str):
        return text.find(segment, start, end)
    if len(segment) * (end - start) > MAX_COMPARISONS:
        raise QueryError("The pattern of LIKE and the text it is compared with are too long.", code="SC3008")
    for position in range(start, end - len(segment) + 1):
        if _stands_at(text, segment, position):
            return position
    return -1
