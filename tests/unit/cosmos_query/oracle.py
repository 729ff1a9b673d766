"""The query language over plain Python lists, written apart from the server: what a query means, and its text.

A strategy draws a Formula or a Question; each knows its text and how to answer it. The two are made together, so
nothing here reads a query.
"""

import itertools
import json
import math
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from hypothesis import strategies as st

MISSING = object()
Scope = dict[str, Any]
Document = dict[str, Any]


def type_rank(value: Any) -> int:
    if value is MISSING:
        return 0
    if value is None:
        return 1
    if isinstance(value, bool):
        return 2
    if isinstance(value, int | float):
        return 3
    return 4 if isinstance(value, str) else 5 if isinstance(value, list) else 6


def canonical(value: Any) -> Any:
    """A hashable value that is equal for what JSON and the query language call equal."""
    rank = type_rank(value)
    if rank == 3:
        return (3, float(value) + 0.0)
    if rank == 5:
        return (5, tuple(map(canonical, value)))
    if rank == 6:
        return (6, tuple(sorted((name, canonical(member)) for name, member in value.items())))
    return (rank, 0 if rank in (0, 1) else value)


def order_key(value: Any) -> Any:
    """Sorts as ORDER BY; the documents here hold no two different arrays or objects where it sorts."""
    rank = type_rank(value)
    return (rank, float(value) if rank == 3 else value if rank in (2, 4) else 0)


@dataclass(frozen=True)
class Formula:
    """An expression: its text, its value in a scope, and the parameters that its text uses."""

    text: str
    value: Callable[[Scope], Any]
    parameters: dict[str, Any] = field(default_factory=dict)


def same(left: Any, right: Any) -> Any:
    return MISSING if MISSING in (left, right) else canonical(left) == canonical(right)


def compared(operator: str, left: Any, right: Any) -> Any:
    if type_rank(left) != type_rank(right) or type_rank(left) in (0, 5, 6):
        return MISSING
    one, other = order_key(left), order_key(right)
    return {"<": one < other, "<=": one <= other, ">": one > other, ">=": one >= other}[operator]


def calculated(operator: str, left: Any, right: Any) -> Any:
    if type_rank(left) != 3 or type_rank(right) != 3:
        return MISSING
    one, other = float(left), float(right)
    if operator == "/":
        result = one / other if other else math.inf
    else:
        result = {"+": one + other, "-": one - other, "*": one * other}[operator]
    return result if math.isfinite(result) else MISSING


def negated(value: Any) -> Any:
    return not value if isinstance(value, bool) else MISSING


def conjunction(values: list[Any]) -> Any:
    if any(value is False for value in values):
        return False
    return True if all(value is True for value in values) else MISSING


def disjunction(values: list[Any]) -> Any:
    if any(value is True for value in values):
        return True
    return False if all(value is False for value in values) else MISSING


def reached(value: Any, *steps: str | int) -> Any:
    for step in steps:
        if isinstance(step, str):
            value = value.get(step, MISSING) if isinstance(value, dict) else MISSING
        else:
            value = value[step] if isinstance(value, list) and step < len(value) else MISSING
    return value


STRINGS = st.text(alphabet="ab\"'\\%_é😀\x00 Z", max_size=4)
NUMBERS = st.one_of(
    st.integers(-3, 5), st.sampled_from([0.5, -0.0, 1.0, 2.5, 1e300, 2**53 + 2, -(2**60), 0.1, 0.30000000000000004])
)
SCALARS = st.one_of(st.none(), st.booleans(), NUMBERS, STRINGS)
SORTABLE: st.SearchStrategy[Any] = st.one_of(SCALARS, st.just([]), st.just({}))
ANYTHING = st.recursive(
    SCALARS,
    lambda inner: st.one_of(
        st.lists(inner, max_size=3), st.dictionaries(st.sampled_from(["x", "y", "a b"]), inner, max_size=3)
    ),
    max_leaves=5,
)
DOCUMENTS = st.lists(
    st.fixed_dictionaries(
        {"pk": st.integers(0, 3)},
        optional={
            "a": SORTABLE,
            "b": SORTABLE,
            "o": st.one_of(SCALARS, st.fixed_dictionaries({}, optional={"x": SORTABLE, "y": SCALARS})),
            "t": st.one_of(SCALARS, st.lists(ANYTHING, max_size=4)),
        },
    ),
    max_size=12,
)

PATHS: list[tuple[str, tuple[str | int, ...]]] = [
    ("c.a", ("a",)),
    ("c['b']", ("b",)),
    ("c.o.x", ("o", "x")),
    ('c["o"].y', ("o", "y")),
    ("c.t[0]", ("t", 0)),
    ("c.t", ("t",)),
    ("c.none", ("none",)),
]
SORT_PATHS = PATHS[:3]
"""Those that hold no two different arrays or objects."""


def constant_text(value: Any) -> str:
    return json.dumps(value)


@st.composite
def constants(draw: st.DrawFn) -> Formula:
    value = draw(SCALARS)
    if draw(st.booleans()):
        name = f"@p{abs(hash((type(value).__name__, repr(value)))) % 10**9}"
        return Formula(name, lambda scope: value, {name: value})
    if isinstance(value, str) and draw(st.booleans()) and '"' not in value:
        inside = json.dumps(value)[1:-1].replace("'", "\\'")
        return Formula(f"'{inside}'", lambda scope: value)
    return Formula(constant_text(value), lambda scope: value)


def path_formula(path: tuple[str, tuple[str | int, ...]]) -> Formula:
    return Formula(path[0], lambda scope: reached(scope["c"], *path[1]))


PATH_FORMULAS = st.sampled_from(PATHS).map(path_formula)
SORT_FORMULAS = st.sampled_from(SORT_PATHS).map(path_formula)


def combined(text: str, value: Callable[..., Any], *parts: Formula) -> Formula:
    """A formula of formulas: the text has a {} for each of them, and the function takes their values."""
    parameters = {name: given for part in parts for name, given in part.parameters.items()}
    return Formula(
        text.format(*(part.text for part in parts)),
        lambda scope: value(*(part.value(scope) for part in parts)),
        parameters,
    )


def _function_formulas(inner: st.SearchStrategy[Formula]) -> st.SearchStrategy[Formula]:
    def text_of(value: Any, make: Callable[[str], Any]) -> Any:
        return make(value) if isinstance(value, str) else MISSING

    unary: dict[str, Callable[[Any], Any]] = {
        "IS_DEFINED({})": lambda value: value is not MISSING,
        "IS_NULL({})": lambda value: value is None,
        "is_number({})": lambda value: type_rank(value) == 3,
        "IS_STRING({})": lambda value: type_rank(value) == 4,
        "IS_ARRAY({})": lambda value: type_rank(value) == 5,
        "Is_Primitive({})": lambda value: type_rank(value) in (1, 2, 3, 4),
        "LENGTH({})": lambda value: text_of(value, len),
        "REVERSE({})": lambda value: text_of(value, lambda text: text[::-1]),
        "ABS({})": lambda value: abs(value) if type_rank(value) == 3 else MISSING,
        "ARRAY_LENGTH({})": lambda value: len(value) if isinstance(value, list) else MISSING,
        "(- {})": lambda value: -value if type_rank(value) == 3 else MISSING,
    }
    binary: dict[str, Callable[[Any, Any], Any]] = {
        "CONTAINS({}, {})": lambda one, other: _of_strings(lambda: other in one, one, other),
        "STARTSWITH({}, {})": lambda one, other: _of_strings(lambda: one.startswith(other), one, other),
        "ENDSWITH({}, {})": lambda one, other: _of_strings(lambda: one.endswith(other), one, other),
        "({} || {})": lambda one, other: _of_strings(lambda: one + other, one, other),
        "ARRAY_CONTAINS({}, {})": _array_contains,
        "({} ?? {})": lambda one, other: other if one is MISSING else one,
    }
    return st.one_of(
        st.builds(lambda text, one: combined(text, unary[text], one), st.sampled_from(sorted(unary)), inner),
        st.builds(
            lambda text, one, other: combined(text, binary[text], one, other),
            st.sampled_from(sorted(binary)),
            inner,
            inner,
        ),
    )


def _of_strings(make: Callable[[], Any], *values: Any) -> Any:
    return make() if all(isinstance(value, str) for value in values) else MISSING


def _array_contains(array: Any, sought: Any) -> Any:
    if not isinstance(array, list) or sought is MISSING:
        return MISSING
    return canonical(sought) in map(canonical, array)


def _operator_formulas(inner: st.SearchStrategy[Formula]) -> st.SearchStrategy[Formula]:
    def comparison(operator: str, one: Formula, other: Formula) -> Formula:
        if operator == "=":
            return combined("({} = {})", same, one, other)
        if operator in ("!=", "<>"):
            return combined(f"({{}} {operator} {{}})", lambda left, right: negated(same(left, right)), one, other)
        return combined(f"({{}} {operator} {{}})", lambda left, right: compared(operator, left, right), one, other)

    def arithmetic(operator: str, one: Formula, other: Formula) -> Formula:
        return combined(f"({{}} {operator} {{}})", lambda left, right: calculated(operator, left, right), one, other)

    def membership(value: Formula, choices: list[Formula]) -> Formula:
        def is_in(sought: Any, *values: Any) -> Any:
            return MISSING if sought is MISSING else any(same(sought, each) is True for each in values)

        return combined("({} IN (" + ", ".join("{}" for _ in choices) + "))", is_in, value, *choices)

    def between(value: Formula, low: Formula, high: Formula) -> Formula:
        def is_between(middle: Any, least: Any, most: Any) -> Any:
            return conjunction([compared(">=", middle, least), compared("<=", middle, most)])

        return combined("({} BETWEEN {} AND {})", is_between, value, low, high)

    def conditional(condition: Formula, one: Formula, other: Formula) -> Formula:
        return combined("({} ? {} : {})", lambda test, yes, no: yes if test is True else no, condition, one, other)

    return st.one_of(
        st.builds(comparison, st.sampled_from(["=", "!=", "<>", "<", "<=", ">", ">="]), inner, inner),
        st.builds(arithmetic, st.sampled_from(["+", "-", "*", "/"]), inner, inner),
        st.builds(membership, inner, st.lists(inner, min_size=1, max_size=3)),
        st.builds(between, inner, inner, inner),
        st.builds(conditional, inner, inner, inner),
    )


def _logical_formulas(inner: st.SearchStrategy[Formula]) -> st.SearchStrategy[Formula]:
    return st.one_of(
        st.builds(lambda one, two: combined("({} AND {})", lambda *all_: conjunction([*all_]), one, two), inner, inner),
        st.builds(lambda one, two: combined("({} or {})", lambda *all_: disjunction([*all_]), one, two), inner, inner),
        st.builds(lambda one: combined("(NOT {})", negated, one), inner),
    )


LEAVES = st.one_of(PATH_FORMULAS, PATH_FORMULAS, constants())
FORMULAS = st.recursive(
    LEAVES,
    lambda inner: st.one_of(_function_formulas(inner), _operator_formulas(inner), _logical_formulas(inner)),
    max_leaves=6,
)
_TESTS = st.one_of(_operator_formulas(LEAVES), _function_formulas(LEAVES), FORMULAS)
FILTERS = st.one_of(
    st.lists(_TESTS, min_size=1, max_size=3).map(
        lambda tests: combined(" AND ".join("{}" for _ in tests), lambda *values: conjunction([*values]), *tests)
    ),
    _TESTS,
)


FEW_SCALARS: list[Any] = [None, False, True, -1, 0, 1, 1.5, "", "a", "a\x00", "ab", "b"]
FEW_VALUED = st.lists(
    st.fixed_dictionaries(
        {"pk": st.integers(0, 2)},
        optional={
            "a": st.sampled_from(FEW_SCALARS) | st.just([]),
            "b": st.sampled_from(FEW_SCALARS),
            "o": st.fixed_dictionaries({}, optional={"x": st.sampled_from(FEW_SCALARS)}),
        },
    ),
    max_size=13,
)
"""Documents of few values, so that comparisons meet equals."""


@st.composite
def comparisons_with_constants(draw: st.DrawFn) -> Formula:
    """A property compared with constants in each way that an index can answer."""
    path = draw(SORT_FORMULAS)
    texts = st.sampled_from(FEW_SCALARS).map(lambda value: Formula(constant_text(value), lambda scope: value))
    one, other = draw(texts), draw(texts)
    match draw(st.sampled_from(["=", "<", "<=", ">", ">=", "flipped", "in", "between", "starts", "defined"])):
        case "=":
            return combined("{} = {}", same, path, one)
        case "flipped":
            operator = draw(st.sampled_from(["<", "<=", ">", ">="]))
            return combined(f"{{}} {operator} {{}}", lambda left, right: compared(operator, left, right), one, path)
        case "in":
            return combined(
                "{} IN ({}, {})",
                lambda sought, *values: MISSING if sought is MISSING else any(same(sought, each) for each in values),
                *(path, one, other),
            )
        case "between":
            return combined(
                "{} BETWEEN {} AND {}",
                lambda middle, low, high: conjunction([compared(">=", middle, low), compared("<=", middle, high)]),
                *(path, one, other),
            )
        case "starts":
            return combined(
                "STARTSWITH({}, {})",
                lambda text, prefix: _of_strings(lambda: text.startswith(prefix), text, prefix),
                *(path, one),
            )
        case "defined":
            return combined("IS_DEFINED({})", lambda value: value is not MISSING, path)
        case operator:
            return combined(f"{{}} {operator} {{}}", lambda left, right: compared(operator, left, right), path, one)


SIMPLE_FILTERS = st.lists(comparisons_with_constants(), min_size=1, max_size=2).map(
    lambda tests: combined(" AND ".join("{}" for _ in tests), lambda *values: conjunction([*values]), *tests)
)


def place(document: Document) -> tuple[str, str]:
    """What documents are ordered by when nothing else decides: their partition and id, as the test stores them."""
    return f"{document['pk']:0>4}", document["id"]


def total(values: list[Any]) -> Any:
    defined = [value for value in values if value is not MISSING]
    if any(type_rank(value) != 3 for value in defined):
        return MISSING
    return sum((float(value) for value in defined), 0.0)


def mean(values: list[Any]) -> Any:
    defined = [value for value in values if value is not MISSING]
    sum_ = total(values)
    return MISSING if sum_ is MISSING or not defined else sum_ / len(defined)


def extreme(values: list[Any], *, greatest: bool) -> Any:
    defined = [value for value in values if value is not MISSING]
    if not defined or any(type_rank(value) > 4 for value in defined):
        return MISSING
    return (max if greatest else min)(defined, key=order_key)


AGGREGATES: dict[str, Callable[[list[Any]], Any]] = {
    "COUNT({})": lambda values: sum(value is not MISSING for value in values),
    "SUM({})": total,
    "AVG({})": mean,
    "MIN({})": lambda values: extreme(values, greatest=False),
    "MAX({})": lambda values: extreme(values, greatest=True),
}


def row(members: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in members.items() if value is not MISSING}


def combinations(documents: list[Document], joins: int) -> list[Scope]:
    """FROM c and so many JOINs over c.t, named t0, t1 …"""
    scopes = []
    for document in sorted(documents, key=place):
        elements = document.get("t")
        lists = [elements if isinstance(elements, list) else []] * joins
        for chosen in itertools.product(*lists):
            scopes.append({"c": document, **{f"t{number}": element for number, element in enumerate(chosen)}})
    return scopes
