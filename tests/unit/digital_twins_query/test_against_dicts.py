"""Generated queries give here what they give over plain Python dicts, whatever the pages."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from local.digital_twins.query import access
from tests.unit.digital_twins_query import oracle
from tests.unit.digital_twins_query.graph import Document, Graph
from tests.unit.digital_twins_query.oracle import MISSING, Formula, Row, value_at
from tests.unit.digital_twins_query.walking import Hop, ways

EXAMPLES = settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow])
PAGES = st.sampled_from([1, 2, 3, 1000])
WAYS = st.sampled_from([(access.SMALL, 0), (0, 0), (0, 1), (0, 1000)])
"""SMALL and DENSE: as SQLite likes, or by id, or what a sample tells, or the whole table."""


@contextmanager
def going(way: tuple[int, int]) -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(access, "SMALL", way[0])
        patch.setattr(access, "DENSE", way[1])
        yield


def graph_of(twins: list[Document], relationships: list[Document] | None = None) -> Graph:
    return Graph(twins, relationships or [], oracle.MODELS)


def by_id(twins: list[Document]) -> list[Document]:
    return sorted(twins, key=lambda document: str(document["$dtId"]))


@EXAMPLES
@given(oracle.twins(), oracle.conditions(["T"]), PAGES, WAYS)
def test_filtered_twins(twins: list[Document], where: Formula, page_size: int, way: tuple[int, int]) -> None:
    with going(way):
        found = graph_of(twins).query(f"SELECT * FROM DIGITALTWINS T WHERE {where.text}", page_size)

    assert found == [each for each in by_id(twins) if where.holds({"T": each})]


@EXAMPLES
@given(oracle.twins(), oracle.conditions(["T"]), st.integers(0, 4), PAGES, WAYS)
def test_counted_and_topmost_twins(
    twins: list[Document], where: Formula, top: int, page_size: int, way: tuple[int, int]
) -> None:
    graph = graph_of(twins)

    with going(way):
        counted = graph.query(f"SELECT COUNT() FROM DIGITALTWINS T WHERE {where.text}")
        topmost = graph.query(f"SELECT TOP({top}) FROM DIGITALTWINS T WHERE {where.text}", page_size)

    expected = [each for each in by_id(twins) if where.holds({"T": each})]
    assert counted == [{"COUNT": len(expected)}]
    assert topmost == expected[:top]


@EXAMPLES
@given(oracle.twins(), st.lists(st.sampled_from(oracle.PATHS), unique=True, min_size=1, max_size=3), PAGES)
def test_projected_properties(twins: list[Document], paths: list[str], page_size: int) -> None:
    columns = ", ".join(f"T.{path} AS c{number}" for number, path in enumerate(paths))

    found = graph_of(twins).query(f"SELECT {columns} FROM DIGITALTWINS T", page_size)

    expected: list[dict[str, Any]] = []
    for document in by_id(twins):
        values = {f"c{number}": value_at(document, path) for number, path in enumerate(paths)}
        expected.append({name: value for name, value in values.items() if value is not MISSING})
    assert found == expected


@st.composite
def linked(draw: st.DrawFn) -> tuple[list[Document], list[Document]]:
    twins = draw(oracle.twins(5))
    return twins, draw(oracle.relationships([document["$dtId"] for document in twins]))


@EXAMPLES
@given(linked(), oracle.conditions(["A", "B", "C"]), st.sampled_from("ABC"), PAGES)
def test_joined_twins(
    graph: tuple[list[Document], list[Document]], where: Formula, pinned: str, page_size: int
) -> None:
    twins, relationships = graph
    twin_of = {document["$dtId"]: document for document in twins}
    ids = ["t0", "t3", "t5"]

    found = graph_of(twins, relationships).query(
        "SELECT A.$dtId AS a, Q.$relationshipId AS q, P.$relationshipId AS p, C FROM DIGITALTWINS A "
        "JOIN B RELATED A.r P JOIN C RELATED B.s Q "
        f"WHERE {pinned}.$dtId IN {ids} AND {where.text}",
        page_size,
    )

    expected = []
    for p in relationships:
        for q in relationships:
            if (p["$relationshipName"], q["$relationshipName"]) != ("r", "s") or p["$targetId"] != q["$sourceId"]:
                continue
            row: Row = {name: twin_of[each[end]] for name, each, end in ends_of(p, q)}
            if row[pinned]["$dtId"] in ids and where.holds(row):
                a, c = row["A"]["$dtId"], row["C"]
                expected.append({"a": a, "q": q["$relationshipId"], "p": p["$relationshipId"], "C": c})
    assert found == sorted(expected, key=lambda row: (row["a"], row["p"], row["q"]))


def ends_of(p: Document, q: Document) -> list[tuple[str, Document, str]]:
    return [("A", p, "$sourceId"), ("B", q, "$sourceId"), ("C", q, "$targetId")]


HOPS = st.builds(
    Hop,
    st.sampled_from(["->", "<-", "-"]),
    st.sampled_from([("r",), ("r", "s"), ()]),
    st.sampled_from([("", 1, 1), ("*2", 2, 2), ("*..3", 1, 3), ("*1..3", 2, 3), ("*1", 1, 1)]),
)


@EXAMPLES
@given(linked(), st.lists(HOPS, min_size=1, max_size=2), st.data(), PAGES)
def test_matched_twins(
    graph: tuple[list[Document], list[Document]], hops: list[Hop], data: st.DataObject, page_size: int
) -> None:
    twins, relationships = graph
    names = ["A", "B", "C"][: len(hops) + 1]
    pinned, where = data.draw(st.sampled_from(names)), data.draw(oracle.conditions(names))
    pattern = "".join(f"({name}){hop.text}" for name, hop in zip(names, hops, strict=False)) + f"({names[-1]})"

    found = graph_of(twins, relationships).query(
        f"SELECT {', '.join(names)} FROM DIGITALTWINS MATCH {pattern} "
        f"WHERE {pinned}.$dtId IN ['t0', 't5', 't3'] AND {where.text}",
        page_size,
    )

    twin_of = {document["$dtId"]: document for document in twins}
    rows = [
        {name: twin_of[id] for name, id in zip(names, ids, strict=True)}
        for ids in sorted(ways(relationships, twin_of, hops))
    ]
    assert found == [row for row in rows if row[pinned]["$dtId"] in ("t0", "t5", "t3") and where.holds(row)]
