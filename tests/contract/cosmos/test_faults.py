"""Injected faults, as the real SDK meets them."""

from collections.abc import Iterator
from typing import Any

import httpx
import pytest
from azure.core.exceptions import ServiceResponseError
from azure.cosmos import ContainerProxy, CosmosClient
from azure.cosmos.exceptions import CosmosBatchOperationError, CosmosHttpResponseError

from local.cosmos.authorization import EMULATOR_KEY
from local.launch import ServerProcess
from tests.contract.cosmos.raw import RawClient

KEY = ["d", "1"]
DOCUMENT = {"id": "a", "deviceId": "d", "day": "1"}


class FaultSwitch:
    def __init__(self, url: str) -> None:
        self._url = f"{url}/_local/faults"

    def set(self, **rule: Any) -> None:
        httpx.put(self._url, json={"rules": [rule]}).raise_for_status()

    def clear(self) -> None:
        httpx.delete(self._url).raise_for_status()

    def hits_left(self) -> int:
        return int(httpx.get(self._url).json()["rules"][0]["count"])


@pytest.fixture
def faults(cosmos: ServerProcess) -> Iterator[FaultSwitch]:
    switch = FaultSwitch(cosmos.url)
    yield switch
    switch.clear()


OPERATIONS: dict[str, tuple[str, str, Any, dict[str, str]]] = {
    "item.create": ("POST", "/docs", DOCUMENT, {}),
    "item.upsert": ("POST", "/docs", DOCUMENT, {"x-ms-documentdb-is-upsert": "True"}),
    "item.read": ("GET", "/docs/a", None, {}),
    "item.replace": ("PUT", "/docs/a", DOCUMENT, {}),
    "item.patch": ("PATCH", "/docs/a", {"operations": []}, {}),
    "item.delete": ("DELETE", "/docs/a", None, {}),
    "item.list": ("GET", "/docs", None, {}),
    "changefeed.read": ("GET", "/docs", None, {"a-im": "Incremental feed"}),
    "batch": ("POST", "/docs", [], {"x-ms-cosmos-is-batch-request": "True"}),
    "query": ("POST", "/docs", {"query": "SELECT 1"}, {"x-ms-documentdb-isquery": "true"}),
    "query.plan": ("POST", "/docs", {"query": "SELECT 1"}, {"x-ms-cosmos-is-query-plan-request": "true"}),
    "partitions.list": ("GET", "/pkranges", None, {}),
    "container.read": ("GET", "", None, {}),
    "container.replace": ("PUT", "", {}, {}),
}


@pytest.mark.parametrize("operation", OPERATIONS)
def test_rule_strikes_the_operation_it_names_before_anything_is_done(
    telemetry: ContainerProxy, raw: RawClient, faults: FaultSwitch, operation: str
) -> None:
    verb, path, body, headers = OPERATIONS[operation]
    faults.set(match=operation, action="status", status=503, count=1)

    answer = raw.send(verb, f"dbs/tests/colls/{telemetry.id}{path}", body, key=KEY, headers=headers)

    assert answer.status_code == 503
    assert answer.json()["code"] == "ServiceUnavailable"
    assert "Service is currently unavailable" in answer.json()["message"]
    assert faults.hits_left() == 0
    assert list(telemetry.read_all_items()) == []


@pytest.mark.parametrize(
    ("status", "code", "substatus"),
    [(429, "TooManyRequests", "3200"), (449, "RetryWith", "5350"), (408, "RequestTimeout", None), (410, "Gone", None)],
)
def test_fault_looks_like_the_services_own(
    telemetry: ContainerProxy, raw: RawClient, faults: FaultSwitch, status: int, code: str, substatus: str | None
) -> None:
    faults.set(match="item.*", action="status", status=status, retryAfterMs=70, count=1)

    answer = raw.send("GET", f"dbs/tests/colls/{telemetry.id}/docs/a", key=KEY)

    assert (answer.status_code, answer.json()["code"]) == (status, code)
    assert answer.headers["x-ms-retry-after-ms"] == "70"
    assert answer.headers.get("x-ms-substatus") == substatus


def test_sdk_rides_out_throttling(telemetry: ContainerProxy, faults: FaultSwitch) -> None:
    faults.set(match="batch", action="status", status=429, retryAfterMs=10, count=3)

    results = telemetry.execute_item_batch([("create", (DOCUMENT,))], KEY)

    assert results[0]["statusCode"] == 201
    assert faults.hits_left() == 0


def test_conflicting_batch_is_told_to_the_caller(telemetry: ContainerProxy, faults: FaultSwitch) -> None:
    faults.set(match="batch", action="status", status=449, count=20)

    with pytest.raises(CosmosHttpResponseError) as refused:
        telemetry.execute_item_batch([("create", (DOCUMENT,))], KEY)

    assert refused.value.status_code == 449
    assert not isinstance(refused.value, CosmosBatchOperationError)


def test_reset_connection_may_have_written_or_not_but_the_server_lives(
    cosmos: ServerProcess, telemetry: ContainerProxy, faults: FaultSwitch
) -> None:
    client = CosmosClient(cosmos.url, EMULATOR_KEY, retry_total=0, retry_connect=0, retry_read=0)
    container = client.get_database_client("tests").get_container_client(telemetry.id)
    container.read()
    faults.set(match="item.create", action="reset")

    with pytest.raises(ServiceResponseError):
        container.create_item(DOCUMENT)
    faults.clear()

    assert list(telemetry.read_all_items()) == []


def test_delayed_answer_times_out_at_the_client_and_then_comes(
    telemetry: ContainerProxy, raw: RawClient, faults: FaultSwitch
) -> None:
    telemetry.create_item(DOCUMENT)
    faults.set(match="item.read", action="delay", delayMs=300, count=2)
    path = f"dbs/tests/colls/{telemetry.id}/docs/a"

    with pytest.raises(httpx.ReadTimeout):
        raw.send("GET", path, key=KEY, timeout=0.05)

    assert raw.send("GET", path, key=KEY).status_code == 200


def test_health_is_told(cosmos: ServerProcess) -> None:
    health = httpx.get(f"{cosmos.url}/_local/health").json()

    assert health["status"] == "ok"
    assert health["containers"] >= 0
