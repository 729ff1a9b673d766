"""Queries through the real SDK: their scope, pages and refusals. (The language itself: tests/unit/cosmos_query.)"""

import time
from typing import Any

import pytest
from azure.cosmos import ContainerProxy, DatabaseProxy, PartitionKey
from azure.cosmos.aio import CosmosClient as AsyncCosmosClient
from azure.cosmos.exceptions import CosmosHttpResponseError

from local.launch import ServerProcess
from tests.contract.cosmos.raw import RawClient


@pytest.fixture
def readings(telemetry: ContainerProxy) -> ContainerProxy:
    """Sixty items: six devices, two days, value from 0 to 59."""
    for device in range(6):
        for day in range(2):
            operations = [
                ("create", ({"id": str(n), "deviceId": f"d{device}", "day": str(day), "value": device * 10 + n},))
                for n in range(day * 5, day * 5 + 5)
            ]
            telemetry.execute_item_batch(operations, [f"d{device}", str(day)])
    return telemetry


def everywhere(container: ContainerProxy, text: str, **options: Any) -> list[Any]:
    return list(container.query_items(text, enable_cross_partition_query=True, **options))


def test_query_ranges_over_all_partitions(readings: ContainerProxy) -> None:
    assert everywhere(readings, "SELECT VALUE COUNT(1) FROM c") == [60]
    assert everywhere(readings, "SELECT VALUE SUM(c['value']) FROM c") == [sum(range(60))]
    newest = everywhere(readings, "SELECT TOP 3 c.id, c['value'] FROM c ORDER BY c['value'] DESC")
    assert newest == [{"id": "9", "value": 59}, {"id": "8", "value": 58}, {"id": "7", "value": 57}]


def test_query_ranges_over_one_partition_key_or_a_prefix(readings: ContainerProxy) -> None:
    def count(*key: str) -> list[Any]:
        return list[Any](readings.query_items("SELECT VALUE COUNT(1) FROM c", partition_key=list(key)))

    assert count("d1", "0") == [5]
    assert count("d1") == [10]
    assert count("nobody") == [0]


def test_query_over_feed_ranges_adds_up(readings: ContainerProxy) -> None:
    shares = [
        list(readings.query_items("SELECT * FROM c", feed_range=feed_range))
        for feed_range in readings.read_feed_ranges()
    ]

    assert sum(len(share) for share in shares) == 60


def test_parameters_stand_for_values(readings: ContainerProxy) -> None:
    found = everywhere(
        readings,
        "SELECT VALUE c['value'] FROM c WHERE c.deviceId = @device AND c['value'] IN (@one, @two)",
        parameters=[
            {"name": "@device", "value": "d3"},
            {"name": "@one", "value": 31},
            {"name": "@two", "value": 99},
        ],
    )

    assert found == [31]


@pytest.mark.parametrize("text", ["SELECT * FROM c", "SELECT * FROM c ORDER BY c['value'] DESC"])
def test_pages_bring_every_item_once(readings: ContainerProxy, text: str) -> None:
    pages = [
        [item["value"] for item in page]
        for page in readings.query_items(text, enable_cross_partition_query=True, max_item_count=7).by_page()
    ]

    assert [len(page) for page in pages] == [7] * 8 + [4]
    assert sorted(value for page in pages for value in page) == list(range(60))


def test_query_goes_on_after_the_server_was_killed(readings: ContainerProxy, cosmos: ServerProcess) -> None:
    feed = readings.query_items(
        "SELECT VALUE c['value'] FROM c ORDER BY c['value']", enable_cross_partition_query=True, max_item_count=25
    )
    pages = feed.by_page()
    first: list[Any] = list(next(pages))
    token = pages.continuation_token  # type: ignore[attr-defined]

    cosmos.restart()
    rest = [value for page in feed.by_page(token) for value in page]

    assert first + rest == list(range(60))


def test_query_sees_an_index_made_later(database: DatabaseProxy, readings: ContainerProxy) -> None:
    policy = {"includedPaths": [{"path": "/*"}], "excludedPaths": [{"path": "/value/?"}]}
    text = "SELECT VALUE c['value'] FROM c WHERE c['value'] > 50 ORDER BY c['value']"
    before = everywhere(readings, text)

    database.replace_container(
        readings.id, PartitionKey(["/deviceId", "/day"]), default_ttl=3600, indexing_policy=policy
    )

    assert everywhere(readings, text) == before == list(range(51, 60))


def test_wildcard_policy_gets_an_index_when_a_query_gains_by_it(container: ContainerProxy) -> None:
    for first in range(0, 2500, 100):
        operations = [
            ("create", ({"id": str(n), "device": "d", "value": n * 7919 % 2503},)) for n in range(first, first + 100)
        ]
        container.execute_item_batch(operations, "d")
    text = "SELECT TOP 2 VALUE c['value'] FROM c WHERE c['value'] > 1000 ORDER BY c['value']"

    def charge() -> float:
        found: list[Any] = list(container.query_items(text, partition_key="d"))
        assert found == [1001, 1002]
        return float(container.client_connection.last_response_headers["x-ms-request-charge"])

    first_charge = charge()
    deadline = time.monotonic() + 60
    while charge() >= first_charge:
        assert time.monotonic() < deadline, "no index was made"


@pytest.mark.parametrize(
    ("text", "place"),
    [("SELEC * FROM c", 0), ("SELECT * FROM c WHERE c.a = = 1", 28), ("SELECT NOSUCH(c.a) FROM c", 7)],
)
def test_bad_query_is_refused_with_the_place(container: ContainerProxy, raw: RawClient, text: str, place: int) -> None:
    headers = {"x-ms-documentdb-isquery": "true", "x-ms-documentdb-query-enablecrosspartition": "true"}

    answer = raw.send("POST", f"dbs/tests/colls/{container.id}/docs", {"query": text}, headers=headers)

    assert answer.status_code == 400
    assert answer.json()["code"] == "BadRequest"
    assert f'"start":{place},' in answer.json()["message"]


def test_query_over_partitions_must_be_asked_for(container: ContainerProxy) -> None:
    with pytest.raises(CosmosHttpResponseError, match="Cross partition query is required") as refused:
        list(container.query_items("SELECT * FROM c"))

    assert refused.value.status_code == 400
    assert list(container.query_items("SELECT * FROM c WHERE c.device = 'd'")) == []


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"query": 1},
        {"query": "SELECT * FROM c WHERE c.a = @a"},
        {"query": "SELECT * FROM c", "parameters": {"@a": 1}},
        {"query": "SELECT * FROM c", "parameters": [{"name": 1}]},
        [],
    ],
)
def test_query_request_that_makes_no_sense_is_refused(container: ContainerProxy, raw: RawClient, body: Any) -> None:
    headers = {"x-ms-documentdb-isquery": "true", "x-ms-documentdb-query-enablecrosspartition": "true"}

    answer = raw.send("POST", f"dbs/tests/colls/{container.id}/docs", body, headers=headers)

    assert answer.status_code == 400


def test_foreign_continuation_is_refused(readings: ContainerProxy) -> None:
    for feed in (readings.read_all_items(), readings.query_items("SELECT * FROM c", enable_cross_partition_query=True)):
        with pytest.raises(CosmosHttpResponseError, match="continuation") as refused:
            next(feed.by_page("not a token"))
        assert refused.value.status_code == 400


def test_plan_sends_a_client_to_one_partition_that_answers_for_all(readings: ContainerProxy, raw: RawClient) -> None:
    """@azure/cosmos asks for a plan before every query over partitions, and sends what the plan says."""
    path = f"dbs/tests/colls/{readings.id}/docs"
    body = {"query": "SELECT VALUE COUNT(1) FROM c"}
    plan = raw.send("POST", path, body, headers={"x-ms-cosmos-is-query-plan-request": "True"}).json()

    headers = {"x-ms-documentdb-isquery": "true", "x-ms-documentdb-partitionkeyrangeid": "0"}
    rewritten = {"query": plan["queryInfo"]["rewrittenQuery"]}

    assert len(plan["queryRanges"]) == 1
    assert raw.send("POST", path, rewritten, headers=headers).json()["Documents"] == [60]
    share = raw.send("POST", path, body, headers=headers).json()["Documents"]
    assert share[0] < 60


async def test_aio_queries_of_every_scope(aio_client: AsyncCosmosClient, readings: ContainerProxy) -> None:
    container = aio_client.get_database_client("tests").get_container_client(readings.id)

    async def values(**scope: Any) -> list[Any]:
        rows: list[Any] = [row async for row in container.query_items("SELECT VALUE c['value'] FROM c", **scope)]
        return sorted(rows)

    assert await values() == list(range(60))
    assert await values(partition_key=["d2"]) == list(range(20, 30))
    assert await values(partition_key=["d2", "1"]) == list(range(25, 30))


def test_query_metrics_are_given_on_request(readings: ContainerProxy) -> None:
    everywhere(readings, "SELECT TOP 5 * FROM c", populate_query_metrics=True)

    metrics = readings.client_connection.last_response_headers["x-ms-documentdb-query-metrics"]
    assert "outputDocumentCount=5" in metrics
