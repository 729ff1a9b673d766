"""MQTT packets: cut from a stream however it comes, and garbage refused and no more."""

import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from local.iot_hub import mqtt_packets as mqtt
from local.iot_hub.mqtt_packets import MalformedPacket, Packet, PacketReader

CONNECT = b"\x10\x0d\x00\x04MQTT\x04\x02\x00\x3c\x00\x01d"


def sent(topic: str, payload: bytes) -> bytes:
    return mqtt.publish(topic, payload)


@given(
    st.text(min_size=1, max_size=40).filter(lambda text: not set(text) & set("#+\0")),
    st.binary(max_size=70_000),
    st.data(),
)
def test_a_publish_comes_back_however_the_stream_is_cut(topic: str, payload: bytes, data: st.DataObject) -> None:
    stream = CONNECT + sent(topic, payload)
    cut = data.draw(st.integers(0, len(stream)))
    reader = PacketReader(1 << 20)

    packets = [*reader.feed(stream[:cut]), *reader.feed(stream[cut:])]

    published = mqtt.read_publish(packets[1])
    assert (published.topic, published.payload, published.qos) == (topic, payload, 0)


@given(st.binary(max_size=60), st.booleans())
def test_garbage_is_read_or_refused_and_nothing_else(garbage: bytes, connected: bool) -> None:
    with contextlib.suppress(MalformedPacket):
        for packet in PacketReader(1_000).feed((CONNECT if connected else b"") + garbage):
            for read in (mqtt.read_connect, mqtt.read_publish, mqtt.read_subscribe, mqtt.read_unsubscribe):
                read_or_refused(read, packet)


def read_or_refused(read: object, packet: Packet) -> None:
    with contextlib.suppress(MalformedPacket):
        read(packet)  # type: ignore[operator]


def test_a_packet_beyond_the_largest_is_refused_before_it_is_held() -> None:
    with pytest.raises(MalformedPacket, match="largest"):
        list(PacketReader(100).feed(b"\x10\xc8\x01"))


def test_another_protocol_is_refused_at_its_first_byte() -> None:
    with pytest.raises(MalformedPacket, match="CONNECT"):
        list(PacketReader(100).feed(b"G"))
