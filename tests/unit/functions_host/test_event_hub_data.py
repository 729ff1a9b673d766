"""Trigger metadata of Event Hub events, through the azure-functions library's own converter."""

import json
from datetime import datetime
from typing import Any

import pytest
from azure.functions import EventHubEvent
from hypothesis import given
from hypothesis import strategies as st

from local.amqp.events import ReceivedEvent, Timestamp
from local.functions_host.converters import decode
from local.functions_host.event_hub_batches import Batches
from local.functions_host.event_hub_data import PartitionContext, UnreadableBody, batch_call, single_call
from local.functions_host.functions import Binding, Parameter

CONTEXT = PartitionContext("ns", "hub", "group", "3", is_checkpointing=True)
PARAMETER = Parameter("eventHubTrigger", None)


def _trigger(**properties: str) -> Binding:
    return Binding("events", "eventHubTrigger", "in", properties)


def _event(body: bytes, number: int, key: str | bytes | None = None, **annotations: Any) -> ReceivedEvent:
    given: dict[str, Any] = {
        "x-opt-sequence-number": number,
        "x-opt-offset": str(number * 10),
        "x-opt-enqueued-time": 1_738_668_292_000 + number,
        **{name.replace("_", "-"): value for name, value in annotations.items()},
    }
    if key is not None:
        given["x-opt-partition-key"] = key
    return ReceivedEvent(body, given)


def _decoded(events: list[ReceivedEvent], data_type: str = "BINARY") -> list[EventHubEvent]:
    call = batch_call(events, CONTEXT, _trigger(cardinality="MANY", dataType=data_type))
    decoded: list[EventHubEvent] = decode(PARAMETER, call.data, call.metadata)
    return decoded


def test_batch_becomes_events_of_the_library() -> None:
    events = _decoded(
        [_event(b"\xff\x00", 0, "device", iothub_connection_device_id="d1"), _event(b"", 1), _event(b"c", 1000)]
    )

    assert [event.get_body() for event in events] == [b"\xff\x00", b"", b"c"]
    assert [event.sequence_number for event in events] == [0, 1, 1000]
    assert [event.offset for event in events] == [0, 10, 10_000]  # type: ignore[comparison-overlap]
    assert [event.partition_key for event in events] == ["device", None, None]
    assert [event.enqueued_time for event in events] == [
        datetime(2025, 2, 4, 11, 24, 52),
        datetime(2025, 2, 4, 11, 24, 52, 1000),
        datetime(2025, 2, 4, 11, 24, 53),
    ]
    assert events[0].iothub_metadata == {"connection-device-id": "d1"}
    metadata = events[0].metadata
    assert metadata is not None
    assert metadata["PartitionKeyArray"] == ["device"], "null keys are left out, as in the real host"
    assert metadata["EnqueuedTimeUtcArray"][1] == "2025-02-04T11:24:52.001"


@pytest.mark.parametrize(
    ("milliseconds", "written"),
    [
        (1_738_668_292_358, "2025-02-04T11:24:52.358Z"),
        (1_738_668_292_500, "2025-02-04T11:24:52.5Z"),
        (-1, "1969-12-31T23:59:59.999Z"),
        (-(1 << 63), "0001-01-01T00:00:00Z"),
        ((1 << 63) - 1, "9999-12-31T23:59:59.9999999Z"),
    ],
)
def test_timestamps_are_written_as_net_writes_its_times(milliseconds: int, written: str) -> None:
    """As IoT Hub's iothub-enqueuedtime, which AMQP tells from a number (azure-functions-python-worker#369)."""
    event = _event(b"a", 0, iothub_enqueuedtime=Timestamp(milliseconds), plain=milliseconds)
    metadata = _decoded([event])[0].metadata

    assert metadata is not None
    assert metadata["SystemPropertiesArray"][0]["iothub-enqueuedtime"] == written
    assert metadata["SystemPropertiesArray"][0]["plain"] == milliseconds


def test_single_event_has_its_own_metadata() -> None:
    trigger = _trigger(cardinality="ONE", dataType="BINARY")
    call = single_call(_event(b"a", 7, "k", iothub_connection_device_id="d1"), CONTEXT, trigger)
    event: EventHubEvent = decode(PARAMETER, call.data, call.metadata)

    assert (event.get_body(), event.sequence_number, event.offset, event.partition_key) == (b"a", 7, "70", "k")
    assert event.enqueued_time == datetime(2025, 2, 4, 11, 24, 52, 7000)
    assert event.iothub_metadata == {"connection-device-id": "d1"}


def test_string_batches_drop_empty_bodies_and_then_fail_whole() -> None:
    with pytest.raises(AssertionError, match="Number of bodies and metadata mismatched"):
        _decoded([_event(b"a", 0), _event(b"", 1)], "STRING")


def test_untyped_batches_need_json_and_lose_exact_dates() -> None:
    events = _decoded([_event(b'{"at": "2025-02-04T11:24:52.000Z"}', 0)], "UNDEFINED")
    assert json.loads(events[0].get_body()) == {"at": "2025-02-04T11:24:52Z"}
    with pytest.raises(UnreadableBody, match=r"DataType\.BINARY"):
        _decoded([_event(b"no json", 0)], "UNDEFINED")


PROPERTIES = st.dictionaries(
    st.text(max_size=8),
    st.none()
    | st.booleans()
    | st.integers(-(1 << 63), (1 << 63) - 1)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.binary(max_size=8)
    | st.text(max_size=8),
    max_size=5,
)


@given(
    st.lists(
        st.tuples(st.binary(max_size=20), PROPERTIES, st.none() | st.text(max_size=8) | st.binary(max_size=8)),
        min_size=1,
        max_size=5,
    )
)
def test_any_bodies_and_properties_reach_the_handler(
    given_events: list[tuple[bytes, dict[str, Any], str | bytes | None]],
) -> None:
    events = []
    for number, (body, properties, key) in enumerate(given_events):
        events.append(_event(body, number, key)._replace(application_properties=properties))
    decoded = _decoded(events)

    assert [event.get_body() for event in decoded] == [body for body, _, _ in given_events]
    metadata = decoded[0].metadata
    assert metadata is not None
    assert [len(found) for found in metadata["PropertiesArray"]] == [
        len(properties) for _, properties, _ in given_events
    ]


@given(st.integers(1, 50), st.integers(0, 50), st.lists(st.integers(0, 60), max_size=10))
def test_batches_keep_order_and_sizes(smallest: int, more: int, arrivals: list[int]) -> None:
    largest = smallest + more
    batches: Batches[int] = Batches(smallest, largest)
    taken: list[int] = []
    sent = 0
    for count in arrivals:
        batches.add(range(sent, sent + count))
        sent += count
        while batch := batches.take():
            assert smallest <= len(batch) <= largest
            taken += batch
        assert len(batches) < smallest
    taken += batches.take(partial=True)

    assert taken == list(range(sent))
