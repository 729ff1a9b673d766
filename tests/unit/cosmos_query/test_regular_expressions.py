"""REGEXMATCH finds what Python's own engine finds, from any thread, and never runs away."""

import re
from concurrent.futures import ThreadPoolExecutor

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from local.cosmos.query import QueryError
from local.cosmos.query.regular_expressions import regex_match
from local.cosmos.query.values import UNDEFINED
from tests.unit.cosmos_query.container import Container

FLAGS = {"i": re.IGNORECASE, "m": re.MULTILINE, "s": re.DOTALL, "x": re.VERBOSE}
ATOMS = st.sampled_from(
    ["a", "B", "1", " ", ".", r"\d", r"\D", r"\w", r"\W", r"\s", "[ab]", "[^a]", "[a-c1_]", r"[^\d\s]", r"\.", "é"]
)
ANCHORS = st.sampled_from(["^", "$", r"\b", r"\B", r"\A", r"\Z"])
QUANTIFIERS = st.sampled_from(["*", "+", "?", "{2}", "{1,2}", "{2,}", "*?", "+?", "{0,1}?"])


def _pieces(inner: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    group = inner.map(lambda pattern: f"({pattern})")
    return st.one_of(
        st.tuples(inner, inner).map("".join),
        st.tuples(inner, inner).map("|".join),
        st.tuples(group | ATOMS, QUANTIFIERS).map("".join),
        inner.map(lambda pattern: f"(?:{pattern})"),
    )


PATTERNS = st.recursive(ATOMS | ANCHORS, _pieces, max_leaves=8)


@settings(max_examples=400, deadline=None)
@given(PATTERNS, st.text("abB1 _.\né", max_size=10), st.sets(st.sampled_from(sorted(FLAGS))))
def test_patterns_find_what_backtracking_finds(pattern: str, text: str, modifiers: set[str]) -> None:
    assume(text or r"\B" not in pattern)  # Python before 3.14 doesn't find \B in an empty text, PCRE does
    flags = re.ASCII
    for modifier in modifiers:
        flags |= FLAGS[modifier]

    assert regex_match(text, pattern, "".join(modifiers)) is by_backtracking(text, pattern, flags)


def by_backtracking(text: str, pattern: str, flags: int) -> object:
    try:
        return re.search(pattern, text, flags) is not None
    except re.error:
        return UNDEFINED


@pytest.mark.parametrize("pattern", [r"(a)\1", "a(?=b)", "(?<!a)b", "(?>a+)b", "a++", "(a)?(?(1)b|c)"])
def test_what_a_state_machine_cannot_do_is_refused_by_name(pattern: str) -> None:
    with pytest.raises(QueryError, match=r"regular expression of REGEXMATCH has .* not supported"):
        regex_match("ab", pattern)


@pytest.mark.parametrize("pattern", ["a" * 1001, "(" * 60 + ")" * 60, "(a{900}){900}"])
def test_huge_patterns_are_refused(pattern: str) -> None:
    with pytest.raises(QueryError, match="not supported"):
        regex_match("ab", pattern)


def test_one_pattern_serves_several_threads() -> None:
    texts = [f"{'ab' * (number % 9)}{number}" for number in range(300)]
    pattern = r"^(a|b)*[13579]$"

    def found(_: int) -> list[str]:
        container = Container({"id": str(number), "s": text} for number, text in enumerate(texts))
        return container.query("SELECT VALUE c.s FROM c WHERE REGEXMATCH(c.s, @p)", {"@p": pattern})

    with ThreadPoolExecutor(4) as threads:
        results = list(threads.map(found, range(8)))

    expected = sorted(text for text in texts if re.search(pattern, text))
    assert [sorted(result) for result in results] == [expected] * 8
