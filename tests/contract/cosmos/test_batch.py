"""Transactional batches through the real SDK, and the bulk requests of the one for JavaScript."""

import asyncio
import json
from typing import Any

import pytest
from azure.cosmos import ContainerProxy
from azure.cosmos.aio import CosmosClient as AsyncCosmosClient
from azure.cosmos.exceptions import CosmosBatchOperationError, CosmosHttpResponseError

from local.cosmos.server import BATCHES
from tests.contract.cosmos.raw import RawClient

KEY = ["d", "1"]


def document(name: str, **properties: Any) -> dict[str, Any]:
    return {"id": name, "deviceId": "d", "day": "1", **properties}


def names(container: ContainerProxy) -> list[str]:
    return sorted(item["id"] for item in container.read_all_items())


def test_batch_of_creates_is_stored_whole(telemetry: ContainerProxy) -> None:
    results = telemetry.execute_item_batch([("create", (document(f"{n:03}", value=n),)) for n in range(100)], KEY)

    assert [result["statusCode"] for result in results] == [201] * 100
    assert results[7]["resourceBody"] == telemetry.read_item("007", KEY)
    assert results[7]["eTag"] == results[7]["resourceBody"]["_etag"]
    assert all(result["requestCharge"] > 5 for result in results)
    assert len(names(telemetry)) == 100


def test_batch_of_all_kinds_sees_its_own_writes(telemetry: ContainerProxy) -> None:
    kept = telemetry.create_item(document("kept", value=1))
    telemetry.create_item(document("old"))

    results = telemetry.execute_item_batch(
        [
            ("create", (document("new", value=1),)),
            ("upsert", (document("new", value=2),)),
            ("upsert", (document("newer"),)),
            ("replace", ("kept", document("kept", value=2)), {"if_match_etag": kept["_etag"]}),
            ("patch", ("kept", [{"op": "incr", "path": "/value", "value": 5}])),
            ("patch", ("new", [{"op": "remove", "path": "/value"}]), {"filter_predicate": "FROM c WHERE c.value = 2"}),
            ("read", ("kept",)),
            ("delete", ("old",)),
        ],
        KEY,
    )

    assert [result["statusCode"] for result in results] == [201, 200, 201, 200, 200, 200, 200, 204]
    assert results[6]["resourceBody"]["value"] == 7
    assert "resourceBody" not in results[7]
    assert names(telemetry) == ["kept", "new", "newer"]
    assert "value" not in telemetry.read_item("new", KEY)


FAILING: list[tuple[tuple[Any, ...], int]] = [
    (("create", (document("there"),)), 409),
    (("replace", ("missing", document("missing"))), 404),
    (("read", ("missing",)), 404),
    (("delete", ("missing",)), 404),
    (("patch", ("missing", [{"op": "set", "path": "/a", "value": 1}])), 404),
    (("patch", ("there", [{"op": "remove", "path": "/missing"}])), 400),
    (
        ("patch", ("there", [{"op": "set", "path": "/a", "value": 1}]), {"filter_predicate": "FROM c WHERE c.a = 1"}),
        412,
    ),
    (("replace", ("there", document("there")), {"if_match_etag": '"0"'}), 412),
    (("upsert", (document("there"),), {"if_match_etag": '"0"'}), 412),
    (("delete", ("there",), {"if_match_etag": '"0"'}), 412),
    (("create", ({"deviceId": "d", "day": "1"},)), 400),
    (("create", (document("a/b"),)), 400),
    (("create", ({"id": "x", "deviceId": "other", "day": "1"},)), 400),
    (("replace", ("there", document("other"))), 400),
]


@pytest.mark.parametrize(("operation", "status"), FAILING)
def test_one_failure_undoes_the_whole_batch(telemetry: ContainerProxy, operation: tuple[Any, ...], status: int) -> None:
    telemetry.create_item(document("there", value=1))
    before = telemetry.read_item("there", KEY)

    with pytest.raises(CosmosBatchOperationError) as failed:
        telemetry.execute_item_batch(
            [
                ("create", (document("one"),)),
                ("patch", ("there", [{"op": "set", "path": "/value", "value": 2}])),
                operation,
                ("create", (document("two"),)),
            ],
            KEY,
        )

    assert failed.value.error_index == 2
    assert [result["statusCode"] for result in failed.value.operation_responses] == [424, 424, status, 424]
    assert names(telemetry) == ["there"]
    assert telemetry.read_item("there", KEY) == before


def test_failed_batch_makes_no_change_feed_entry(telemetry: ContainerProxy) -> None:
    telemetry.create_item(document("there"))

    with pytest.raises(CosmosBatchOperationError):
        telemetry.execute_item_batch([("create", (document(name),)) for name in ("a", "b", "there")], KEY)

    assert [item["id"] for item in telemetry.query_items_change_feed(start_time="Beginning")] == ["there"]


def test_same_id_twice_in_a_batch_conflicts(telemetry: ContainerProxy) -> None:
    with pytest.raises(CosmosBatchOperationError) as failed:
        telemetry.execute_item_batch([("create", (document("a"),)), ("create", (document("a"),))], KEY)

    assert [result["statusCode"] for result in failed.value.operation_responses] == [424, 409]
    assert names(telemetry) == []


def test_batch_of_more_than_a_hundred_is_refused(telemetry: ContainerProxy) -> None:
    with pytest.raises(CosmosHttpResponseError, match="more operations than what is supported") as refused:
        telemetry.execute_item_batch([("create", (document(str(n)),)) for n in range(101)], KEY)

    assert refused.value.status_code == 400
    assert names(telemetry) == []


def test_batch_of_more_than_two_megabytes_is_refused(telemetry: ContainerProxy) -> None:
    with pytest.raises(CosmosHttpResponseError) as refused:
        telemetry.execute_item_batch([("create", (document(str(n), text="x" * 30_000),)) for n in range(80)], KEY)

    assert refused.value.status_code == 413
    assert names(telemetry) == []


@pytest.mark.parametrize(
    "body",
    [
        [],
        {},
        [7],
        [{"operationType": "Explode"}],
        [{"operationType": ["Create"]}],
        [{"operationType": "Read", "id": 1}],
    ],
)
def test_batch_that_makes_no_sense_is_refused(telemetry: ContainerProxy, raw: RawClient, body: Any) -> None:
    headers = {"x-ms-cosmos-is-batch-request": "True", "x-ms-cosmos-batch-atomic": "True"}

    answer = raw.send("POST", f"dbs/tests/colls/{telemetry.id}/docs", body, key=KEY, headers=headers)

    statuses = [entry["statusCode"] for entry in answer.json()] if answer.status_code == 207 else [answer.status_code]
    assert statuses == [400]


def test_batches_that_were_refused_are_in_nobodys_way(telemetry: ContainerProxy, raw: RawClient) -> None:
    headers = {"x-ms-cosmos-is-batch-request": "True", "x-ms-cosmos-batch-atomic": "True"}
    path = f"dbs/tests/colls/{telemetry.id}/docs"

    for _ in range(2 * BATCHES):
        assert raw.send("POST", path, [], key=KEY, headers=headers).status_code == 400

    telemetry.execute_item_batch([("create", (document("a"),))], KEY)
    assert names(telemetry) == ["a"]


def test_batch_without_a_whole_partition_key_is_refused(telemetry: ContainerProxy, raw: RawClient) -> None:
    headers = {"x-ms-cosmos-is-batch-request": "True", "x-ms-cosmos-batch-atomic": "True"}
    body = [{"operationType": "Create", "resourceBody": document("a")}]
    path = f"dbs/tests/colls/{telemetry.id}/docs"

    assert raw.send("POST", path, body, headers=headers).status_code == 400
    assert raw.send("POST", path, body, key=["d"], headers=headers).status_code == 400
    assert names(telemetry) == []


@pytest.mark.parametrize(("goes_on", "last"), [("True", 201), ("False", 424)])
def test_bulk_request_does_each_operation_for_itself(
    telemetry: ContainerProxy, raw: RawClient, goes_on: str, last: int
) -> None:
    telemetry.create_item(document("there"))
    headers = {
        "x-ms-cosmos-is-batch-request": "True",
        "x-ms-cosmos-batch-atomic": "False",
        "x-ms-cosmos-batch-continue-on-error": goes_on,
        "x-ms-documentdb-partitionkeyrangeid": "0",
    }
    body = [
        {
            "operationType": "Create",
            "partitionKey": json.dumps(["d", day]),
            "resourceBody": {**document(name), "day": day},
        }
        for name, day in (("new", "1"), ("there", "1"), ("there", "2"))
    ]

    answer = raw.send("POST", f"dbs/tests/colls/{telemetry.id}/docs", body, headers=headers)

    assert answer.status_code == 207
    assert [entry["statusCode"] for entry in answer.json()] == [201, 409, last]
    assert len(names(telemetry)) == (3 if last == 201 else 2)


async def test_aio_batches_run_at_once(aio_client: AsyncCosmosClient, telemetry: ContainerProxy) -> None:
    container = aio_client.get_database_client("tests").get_container_client(telemetry.id)

    async def store(first: int) -> set[int]:
        operations = [("create", (document(str(number)),)) for number in range(first, first + 50)]
        return {result["statusCode"] for result in await container.execute_item_batch(operations, KEY)}

    assert await asyncio.gather(*(store(first) for first in range(0, 400, 50))) == [{201}] * 8
    with pytest.raises(CosmosBatchOperationError):
        await container.execute_item_batch([("create", (document("1"),))], KEY)

    assert len(names(telemetry)) == 400
