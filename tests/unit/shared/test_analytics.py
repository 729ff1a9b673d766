"""Documents and analytics events: the tag map travels untouched, and both routes send the same bytes."""

import json
from typing import Any

import pytest
from azure.functions import Document
from hypothesis import given, settings
from hypothesis import strategies as st

from local.functions_host.newtonsoft import rewrite_json
from shared.telemetry.analytics import analytics_event
from shared.telemetry.documents import forwarded_event, telemetry_document
from shared.telemetry.events import Reason, Rejected
from tests.unit.shared.hub_events import decoded_one, tag_map
from tests.unit.shared.test_decoding import EXACT_VALUES, layouts, tag_maps

IOT_HUB = {"iothub-connection-device-id": "gateway1", "dt-dataschema": "dtmi:acme:Freezer;1"}
TRACEPARENT = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"


def through_the_change_feed(document: Any) -> Document:
    """A document as the trigger gives it: as JSON, with the strings that the host takes for dates rewritten."""
    return Document.from_json(rewrite_json(json.dumps(document, separators=(",", ":"))))


@pytest.mark.parametrize("value", EXACT_VALUES)
def test_analytics_event_holds_the_value_as_it_was_sent(value: str) -> None:
    telemetry = decoded_one(tag_map(value), system=IOT_HUB)

    event = forwarded_event(through_the_change_feed(telemetry_document(telemetry)))

    assert event.body.startswith(tag_map(value)[:-1] + b",")
    assert event.asset == "gateway1"


def test_analytics_event_tells_whose_it_is() -> None:
    telemetry = decoded_one(tag_map(), system=IOT_HUB, properties={"asset": "site/freezer"})

    members = json.loads(analytics_event(telemetry).body)

    assert members == {
        **json.loads(tag_map()),
        "_eventId": telemetry.event_id,
        "_deviceId": "gateway1",
        "_asset": "site/freezer",
        "_enqueuedTime": "2026-11-22T10:00:00.123Z",
        "_modelId": "dtmi:acme:Freezer;1",
    }


def test_wrong_clock_is_told_in_document_and_event() -> None:
    telemetry = decoded_one(tag_map(time="2099-01-01T00:00:00Z"))

    assert telemetry_document(telemetry)["clock"] == "ahead"
    assert telemetry_document(telemetry)["day"] == "2099-01-01"
    assert json.loads(analytics_event(telemetry).body)["_clock"] == "ahead"


@pytest.mark.parametrize("name", ["_eventId", "$twin", "x-opt-partition-key", "~x", "~_x", "\\u005feventId"])
def test_tag_whose_name_is_reserved_travels_with_a_tilde(name: str) -> None:
    telemetry = decoded_one(tag_map(tag=name))

    members = json.loads(analytics_event(telemetry).body)

    assert telemetry.text == tag_map(tag=name), "the document keeps the name as it was sent"
    assert members["~" + json.loads(f'"{name}"')]["Value"] == 1
    assert members["_eventId"] == telemetry.event_id


@settings(max_examples=200)
@given(tag_maps, layouts, st.sampled_from([{}, {"asset": "2026-11-22T10:00:00.000Z"}, {"asset": "a/é"}]))
def test_both_routes_send_the_same_bytes(tags: Any, layout: Any, properties: Any) -> None:
    telemetry = decoded_one(json.dumps(tags, **layout).encode(), properties=properties, system=IOT_HUB)

    by_change_feed = forwarded_event(through_the_change_feed(telemetry_document(telemetry)))

    assert by_change_feed == analytics_event(telemetry)
    unescaped = {
        name.removeprefix("~"): tag for name, tag in json.loads(by_change_feed.body).items() if name[:1] != "_"
    }
    assert unescaped == json.loads(telemetry.text)


def test_document_keeps_what_the_message_brought() -> None:
    system = IOT_HUB | {
        "message-id": 17,
        "content-type": "application/json",
        "iothub-enqueuedtime": "2026-11-22T09:59:00Z",
    }
    properties = {"asset": "a", "batch": 7, "traceparent": TRACEPARENT}

    document = telemetry_document(decoded_one(tag_map(), system=system, properties=properties))

    assert document["body"] == tag_map().decode()
    assert document["tags"] == json.loads(tag_map())
    assert (document["deviceId"], document["day"], document["asset"]) == ("gateway1", "2026-11-22", "a")
    assert document["modelId"] == "dtmi:acme:Freezer;1"
    assert (document["messageId"], document["contentType"]) == ("17", "application/json")
    assert document["iothubEnqueuedTime"] == "2026-11-22T09:59:00.000Z"
    assert document["properties"] == properties
    assert document["traceparent"] == TRACEPARENT
    assert (document["hub"], document["partition"], document["sequenceNumber"], document["element"]) == (
        "telemetry",
        "2",
        7,
        0,
    )


@pytest.mark.parametrize("name", ["traceparent", "Diagnostic-Id"])
def test_traceparent_is_forwarded(name: str) -> None:
    telemetry = decoded_one(tag_map(), properties={name: TRACEPARENT})

    assert analytics_event(telemetry).traceparent == TRACEPARENT
    assert forwarded_event(through_the_change_feed(telemetry_document(telemetry))).traceparent == TRACEPARENT


@pytest.mark.parametrize("value", ["", "00-xyz-01", 7, None, TRACEPARENT.upper()])
def test_what_is_no_traceparent_is_not(value: Any) -> None:
    assert "traceparent" not in telemetry_document(decoded_one(tag_map(), properties={"traceparent": value}))


@pytest.mark.parametrize(
    "document",
    [
        {},
        {"body": "{}", "envelope": 7},
        {"body": "text", "envelope": '{"_eventId":"1","_asset":"a"}'},
        {"body": "{}", "envelope": "{}"},
        {"body": "{}", "envelope": "[1]"},
        {"body": None, "envelope": '{"_eventId":"1","_asset":"a"}'},
    ],
)
def test_document_that_is_no_telemetry_is_rejected(document: Any) -> None:
    with pytest.raises(Rejected) as caught:
        forwarded_event(document)
    assert caught.value.reason == Reason.NOT_TELEMETRY
