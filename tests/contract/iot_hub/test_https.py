"""Devices over HTTPS: what is acknowledged is in the telemetry hub, annotated as IoT Hub does."""

import base64
import json
import time

import pytest

from tests.contract.iot_hub.conftest import IotHub, device_token, service_headers
from tests.contract.iot_hub.events import events_of, from_device


async def test_a_message_arrives_with_iot_hubs_annotations(iot_hub: IotHub) -> None:
    key = iot_hub.register("annotated")
    headers = {
        "Authorization": device_token("annotated", key),
        "iothub-app-plant": "north",
        "iothub-messageid": "m-1",
        "iothub-correlationid": "c-1",
        "iothub-contenttype": "application/json",
        "iothub-contentencoding": "utf-8",
    }
    before = int(time.time() * 1000)
    with iot_hub.client() as client:
        answer = client.post("/devices/annotated/messages/events", headers=headers, content=b'{"temperature": 1}')
    assert (answer.status_code, answer.content) == (204, b"")

    (event,) = await events_of(iot_hub, from_device("annotated"), 1)
    system = event.system_properties
    assert event.body_as_str() == '{"temperature": 1}'
    assert event.partition_key == b"annotated"
    assert (event.message_id, event.correlation_id) == ("m-1", "c-1")
    assert event.content_type == "application/json"
    assert system[b"content-encoding"] == b"utf-8"
    assert event.properties == {b"plant": b"north", b"region": b"west", b"asset": b"$twin.tags.asset"}
    assert system[b"iothub-connection-device-id"] == b"annotated"
    assert system[b"iothub-message-source"] == b"Telemetry"
    assert json.loads(system[b"iothub-connection-auth-method"])["type"] == "sas"
    assert before <= system[b"iothub-enqueuedtime"] <= before + 60_000
    assert system[b"iothub-connection-auth-generation-id"].isdigit()


async def test_a_twin_tag_enriches_and_a_missing_one_leaves_its_path(iot_hub: IotHub) -> None:
    key = iot_hub.register("tagged")
    iot_hub.tag("tagged", {"asset": "site01/channel22/freezer01", "floor": {"number": 3}})
    headers = {"Authorization": device_token("tagged", key)}
    with iot_hub.client() as client:
        client.post("/devices/tagged/messages/events", headers=headers, content=b"1").raise_for_status()
        client.patch("/twins/tagged", headers=service_headers(), json={"tags": {"asset": None}}).raise_for_status()
        client.post("/devices/tagged/messages/events", headers=headers, content=b"2").raise_for_status()

    events = await events_of(iot_hub, from_device("tagged"), 2)
    assert [event.properties[b"asset"] for event in events] == [b"site01/channel22/freezer01", b"$twin.tags.asset"]


async def test_a_batch_is_several_messages(iot_hub: IotHub) -> None:
    key = iot_hub.register("batcher")
    batch = [
        {"body": base64.b64encode(b"one").decode(), "properties": {"iothub-app-n": "1"}},
        {"body": "two", "base64Encoded": False},
    ]
    headers = {"Authorization": device_token("batcher", key), "content-type": "application/vnd.microsoft.iothub.json"}
    with iot_hub.client() as client:
        client.post("/devices/batcher/messages/events", headers=headers, json=batch).raise_for_status()

    events = await events_of(iot_hub, from_device("batcher"), 2)
    assert [event.body_as_str() for event in events] == ["one", "two"]
    assert events[0].properties[b"n"] == b"1"


@pytest.mark.parametrize("wrong", ["key", "expired", "other device", "no token", "garbage"])
def test_a_wrong_token_is_unauthorized(iot_hub: IotHub, wrong: str) -> None:
    key = iot_hub.register("guarded")
    other = iot_hub.register("intruder")
    token = {
        "key": device_token("guarded", other),
        "expired": device_token("guarded", key, lifetime=-5),
        "other device": device_token("intruder", other),
        "no token": "",
        "garbage": "SharedAccessSignature sr=x",
    }[wrong]
    with iot_hub.client() as client:
        answer = client.post("/devices/guarded/messages/events", headers={"Authorization": token}, content=b"x")

    assert answer.status_code == 401
    assert answer.headers["iothub-errorcode"] == "IotHubUnauthorizedAccess"


def test_unknown_and_disabled_devices_are_unauthorized(iot_hub: IotHub) -> None:
    key = iot_hub.register("sleeper", status="disabled")
    with iot_hub.client() as client:
        for device in ("sleeper", "nobody"):
            headers = {"Authorization": device_token(device, key)}
            answer = client.post(f"/devices/{device}/messages/events", headers=headers, content=b"x")
            assert answer.status_code == 401


@pytest.mark.parametrize(("size", "status"), [(256 * 1024, 204), (256 * 1024 + 1, 413), (3 << 20, 413)])
def test_messages_beyond_256_kb_are_refused(iot_hub: IotHub, size: int, status: int) -> None:
    key = iot_hub.register("bulky")
    headers = {"Authorization": device_token("bulky", key)}
    with iot_hub.client() as client:
        answer = client.post("/devices/bulky/messages/events", headers=headers, content=b"x" * size)

    assert answer.status_code == status


def test_a_hub_that_is_away_is_not_acknowledged_for(iot_hub: IotHub) -> None:
    key = iot_hub.register("patient")
    headers = {"Authorization": device_token("patient", key)}
    with iot_hub.client() as client:
        rule = {"match": "http.send:patient", "action": "status", "status": 503, "count": 1}
        client.put("/_local/faults", json={"rules": [rule]}).raise_for_status()
        statuses = [
            client.post("/devices/patient/messages/events", headers=headers, content=b"x").status_code for _ in range(2)
        ]
        client.delete("/_local/faults")

    assert statuses == [503, 204]


def test_the_registry_creates_lists_changes_and_deletes(iot_hub: IotHub) -> None:
    headers = service_headers()
    with iot_hub.client() as client:
        made = client.put("/devices/kept", headers=headers, json={"deviceId": "kept"}).json()
        assert (made["deviceId"], made["status"]) == ("kept", "enabled")
        assert client.put("/devices/kept", headers=headers, json={}).status_code == 409
        changed = client.put(
            "/devices/kept",
            headers={**headers, "If-Match": "*"},
            json={"status": "disabled", "authentication": made["authentication"]},
        ).json()
        assert (changed["status"], changed["authentication"]) == ("disabled", made["authentication"])
        listed = client.get("/devices", headers=headers, params={"top": 1000}).json()
        assert "kept" in [device["deviceId"] for device in listed]
        assert client.delete("/devices/kept", headers=headers).status_code == 204
        assert client.get("/devices/kept", headers=headers).status_code == 404


@pytest.mark.parametrize(
    ("method", "path", "body", "status"),
    [
        ("PUT", "/devices/a%20b", {}, 400),
        ("PUT", "/devices/fine", {"status": "asleep"}, 400),
        ("PUT", "/devices/fine", {"authentication": {"symmetricKey": {"primaryKey": "short"}}}, 400),
        ("GET", "/devices/nobody", None, 404),
        ("GET", "/jobs/v2", None, 501),
    ],
)
def test_requests_that_make_no_sense_get_a_clear_refusal(
    iot_hub: IotHub, method: str, path: str, body: object, status: int
) -> None:
    with iot_hub.client() as client:
        answer = client.request(method, path, headers=service_headers(), json=body)

    assert answer.status_code == status
    assert answer.json()["Message"].startswith("ErrorCode:")


def test_the_registry_is_closed_to_devices(iot_hub: IotHub) -> None:
    key = iot_hub.register("nosy")
    with iot_hub.client() as client:
        answer = client.get("/devices", headers={"Authorization": device_token("nosy", key)})

    assert answer.status_code == 401
