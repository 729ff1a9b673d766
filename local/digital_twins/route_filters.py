"""Filters of event routes: which events a route lets through.

Source: Learn, "Create routes and filters" (Azure Digital Twins). A filter is `true`, `false`, or comparisons of the
event's attributes (`type`, `source`, `subject`…) and of its body (`$body.…`), with AND, OR, NOT, IN, and
STARTS_WITH, ENDS_WITH, CONTAINS.
"""

import re
from collections.abc import Callable, Mapping
from functools import lru_cache
from typing import Any, NamedTuple

from local.digital_twins.errors import ServiceError

Attributes = Mapping[str, Any]
Test = Callable[[Attributes, Any], bool]
"""Takes an event's attributes, and its body; says whether the event passes."""
_Value = Callable[[Attributes, Any], Any]

_TOKEN = re.compile(
    r"\s*(?:(?P<text>'(?:\\.|[^'\\])*')"
    r"|(?P<number>-?\d+(?:\.\d+)?(?:[eE][+-]?\d+)?)"
    r"|(?P<name>\$?[A-Za-z_]\w*(?:\.\$?[A-Za-z_]\w*|\[\d+\])*)"
    r"|(?P<sign><=|>=|!=|<>|[=<>(),\[\]]))",
    re.ASCII,
)
_STEP = re.compile(r"[^.\[\]]+")
_ATTRIBUTES = frozenset(
    ("type", "source", "subject", "id", "time", "specversion", "datacontenttype", "dataschema", "traceparent")
)
_ABSENT = object()
_MAX_LENGTH = 8000
_MAX_DEPTH = 50
_FUNCTIONS: Mapping[str, Callable[[str, str], bool]] = {
    "STARTS_WITH": str.startswith,
    "STARTSWITH": str.startswith,
    "ENDS_WITH": str.endswith,
    "ENDSWITH": str.endswith,
    "CONTAINS": str.__contains__,
}
_COMPARISONS: Mapping[str, Callable[[Any, Any], bool]] = {
    "=": lambda left, right: bool(left == right),
    "!=": lambda left, right: bool(left != right),
    "<>": lambda left, right: bool(left != right),
    "<": lambda left, right: bool(left < right),
    ">": lambda left, right: bool(left > right),
    "<=": lambda left, right: bool(left <= right),
    ">=": lambda left, right: bool(left >= right),
}


@lru_cache(maxsize=256)
def compiled(text: str) -> Test:
    """The filter as a test of events. Raises ServiceError (400 EventRouteFilterInvalid) with the mistake's place."""
    return _Parser(text).parsed()


class _Token(NamedTuple):
    kind: str
    text: str
    position: int


def _invalid(reason: str, position: int) -> ServiceError:
    return ServiceError(
        400, "EventRouteFilterInvalid", f"The event route filter is invalid at position {position}: {reason}."
    )


def _tokens(text: str) -> list[_Token]:
    if len(text) > _MAX_LENGTH:
        raise _invalid(f"it has more than {_MAX_LENGTH} characters", _MAX_LENGTH)
    tokens: list[_Token] = []
    position = 0
    end = len(text.rstrip())
    while position < end:
        found = _TOKEN.match(text, position)
        if found is None:
            position += len(text[position:]) - len(text[position:].lstrip())
            raise _invalid(f"{text[position : position + 10]!r} is neither a name, nor a value, nor a sign", position)
        kind = str(found.lastgroup)
        tokens.append(_Token(kind, found[kind], found.start(kind)))
        position = found.end()
    return [*tokens, _Token("end", "", end)]


class _Parser:
    """Recursive descent: OR of ANDs of comparisons."""

    def __init__(self, text: str) -> None:
        self._tokens = _tokens(text)
        self._index = 0
        self._depth = 0

    def parsed(self) -> Test:
        test = self._disjunction()
        if self._next.kind != "end":
            raise self._unexpected("the end")
        return test

    @property
    def _next(self) -> _Token:
        return self._tokens[self._index]

    def _unexpected(self, wanted: str) -> ServiceError:
        found = self._next.text or "the end"
        return _invalid(f"expected {wanted}, found {found}", self._next.position)

    def _took(self, *texts: str) -> str | None:
        """The next token's text in capitals, if it is one of these; then it is past."""
        token = self._next
        if token.kind not in ("name", "sign") or token.text.upper() not in texts:
            return None
        self._index += 1
        return token.text.upper()

    def _expect(self, text: str) -> None:
        if self._took(text) is None:
            raise self._unexpected(text)

    def _disjunction(self) -> Test:
        self._depth += 1
        if self._depth > _MAX_DEPTH:
            raise _invalid("it is nested too deep", self._next.position)
        tests = [self._conjunction()]
        while self._took("OR"):
            tests.append(self._conjunction())
        self._depth -= 1
        return tests[0] if len(tests) == 1 else lambda event, body: any(test(event, body) for test in tests)

    def _conjunction(self) -> Test:
        tests = [self._negation()]
        while self._took("AND"):
            tests.append(self._negation())
        return tests[0] if len(tests) == 1 else lambda event, body: all(test(event, body) for test in tests)

    def _negation(self) -> Test:
        is_negated = False
        while self._took("NOT"):
            is_negated = not is_negated
        test = self._primary()
        return (lambda event, body: not test(event, body)) if is_negated else test

    def _primary(self) -> Test:
        if self._took("("):
            test = self._disjunction()
            self._expect(")")
            return test
        name = self._next.text.upper()
        if self._next.kind == "name" and name in _FUNCTIONS:
            return self._function(_FUNCTIONS[name])
        if name in ("TRUE", "FALSE") and self._tokens[self._index + 1].text not in _COMPARISONS:
            self._index += 1
            return lambda event, body: name == "TRUE"
        return self._comparison()

    def _function(self, function: Callable[[str, str], bool]) -> Test:
        self._index += 1
        self._expect("(")
        left = self._value()
        self._expect(",")
        right = self._value()
        self._expect(")")

        def test(event: Attributes, body: Any) -> bool:
            text, part = left(event, body), right(event, body)
            return isinstance(text, str) and isinstance(part, str) and function(text, part)

        return test

    def _comparison(self) -> Test:
        left = self._value()
        if self._took("NOT"):
            self._expect("IN")
            inside = self._membership(left)
            return lambda event, body: not inside(event, body)
        if self._took("IN"):
            return self._membership(left)
        sign = self._took(*_COMPARISONS)
        if sign is None:
            raise self._unexpected("a comparison")
        right = self._value()
        compare = _COMPARISONS[sign]
        return lambda event, body: _compared(compare, left(event, body), right(event, body))

    def _membership(self, left: _Value) -> Test:
        self._expect("[")
        choices = [self._value()]
        while self._took(","):
            choices.append(self._value())
        self._expect("]")
        equals = _COMPARISONS["="]
        return lambda event, body: any(_compared(equals, left(event, body), each(event, body)) for each in choices)

    def _value(self) -> _Value:
        token = self._next
        if token.kind in ("sign", "end"):
            raise self._unexpected("a value")
        self._index += 1
        if token.kind == "text":
            return _constant(re.sub(r"\\(.)", r"\1", token.text[1:-1]))
        if token.kind == "number":
            return _constant(float(token.text) if re.search("[.eE]", token.text) else int(token.text))
        return _named(token)


def _constant(value: Any) -> _Value:
    return lambda event, body: value


def _named(token: _Token) -> _Value:
    """A literal of JSON, an attribute of the event, or a path into its body."""
    literals = {"TRUE": True, "FALSE": False, "NULL": None}
    if token.text.upper() in literals:
        return _constant(literals[token.text.upper()])
    steps = _STEP.findall(token.text)
    if steps[0] == "$body":
        return lambda event, body: _found(body, steps[1:])
    if len(steps) > 1 or token.text not in _ATTRIBUTES:
        known = ", ".join(sorted(_ATTRIBUTES))
        raise _invalid(f"{token.text} is neither $body.… nor one of {known}", token.position)
    return lambda event, body: event.get(token.text, _ABSENT)


def _found(value: Any, steps: list[str]) -> Any:
    for step in steps:
        if isinstance(value, dict) and step in value:
            value = value[step]
        elif isinstance(value, list) and step.isdecimal() and int(step) < len(value):
            value = value[int(step)]
        else:
            return _ABSENT
    return value


def _compared(compare: Callable[[Any, Any], bool], left: Any, right: Any) -> bool:
    """Values of different kinds compare to nothing; nor does what is not there."""
    kinds = {_kind(left), _kind(right)}
    if len(kinds) != 1 or kinds == {"absent"}:
        return False
    if kinds <= {"number", "text"}:
        return compare(left, right)
    is_equality = compare in (_COMPARISONS["="], _COMPARISONS["!="], _COMPARISONS["<>"])
    return is_equality and compare(left, right)


def _kind(value: Any) -> str:
    if value is _ABSENT:
        return "absent"
    if isinstance(value, bool):
        return "bool"
    if isinstance(value, int | float):
        return "number"
    return "text" if isinstance(value, str) else type(value).__name__
