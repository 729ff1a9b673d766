"""Request charges, and holding a container to its throughput."""

import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from azure.cosmos import ContainerProxy, CosmosClient, PartitionKey
from azure.cosmos.exceptions import CosmosBatchOperationError, CosmosHttpResponseError

from local.cosmos.authorization import EMULATOR_KEY
from local.launch import ServerProcess
from tests.contract.cosmos.conftest import MakeContainer
from tests.contract.cosmos.raw import RawClient

NONE: dict[str, Any] = {"indexingMode": "none"}
SELECTED: dict[str, Any] = {
    "includedPaths": [{"path": f"/p{number}/?"} for number in range(4)],
    "excludedPaths": [{"path": "/*"}],
}
ALL: dict[str, Any] = {"includedPaths": [{"path": "/*"}], "excludedPaths": []}


def kilobyte(name: str = "a", size: int = 1024) -> dict[str, Any]:
    """A document of `size` bytes with 26 values."""
    properties: dict[str, Any] = {"id": name, "device": "d", **{f"p{number}": number for number in range(23)}}
    return {**properties, "text": "x" * (size - 250)}


def charge(container: ContainerProxy) -> float:
    return float(container.client_connection.last_response_headers["x-ms-request-charge"])


@pytest.mark.parametrize(("policy", "expected"), [(NONE, 6), (SELECTED, 8), (ALL, 19)])
def test_create_of_a_kilobyte_costs_as_in_the_service(
    make_container: MakeContainer, policy: dict[str, Any], expected: float
) -> None:
    container = make_container(indexing_policy=policy)

    container.create_item(kilobyte())

    assert charge(container) == pytest.approx(expected, abs=0.6)


def test_reads_cost_by_size(make_container: MakeContainer) -> None:
    container = make_container(indexing_policy=NONE)
    container.create_item(kilobyte("small"))
    container.create_item(kilobyte("large", 100 * 1024))
    assert charge(container) == pytest.approx(50, abs=2)

    container.read_item("small", "d")
    assert charge(container) == pytest.approx(1, abs=0.05)
    container.read_item("large", "d")
    assert charge(container) == pytest.approx(10, abs=0.2)


def test_every_operation_is_charged(container: ContainerProxy) -> None:
    charges = []
    for operation in (
        lambda: container.create_item(kilobyte()),
        lambda: container.upsert_item(kilobyte()),
        lambda: container.replace_item("a", kilobyte()),
        lambda: container.patch_item("a", "d", [{"op": "set", "path": "/p1", "value": 0}]),
        lambda: list(container.query_items("SELECT * FROM c", partition_key="d")),
        lambda: list(container.query_items_change_feed(start_time="Beginning")),
        lambda: list(container.read_all_items()),
        lambda: container.execute_item_batch([("read", ("a",))], "d"),
        lambda: container.delete_item("a", "d"),
    ):
        operation()
        charges.append(charge(container))

    assert min(charges) >= 1
    assert charges[1] > charges[0]


def test_queries_cost_by_what_they_look_at(container: ContainerProxy) -> None:
    for first in (0, 100):
        operations = [("create", (kilobyte(str(number)),)) for number in range(first, first + 100)]
        container.execute_item_batch(operations, "d")

    list(container.query_items("SELECT * FROM c WHERE c.p1 = 77 AND c.text = 'y'", partition_key="d"))
    none_found = charge(container)
    list(container.query_items("SELECT * FROM c", partition_key="d"))

    assert charge(container) > none_found > 2.3


def test_batch_costs_the_sum_of_its_operations(telemetry: ContainerProxy) -> None:
    documents = [{"id": str(number), "deviceId": "d", "day": "1", "value": number} for number in range(10)]

    results = telemetry.execute_item_batch([("create", (item,)) for item in documents], ["d", "1"])

    assert charge(telemetry) == pytest.approx(sum(result["requestCharge"] for result in results), abs=0.1)


@pytest.fixture
def limited(tmp_path: Path) -> Iterator[ServerProcess]:
    with ServerProcess("cosmos", ["--data", str(tmp_path), "--enforce-throughput"]).start() as server:
        yield server


def test_container_is_held_to_its_throughput_until_it_is_raised(limited: ServerProcess) -> None:
    client = CosmosClient(limited.url, EMULATOR_KEY, retry_total=0)
    container = client.create_database("d").create_container("c", PartitionKey("/device"), offer_throughput=400)
    with RawClient(limited.url) as raw:
        path = "dbs/d/colls/c/docs"
        started = time.monotonic()
        answers = [raw.send("POST", path, kilobyte("0", 100_000), key=["d"])]
        while answers[-1].status_code == 201:
            answers.append(raw.send("POST", path, kilobyte(str(len(answers)), 100_000), key=["d"]))
        refused = answers[-1]
        spent = sum(float(answer.headers["x-ms-request-charge"]) for answer in answers[:-1])
        last = float(answers[-2].headers["x-ms-request-charge"])

        assert 400 <= spent <= 400 * (1 + time.monotonic() - started) + last
        assert refused.headers["x-ms-substatus"] == "3200"
        assert 0 < int(refused.headers["x-ms-retry-after-ms"]) < 2000
        assert refused.json()["code"] == "TooManyRequests"
        stored = sum(answer.status_code == 201 for answer in answers)

        container.replace_throughput(100_000)
        count = raw.send(
            "POST",
            path,
            {"query": "SELECT VALUE COUNT(1) FROM c"},
            key=["d"],
            headers={"x-ms-documentdb-isquery": "true"},
        )
        assert count.json()["Documents"] == [stored]
        answers = [raw.send("POST", path, kilobyte(f"b{number}"), key=["d"]) for number in range(60)]
        assert {answer.status_code for answer in answers} == {201}


def test_sdk_waits_and_tries_again_when_throttled(limited: ServerProcess) -> None:
    client = CosmosClient(limited.url, EMULATOR_KEY)
    container = client.create_database("d").create_container("c", PartitionKey("/device"), offer_throughput=1000)

    for number in range(120):
        container.create_item(kilobyte(str(number)))

    assert len(list(container.read_all_items())) == 120


def test_containers_of_one_database_offer_share_it(limited: ServerProcess) -> None:
    client = CosmosClient(limited.url, EMULATOR_KEY)
    database = client.create_database("d", offer_throughput=400)
    for name in ("one", "two"):
        database.create_container(name, PartitionKey("/device"))
    with RawClient(limited.url) as raw:
        statuses = [
            raw.send("POST", f"dbs/d/colls/{name}/docs", kilobyte(str(number)), key=["d"]).status_code
            for number in range(30)
            for name in ("one", "two")
        ]

    assert 20 <= statuses.index(429) <= 45


def test_without_the_switch_nothing_is_throttled(container: ContainerProxy) -> None:
    try:
        for first in range(0, 500, 100):
            operations = [("create", (kilobyte(str(number)),)) for number in range(first, first + 100)]
            container.execute_item_batch(operations, "d")
    except (CosmosBatchOperationError, CosmosHttpResponseError) as error:
        pytest.fail(f"throttled: {error}")
