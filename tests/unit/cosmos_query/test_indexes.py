"""Indexes: made from the policy's paths, really used, and never changing an answer."""

import sqlite3
from typing import Any

import pytest

from local.cosmos.query import (
    access,
    composite_index,
    ensure_index,
    execute,
    parse,
    single_index,
    wanted_paths,
)
from local.cosmos.query.indexes import MAX_LAZY_INDEXES, Column, Index, existing_indexes, policy_path
from tests.unit.cosmos_query.container import Container

COUNT = 300
DOCUMENTS: list[dict[str, Any]] = [
    {"id": f"{number:03}", "pk": number % 7, "n": number % 10, "s": f"s{number:03}", "o": {"x": number * 1.5}}
    for number in range(COUNT)
]


@pytest.fixture
def container() -> Container:
    return Container(DOCUMENTS)


@pytest.fixture(autouse=True)
def _every_source_is_worth_an_index(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(access, "SMALL", 0)


class Trace:
    """The statements that a query runs."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection
        self.statements: list[str] = []
        connection.set_trace_callback(self.statements.append)

    def plans(self) -> list[str]:
        """EXPLAIN QUERY PLAN of each SELECT over the items."""
        self._connection.set_trace_callback(None)
        selects = [statement for statement in self.statements if 'FROM "items"' in statement]
        return [
            " / ".join(row[3] for row in self._connection.execute(f"EXPLAIN QUERY PLAN {statement}"))
            for statement in selects
        ]


def plans_of(container: Container, text: str, *, page_size: int | None = None) -> tuple[list[str], int]:
    trace = Trace(container.connection)
    page = execute(parse(text), {}, container.source("epk >= ? AND epk < ?", b"", b"9"), page_size=page_size)
    return trace.plans(), page.examined


def name_of(*columns: tuple[str, bool]) -> str:
    return Index(tuple(Column(policy_path(path), descending) for path, descending in columns)).name("items")


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("/a/?", ("a",)),
        ("/a/b/?", ("a", "b")),
        ('/"a b"/c/?', ("a b", "c")),
        ('/"a/b"/?', ("a/b",)),
        ("/a", ("a",)),
        ("/*", ()),
        ("/a/*", ()),
        ("/tags/[]/name/?", ()),
        ("/", ()),
    ],
)
def test_policy_paths(path: str, expected: tuple[str, ...]) -> None:
    assert policy_path(path) == expected
    assert (single_index(path) is not None) == bool(expected)


def test_order_by_with_top_reads_only_what_it_gives(container: Container) -> None:
    container.index("/s/?")

    plans, examined = plans_of(container, "SELECT TOP 10 * FROM c ORDER BY c.s DESC")

    assert examined == 10
    assert f"USING INDEX {name_of(('/s', False))}" in plans[-1]
    assert "TEMP B-TREE" not in plans[-1]


def test_second_page_of_order_by_starts_in_the_index(container: Container) -> None:
    container.index("/s/?")
    query = parse("SELECT VALUE c.s FROM c ORDER BY c.s")
    first = execute(query, {}, container.source(), page_size=150)

    second = execute(query, {}, container.source(), page_size=10, continuation=first.continuation)

    assert second.rows[0] == b'"s150"'
    assert second.examined <= 12


@pytest.mark.parametrize("reversed_", [False, True])
def test_composite_index_serves_its_order_and_the_opposite(container: Container, *, reversed_: bool) -> None:
    container.index_together(("/n", "ascending"), ("/s", "descending"))
    text = (
        "SELECT TOP 5 VALUE c.id FROM c ORDER BY c.n DESC, c.s ASC"
        if reversed_
        else ("SELECT TOP 5 VALUE c.id FROM c ORDER BY c.n, c.s DESC")
    )

    plans, examined = plans_of(container, text)

    assert examined == 5
    assert f"USING INDEX {name_of(('/n', False), ('/s', True))}" in plans[-1]
    assert "TEMP B-TREE" not in plans[-1]


@pytest.mark.parametrize(
    ("condition", "count"),
    [
        ("c.n = 3", 30),
        ("3 = c.n", 30),
        ("c.n > 7", 60),
        ("c.n BETWEEN 2 AND 3", 60),
        ("c.n IN (1, 5, 'x')", 60),
        ("IS_DEFINED(c.n)", 300),
        ("STARTSWITH(c.s, 's1')", 100),
        ("c.n >= 8 AND c.s < 's100'", 20),
        ("c.n = null", 0),
        ("c.n < 'a'", 0),
    ],
)
def test_count_on_indexed_paths_reads_no_document(container: Container, condition: str, count: int) -> None:
    container.index("/n/?", "/s/?")

    plans, examined = plans_of(container, f"SELECT VALUE COUNT(1) FROM c WHERE {condition}")

    assert "USING INDEX items__by__" in plans[-1]
    assert examined == count
    assert container.query(f"SELECT VALUE COUNT(1) FROM c WHERE {condition}") == [count]


@pytest.mark.parametrize("condition", ["c.n = 3", "c.o.x > 440", "c.s IN ('s001', 's002')", "c.n = 3 AND c.o.x < 99"])
def test_filter_on_an_indexed_path_reads_only_what_matches_there(container: Container, condition: str) -> None:
    text = f"SELECT VALUE c.id FROM c WHERE {condition}"
    expected = container.query(text)
    container.index("/n/?", "/o/x/?", "/s/?")

    _, examined = plans_of(container, text)

    assert container.query(text) == expected
    assert examined <= 60


def test_equality_that_matches_much_streams_from_its_index(
    container: Container, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(access, "MAX_CANDIDATES", 5)
    container.index("/n/?")

    plans, examined = plans_of(container, "SELECT * FROM c WHERE c.n = 3", page_size=4)

    assert examined == 5
    assert f"USING INDEX {name_of(('/n', False))} (<expr>=?" in plans[-1]
    assert plans[-1].endswith("USE TEMP B-TREE FOR RIGHT PART OF ORDER BY")  # one partition key is sorted at a time


def test_id_filter_needs_no_index_of_its_own(container: Container) -> None:
    _, examined = plans_of(container, "SELECT * FROM c WHERE c.id = '042' AND c.n < 5")

    assert examined == 1


def test_indexes_follow_writes(container: Container) -> None:
    container.index("/n/?")
    container.add({"id": "new", "n": 77})
    container.connection.execute("DELETE FROM items WHERE id = '003'")

    assert container.query("SELECT VALUE c.id FROM c WHERE c.n = 77") == ["new"]
    assert container.query("SELECT VALUE COUNT(1) FROM c WHERE c.n = 3") == [29]


@pytest.mark.parametrize("value", ["a\x00b", "a", "\x00", 2**53 + 1, 5.000000000000001, -0.0, True, None, "é\uffff😀"])
def test_values_that_sqlite_json_would_blur_are_told_apart(value: Any) -> None:
    values = ["a\x00b", "a", "a\x00c", "\x00", "", 2**53 + 1, 2**53 + 3, 5, 5.000000000000001, 0, -0.0, 1, True, False]
    values += [None, "é\uffff😀", "é😀\uffff", "1", "true", "null"]
    container = Container([{"id": f"{index:02}", "v": each} for index, each in enumerate(values)])
    container.add({"id": "none"})
    expected = container.query("SELECT VALUE c.id FROM c WHERE c.v = @v", {"@v": value})
    sorted_ = container.query("SELECT VALUE c.id FROM c ORDER BY c.v")
    container.index("/v/?")

    assert container.query("SELECT VALUE c.id FROM c WHERE c.v = @v", {"@v": value}) == expected
    assert container.query("SELECT VALUE COUNT(1) FROM c WHERE c.v = @v", {"@v": value}) == [len(expected)]
    assert container.query("SELECT VALUE c.id FROM c ORDER BY c.v") == sorted_
    assert [values[int(name)] for name in expected if type(values[int(name)]) is type(value)]


def test_query_tells_which_indexes_it_would_gain_by() -> None:
    text = "SELECT * FROM c WHERE c.a.b > @x AND c.id = 'i' AND LOWER(c.s) = 'q' AND c.k = 1 ORDER BY c.t DESC"

    assert wanted_paths(parse(text), {"@x": 5}) == (("a", "b"), ("k",), ("t",))
    assert wanted_paths(parse("SELECT * FROM c.x ORDER BY x.y"), {}) == ()


def test_lazy_index_is_made_once_and_only_so_many(container: Container) -> None:
    for number in range(MAX_LAZY_INDEXES):
        assert ensure_index(container.connection, "items", (f"p{number}",))
        assert ensure_index(container.connection, "items", (f"p{number}",))

    assert not ensure_index(container.connection, "items", ("one", "more"))
    assert len(existing_indexes(container.connection, "items")) == MAX_LAZY_INDEXES


def test_composite_policy_with_a_wildcard_makes_no_index() -> None:
    assert composite_index([("/a", "ascending"), ("/b/*", "ascending")]) is None
