"""REGEXMATCH without backtracking: patterns become state machines, so no pattern makes a search take for ever.

The syntax is Python's, whose common part with PCRE is what patterns are written in; `\\d`, `\\w` and `\\s` are ASCII
as in PCRE. What a state machine can't do (back references, look-around, atomic groups) is refused by name.
"""

import re
import warnings
from collections.abc import Callable, Iterable
from functools import lru_cache
from re import _parser as parser  # type: ignore[attr-defined]  # the parsed form of a pattern has no public name
from typing import Any, NamedTuple

from local.cosmos.query.errors import QueryError
from local.cosmos.query.values import UNDEFINED, Value

MAX_PATTERN = 1000
MAX_GROUPS = 50
MAX_STATES = 5000
_MAX_REMEMBERED = 20_000
_UNKNOWN: frozenset[int] = frozenset((-1,))
_FLAGS = {"m": re.MULTILINE, "s": re.DOTALL, "i": re.IGNORECASE, "x": re.VERBOSE}

Test = Callable[[str], bool]


class _Context(NamedTuple):
    """What stands on both sides of a place in the text; an empty string at its ends."""

    before: str
    after: str
    is_last_line_end: bool


class _State(NamedTuple):
    """A test of one character, or a condition on the place, and the states that may follow."""

    test: Test | None
    condition: Callable[[_Context], bool] | None
    following: list[int]


def regex_match(text: Value, pattern: Value, modifiers: Value = "") -> Value:
    """Is the pattern found anywhere in the text? Undefined for non-strings, invalid patterns and modifiers."""
    if not isinstance(text, str) or not isinstance(pattern, str) or not isinstance(modifiers, str):
        return UNDEFINED
    if not set(modifiers) <= _FLAGS.keys():
        return UNDEFINED
    machine = _machine(pattern, "".join(sorted(set(modifiers))))
    return UNDEFINED if machine is None else machine.finds(text)


@lru_cache(maxsize=64)
def _machine(pattern: str, modifiers: str) -> "_Machine | None":
    if len(pattern) > MAX_PATTERN or pattern.count("(") > MAX_GROUPS:
        raise _refused(f"longer than {MAX_PATTERN} characters or has more than {MAX_GROUPS} groups")
    flags = sum(_FLAGS[modifier] for modifier in modifiers)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", FutureWarning)  # what Python may once mean by [[ is not what PCRE does
            parsed = parser.parse(pattern, flags)
    except (re.error, OverflowError):
        return None
    return _Machine(parsed, parsed.state.flags)


def _refused(what: str) -> QueryError:
    return QueryError(f"The regular expression of REGEXMATCH {what}: this is not supported.", code="SC3007")


class _Machine:
    """States in a list, the last one accepting, built backwards: each piece knows the state that follows it."""

    def __init__(self, parsed: Iterable[Any], flags: int) -> None:
        self._states: list[_State] = [_State(None, None, [])]
        self._start = self._sequence(parsed, flags, 0)
        self._has_conditions = any(state.condition for state in self._states)
        self._memory: dict[tuple[frozenset[int], _Context | None, str], frozenset[int] | None] = {}

    def finds(self, text: str) -> bool:
        states = frozenset((self._start,))
        for position, character in enumerate(text):
            context = self._context(text, position) if self._has_conditions else None
            key = (states, context, character)
            following = self._memory.get(key, _UNKNOWN)
            if following is _UNKNOWN:
                following = self._remember(key)
            if following is None:
                return True
            states = following
        return self._reach(states, self._context(text, len(text))) is None

    def _context(self, text: str, position: int) -> _Context:
        before = text[position - 1] if position else ""
        is_end = position == len(text) or (position == len(text) - 1 and text[position] == "\n")
        return _Context(before, text[position : position + 1], is_end)

    def _remember(self, key: tuple[frozenset[int], _Context | None, str]) -> frozenset[int] | None:
        if len(self._memory) > _MAX_REMEMBERED:
            self._memory.clear()
        states, context, character = key
        reached = self._reach(states, context)
        following = None if reached is None else self._take(reached, character)
        self._memory[key] = following
        return following

    def _take(self, states: list[_State], character: str) -> frozenset[int]:
        """The states after one more character; a match may start at any place."""
        taken = {self._start}
        for state in states:
            if state.test is not None and state.test(character):
                taken.update(state.following)
        return frozenset(taken)

    def _reach(self, states: frozenset[int], context: _Context | None) -> list[_State] | None:
        """The states that wait for a character here; None when the accepting one is reached."""
        waiting = list(states)
        seen = set(waiting)
        found = []
        while waiting:
            number = waiting.pop()
            if number == 0:
                return None
            state = self._states[number]
            if state.test is not None:
                found.append(state)
            elif state.condition is None or (context is not None and state.condition(context)):
                fresh = [following for following in state.following if following not in seen]
                seen.update(fresh)
                waiting.extend(fresh)
        return found

    def _add(self, state: _State) -> int:
        if len(self._states) >= MAX_STATES:
            raise _refused("repeats too much")
        self._states.append(state)
        return len(self._states) - 1

    def _sequence(self, parsed: Iterable[Any], flags: int, following: int) -> int:
        for operation, argument in reversed(list(parsed)):
            following = self._piece(str(operation), argument, flags, following)
        return following

    def _piece(self, operation: str, argument: Any, flags: int, following: int) -> int:
        match operation:
            case "LITERAL" | "NOT_LITERAL" | "ANY" | "IN":
                return self._add(_State(_test(operation, argument, flags), None, [following]))
            case "AT":
                return self._add(_State(None, _condition(str(argument), flags), [following]))
            case "BRANCH":
                return self._add(_State(None, None, [self._sequence(each, flags, following) for each in argument[1]]))
            case "SUBPATTERN":
                _, added, removed, inside = argument
                return self._sequence(inside, (flags | added) & ~removed, following)
            case "MAX_REPEAT" | "MIN_REPEAT":
                low, high, inside = argument
                return self._repeat(low, high, inside, flags, following)
            case _:
                raise _refused(f"has {operation.lower().replace('_', ' ')}")

    def _repeat(self, low: int, high: Any, inside: Iterable[Any], flags: int, following: int) -> int:
        pieces = list(inside)
        if high == parser.MAXREPEAT:
            loop = self._add(_State(None, None, [following]))
            self._states[loop].following.append(self._sequence(pieces, flags, loop))
            following = loop
        else:
            for _ in range(int(high) - low):
                following = self._add(_State(None, None, [following, self._sequence(pieces, flags, following)]))
        for _ in range(low):
            following = self._sequence(pieces, flags, following)
        return following


def _test(operation: str, argument: Any, flags: int) -> Test:
    if operation == "ANY":
        return (lambda character: True) if flags & re.DOTALL else (lambda character: character != "\n")
    if operation == "IN":
        return _member_test(argument, flags)
    literal = chr(argument)
    if flags & re.IGNORECASE:
        literal = literal.lower()
        equals: Test = lambda character: character.lower() == literal  # noqa: E731 - one of two tests
    else:
        equals = lambda character: character == literal  # noqa: E731 - one of two tests
    return equals if operation == "LITERAL" else (lambda character: not equals(character))


def _member_test(members: list[tuple[Any, Any]], flags: int) -> Test:
    negated = str(members[0][0]) == "NEGATE"
    tests = [_one_member(str(kind), value) for kind, value in members[negated:]]

    def is_member(character: str) -> bool:
        cases = (character, character.lower(), character.upper()) if flags & re.IGNORECASE else (character,)
        return any(test(case) for test in tests for case in cases if len(case) == 1) is not negated

    return is_member


def _one_member(kind: str, value: Any) -> Test:
    if kind == "RANGE":
        low, high = chr(value[0]), chr(value[1])
        return lambda character: low <= character <= high
    if kind == "LITERAL":
        literal = chr(value)
        return lambda character: character == literal
    name = str(value).removeprefix("CATEGORY_")
    test = _CATEGORIES[name.removeprefix("NOT_")]
    return (lambda character: not test(character)) if name.startswith("NOT_") else test


def _is_word(character: str) -> bool:
    return character.isascii() and (character.isalnum() or character == "_")


_CATEGORIES: dict[str, Test] = {
    "DIGIT": lambda character: "0" <= character <= "9",
    "SPACE": lambda character: character in " \t\n\r\f\v",
    "WORD": _is_word,
}


def _is_boundary(context: _Context) -> bool:
    return _is_word(context.before) is not _is_word(context.after)


def _condition(kind: str, flags: int) -> Callable[[_Context], bool]:
    is_multiline = flags & re.MULTILINE
    match kind:
        case "AT_BEGINNING" if is_multiline:
            return lambda context: context.before in ("", "\n")
        case "AT_BEGINNING" | "AT_BEGINNING_STRING":
            return lambda context: context.before == ""
        case "AT_END" if is_multiline:
            return lambda context: context.after in ("", "\n")
        case "AT_END":
            return lambda context: context.is_last_line_end
        case "AT_END_STRING":
            return lambda context: context.after == ""
        case "AT_BOUNDARY":
            return _is_boundary
        case "AT_NON_BOUNDARY":
            return lambda context: not _is_boundary(context)
    raise _refused(f"has {kind.lower()}")
