"""From the front door into the hub: in order, whole, and once more when the hub was away."""

import asyncio
import base64
import json
import ssl

import httpx
import pytest

from local.amqp.errors import INTERNAL_ERROR
from tests.contract.iot_hub.conftest import API, IotHub, device_token
from tests.contract.iot_hub.events import events_of, from_device

BATCH = "application/vnd.microsoft.iothub.json"


def client(hub: IotHub) -> httpx.AsyncClient:
    context = ssl.create_default_context(cafile=str(hub.trust.authority))
    return httpx.AsyncClient(base_url=hub.url, params=API, verify=context, timeout=60)


async def test_more_than_a_batch_holds_arrives_whole(iot_hub: IotHub) -> None:
    key = iot_hub.register("heavy")
    headers = {"Authorization": device_token("heavy", key)}
    bodies = {bytes((letter,)) * 250_000 for letter in b"abcdefgh"}
    async with client(iot_hub) as devices:
        answers = await asyncio.gather(
            *(devices.post("/devices/heavy/messages/events", headers=headers, content=body) for body in bodies)
        )

    assert {answer.status_code for answer in answers} == {204}
    events = await events_of(iot_hub, from_device("heavy"), len(bodies))
    assert {b"".join(event.body) for event in events} == bodies


async def test_a_batch_keeps_its_order(iot_hub: IotHub) -> None:
    key = iot_hub.register("orderly")
    headers = {"Authorization": device_token("orderly", key), "content-type": BATCH}
    batch = [{"body": base64.b64encode(b"%d" % number).decode()} for number in range(100)]
    async with client(iot_hub) as devices:
        for _ in range(3):
            answer = await devices.post("/devices/orderly/messages/events", headers=headers, content=json.dumps(batch))
            answer.raise_for_status()

    events = await events_of(iot_hub, from_device("orderly"), 300)
    assert [int(event.body_as_str()) for event in events] == [*range(100)] * 3


async def test_an_empty_batch_is_accepted(iot_hub: IotHub) -> None:
    key = iot_hub.register("silent")
    headers = {"Authorization": device_token("silent", key), "content-type": BATCH}
    async with client(iot_hub) as devices:
        answer = await devices.post("/devices/silent/messages/events", headers=headers, content=b"[]")

    assert answer.status_code == 204


@pytest.mark.parametrize("action", ["reset", "detach"])
async def test_a_hub_that_refuses_once_is_asked_again(iot_hub: IotHub, action: str) -> None:
    device = f"persistent-{action}"
    key = iot_hub.register(device)
    headers = {"Authorization": device_token(device, key)}
    faults = f"{iot_hub.event_hubs.admin}/_local/faults"
    rule = {"match": "send:telemetry", "action": action, "condition": INTERNAL_ERROR, "count": 1}
    async with client(iot_hub) as devices, httpx.AsyncClient() as admin:
        (await admin.put(faults, json={"rules": [rule]})).raise_for_status()
        answer = await devices.post(f"/devices/{device}/messages/events", headers=headers, content=b"kept")
        left = (await admin.get(faults)).json()["rules"][0]["count"]
        await admin.delete(faults)

    assert (answer.status_code, left) == (204, 0)
    (event,) = await events_of(iot_hub, from_device(device), 1)
    assert event.body_as_str() == "kept"


async def test_a_hub_that_goes_on_refusing_is_not_acknowledged_for(iot_hub: IotHub) -> None:
    key = iot_hub.register("refused")
    headers = {"Authorization": device_token("refused", key)}
    faults = f"{iot_hub.event_hubs.admin}/_local/faults"
    async with client(iot_hub) as devices, httpx.AsyncClient() as admin:
        rule = {"match": "send:telemetry", "action": "detach", "condition": INTERNAL_ERROR}
        (await admin.put(faults, json={"rules": [rule]})).raise_for_status()
        try:
            refused = await devices.post("/devices/refused/messages/events", headers=headers, content=b"x")
        finally:
            await admin.delete(faults)
        accepted = await devices.post("/devices/refused/messages/events", headers=headers, content=b"x")

    assert (refused.status_code, accepted.status_code) == (503, 204)
    assert refused.headers["iothub-errorcode"] == "ServiceUnavailable"


async def test_what_a_device_calls_its_content_may_be_any_text(iot_hub: IotHub) -> None:
    key = iot_hub.register("polyglot")
    batch = [{"body": "e30=", "properties": {"iothub-content-type": "text/größe", "iothub-messageid": "ü", "n": ""}}]
    headers = {"Authorization": device_token("polyglot", key), "content-type": BATCH}
    async with client(iot_hub) as devices:
        answer = await devices.post("/devices/polyglot/messages/events", headers=headers, json=batch)
        answer.raise_for_status()

    (event,) = await events_of(iot_hub, from_device("polyglot"), 1)
    assert (event.content_type, event.message_id) == ("text/größe", "ü")
    assert event.properties[b"n"] == b""


async def test_text_that_is_no_unicode_is_refused(iot_hub: IotHub) -> None:
    key = iot_hub.register("surrogate")
    headers = {"Authorization": device_token("surrogate", key), "content-type": BATCH}
    async with client(iot_hub) as devices:
        answer = await devices.post(
            "/devices/surrogate/messages/events",
            headers=headers,
            content=b'[{"body": "e30=", "properties": {"iothub-messageid": "\\ud800"}}]',
        )

    assert answer.status_code == 400
