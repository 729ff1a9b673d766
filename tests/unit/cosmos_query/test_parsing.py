"""Texts: what is refused and where, and that nothing but a Query or a QueryError ever comes of one."""

import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from local.cosmos.query import Query, QueryError, execute, parse
from tests.unit.cosmos_query.container import Container

VALID = [
    "SELECT * FROM c",
    "SELECT TOP @n c.id, c.a[0]['b c'].d AS e FROM c JOIN t IN c.tags WHERE c.a = 'it\\'s' OR NOT t > 1.5e3",
    "SELECT DISTINCT VALUE {a: c.a, 'b': [1, null, undefined]} FROM c WHERE c.x NOT IN (1, 'two') -- comment",
    "SELECT c.k, COUNT(1), AVG(c.v) AS mean FROM c GROUP BY c.k OFFSET 1 LIMIT 2",
    'SELECT VALUE c.a ? c.b ?? 1 : (c.c || "\\u00e9") FROM c ORDER BY c.a DESC, c.b.c ASC',
    "SELECT ARRAY(SELECT VALUE t FROM t IN c.tags WHERE t LIKE '%a[b-d]_!%' ESCAPE '!') AS found FROM c",
    "SELECT * FROM c WHERE EXISTS(SELECT VALUE 1 FROM t IN c.tags) AND c.n BETWEEN -1 AND ~2 & 3 | 4 ^ 5 << 6 >>> 7",
    "SELECT x.y FROM (SELECT VALUE c FROM c) AS x WHERE REGEXMATCH(x.s, '^a+(b|c)*$', 'i')",
]
REFUSED = [
    ("SELEC * FROM c", "SC1001", "near 'SELEC'", 1, 1),
    ("SELECT * FROM", "SC1001", "incorrect syntax", 1, 14),
    ("SELECT c.a,\nFROM c", "SC1001", "near 'FROM'", 2, 1),
    ("SELECT * FROM c WHERE c.a = 'open", "SC1001", "near '''", 1, 29),
    ("SELECT * FROM c WHERE c.a == 1", "SC1001", "near '='", 1, 28),
    ("SELECT * FROM c; DROP", "SC1001", "near ';'", 1, 16),
    ("SELECT TOP -1 * FROM c", "SC1001", "near '-'", 1, 12),
    ("SELECT TOP 4294967296 * FROM c", "SC2060", "must be an integer", 1, 12),
    ("SELECT * FROM c OFFSET 4294967296 LIMIT 1", "SC2062", "OFFSET count value exceeds", 1, 24),
    ("SELECT * FROM c OFFSET 1 LIMIT 4294967296", "SC2061", "LIMIT count value exceeds", 1, 32),
    ("SELECT * FROM c OFFSET 1", "SC1001", "incorrect syntax", 1, 25),
    ("SELECT * FROM c WHERE d.a = 1", "SC2001", "Identifier 'd' could not be resolved", 1, 23),
    ("SELECT c.a FROM c x", "SC2001", "Identifier 'c' could not be resolved", 1, 8),
    ("SELECT id FROM c", "SC2001", "Identifier 'id' could not be resolved", 1, 8),
    ("SELECT NOSUCH(c.a) FROM c", "SC2005", "'NOSUCH' is not a recognized built-in function name", 1, 8),
    ("SELECT udf.f(c.a) FROM c", "SC2005", "User-defined functions are not supported", 1, 8),
    ("SELECT ST_DISTANCE(c.a, c.b) FROM c", "SC2005", "'ST_DISTANCE' is not a recognized", 1, 8),
    ("SELECT STARTSWITH(c.a) FROM c", "SC2050", "STARTSWITH function requires 2 to 3 argument(s)", 1, 8),
    ("SELECT * FROM c JOIN t IN c.tags", "SC2042", "only valid with a single input set", 1, 1),
    ("SELECT *", "SC2040", "FROM clause is omitted", 1, 1),
    ("SELECT * FROM c GROUP BY c.a", "SC2041", "'SELECT *' is not allowed with GROUP BY", 1, 1),
    ("SELECT c.a, c.b FROM c GROUP BY c.a", "SC2102", "Property reference 'c.b' is invalid", 1, 13),
    ("SELECT c.a, COUNT(1) FROM c", "SC2102", "Property reference 'c.a' is invalid", 1, 8),
    ("SELECT MAX(MIN(c.a)) FROM c", "SC2101", "containing an aggregate or a subquery", 1, 8),
    ("SELECT * FROM c WHERE COUNT(1) > 1", "SC2100", "not allowed in the WHERE clause", 1, 23),
    ("SELECT c.a FROM c GROUP BY c.a ORDER BY c.a", "SC2103", "not supported together with GROUP BY", 1, 41),
    ("SELECT * FROM c ORDER BY LOWER(c.a)", "SC2104", "could not be mapped to a document path", 1, 26),
    ("SELECT c.a, c.b AS a FROM c", "SC2055", "'a' is specified more than once", 1, 13),
    ("SELECT 1 FROM c JOIN c IN c.tags", "SC2011", "alias 'c' is specified more than once", 1, 22),
    ("SELECT (SELECT TOP 1 VALUE t FROM t IN c.t) FROM c", "SC2203", "'TOP' is not supported in subqueries", 1, 9),
    ("SELECT ARRAY(SELECT t FROM t IN c.t ORDER BY t.a) FROM c", "SC2202", "'ORDER BY' is not supported", 1, 14),
    ("SELECT c.a FROM c GROUP BY c.a HAVING COUNT(1) > 1", "SC1001", "near 'HAVING'", 1, 32),
    ("SELECT '\\ud800' FROM c", "SC1001", "lone surrogate", 1, 8),
    ("SELECT 'a\\q' FROM c", "SC1001", "invalid escape '\\q'", 1, 10),
    ("SELECT 1e999 FROM c", "SC1001", "too large for a double", 1, 8),
    ("", "SC1001", "incorrect syntax", 1, 1),
]


@pytest.mark.parametrize(("text", "code", "message", "line", "column"), REFUSED)
def test_refusals_name_the_construct_and_its_place(text: str, code: str, message: str, line: int, column: int) -> None:
    with pytest.raises(QueryError) as refused:
        parse(text)

    assert refused.value.code == code
    assert message in refused.value.message
    assert f"line {line}, column {column}" in refused.value.message
    assert sum(map(len, text.split("\n")[: line - 1])) + line - 1 + column - 1 == refused.value.position


@pytest.mark.parametrize("text", VALID)
def test_keywords_and_functions_are_taken_in_any_case(text: str) -> None:
    def swapped(word: str) -> str:
        return word.swapcase() if word.isupper() and len(word) > 1 else word

    assert parse(" ".join(map(swapped, text.split(" ")))) == parse(text)


@pytest.mark.parametrize(
    "text",
    [
        "SELECT VALUE " + "(" * 5000 + "1" + ")" * 5000,
        "SELECT VALUE " + "NOT " * 5000 + "true",
        "SELECT VALUE " + "- " * 5000 + "1",
        "SELECT VALUE " + "[" * 5000 + "]" * 5000,
        "SELECT VALUE " + "true ? 1 : " * 5000 + "1",
        "SELECT VALUE " + "(SELECT VALUE " * 500 + "1" + ")" * 500,
        "SELECT VALUE " + "LOWER(" * 5000 + "'a'" + ")" * 5000,
    ],
)
def test_deep_nesting_is_refused(text: str) -> None:
    with pytest.raises(QueryError, match="nested too deeply"):
        parse(text)


def test_lone_surrogates_are_refused() -> None:
    for text in ("SELECT VALUE '\ud800'", "SELECT \udfff", "SELECT c['a\ud83d'] FROM c"):
        with pytest.raises(QueryError, match="lone surrogate"):
            parse(text)


def test_texts_past_512_kb_are_refused() -> None:
    with pytest.raises(QueryError, match="maximum limit"):
        parse("SELECT VALUE '" + "x" * 600_000 + "'")


def test_thousands_of_conditions_in_a_row_are_taken() -> None:
    documents = Container([{"id": "a", "n": 4999}, {"id": "b", "n": 5001}])

    either = " OR ".join(f"c.n = {number}" for number in range(5000))
    assert documents.query(f"SELECT VALUE c.id FROM c WHERE {either}") == ["a"]
    assert documents.query(f"SELECT VALUE c.id FROM c WHERE c.n = {' + '.join('1' * 4999)}") == ["a"]
    assert documents.query(f"SELECT VALUE c.id FROM c WHERE c.n IN ({', '.join(map(str, range(5000)))})") == ["a"]


def outcome(text: str, container: Container, parameters: dict[str, object] | None = None) -> QueryError | list[bytes]:
    """Parses and runs; anything but results or a QueryError comes out as a failure."""
    try:
        query = parse(text)
        assert isinstance(query, Query)
        return execute(query, parameters or {"@n": 3}, container.source(), page_size=10).rows
    except QueryError as error:
        return error


def assert_served_or_refused(text: str) -> None:
    found = outcome(text, Container([DOCUMENT]))
    if isinstance(found, QueryError):
        assert found.message
        assert 0 <= found.position <= len(text)


DOCUMENT = {"id": "a", "a": [{"b c": {"d": 1}}], "tags": ["x", 2, {"k": "v"}], "k": "é", "v": 2.5, "n": 7, "s": "abb"}


@settings(max_examples=300, deadline=None)
@given(st.text(st.characters(), max_size=80) | st.text(alphabet="SELECT*FROMc.'\"()[]{},@1 \n-/=<>?:|&", max_size=80))
def test_garbage_is_refused(text: str) -> None:
    assert_served_or_refused(text)


@settings(max_examples=500, deadline=None)
@given(st.sampled_from(VALID), st.sampled_from(VALID), st.integers(0, 10**9))
def test_mangled_queries_run_or_are_refused(text: str, other: str, seed: int) -> None:
    chance = random.Random(seed)
    words, donors = text.split(" "), other.split(" ")
    for _ in range(chance.randint(1, 4)):
        place = chance.randrange(len(words))
        match chance.randrange(5):
            case 0:
                words[place] = chance.choice(donors)
            case 1:
                words.insert(place, chance.choice(donors))
            case 2 if len(words) > 1:
                del words[place]
            case 3:
                words[place] = words[place][: chance.randint(0, len(words[place]))]
            case _:
                words[place] += chance.choice(["'", "(", ")", "]", ".", "\\", "é", "/*", "--", "@", "0x", "\x00"])
    assert_served_or_refused(" ".join(words))


@settings(max_examples=200, deadline=None)
@given(st.text(alphabet="ab.*+?()[]{}|^$\\dw1,-", max_size=12), st.text(alphabet="ab\n1 ", max_size=12))
def test_any_regular_expression_gives_an_answer_or_a_refusal(pattern: str, text: str) -> None:
    found = outcome("SELECT REGEXMATCH(@t, @p) AS m", Container(), {"@t": text, "@p": pattern})

    if isinstance(found, QueryError):
        assert "REGEXMATCH" in found.message
    else:
        assert found[0] in (b'{"m":true}', b'{"m":false}', b"{}")


@pytest.mark.parametrize(
    ("text", "column"),
    [
        ("SELECT VALUE 1 + LENGTH(REPLACE(REPLACE(c.s, 'x', c.s), 'x', c.s)) FROM c", 33),
        ("SELECT VALUE REGEXMATCH('a', '(a)\\\\1') FROM c", 14),
        ("SELECT VALUE c.s || c.s LIKE CONCAT('%_', c.s, '%') FROM c", 30),
    ],
)
def test_what_only_fails_while_running_has_its_place_too(text: str, column: int) -> None:
    found = outcome(text, Container([{"id": "a", "s": "x" * 5000}]))

    assert isinstance(found, QueryError)
    assert f"line 1, column {column}:" in found.message
