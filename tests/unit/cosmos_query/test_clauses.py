"""What each clause of a query means, over a handful of documents whose answers are known."""

from typing import Any

import pytest

from local.cosmos.query import QueryError, compiler
from tests.unit.cosmos_query.container import Container

READINGS: list[dict[str, Any]] = [
    {"id": "a", "pk": 1, "kind": "t", "value": 20.5, "tags": ["hot", "dry"], "at": {"x": 1, "a b": [7, 8]}},
    {"id": "b", "pk": 1, "kind": "t", "value": 18, "tags": ["dry"]},
    {"id": "c", "pk": 2, "kind": "h", "value": 55, "tags": []},
    {"id": "d", "pk": 2, "kind": "h", "value": None},
    {"id": "e", "pk": 3, "kind": "h", "value": "high", "tags": "none"},
    {"id": "f", "pk": 3},
]
ORDERS: list[dict[str, Any]] = [
    {
        "id": "1",
        "lines": [{"sku": "p", "n": 2, "sizes": ["s", "m"]}, {"sku": "q", "n": 5, "sizes": ["l"]}],
        "marks": [1, 2],
    },
    {"id": "2", "lines": [{"sku": "p", "n": 1}], "marks": [3]},
    {"id": "3", "lines": {"sku": "no array"}},
]
MIXED: list[Any] = [{"x": 1}, [1], "b", "a", 2, -1, True, False, None]


@pytest.fixture(scope="module")
def readings() -> Container:
    return Container(READINGS)


@pytest.fixture(scope="module")
def orders() -> Container:
    return Container(ORDERS)


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("SELECT * FROM c", READINGS),
        ("SELECT * FROM c WHERE c.id = 'f'", [READINGS[5]]),
        ("SELECT VALUE c FROM root c WHERE c.pk = 3 AND c.kind = 'h'", [READINGS[4]]),
        ("SELECT VALUE c.id FROM readings AS c WHERE c.value = 18", ["b"]),
        ("SELECT VALUE c.id FROM c WHERE c.value = '18'", []),
        ("SELECT VALUE c.id FROM c WHERE c.value = null", ["d"]),
        ("SELECT VALUE c.id FROM c WHERE c.value != null", ["a", "b", "c", "e"]),
        ("SELECT VALUE c.id FROM c WHERE c.value > 18", ["a", "c"]),
        ("SELECT VALUE c.id FROM c WHERE 18 < c.value", ["a", "c"]),
        ("SELECT VALUE c.id FROM c WHERE NOT c.value > 18", ["b"]),
        ("SELECT VALUE c.id FROM c WHERE NOT IS_DEFINED(c.value)", ["f"]),
        ("SELECT VALUE c.value FROM c", [20.5, 18, 55, None, "high"]),
        ("SELECT c.value FROM c WHERE c.pk = 3", [{"value": "high"}, {}]),
        ("SELECT c.value AS v, c.kind k FROM c WHERE c.id = 'b'", [{"v": 18, "k": "t"}]),
        ("SELECT c.at['a b'][1], c['at'].x, 1 + 1, c FROM c WHERE c.id = 'f'", [{"$2": 2, "c": READINGS[5]}]),
        ("SELECT c.at['a b'][1], c['at'].x FROM c WHERE c.id = 'a'", [{"$1": 8, "x": 1}]),
        ("SELECT VALUE {id: c.id, 'none': c.none} FROM c WHERE c.id = 'a'", [{"id": "a"}]),
        ("SELECT VALUE [c.id, c.none] FROM c WHERE c.id = 'a'", [["a"]]),
        ("SELECT DISTINCT c.kind FROM c", [{"kind": "t"}, {"kind": "h"}, {}]),
        ("SELECT DISTINCT VALUE c.kind FROM c", ["t", "h"]),
        ("SELECT DISTINCT VALUE c.kind FROM c ORDER BY c.kind", ["h", "t"]),
        ("SELECT TOP 2 VALUE c.id FROM c", ["a", "b"]),
        ("SELECT DISTINCT TOP 1 VALUE c.kind FROM c", ["t"]),
        ("SELECT VALUE c.id FROM c OFFSET 1 LIMIT 2", ["b", "c"]),
        ("SELECT VALUE c.id FROM c OFFSET 9 LIMIT 2", []),
        ("SELECT TOP 0 VALUE c.id FROM c", []),
        ("SELECT VALUE c.id FROM c ORDER BY c.value DESC", ["e", "c", "a", "b", "d", "f"]),
        ("SELECT VALUE c.id FROM c ORDER BY c.kind ASC, c.id DESC", ["f", "e", "d", "c", "b", "a"]),
        ("SELECT VALUE x FROM x IN c.tags", ["hot", "dry", "dry"]),
        ("SELECT VALUE at.nothing FROM c.at", []),
        ("SELECT * FROM c.at", [READINGS[0]["at"]]),
        ("SELECT VALUE place.x FROM c.at place", [1]),
        ("SELECT 1", [{"$1": 1}]),
        ("SELECT VALUE 1 WHERE 1 > 2", []),
        ("SELECT * FROM c WHERE c.id = 'a' -- and nothing else\n OR /* never */ false", [READINGS[0]]),
    ],
)
def test_selection_and_filter(readings: Container, query: str, expected: list[Any]) -> None:
    assert readings.query(query) == expected


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("SELECT COUNT(1) FROM c", [{"$1": 6}]),
        ("SELECT VALUE COUNT(c.value) FROM c", [5]),
        ("SELECT VALUE COUNT(1) FROM c WHERE false", [0]),
        ("SELECT VALUE SUM(c.value) FROM c WHERE c.kind = 't'", [38.5]),
        ("SELECT VALUE SUM(c.value) FROM c", []),
        ("SELECT VALUE SUM(c.none) FROM c", [0]),
        ("SELECT VALUE AVG(c.value) FROM c WHERE IS_NUMBER(c.value)", [31.166666666666668]),
        ("SELECT VALUE AVG(c.none) FROM c", []),
        ("SELECT AVG(c.none) AS a, MAX(c.none) AS m, COUNT(1) AS n FROM c", [{"n": 6}]),
        ("SELECT MIN(c.value) AS low, MAX(c.value) AS high FROM c", [{"low": None, "high": "high"}]),
        ("SELECT VALUE MAX(c.tags) FROM c", []),
        ("SELECT VALUE {'n': COUNT(1), 'twice': 2 * COUNT(1)} FROM c", [{"n": 6, "twice": 12}]),
        ("SELECT c.kind, COUNT(1) FROM c GROUP BY c.kind", [{"$1": 1}, {"kind": "h", "$1": 3}, {"kind": "t", "$1": 2}]),
        ("SELECT UPPER(c.kind) AS k FROM c GROUP BY UPPER(c.kind)", [{}, {"k": "H"}, {"k": "T"}]),
        ("SELECT VALUE COUNT(1) FROM c GROUP BY c.kind, c.pk", [1, 2, 1, 2]),
        ("SELECT VALUE COUNT(1) FROM c GROUP BY c.kind OFFSET 1 LIMIT 1", [3]),
        ("SELECT VALUE c.pk + 1 FROM c GROUP BY c.pk", [2, 3, 4]),
        ("SELECT 'all' AS what, SUM(c.pk) AS s FROM c", [{"what": "all", "s": 12}]),
    ],
)
def test_aggregates_and_groups(readings: Container, query: str, expected: list[Any]) -> None:
    assert readings.query(query) == expected


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("SELECT VALUE l.sku FROM c JOIN l IN c.lines", ["p", "q", "p"]),
        (
            "SELECT c.id, l.sku FROM c JOIN l IN c.lines WHERE l.n > 1",
            [{"id": "1", "sku": "p"}, {"id": "1", "sku": "q"}],
        ),
        ("SELECT VALUE l.sku || s FROM c JOIN l IN c.lines JOIN s IN l.sizes", ["ps", "pm", "ql"]),
        ("SELECT VALUE l.n * m FROM c JOIN l IN c.lines JOIN m IN c.marks", [2, 4, 5, 10, 3]),
        ("SELECT VALUE COUNT(1) FROM c JOIN l IN c.lines JOIN m IN c.marks", [5]),
        ("SELECT VALUE l.n FROM c JOIN l IN c.lines ORDER BY l.n DESC", [5, 2, 1]),
        (
            "SELECT c.id, SUM(l.n) AS n FROM c JOIN l IN c.lines GROUP BY c.id",
            [{"id": "1", "n": 7}, {"id": "2", "n": 1}],
        ),
        ("SELECT VALUE s FROM c JOIN (SELECT VALUE l.sku FROM l IN c.lines WHERE l.n > 1) AS s", ["p", "q"]),
        ("SELECT VALUE u.f * l.n FROM c JOIN l IN c.lines JOIN u IN (SELECT VALUE [{f: 10}])", [20, 50, 10]),
        ("SELECT VALUE t.most FROM c JOIN (SELECT MAX(l.n) AS most FROM l IN c.lines) t", [5, 1]),
        ("SELECT VALUE c.id FROM c WHERE EXISTS(SELECT VALUE l FROM l IN c.lines WHERE l.sku = 'q')", ["1"]),
        ("SELECT VALUE EXISTS(SELECT VALUE undefined)", [False]),
        ("SELECT VALUE EXISTS(SELECT undefined)", [True]),
        ("SELECT VALUE ARRAY(SELECT VALUE l.n FROM l IN c.lines) FROM c", [[2, 5], [1], []]),
        ("SELECT VALUE (SELECT VALUE COUNT(1) FROM l IN c.lines) FROM c", [2, 1, 0]),
        (
            "SELECT c.id, (SELECT c.marks WHERE c.id = '2').marks FROM c",
            [{"id": "1"}, {"id": "2", "marks": [3]}, {"id": "3"}],
        ),
        ("SELECT VALUE r.id FROM (SELECT VALUE c FROM c WHERE c.id > '1') AS r", ["2", "3"]),
        (
            "SELECT VALUE ARRAY(SELECT l.sku, COUNT(1) AS n FROM l IN c.lines GROUP BY l.sku) FROM c WHERE c.id = '2'",
            [[{"sku": "p", "n": 1}]],
        ),
    ],
)
def test_joins_and_subqueries(orders: Container, query: str, expected: list[Any]) -> None:
    assert orders.query(query) == expected


def test_scalar_subquery_with_several_rows_is_refused(orders: Container) -> None:
    with pytest.raises(QueryError, match="cardinality of a scalar subquery"):
        orders.query("SELECT (SELECT VALUE l FROM l IN c.lines) AS l FROM c")


def test_mixed_types_sort_in_the_service_order() -> None:
    documents = Container([{"id": str(index), "v": value} for index, value in enumerate(MIXED)])
    documents.add({"id": "none"})
    expected = [None, False, True, -1, 2, "a", "b", [1], {"x": 1}]

    assert documents.query("SELECT c.v FROM c ORDER BY c.v") == [{}, *({"v": value} for value in expected)]
    assert documents.query("SELECT VALUE c.v FROM c ORDER BY c.v DESC") == expected[::-1]


def test_parameters_of_every_type_are_compared_as_literals_are(readings: Container) -> None:
    text = "SELECT TOP @top VALUE c.id FROM c WHERE c.value = @value OR ARRAY_CONTAINS(@ids, c.id) OR c.tags = @tags"

    found = readings.query(text, {"@top": 9, "@value": None, "@ids": ["a", {"x": 1}], "@tags": []})

    assert found == ["a", "c", "d"]


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        ({}, "'@v' is used in the query but no value is given"),
        ({"@v": float("nan")}, "not finite"),
        ({"@v": 10**400}, "too large for a double"),
        ({"@v": "\ud800"}, "invalid"),
        ({"@v": {1, 2}}, "not a JSON type"),
    ],
)
def test_missing_and_unusable_parameters_are_refused(
    readings: Container, parameters: dict[str, Any], message: str
) -> None:
    with pytest.raises(QueryError, match=message):
        readings.query("SELECT * FROM c WHERE c.value = @v", parameters)


def test_deeply_nested_parameter_is_refused(readings: Container) -> None:
    value: Any = 1
    for _ in range(500):
        value = [value]

    with pytest.raises(QueryError, match="nested more than 128 levels"):
        readings.query("SELECT * FROM c WHERE c.value = @v", {"@v": value})


@pytest.mark.parametrize("count", [-1, 1.5, "1", None, True, 2**31])
def test_counts_that_are_no_whole_numbers_are_refused(readings: Container, count: Any) -> None:
    with pytest.raises(QueryError, match="count value provided for a TOP clause"):
        readings.query("SELECT TOP @n * FROM c", {"@n": count})


def test_whole_doubles_count_as_whole_numbers(readings: Container) -> None:
    assert readings.query("SELECT TOP @n VALUE c.id FROM c", {"@n": 2.0}) == ["a", "b"]


def test_long_integers_are_compared_as_doubles() -> None:
    documents = Container([{"id": "a", "n": 9007199254740993}, {"id": "b", "n": 9007199254740992.0}])

    assert documents.query("SELECT VALUE c.id FROM c WHERE c.n = 9007199254740992") == ["a", "b"]
    assert documents.query("SELECT VALUE COUNT(1) FROM c GROUP BY c.n") == [2]


def test_one_document_joined_to_too_many_combinations_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(compiler, "MAX_COMBINATIONS", 10_000)
    documents = Container([{"id": "a", "t": list(range(200))}])

    with pytest.raises(QueryError, match="joins one document to more than"):
        documents.query("SELECT VALUE COUNT(1) FROM c JOIN x IN c.t JOIN y IN c.t JOIN z IN c.t")


@pytest.mark.parametrize("text", ["SELECT * FROM c WHERE c.n < 0", "SELECT VALUE COUNT(1) FROM c JOIN t IN c.t"])
def test_query_without_an_end_in_sight_is_stopped(monkeypatch: pytest.MonkeyPatch, text: str) -> None:
    monkeypatch.setattr(compiler, "MAX_SECONDS", 0)
    documents = Container({"id": str(number), "n": number, "t": [1, 2]} for number in range(1100))

    with pytest.raises(QueryError, match="processor time"):
        documents.query(text)


def test_results_that_grow_without_bound_are_refused() -> None:
    documents = Container([{"id": "a", "t": "x" * 10_000}])

    with pytest.raises(QueryError, match="longer than"):
        documents.query("SELECT REPLACE(REPLACE(c.t, 'x', c.t), 'x', c.t) AS t FROM c")


def test_only_the_source_condition_decides_what_is_read() -> None:
    documents = Container()
    documents.add({"id": "a"}, partition="10", expires_at=5)
    documents.add({"id": "b"}, partition="10")
    documents.add({"id": "c"}, partition="20")

    source = documents.source("epk >= ? AND epk < ? AND (expires_at IS NULL OR expires_at > ?)", b"10", b"20", 7)

    assert documents.query("SELECT VALUE c.id FROM c", source=source) == ["b"]
    assert documents.query("SELECT VALUE COUNT(1) FROM c", source=source) == [1]
