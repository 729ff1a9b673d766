"""Dead letters: they hold all that is needed, and an element run again from one has the id it would have had."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.dead_letters.letters import DeadLetter, NotALetter, letter_of_document, letter_of_rejection
from shared.telemetry.decoding import decode
from shared.telemetry.events import Reason, Rejected, Rejection
from tests.unit.shared.hub_events import decoded_one, hub_event, rejected_one, tag_map

PATH = "store/telemetry/2/2026/11/22/2026-11-22T10:00:00.123Z-7-0.json"


def test_letter_is_named_by_where_its_element_came_from() -> None:
    assert letter_of_rejection("store", rejected_one(b"[")).name == PATH


def test_letter_holds_what_the_element_came_with() -> None:
    system = {"iothub-connection-device-id": "gateway1", "message-id": "m"}
    rejection = rejected_one(b"\xff\x00", system=system, properties={"asset": "a", "n": 1})

    written = json.loads(letter_of_rejection("store", rejection).to_json())

    assert written == {
        "consumer": "store",
        "source": "telemetry",
        "partition": "2",
        "sequenceNumber": 7,
        "element": 0,
        "whole": True,
        "reason": "not-json",
        "detail": rejection.detail,
        "deviceId": "gateway1",
        "asset": "a",
        "eventId": None,
        "enqueuedTime": "2026-11-22T10:00:00.123Z",
        "partitionKey": "freezer01",
        "properties": {"asset": "a", "n": 1},
        "systemProperties": system,
        "body": "/wA=",
        "replayedAt": None,
    }


def test_same_element_gives_the_same_letter_again() -> None:
    bodies = [b'{"a":NaN}', b"[1", b'{"a":1,"a":2}', tag_map("null"), b"\x1f\x8b"]

    for body in bodies:
        one, again = (letter_of_rejection("store", rejected_one(body)) for _ in range(2))
        assert (one.name, one.to_json()) == (again.name, again.to_json())


def test_letter_of_a_document_is_named_by_container_day_and_id() -> None:
    document = {"id": "ab/c", "day": "2026-11-22", "deviceId": "d", "enqueuedTime": "2026-11-22T10:00:00.123Z"}

    letter = letter_of_document("forward", "telemetry", document, Rejected(Reason.TOO_LARGE, "too large"))

    assert letter.name == "forward/telemetry/2026/11/22/ab%2Fc.json"
    assert DeadLetter.from_json(letter.to_json()).document() == document
    with pytest.raises(NotALetter):
        letter.event()


@pytest.mark.parametrize("document_id", ["x" * 1023, "é" * 500, "\ud800", "a/../b", "#?"])
def test_any_document_id_gives_a_name_that_blobs_can_have(document_id: str) -> None:
    letter = letter_of_document("forward", "telemetry", {"id": document_id}, Rejected(Reason.NOT_TELEMETRY, "foreign"))

    assert letter.name.startswith("forward/telemetry/no-day/")
    assert letter.name.count("/") == 3
    assert letter.name.isascii()
    assert len(letter.name) < 300
    assert DeadLetter.from_json(letter.to_json()).document() == {"id": document_id}


@pytest.mark.parametrize("content", [b"", b"{}", b"[1]", b'{"consumer":"store"}', b"\xff"])
def test_blob_that_holds_no_letter_is_told(content: bytes) -> None:
    with pytest.raises(NotALetter):
        DeadLetter.from_json(content)


values = st.text(max_size=8) | st.integers() | st.booleans() | st.none()


@given(
    st.binary(max_size=40), st.none() | st.text(max_size=4), st.dictionaries(st.text(max_size=4), values, max_size=3)
)
def test_letter_gives_back_the_event_it_was_written_for(body: bytes, key: str | None, properties: Any) -> None:
    event = hub_event(body, partition_key=key, properties=properties, system={"message-id": "m", **properties})
    rejection = Rejection(event, 3, Reason.SHAPE, "detail", None, None, None, False)

    read = DeadLetter.from_json(letter_of_rejection("store", rejection).to_json())

    assert read.event() == event


@pytest.mark.parametrize("body", [tag_map(), b'{"t":1}', b'[{"t":1},{"t":1}]'])
def test_element_run_again_from_its_letter_has_the_id_it_would_have_had(body: bytes) -> None:
    event = hub_event(body, system={"iothub-connection-device-id": "d", "iothub-enqueuedtime": "2026-11-22T09:00:00Z"})
    would_have = [each.event_id for each in decode([event]).telemetry]
    rejection = Rejection(event, 0, Reason.UNEXPECTED, "a fault since mended", None, None, None, True)

    letter = DeadLetter.from_json(letter_of_rejection("store", rejection).to_json())

    assert [each.event_id for each in decode([letter.event()]).telemetry] == would_have


def test_store_refusals_letter_tells_its_event_id() -> None:
    telemetry = decoded_one(tag_map())
    rejection = Rejection(
        telemetry.event, 0, Reason.STORE_REFUSED, "413", telemetry.device, telemetry.asset, telemetry.event_id, False
    )

    assert letter_of_rejection("store", rejection).event_id == telemetry.event_id
