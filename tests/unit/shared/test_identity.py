"""Whose reading it is, and which id it has: nothing may lose a reading, and nothing may make two of one."""

from collections.abc import Mapping
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.telemetry.decoding import decode
from shared.telemetry.events import HubEvent, Reason
from tests.unit.shared.hub_events import ENQUEUED, decoded_one, hub_event, rejected_one, tag_map

IOT_HUB = {"iothub-connection-device-id": "gateway1", "iothub-enqueuedtime": "2026-11-22T09:59:59.9Z"}
UNTIMED = b'{"temperature":21.5}'


@pytest.mark.parametrize(
    ("system", "key", "body", "device", "asset"),
    [
        (IOT_HUB, "gateway1", tag_map(), "gateway1", "gateway1"),
        (IOT_HUB | {"iothub-connection-module-id": "opc"}, "gateway1", tag_map(), "gateway1/opc", "gateway1/opc"),
        ({}, "site01/freezer01", tag_map(), "site01/freezer01", "site01/freezer01"),
        ({}, None, b'{"deviceId":"d9","t":1}', "d9", "d9"),
        ({}, "", b'{"deviceId":"d9","t":1}', "d9", "d9"),
        ({}, "key", b'{"deviceId":"d9","t":1}', "key", "key"),
        (
            IOT_HUB,
            "gateway1",
            b'{"specversion":"1.0","id":"1","source":"s","subject":"a/b","data":{"t":1}}',
            "gateway1",
            "a/b",
        ),
        ({}, "key", b'{"specversion":"1.0","id":"1","source":"s","subject":"a/b","data":{"t":1}}', "key", "a/b"),
        ({}, None, b'{"specversion":"1.0","id":"1","source":"s","data":{"t":1,"deviceId":"d9"}}', "d9", "d9"),
    ],
)
def test_device_and_asset_follow_their_order(
    system: Mapping[str, Any], key: str | None, body: bytes, device: str, asset: str
) -> None:
    telemetry = decoded_one(body, system=system, partition_key=key)

    assert (telemetry.device, telemetry.asset) == (device, asset)


@pytest.mark.parametrize(
    ("value", "asset"), [("site/x", "site/x"), ("$twin.tags.asset", "gateway1"), ("", "gateway1"), (7, "7")]
)
def test_asset_property_goes_first_unless_the_twin_had_no_such_tag(value: Any, asset: str) -> None:
    assert decoded_one(tag_map(), system=IOT_HUB, properties={"asset": value}).asset == asset


def test_literal_enrichment_leaves_the_cloud_event_its_subject() -> None:
    body = b'{"specversion":"1.0","id":"1","source":"s","subject":"a/b","data":{"t":1}}'

    assert decoded_one(body, properties={"asset": "$twin.tags.asset"}).asset == "a/b"


@pytest.mark.parametrize("key", [None, ""])
def test_telemetry_of_no_device_is_rejected(key: str | None) -> None:
    assert rejected_one(tag_map(), partition_key=key).reason == Reason.NO_DEVICE


@pytest.mark.parametrize("properties", [{"asset": "a" * 129}, {"asset": "a\ud800"}])
def test_asset_that_can_be_no_partition_key_is_rejected(properties: Mapping[str, Any]) -> None:
    rejection = rejected_one(tag_map(), properties=properties)

    assert rejection.reason == Reason.SOURCE
    assert (rejection.device, rejection.asset) == (None, None)


def test_timed_reading_keeps_its_id_however_often_and_wherever_it_arrives() -> None:
    first = decoded_one(tag_map(), system=IOT_HUB)
    again = decoded_one(
        tag_map(),
        system=IOT_HUB | {"iothub-enqueuedtime": "2026-11-22T10:00:01Z", "message-id": "other"},
        sequence_number=99,
        partition="0",
        enqueued_time=ENQUEUED + timedelta(days=1),
    )

    assert first.event_id == again.event_id
    assert len(first.event_id) == 32


@pytest.mark.parametrize(
    "other",
    [
        {"body": tag_map("1.0")},
        {"body": tag_map("1 ")},
        {"system": IOT_HUB | {"iothub-connection-device-id": "gateway2"}},
        {"properties": {"asset": "another"}},
    ],
)
def test_another_text_device_or_asset_is_another_reading(other: dict[str, Any]) -> None:
    given: dict[str, Any] = {"body": tag_map(), "system": IOT_HUB, "properties": {"asset": "one"}}

    assert decoded_one(**given).event_id != decoded_one(**(given | other)).event_id


def test_timed_reading_has_one_id_alone_and_in_an_array() -> None:
    decoded = decode([hub_event(b"[" + tag_map("0") + b", " + tag_map() + b"]")])

    assert decoded.telemetry[1].event_id == decoded_one(tag_map()).event_id


@pytest.mark.parametrize(
    "other",
    [
        {"sequence_number": 8},
        {"partition": "3"},
        {"enqueued_time": ENQUEUED + timedelta(milliseconds=1)},
        {"system": {"message-id": "1"}},
    ],
)
def test_equal_untimed_readings_of_two_events_are_two(other: Mapping[str, Any]) -> None:
    assert decoded_one(UNTIMED).event_id != decoded_one(UNTIMED, **other).event_id


def test_equal_untimed_readings_in_one_array_are_two() -> None:
    decoded = decode([hub_event(b"[" + UNTIMED + b"," + UNTIMED + b"]")])

    assert len({each.event_id for each in decoded.telemetry}) == 2


def test_reused_message_id_loses_no_untimed_reading() -> None:
    system = IOT_HUB | {"message-id": "1"}
    rebooted = system | {"iothub-enqueuedtime": "2026-11-22T11:00:00Z"}

    assert decoded_one(UNTIMED, system=system).event_id != decoded_one(UNTIMED, system=rebooted).event_id


def test_message_that_iot_hub_delivers_again_is_the_same_reading() -> None:
    first = decoded_one(UNTIMED, system=IOT_HUB)
    again = decoded_one(
        UNTIMED,
        system=IOT_HUB | {"iothub-enqueuedtime": "2026-11-22T09:59:59.9000000+00:00"},
        sequence_number=12,
        partition="0",
        enqueued_time=ENQUEUED + timedelta(hours=1),
    )

    assert first.event_id == again.event_id
    assert (first.text, first.day) == (again.text, again.day)


def test_cloud_events_id_tells_untimed_readings_apart() -> None:
    one, two = (
        decoded_one(b'{"specversion":"1.0","id":"%d","source":"s","data":{"t":1}}' % number, system=IOT_HUB)
        for number in (1, 2)
    )

    assert one.event_id != two.event_id


def test_gateways_equal_readings_of_several_assets_are_several() -> None:
    ids = {decoded_one(tag_map(), system=IOT_HUB, properties={"asset": f"freezer{n}"}).event_id for n in range(4)}

    assert len(ids) == 4


def test_id_stays_as_it_was_when_the_product_was_released() -> None:
    """A change of these would store a replayed letter a second time."""
    assert decoded_one(tag_map(), system=IOT_HUB).event_id == "aba2e5270197cc20c1bcd6b2ff87f4df"
    assert decoded_one(UNTIMED, system=IOT_HUB).event_id == "f858f8a587ab10f398cfba4205fa5cf7"
    assert decoded_one(UNTIMED).event_id == "5aea335d47e9c6224d2b5e2c5b981317"


parts = st.text(max_size=3)


@given(st.tuples(parts, parts, parts, parts), st.tuples(parts, parts, parts, parts))
def test_no_two_lists_of_parts_give_one_id(one: tuple[str, ...], two: tuple[str, ...]) -> None:
    ids = {names: _untimed(*names) for names in (one, two)}

    assert len(set(ids.values())) == len({(a or "dev", b or a or "dev", c, d) for a, b, c, d in ids})


def _untimed(key: str, asset: str, message_id: str, hub: str) -> str:
    event = HubEvent(b"", hub, "0", 1, ENQUEUED, key or "dev", {"asset": asset}, {"message-id": message_id})
    return decode([event._replace(body=UNTIMED)]).telemetry[0].event_id
