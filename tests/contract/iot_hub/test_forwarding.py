"""From the front door into the hub: in order, whole, and once more when the hub was away."""

import asyncio
import base64
import json
import ssl
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from uuid import uuid4

import httpx
import pytest
from azure.eventhub import EventData

from local.amqp.errors import INTERNAL_ERROR
from tests.contract.iot_hub.conftest import API, IotHub, device_token
from tests.contract.iot_hub.events import events_of, from_device

BATCH = "application/vnd.microsoft.iothub.json"


@dataclass(frozen=True)
class Device:
    """A registered device that no earlier test was."""

    hub: IotHub
    id: str
    key: str

    async def post(self, content: bytes, **headers: str) -> httpx.Response:
        context = ssl.create_default_context(cafile=str(self.hub.trust.authority))
        given = {"Authorization": device_token(self.id, self.key), **headers}
        async with httpx.AsyncClient(base_url=self.hub.url, params=API, verify=context, timeout=60) as client:
            return await client.post(f"/devices/{self.id}/messages/events", headers=given, content=content)

    async def post_batch(self, *messages: Mapping[str, object]) -> httpx.Response:
        return await self.post(json.dumps(messages).encode(), **{"content-type": BATCH})

    async def events(self, count: int) -> list[EventData]:
        return await events_of(self.hub, from_device(self.id), count)


@pytest.fixture
def device(iot_hub: IotHub) -> Device:
    name = f"device-{uuid4().hex}"
    return Device(iot_hub, name, iot_hub.register(name))


@contextmanager
def hub_that(hub: IotHub, **rule: object) -> Iterator[Callable[[], int]]:
    """Sends to the hub fail by this rule; gives how many more would."""
    url = f"{hub.event_hubs.admin}/_local/faults"
    httpx.put(url, json={"rules": [{"match": "send:telemetry", **rule}]}).raise_for_status()
    try:
        yield lambda: int(httpx.get(url).json()["rules"][0]["count"])
    finally:
        httpx.delete(url)


async def test_more_than_a_batch_holds_arrives_whole(device: Device) -> None:
    bodies = {bytes((letter,)) * 250_000 for letter in b"abcdefgh"}
    answers = await asyncio.gather(*(device.post(body) for body in bodies))

    assert {answer.status_code for answer in answers} == {204}
    assert {event.body_as_str().encode() for event in await device.events(len(bodies))} == bodies


async def test_a_batch_keeps_its_order(device: Device) -> None:
    batch = [{"body": base64.b64encode(b"%d" % number).decode()} for number in range(100)]
    for _ in range(3):
        assert (await device.post_batch(*batch)).status_code == 204

    assert [int(event.body_as_str()) for event in await device.events(300)] == [*range(100)] * 3


async def test_an_empty_batch_is_accepted(device: Device) -> None:
    assert (await device.post_batch()).status_code == 204


@pytest.mark.parametrize("action", ["reset", "detach"])
async def test_a_hub_that_fails_once_is_asked_again(device: Device, action: str) -> None:
    with hub_that(device.hub, action=action, condition=INTERNAL_ERROR, count=1) as left:
        answer = await device.post(b"kept")
        assert (answer.status_code, left()) == (204, 0)

    (event,) = await device.events(1)
    assert event.body_as_str() == "kept"


async def test_a_hub_that_goes_on_failing_is_not_acknowledged_for(device: Device) -> None:
    with hub_that(device.hub, action="detach", condition=INTERNAL_ERROR):
        refused = await device.post(b"x")
    accepted = await device.post(b"x")

    assert (refused.status_code, accepted.status_code) == (503, 204)
    assert refused.headers["iothub-errorcode"] == "ServiceUnavailable"


async def test_what_a_device_calls_its_content_may_be_any_text(device: Device) -> None:
    properties = {"iothub-content-type": "text/größe", "iothub-messageid": "ü", "iothub-app-n": ""}
    assert (await device.post_batch({"body": "e30=", "properties": properties})).status_code == 204

    (event,) = await device.events(1)
    assert (event.content_type, event.message_id) == ("text/größe", "ü")
    assert event.properties[b"n"] == b""


async def test_text_that_is_no_unicode_is_refused(device: Device) -> None:
    answer = await device.post_batch({"body": "e30=", "properties": {"iothub-messageid": "\ud800"}})

    assert answer.status_code == 400
