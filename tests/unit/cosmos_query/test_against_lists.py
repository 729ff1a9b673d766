"""Generated queries give here what they give over plain Python lists, whatever the pages, indexes and plans."""

from typing import Any

import orjson
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from local.cosmos.query import access, execute, parse
from tests.unit.cosmos_query import oracle
from tests.unit.cosmos_query.container import Container
from tests.unit.cosmos_query.oracle import MISSING, Document, Formula, canonical

PAGES = st.sampled_from([None, 1, 2, 3, 7])
INDEXED = st.lists(st.sampled_from(["/a/?", "/b/?", "/o/x/?"]), unique=True)
THRESHOLDS = st.sampled_from([(0, 20_000), (0, 4), (0, 0), (3, 20_000), (2000, 20_000)])
"""SMALL and MAX_CANDIDATES: from always through an index to never."""
EXAMPLES = settings(max_examples=120, deadline=None, suppress_health_check=[HealthCheck.too_slow])


def numbered(documents: list[Document]) -> list[Document]:
    """The documents with ids whose order is not that of their making."""
    return [{"id": f"{index * 7 % 13:02}", **document} for index, document in enumerate(documents)]


def answers(
    documents: list[Document],
    text: str,
    parameters: dict[str, Any],
    page_size: int | None,
    indexed: list[str],
    thresholds: tuple[int, int],
) -> list[Any]:
    container = Container(documents)
    container.index(*indexed)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(access, "SMALL", thresholds[0])
        patch.setattr(access, "MAX_CANDIDATES", thresholds[1])
        return container.query(text, parameters, page_size=page_size)


@EXAMPLES
@given(oracle.DOCUMENTS, oracle.FORMULAS, oracle.FILTERS, PAGES, INDEXED, THRESHOLDS)
def test_filtered_values(
    given_documents: list[Document],
    formula: Formula,
    where: Formula,
    page_size: int | None,
    indexed: list[str],
    thresholds: tuple[int, int],
) -> None:
    documents = numbered(given_documents)
    text = f"SELECT VALUE {formula.text} FROM c WHERE {where.text}"

    found = answers(documents, text, formula.parameters | where.parameters, page_size, indexed, thresholds)

    scopes = [scope for scope in oracle.combinations(documents, 0) if where.value(scope) is True]
    expected = [formula.value(scope) for scope in scopes]
    assert [*map(canonical, found)] == [canonical(value) for value in expected if value is not MISSING]


@EXAMPLES
@given(oracle.DOCUMENTS, oracle.FILTERS, INDEXED, THRESHOLDS)
def test_counted_documents(
    given_documents: list[Document], where: Formula, indexed: list[str], thresholds: tuple[int, int]
) -> None:
    documents = numbered(given_documents)

    found = answers(
        documents, f"SELECT VALUE COUNT(1) FROM c WHERE {where.text}", where.parameters, None, indexed, thresholds
    )

    assert found == [sum(where.value({"c": document}) is True for document in documents)]


@settings(EXAMPLES, max_examples=300)
@given(
    oracle.FEW_VALUED,
    oracle.SIMPLE_FILTERS,
    st.none() | st.tuples(oracle.SORT_FORMULAS, st.booleans()),
    PAGES,
    THRESHOLDS,
)
def test_filters_that_indexes_answer(
    given_documents: list[Document],
    where: Formula,
    order: tuple[Formula, bool] | None,
    page_size: int | None,
    thresholds: tuple[int, int],
) -> None:
    documents = numbered(given_documents)
    matching = sorted((each for each in documents if where.value({"c": each}) is True), key=oracle.place)
    text = f"SELECT VALUE c.id FROM c WHERE {where.text}"
    if order is not None:
        path, descending = order
        text += f" ORDER BY {path.text} {'DESC' if descending else 'ASC'}"
        matching.sort(key=lambda document: (oracle.place(document)[0], documents.index(document)), reverse=descending)
        matching.sort(key=lambda document: oracle.order_key(path.value({"c": document})), reverse=descending)
    indexed = ["/a/?", "/b/?", "/o/x/?"]

    found = answers(documents, text, {}, page_size, indexed, thresholds)
    count = answers(documents, f"SELECT VALUE COUNT(1) FROM c WHERE {where.text}", {}, None, indexed, thresholds)

    assert found == [document["id"] for document in matching]
    assert count == [len(matching)]


@EXAMPLES
@given(
    oracle.DOCUMENTS,
    st.lists(st.tuples(st.sampled_from(oracle.SORT_PATHS), st.booleans()), min_size=1, max_size=2, unique_by=str),
    st.none() | oracle.FILTERS,
    st.none() | st.tuples(st.integers(0, 5), st.integers(0, 6)),
    PAGES,
    INDEXED,
    st.booleans(),
    THRESHOLDS,
)
def test_sorted_documents(
    given_documents: list[Document],
    keys: list[tuple[tuple[str, tuple[str | int, ...]], bool]],
    where: Formula | None,
    window: tuple[int, int] | None,
    page_size: int | None,
    indexed: list[str],
    is_composite: bool,
    thresholds: tuple[int, int],
) -> None:
    documents = numbered(given_documents)
    text = "SELECT VALUE c.id FROM c" + (f" WHERE {where.text}" if where else "")
    text += " ORDER BY " + ", ".join(f"{path[0]} {'DESC' if descending else 'ASC'}" for path, descending in keys)
    text += f" OFFSET {window[0]} LIMIT {window[1]}" if window else ""
    container = Container(documents)
    container.index(*indexed)
    if is_composite:
        container.index_together(
            *(("/" + "/".join(map(str, path[1])), "descending" if down else "ascending") for path, down in keys)
        )

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(access, "SMALL", thresholds[0])
        patch.setattr(access, "MAX_CANDIDATES", thresholds[1])
        found = container.query(text, where.parameters if where else {}, page_size=page_size)

    expected = sorted(
        documents, key=lambda document: (oracle.place(document)[0], documents.index(document)), reverse=keys[0][1]
    )
    for path, descending in reversed(keys):
        expected.sort(
            key=lambda document, steps=path[1]: oracle.order_key(oracle.reached(document, *steps)),  # type: ignore[misc]
            reverse=descending,
        )
    # a reversed sort keeps the order of equals, so ties stay in the direction that the first line gave them
    expected = [document for document in expected if where is None or where.value({"c": document}) is True]
    if window:
        expected = expected[window[0] :][: window[1]]
    assert found == [document["id"] for document in expected]


@EXAMPLES
@given(oracle.DOCUMENTS, oracle.SORT_FORMULAS | oracle.FORMULAS, oracle.FORMULAS, PAGES, INDEXED, THRESHOLDS)
def test_groups_with_every_aggregate(
    given_documents: list[Document],
    key: Formula,
    argument: Formula,
    page_size: int | None,
    indexed: list[str],
    thresholds: tuple[int, int],
) -> None:
    documents = numbered(given_documents)
    if "c" not in key.text:
        key = oracle.path_formula(oracle.PATHS[0])
    columns = [f"{call.format(argument.text)} AS n{number}" for number, call in enumerate(oracle.AGGREGATES)]
    text = f"SELECT {key.text} AS k, {', '.join(columns)} FROM c GROUP BY {key.text}"

    found = answers(documents, text, key.parameters | argument.parameters, page_size, indexed, thresholds)

    groups: dict[Any, list[Document]] = {}
    for scope in oracle.combinations(documents, 0):
        groups.setdefault(canonical(key.value(scope)), []).append(scope["c"])
    expected = []
    for members in groups.values():
        values = [argument.value({"c": member}) for member in members]
        results = {f"n{number}": call(values) for number, call in enumerate(oracle.AGGREGATES.values())}
        expected.append(oracle.row({"k": key.value({"c": members[0]}), **results}))
    assert sorted(map(repr, map(canonical, found))) == sorted(map(repr, map(canonical, expected)))


@EXAMPLES
@given(oracle.DOCUMENTS, oracle.FORMULAS, st.sampled_from([1, 2]), st.none() | st.integers(0, 4), PAGES)
def test_joined_and_distinct_rows(
    given_documents: list[Document], formula: Formula, joins: int, top: int | None, page_size: int | None
) -> None:
    documents = numbered(given_documents)
    names = [f"t{number}" for number in range(joins)]
    joined = " ".join(f"JOIN {name} IN c.t" for name in names)
    limit = f"TOP {top} " if top is not None else ""
    text = f"SELECT DISTINCT {limit}{', '.join(names)}, {formula.text} AS f FROM c {joined}"

    found = Container(documents).query(text, formula.parameters, page_size=page_size)

    expected: dict[Any, Any] = {}
    for scope in oracle.combinations(documents, joins):
        value = oracle.row({**{name: scope[name] for name in names}, "f": formula.value(scope)})
        expected.setdefault(canonical(value), value)
    assert [*map(canonical, found)] == [*expected][:top]


@EXAMPLES
@given(oracle.DOCUMENTS, oracle.DOCUMENTS, oracle.FILTERS, st.integers(1, 3))
def test_documents_that_come_while_paging_neither_hide_nor_double_others(
    first: list[Document], later: list[Document], where: Formula, page_size: int
) -> None:
    documents = numbered(first)
    container = Container(documents)
    query = parse(f"SELECT VALUE c.id FROM c WHERE {where.text}")
    waiting = [{"id": f"new{index}", **document} for index, document in enumerate(later)]
    found: list[str] = []
    token = None
    while True:
        page = execute(query, where.parameters, container.source(), page_size=page_size, continuation=token)
        found += map(orjson.loads, page.rows)
        token = page.continuation
        if token is None:
            break
        if waiting:
            container.add(waiting.pop())

    matching = [document["id"] for document in documents if where.value({"c": document}) is True]
    assert len(found) == len(set(found))
    assert [name for name in found if not name.startswith("new")] == sorted(
        matching, key=lambda name: oracle.place(next(each for each in documents if each["id"] == name))
    )
