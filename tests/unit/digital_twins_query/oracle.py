"""Conditions over plain Python dicts, written apart from the server: what one means, and its text, made together."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from hypothesis import strategies as st

from tests.unit.digital_twins_query.graph import Document, relationship, twin

MISSING = object()
Row = dict[str, Document]
"""A document for each collection of a query, by its name."""
MODELS = {
    "dtmi:a;1": set[str](),
    "dtmi:b;1": {"dtmi:a;1"},
    "dtmi:c;1": {"dtmi:a;1", "dtmi:b;1"},
    "dtmi:d;1": set[str](),
}
"""What each model extends."""


@dataclass(frozen=True)
class Formula:
    text: str
    holds: Callable[[Row], bool]


def kind(value: Any) -> str:
    for name, types in (("bool", bool), ("number", int | float), ("string", str), ("object", dict), ("array", list)):
        if isinstance(value, types):
            return name
    return "null" if value is None else "missing"


def is_primitive(value: Any) -> bool:
    return kind(value) in ("bool", "number", "string", "null")


def equal(left: Any, right: Any) -> bool:
    return is_primitive(left) and kind(left) == kind(right) and left == right


def compare(operator: str, left: Any, right: Any) -> bool:
    if operator in ("=", "!="):
        return is_primitive(left) and is_primitive(right) and equal(left, right) == (operator == "=")
    if kind(left) != kind(right) or kind(left) not in ("number", "string"):
        return False
    outcomes: dict[str, bool] = {"<": left < right, "<=": left <= right, ">": left > right, ">=": left >= right}
    return outcomes[operator]


def literal(value: Any) -> str:
    if isinstance(value, str):
        return "'" + value.replace("\\", "\\\\").replace("'", "\\'").replace("\n", "\\n") + "'"
    return repr(value) if kind(value) == "number" else {None: "null", True: "true", False: "false"}[value]


WORDS = st.sampled_from(["", "a", "ab", "b'c", "ä\n", "aä", "\\", "\U0001f600b", "B"])
NUMBERS = st.sampled_from([0, 1, -1, 2, 1.0, 0.5, -2.5, 2**53, 2**63 - 1, 1e300, -0.0])
SCALARS = st.one_of(WORDS, NUMBERS, st.booleans(), st.none())
VALUES = st.one_of(
    SCALARS, st.lists(st.one_of(SCALARS, st.just([1])), max_size=3), st.dictionaries(st.sampled_from("xy"), SCALARS)
)
PROPERTIES = st.dictionaries(st.sampled_from(["a", "b", "o", "Group"]), VALUES)
OPERATORS = st.sampled_from(["=", "!=", "<", "<=", ">", ">="])
PATHS = ["a", "b", "o", "o.x", "o.y", "[[Group]]", "$dtId", "$metadata.$model", "$metadata.a", "nowhere.of.it"]
TYPES: dict[str, Callable[[Any], bool]] = {
    "IS_BOOL": lambda value: kind(value) == "bool",
    "IS_NUMBER": lambda value: kind(value) == "number",
    "IS_STRING": lambda value: kind(value) == "string",
    "IS_NULL": lambda value: kind(value) == "null",
    "IS_OBJECT": lambda value: kind(value) == "object",
    "IS_PRIMITIVE": is_primitive,
    "IS_DEFINED": lambda value: value is not MISSING,
}
TEXTS: dict[str, Callable[[str, str], bool]] = {
    "STARTSWITH": str.startswith,
    "ENDSWITH": str.endswith,
    "CONTAINS": str.__contains__,
}


def value_at(document: Document, path: str) -> Any:
    value: Any = document
    for part in path.replace("[[", "").replace("]]", "").split("."):
        if not isinstance(value, dict) or part not in value:
            return MISSING
        value = value[part]
    return value


@st.composite
def twins(draw: st.DrawFn, most: int = 7) -> list[Document]:
    """Twins whose order is not that of their making."""
    properties = draw(st.lists(st.tuples(PROPERTIES, st.sampled_from(sorted(MODELS))), max_size=most))
    return [twin(f"t{number * 5 % 7}", model, **values) for number, (values, model) in enumerate(properties)]


@st.composite
def relationships(draw: st.DrawFn, ids: list[str]) -> list[Document]:
    if not ids:
        return []
    ends = st.tuples(st.sampled_from(ids), st.sampled_from(ids), st.sampled_from(["r", "s"]), PROPERTIES)
    drawn = draw(st.lists(ends, max_size=8))
    return [relationship(a, f"e{number}", b, name, **values) for number, (a, b, name, values) in enumerate(drawn)]


@st.composite
def operands(draw: st.DrawFn, names: list[str]) -> tuple[str, Callable[[Row], Any]]:
    """A property of one of the collections; the only one's name may be left out."""
    name, path = draw(st.sampled_from(names)), draw(st.sampled_from(PATHS))
    is_short = len(names) == 1 and draw(st.booleans())
    return path if is_short else f"{name}.{path}", lambda row: value_at(row[name], path)


@st.composite
def comparisons(draw: st.DrawFn, names: list[str]) -> Formula:
    text, value = draw(operands(names))
    operator = draw(OPERATORS)
    if draw(st.booleans()):
        constant = draw(SCALARS)
        if draw(st.booleans()):
            return Formula(
                f"{text} {operator} {literal(constant)}", lambda row: compare(operator, value(row), constant)
            )
        return Formula(f"{literal(constant)} {operator} {text}", lambda row: compare(operator, constant, value(row)))
    other_text, other = draw(operands(names))
    return Formula(f"{text} {operator} {other_text}", lambda row: compare(operator, value(row), other(row)))


@st.composite
def memberships(draw: st.DrawFn, names: list[str]) -> Formula:
    text, value = draw(operands(names))
    items = draw(st.lists(SCALARS, min_size=1, max_size=4))
    wants, word = draw(st.sampled_from([(True, "IN"), (False, "NIN")]))

    def holds(row: Row) -> bool:
        found = any(equal(value(row), item) for item in items)
        return is_primitive(value(row)) and found == wants

    return Formula(f"{text} {word} [{', '.join(map(literal, items))}]", holds)


@st.composite
def functions(draw: st.DrawFn, names: list[str]) -> Formula:
    text, value = draw(operands(names))
    function = draw(st.sampled_from([*TYPES, *TEXTS, "ARRAY_CONTAINS"]))
    if function in TYPES:
        return Formula(f"{function}({text})", lambda row: TYPES[function](value(row)))
    if function in TEXTS:
        part = draw(WORDS)
        return Formula(
            f"{function}({text}, {literal(part)})",
            lambda row: isinstance(value(row), str) and TEXTS[function](value(row), part),
        )
    item = draw(SCALARS)
    return Formula(
        f"ARRAY_CONTAINS({text}, {literal(item)})",
        lambda row: isinstance(value(row), list) and any(equal(each, item) for each in value(row)),
    )


@st.composite
def models(draw: st.DrawFn, names: list[str]) -> Formula:
    name, wanted, exact = (
        draw(st.sampled_from(names)),
        draw(st.sampled_from([*MODELS, "dtmi:no;1"])),
        draw(st.booleans()),
    )
    is_short = len(names) == 1 and draw(st.booleans())
    arguments = [*([] if is_short else [name]), f"'{wanted}'", *(["exact"] if exact else [])]

    def holds(row: Row) -> bool:
        model = row[name]["$metadata"]["$model"]
        return model == wanted or (not exact and wanted in MODELS[model])

    return Formula(f"IS_OF_MODEL({', '.join(arguments)})", holds)


def conditions(names: list[str]) -> st.SearchStrategy[Formula]:
    """Conditions on collections of twins with these names."""
    leaves = st.one_of(comparisons(names), memberships(names), functions(names), models(names))
    return st.recursive(leaves, combined, max_leaves=6)


def combined(inner: st.SearchStrategy[Formula]) -> st.SearchStrategy[Formula]:
    pairs = st.tuples(inner, inner)
    return st.one_of(
        inner.map(lambda f: Formula(f"NOT ({f.text})", lambda row: not f.holds(row))),
        pairs.map(lambda p: Formula(f"({p[0].text} AND {p[1].text})", lambda row: p[0].holds(row) and p[1].holds(row))),
        pairs.map(lambda p: Formula(f"({p[0].text} or {p[1].text})", lambda row: p[0].holds(row) or p[1].holds(row))),
    )
