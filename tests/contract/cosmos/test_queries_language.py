"""The query language through the real SDK, sync and aio: over all partitions, in pages, with parameters."""

from collections.abc import Iterator
from typing import Any

import pytest
from azure.cosmos import ContainerProxy, DatabaseProxy, PartitionKey
from azure.cosmos.aio import CosmosClient as AsyncCosmosClient
from azure.cosmos.exceptions import CosmosHttpResponseError

DEVICES = 5
READINGS = 8
DOCUMENTS: list[dict[str, Any]] = [
    {
        "id": f"{device}-{number}",
        "device": f"d{device}",
        "number": number,
        "reading": {"temperature": device + number / 4, "unit": "C" if number % 2 else "F"},
        "at": f"2025-02-04T1{number}:00:00.0000000Z",
        "tags": [{"name": "even", "ok": number % 2 == 0}, {"name": f"n{number}", "ok": True}],
        **({"mixed": [None, True, -1, "text", [1], {"a": 1}, False][number]} if number < 7 else {}),
    }
    for device in range(DEVICES)
    for number in range(READINGS)
]
WARMEST = sorted(DOCUMENTS, key=lambda document: -document["reading"]["temperature"])
EVERY_NUMBER = [number for number in range(READINGS) for _ in range(DEVICES)]

ORDERED: list[tuple[str, list[Any]]] = [
    ("SELECT VALUE c.number FROM c ORDER BY c.number", EVERY_NUMBER),
    ("SELECT VALUE c.number FROM c ORDER BY c.number DESC", EVERY_NUMBER[::-1]),
    ("SELECT TOP 7 VALUE c.number FROM c ORDER BY c.number", EVERY_NUMBER[:7]),
    ("SELECT VALUE c.number FROM c ORDER BY c.number OFFSET 3 LIMIT 9", EVERY_NUMBER[3:12]),
    (
        "SELECT VALUE r.reading.temperature FROM readings AS r ORDER BY r.reading.temperature DESC",
        [document["reading"]["temperature"] for document in WARMEST],
    ),
    ("SELECT DISTINCT VALUE c.number FROM c ORDER BY c.number", list(range(READINGS))),
    (
        "SELECT VALUE c.mixed FROM c WHERE c.device = 'd1' ORDER BY c.mixed",
        [None, False, True, -1, "text", [1], {"a": 1}],
    ),
]
UNORDERED: list[tuple[str, list[Any]]] = [
    ("SELECT VALUE COUNT(1) FROM c", [40]),
    ("SELECT COUNT(1) AS n, SUM(c.number) AS s FROM c", [{"n": 40, "s": 140}]),
    (
        "SELECT MIN(c.number) AS low, MAX(c.number) AS high, AVG(c.number) AS mean FROM c",
        [{"low": 0, "high": 7, "mean": 3.5}],
    ),
    ("SELECT c.device, COUNT(1) AS n FROM c GROUP BY c.device", [{"device": f"d{n}", "n": 8} for n in range(DEVICES)]),
    ("SELECT DISTINCT VALUE c.device FROM c", [f"d{number}" for number in range(DEVICES)]),
    ("SELECT DISTINCT c.reading.unit FROM c", [{"unit": "C"}, {"unit": "F"}]),
    (
        "SELECT c.id, t.name FROM c JOIN t IN c.tags WHERE t.ok AND c.number IN (1, 2) AND c.device = 'd0'",
        [{"id": "0-1", "name": "n1"}, {"id": "0-2", "name": "even"}, {"id": "0-2", "name": "n2"}],
    ),
    ("SELECT VALUE c.id FROM c WHERE c.number BETWEEN 2 AND 3 AND c.device LIKE 'd[34]'", ["3-2", "3-3", "4-2", "4-3"]),
    ("SELECT VALUE c.id FROM c WHERE NOT IS_DEFINED(c.mixed)", [f"{number}-7" for number in range(DEVICES)]),
    ("SELECT VALUE c.id FROM c WHERE IS_NULL(c.mixed)", [f"{number}-0" for number in range(DEVICES)]),
    (
        "SELECT VALUE c.id FROM c WHERE c.mixed > 'a' OR c.mixed < 0 AND c.device = 'd2'",
        [f"{n}-3" for n in range(5)] + ["2-2"],
    ),
    (
        "SELECT VALUE c.number % 2 = 0 ? 'even' : c.none ?? 'odd' FROM c WHERE c.device = 'd0' AND c.number < 2",
        ["even", "odd"],
    ),
    (
        "SELECT VALUE DateTimeBin(c.at, 'hh', 4) FROM c WHERE c.device = 'd0' AND c.number IN (1, 7)",
        ["2025-02-04T08:00:00.0000000Z", "2025-02-04T16:00:00.0000000Z"],
    ),
    (
        "SELECT VALUE {'id': UPPER(c.device), 'rounded': ROUND(c.reading.temperature)} FROM c WHERE c.id = '4-2'",
        [{"id": "D4", "rounded": 5}],
    ),
    (
        "SELECT VALUE c.id FROM c WHERE ARRAY_CONTAINS(c.tags, {'name': 'n6'}, true) AND CONTAINS(c.device, 'D', true)",
        [f"{number}-6" for number in range(DEVICES)],
    ),
    (
        "SELECT VALUE c.id FROM c WHERE EXISTS(SELECT VALUE t FROM t IN c.tags WHERE t.name = 'n5')",
        [f"{number}-5" for number in range(DEVICES)],
    ),
    ("SELECT VALUE ARRAY(SELECT VALUE t.name FROM t IN c.tags) FROM c WHERE c.id = '0-0'", [["even", "n0"]]),
    ("SELECT VALUE ARRAY_LENGTH(c.tags) FROM c WHERE STARTSWITH(c.id, '2-') AND c.number = 3", [2]),
    ("SELECT c.none, c.number FROM c WHERE c.id = '0-0'", [{"number": 0}]),
]


@pytest.fixture(scope="module")
def filled(database: DatabaseProxy) -> Iterator[ContainerProxy]:
    """Forty readings of five devices, each device in a partition of its own."""
    container = database.create_container("query-language", PartitionKey("/device"))
    for document in DOCUMENTS:
        container.create_item(document)
    yield container
    database.delete_container(container.id)


def in_any_order(rows: list[Any]) -> list[str]:
    return sorted(map(repr, rows))


@pytest.mark.parametrize(("text", "expected"), ORDERED)
@pytest.mark.parametrize("size", [None, 3])
def test_ordered_results(filled: ContainerProxy, text: str, expected: list[Any], size: int | None) -> None:
    found = list(filled.query_items(text, enable_cross_partition_query=True, max_item_count=size))

    assert found == expected


@pytest.mark.parametrize(("text", "expected"), UNORDERED)
@pytest.mark.parametrize("size", [None, 2])
def test_results_without_an_order(filled: ContainerProxy, text: str, expected: list[Any], size: int | None) -> None:
    found = list(filled.query_items(text, enable_cross_partition_query=True, max_item_count=size))

    assert in_any_order(found) == in_any_order(expected)


async def test_every_query_through_the_aio_client(filled: ContainerProxy, aio_client: AsyncCosmosClient) -> None:
    container = aio_client.get_database_client("tests").get_container_client(filled.id)
    for text, expected in ORDERED:
        assert [row async for row in container.query_items(text, max_item_count=4)] == expected, text
    for text, expected in UNORDERED:
        found = [row async for row in container.query_items(text)]
        assert in_any_order(found) == in_any_order(expected), text


@pytest.mark.parametrize(("text", "expected"), ORDERED)
def test_any_page_can_be_the_start(filled: ContainerProxy, text: str, expected: list[Any]) -> None:
    feed = filled.query_items(text, enable_cross_partition_query=True, max_item_count=2)
    found: list[Any] = []
    token = None
    while True:
        pages = feed.by_page(token)
        found += next(pages, [])
        token = pages.continuation_token  # type: ignore[attr-defined]
        if token is None:
            break

    assert found == expected


async def test_aio_pages_go_on_from_their_token(filled: ContainerProxy, aio_client: AsyncCosmosClient) -> None:
    container = aio_client.get_database_client("tests").get_container_client(filled.id)
    text = "SELECT c.device, COUNT(1) AS n FROM c GROUP BY c.device"
    pages = container.query_items(text, max_item_count=2).by_page()
    first = [row async for row in await pages.__anext__()]
    token = pages.continuation_token  # type: ignore[attr-defined]

    rest = [row async for page in container.query_items(text, max_item_count=2).by_page(token) async for row in page]

    assert [row["device"] for row in first + rest] == [f"d{number}" for number in range(DEVICES)]


def test_one_partition_is_queried_alone(filled: ContainerProxy) -> None:
    for text, expected in (
        ("SELECT VALUE COUNT(1) FROM c", [8]),
        ("SELECT VALUE c.number FROM c WHERE c.reading.temperature >= 4 ORDER BY c.number DESC", [7, 6, 5, 4]),
        (
            "SELECT c.reading.unit AS u, SUM(c.number) AS s FROM c GROUP BY c.reading.unit",
            [{"u": "C", "s": 16}, {"u": "F", "s": 12}],
        ),
    ):
        assert list(filled.query_items(text, partition_key="d3")) == expected


def test_parameters_of_every_type(filled: ContainerProxy) -> None:
    given = {
        "@n": 3,
        "@text": "d1",
        "@none": None,
        "@yes": True,
        "@list": ["d1", "d2"],
        "@object": {"name": "n3", "ok": True},
    }

    rows = filled.query_items(
        "SELECT TOP @n VALUE c.id FROM c WHERE c.number = @n AND ARRAY_CONTAINS(@list, c.device) AND c.device >= @text"
        " AND ARRAY_CONTAINS(c.tags, @object) AND (@yes OR c.mixed = @none) ORDER BY c.id",
        parameters=[{"name": name, "value": value} for name, value in given.items()],
        enable_cross_partition_query=True,
    )

    found: list[Any] = list(rows)
    assert found == ["1-3", "2-3"]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("SELECT * FROM c ORDER BY LOWER(c.id)", "could not be mapped to a document path"),
        ("SELECT udf.f(c) FROM c", "User-defined functions are not supported"),
        ("SELECT ST_DISTANCE(c.a, c.b) FROM c", "'ST_DISTANCE' is not a recognized built-in function name"),
        ("SELECT c.id, COUNT(1) FROM c", "is not contained in either an aggregate function or the GROUP BY clause"),
        ("SELECT * FROM c WHERE " + "(" * 500 + "true" + ")" * 500, "nested too deeply"),
    ],
)
def test_queries_that_cannot_be_done_are_refused(filled: ContainerProxy, text: str, message: str) -> None:
    with pytest.raises(CosmosHttpResponseError) as refused:
        list(filled.query_items(text, enable_cross_partition_query=True))

    assert refused.value.status_code == 400
    assert message in str(refused.value)
    assert "line 1, column" in str(refused.value)
