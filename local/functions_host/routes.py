"""HTTP routes of functions: ASP.NET Core route templates, their constraints and their order of precedence.

Source: Microsoft Learn, "Routing in ASP.NET Core": route templates, constraints; azure-functions-host matches
without regard to case, and a method that no function takes is not found (404).
"""

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from urllib.parse import unquote
from uuid import UUID

from local.process import UserMistake


class InvalidRoute(UserMistake):
    """A route template that can't be understood."""


Test = Callable[[str], bool]


def _parses(parse: Callable[[str], object]) -> Test:
    def test(value: str) -> bool:
        try:
            parse(value)
        except ValueError:
            return False
        return True

    return test


def _int_of(bits: int) -> Callable[[str], int]:
    def parse(value: str) -> int:
        if not re.fullmatch(r"[+-]?\d+", value):
            raise ValueError(value)
        number = int(value)
        if not -(1 << (bits - 1)) <= number < 1 << (bits - 1):
            raise ValueError(value)
        return number

    return parse


def _boolean(value: str) -> bool:
    if value.lower() not in ("true", "false"):
        raise ValueError(value)
    return value.lower() == "true"


def _date(value: str) -> datetime:
    for layout in ("%m/%d/%Y", "%m-%d-%Y"):
        if _parses(lambda text, layout=layout: datetime.strptime(text, layout))(value):  # type: ignore[misc]
            return datetime.strptime(value, layout)
    return datetime.fromisoformat(value)


_PLAIN: dict[str, Test] = {
    "int": _parses(_int_of(32)),
    "long": _parses(_int_of(64)),
    "bool": _parses(_boolean),
    "datetime": _parses(_date),
    "decimal": _parses(float),
    "double": _parses(float),
    "float": _parses(float),
    "guid": _parses(UUID),
    "alpha": lambda value: re.fullmatch(r"[a-zA-Z]*", value) is not None,
    "required": lambda value: value != "",
}


def _at_least(limit: str) -> Test:
    return lambda value: _PLAIN["long"](value) and int(value) >= int(limit)


def _at_most(limit: str) -> Test:
    return lambda value: _PLAIN["long"](value) and int(value) <= int(limit)


def _length(bounds: str) -> Test:
    low, _, high = bounds.partition(",")
    return lambda value: int(low) <= len(value) <= int(high or low)


def _between(bounds: str) -> Test:
    low, _, high = bounds.partition(",")
    return lambda value: _at_least(low)(value) and _at_most(high)(value)


_WITH_ARGUMENT: dict[str, Callable[[str], Test]] = {
    "min": _at_least,
    "max": _at_most,
    "range": _between,
    "length": _length,
    "minlength": lambda limit: lambda value: len(value) >= int(limit),
    "maxlength": lambda limit: lambda value: len(value) <= int(limit),
    "regex": lambda pattern: lambda value: re.search(pattern, value, re.IGNORECASE) is not None,
}


@dataclass(frozen=True)
class Segment:
    """One part between slashes: a literal, or a parameter (`name` set) with its tests."""

    literal: str = ""
    name: str = ""
    tests: tuple[Test, ...] = ()
    default: str | None = None
    is_optional: bool = False
    is_catch_all: bool = False

    @property
    def rank(self) -> int:
        """Literals go first, then constrained parameters, parameters, catch-alls."""
        if not self.name:
            return 0
        return (3 if self.tests else 4) if self.is_catch_all else (1 if self.tests else 2)


@dataclass(frozen=True)
class Route:
    """A function's route: where it is found and with which methods (empty: all)."""

    function: str
    template: str
    segments: tuple[Segment, ...]
    methods: frozenset[str]

    def match(self, path: str) -> dict[str, str] | None:
        """The route parameters of a path that this route takes; None when it doesn't."""
        parts = [unquote(part) for part in path.strip("/").split("/")] if path.strip("/") else []
        values: dict[str, str] = {}
        for position, segment in enumerate(self.segments):
            if segment.is_catch_all:
                return values if _take(segment, "/".join(parts[position:]), values) else None
            if not _take_part(segment, parts[position] if position < len(parts) else None, values):
                return None
        return values if len(parts) <= len(self.segments) else None


def make_route(function: str, template: str, methods: Iterable[str]) -> Route:
    """A route of a template such as `devices/{id:int}/{*rest}`. Raises InvalidRoute."""
    segments = tuple(_segment(part, template) for part in _parts(template.strip("/")))
    if any(segment.is_catch_all for segment in segments[:-1]):
        raise InvalidRoute(f"The route {template!r} of {function} has a catch-all parameter that is not at its end.")
    return Route(function, template.strip("/"), segments, frozenset(method.upper() for method in methods))


def find_route(routes: Iterable[Route], method: str, path: str) -> tuple[Route, Mapping[str, str]] | None:
    """The route that takes a request, and its parameters; the more literal one wins, then the earlier."""
    ranked = sorted(routes, key=lambda route: [segment.rank for segment in route.segments])
    for route in ranked:
        if route.methods and method not in route.methods:
            continue
        values = route.match(path)
        if values is not None:
            return route, values
    return None


def _take_part(segment: Segment, part: str | None, values: dict[str, str]) -> bool:
    if not segment.name:
        return part is not None and part.lower() == segment.literal.lower()
    if part is None:
        return _take(segment, "", values) if segment.default is not None else segment.is_optional
    return _take(segment, part, values)


def _take(segment: Segment, value: str, values: dict[str, str]) -> bool:
    value = value or segment.default or ""
    if not value and (segment.is_catch_all or segment.is_optional):
        return True
    if not value or not all(test(value) for test in segment.tests):
        return False
    values[segment.name] = value
    return True


def _parts(template: str) -> list[str]:
    """Splits at slashes outside of braces (a regex constraint may hold one)."""
    parts, depth = [""], 0
    for character in template:
        depth += {"{": 1, "}": -1}.get(character, 0)
        if character == "/" and depth == 0:
            parts.append("")
        else:
            parts[-1] += character
    if depth:
        raise InvalidRoute(f"The route {template!r} has braces that don't match.")
    return [part for part in parts if part]


def _segment(part: str, template: str) -> Segment:
    if not part.startswith("{") or not part.endswith("}"):
        if "{" in part:
            raise InvalidRoute(f"The route {template!r}: a parameter must be a whole segment between slashes.")
        return Segment(literal=part)
    inner = part[1:-1]
    is_catch_all = inner.startswith("*")
    name, *constraints = _split_constraints(inner.lstrip("*"))
    is_optional = (constraints[-1] if constraints else name).endswith("?")
    if is_optional:
        name, constraints = name.removesuffix("?"), [text.removesuffix("?") for text in constraints]
    name, _, default = name.partition("=")
    if not re.fullmatch(r"[A-Za-z_][\w\-]*", name):
        raise InvalidRoute(f"The route {template!r} has a parameter without a valid name: {part}.")
    return Segment(
        name=name,
        tests=tuple(_test(text, template) for text in constraints),
        default=default or None,
        is_optional=is_optional,
        is_catch_all=is_catch_all,
    )


def _split_constraints(inner: str) -> list[str]:
    texts, depth = [""], 0
    for character in inner:
        depth += {"(": 1, ")": -1}.get(character, 0)
        if character == ":" and depth == 0:
            texts.append("")
        else:
            texts[-1] += character
    return texts


def _test(text: str, template: str) -> Test:
    name, _, argument = text.partition("(")
    plain, with_argument = _PLAIN.get(name.lower()), _WITH_ARGUMENT.get(name.lower())
    if plain is not None and not argument:
        return plain
    if with_argument is not None and argument.endswith(")"):
        return with_argument(argument[:-1])
    raise InvalidRoute(f"The route {template!r} has an unknown constraint: {text!r}.")
