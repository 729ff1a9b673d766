"""Publications are taken apart and stamped without touching what the producer sent."""

import struct
from typing import Any

import pytest
from azure.eventhub import EventData, EventDataBatch
from azure.eventhub._pyamqp._decode import decode_payload
from azure.eventhub._pyamqp._encode import encode_payload
from hypothesis import given
from hypothesis import strategies as st

from local.amqp import codec
from local.amqp.codec import DecodeError
from local.amqp.sections import BATCH_FORMAT
from local.event_hubs.log import LastEvent
from local.event_hubs.messages import (
    Publication,
    read_publication,
    stamp,
    with_delivery_annotations,
)
from local.event_hubs.nodes import runtime_metrics


def encoded(batch: EventDataBatch) -> bytes:
    raw = bytearray()
    encode_payload(raw, batch._message)
    return bytes(raw)


def batch_of(bodies: list[bytes], key: str | None = None) -> bytes:
    batch = EventDataBatch(max_size_in_bytes=1 << 20, partition_key=key)
    for body in bodies:
        event = EventData(body)
        event.properties = {"n": len(body)}
        event.message_id = "m"
        batch.add(event)
    return encoded(batch)


def read(wire: bytes) -> Any:
    """What the SDK makes of a message."""
    return decode_payload(memoryview(wire))


def body_of(wire: bytes) -> bytes:
    return b"".join(read(wire).data)


@given(
    st.lists(st.binary(max_size=400), min_size=1, max_size=10), st.one_of(st.none(), st.text(min_size=1, max_size=90))
)
def test_a_stamped_batch_reads_back_event_by_event(bodies: list[bytes], key: str | None) -> None:
    publication = read_publication(batch_of(bodies, key), BATCH_FORMAT)
    wires = stamp(publication.events, 41, 1000, 1_700_000_000_000)

    assert publication.key == key
    offset = 1000
    for number, (wire, body) in enumerate(zip(wires, bodies, strict=True)):
        message = read(wire)
        annotations = message.message_annotations
        assert body_of(wire) == body
        assert annotations[b"x-opt-sequence-number"] == 41 + number
        assert annotations[b"x-opt-offset"] == b"%d" % offset
        assert annotations[b"x-opt-enqueued-time"] == 1_700_000_000_000
        assert annotations.get(b"x-opt-partition-key") == (None if key is None else key.encode())
        assert message.application_properties == {b"n": len(body)}
        assert message.properties.message_id == b"m"
        offset += len(wire)


def test_own_annotations_stay_and_the_services_cannot_be_forged() -> None:
    annotations = codec.mapped(
        [
            *(codec.symbol("iothub-connection-device-id"), codec.string("mote1")),
            *(codec.symbol("x-opt-sequence-number"), codec.long(7)),
            *(codec.symbol("x-opt-enqueued-time"), codec.timestamp(7)),
        ]
    )
    message = codec.described(0x72, annotations) + codec.described(0x75, codec.binary(b"body"))
    (wire,) = stamp(read_publication(message, 0).events, 3, 0, 99)

    kept = read(wire).message_annotations
    assert kept[b"iothub-connection-device-id"] == b"mote1"
    assert (kept[b"x-opt-sequence-number"], kept[b"x-opt-enqueued-time"]) == (3, 99)


def test_runtime_metrics_stand_behind_the_header() -> None:
    header = codec.described(0x70, codec.listed([codec.TRUE]))
    message = header + codec.described(0x75, codec.binary(b"body"))
    (wire,) = stamp(read_publication(message, 0).events, 0, 0, 99)
    told = with_delivery_annotations(wire, runtime_metrics(LastEvent(8, 800, 99), 100))

    assert told.startswith(header + b"\x00\x53\x71")
    assert read(told).delivery_annotations[b"last_enqueued_sequence_number"] == 8


def test_annotations_too_long_for_a_small_map_are_kept() -> None:
    long_key = "k" * 128
    publication = read_publication(batch_of([b"1"], long_key), BATCH_FORMAT)
    annotated = publication.events[0]._replace(annotations=codec.symbol("note") + codec.string("n" * 300), pairs=1)
    (wire,) = stamp([annotated], 0, 0, 1)

    kept = read(wire).message_annotations
    assert (kept[b"note"], kept[b"x-opt-partition-key"]) == (b"n" * 300, long_key.encode())


@pytest.mark.parametrize(
    ("payload", "message_format"),
    [
        (b"", 0),
        (b"not a message", 0),
        (b"\x00\x53\x75\xa0\x05abc", 0),
        (b"\x00\x53\x75\xa0\x01a\x00\x53\x73\xc0\x01\x00", 0),
        (b"\x00\x53\x75\xa0\x03abc", BATCH_FORMAT),
        (b"\x00\x53\x77\xa1\x03abc", BATCH_FORMAT),
        (b"\x00\x53\x75\x40", BATCH_FORMAT),
        (b"\x00\x53\x72\x40\x00\x53\x75\xa0\x01a", 0),
    ],
)
def test_what_is_no_message_is_refused(payload: bytes, message_format: int) -> None:
    with pytest.raises(DecodeError):
        read_publication(payload, message_format)


@given(st.binary(max_size=120), st.sampled_from([0, BATCH_FORMAT]))
def test_garbage_is_read_or_refused_and_nothing_else(garbage: bytes, message_format: int) -> None:
    read_or_refused(garbage, message_format)


@given(st.lists(st.binary(max_size=60), min_size=1, max_size=4), st.data())
def test_a_damaged_batch_is_read_or_refused_and_nothing_else(bodies: list[bytes], data: st.DataObject) -> None:
    raw = bytearray(batch_of(bodies, "key"))
    for _ in range(data.draw(st.integers(1, 3))):
        raw[data.draw(st.integers(0, len(raw) - 1))] = data.draw(st.integers(0, 255))
    publication = read_or_refused(bytes(raw), BATCH_FORMAT)
    if publication is not None:
        stamp(publication.events, 0, 0, 0)


def read_or_refused(payload: bytes, message_format: int) -> Publication | None:
    try:
        return read_publication(payload, message_format)
    except DecodeError:
        return None


def test_an_empty_batch_has_no_events() -> None:
    envelope = codec.described(0x70, codec.listed([codec.TRUE]))

    assert read_publication(envelope, BATCH_FORMAT).events == []


def test_an_envelope_key_is_every_events_key() -> None:
    key = codec.mapped([codec.symbol("x-opt-partition-key"), codec.string("k")])
    inner = codec.described(0x75, codec.binary(b"body"))
    data = codec.described(0x75, b"\xb0" + struct.pack(">I", len(inner)) + inner)

    publication = read_publication(codec.described(0x72, key) + data, BATCH_FORMAT)

    assert publication.key == "k"
    assert publication.events[0].key == codec.string("k")
