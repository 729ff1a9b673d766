"""MQTT 3.1.1 packets (OASIS MQTT 3.1.1), as far as IoT Hub speaks it: no QoS 2, no retained messages. No I/O."""

import struct
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

CONNECT, CONNACK, PUBLISH, PUBACK, SUBSCRIBE, SUBACK, UNSUBSCRIBE, UNSUBACK = 1, 2, 3, 4, 8, 9, 10, 11
PINGREQ, PINGRESP, DISCONNECT = 12, 13, 14

ACCEPTED, BAD_PROTOCOL, BAD_IDENTIFIER, BAD_CREDENTIALS, NOT_AUTHORIZED = 0, 1, 2, 4, 5
"""CONNACK return codes (3.2.2.3)."""
REFUSED_SUBSCRIPTION: Final = 0x80
PROTOCOL_LEVEL: Final = 4
_FLAGS = {PUBLISH: None, SUBSCRIBE: 2, UNSUBSCRIBE: 2}


class MalformedPacket(Exception):
    """The bytes are not MQTT 3.1.1; the connection has to be closed (4.8)."""


@dataclass(frozen=True, slots=True)
class Packet:
    """A control packet: its type, its fixed header's flags, and everything behind the remaining length."""

    kind: int
    flags: int
    body: bytes


@dataclass(frozen=True, slots=True)
class Connect:
    """A CONNECT packet. `keep_alive` is in seconds, 0 for none."""

    level: int
    client_id: str
    username: str | None
    password: str | None
    keep_alive: int
    clean_session: bool


@dataclass(frozen=True, slots=True)
class Publish:
    """A PUBLISH packet; `packet_id` is 0 with QoS 0."""

    topic: str
    payload: bytes
    qos: int
    packet_id: int
    duplicate: bool
    retain: bool


class PacketReader:
    """Cuts a stream of bytes into packets; holds no more than one packet of the largest size."""

    def __init__(self, largest: int) -> None:
        self._largest = largest
        self._buffer = bytearray()
        self._is_first = True

    def feed(self, data: bytes) -> Iterator[Packet]:
        """Raises MalformedPacket, also for a packet beyond the largest size."""
        self._buffer += data
        while (packet := self._next()) is not None:
            yield packet

    def _next(self) -> Packet | None:
        buffer = self._buffer
        if self._is_first and buffer and buffer[0] != CONNECT << 4:
            raise MalformedPacket("the first packet must be a CONNECT")
        length, size = 0, 1
        while True:
            if size >= len(buffer):
                return None
            length |= (buffer[size] & 0x7F) << (7 * (size - 1))
            size += 1
            if buffer[size - 1] < 0x80:
                break
            if size > 4:
                raise MalformedPacket("a remaining length of more than four bytes")
        if length > self._largest:
            raise MalformedPacket(f"a packet of {length} bytes; the largest is {self._largest}")
        if len(buffer) < size + length:
            return None
        kind, flags = buffer[0] >> 4, buffer[0] & 0x0F
        packet = Packet(kind, flags, bytes(buffer[size : size + length]))
        del buffer[: size + length]
        self._is_first = False
        if kind != PUBLISH and flags != (_FLAGS.get(kind) or 0):
            raise MalformedPacket(f"flags {flags:#x} on a packet of type {kind}")
        return packet


class _Fields:
    """Reads a packet's body field by field. Every method raises MalformedPacket when the bytes run out."""

    def __init__(self, body: bytes) -> None:
        self._body = body
        self._at = 0

    @property
    def is_empty(self) -> bool:
        return self._at >= len(self._body)

    def take(self, size: int) -> bytes:
        end = self._at + size
        if end > len(self._body):
            raise MalformedPacket("a packet that ends in the middle of a field")
        taken, self._at = self._body[self._at : end], end
        return taken

    def byte(self) -> int:
        return self.take(1)[0]

    def short(self) -> int:
        number: int = struct.unpack(">H", self.take(2))[0]
        return number

    def text(self) -> str:
        try:
            text = self.take(self.short()).decode()
        except UnicodeDecodeError as error:
            raise MalformedPacket("a string that is not UTF-8") from error
        if "\0" in text:
            raise MalformedPacket("a string with a null character")
        return text

    def rest(self) -> bytes:
        return self.take(len(self._body) - self._at)


def read_connect(packet: Packet) -> Connect:
    fields = _Fields(packet.body)
    name, level, flags, keep_alive = fields.text(), fields.byte(), fields.byte(), fields.short()
    if name != "MQTT" or flags & 1:
        raise MalformedPacket(f"protocol {name!r} with connect flags {flags:#x}")
    if level != PROTOCOL_LEVEL:
        return Connect(level, "", None, None, 0, True)
    client_id = fields.text()
    if flags & 0x04:
        fields.text()
        fields.take(fields.short())
    username = fields.text() if flags & 0x80 else None
    password = fields.text() if flags & 0x40 else None
    return Connect(level, client_id, username, password, keep_alive, bool(flags & 0x02))


def read_publish(packet: Packet) -> Publish:
    qos = packet.flags >> 1 & 3
    fields = _Fields(packet.body)
    topic = fields.text()
    if qos == 3 or not topic or "#" in topic or "+" in topic:
        raise MalformedPacket(f"a publish with QoS {qos} to {topic!r:.100}")
    packet_id = fields.short() if qos else 0
    if qos and not packet_id:
        raise MalformedPacket("a publish with packet identifier 0")
    return Publish(topic, fields.rest(), qos, packet_id, bool(packet.flags & 8), bool(packet.flags & 1))


def read_subscribe(packet: Packet) -> tuple[int, list[tuple[str, int]]]:
    """(packet identifier, [(topic filter, QoS asked for)])."""
    fields = _Fields(packet.body)
    packet_id = fields.short()
    filters = []
    while not fields.is_empty:
        filters.append((fields.text(), fields.byte()))
    if not filters or not packet_id:
        raise MalformedPacket("a subscribe without a topic filter or an identifier")
    return packet_id, filters


def read_unsubscribe(packet: Packet) -> int:
    """The packet identifier."""
    return _Fields(packet.body).short()


def connack(code: int) -> bytes:
    return bytes((CONNACK << 4, 2, 0, code))


def puback(packet_id: int) -> bytes:
    return struct.pack(">BBH", PUBACK << 4, 2, packet_id)


def suback(packet_id: int, granted: list[int]) -> bytes:
    return struct.pack(">BBH", SUBACK << 4, 2 + len(granted), packet_id) + bytes(granted)


def unsuback(packet_id: int) -> bytes:
    return struct.pack(">BBH", UNSUBACK << 4, 2, packet_id)


def pingresp() -> bytes:
    return bytes((PINGRESP << 4, 0))


def publish(topic: str, payload: bytes) -> bytes:
    """A QoS 0 publish to the device."""
    body = struct.pack(">H", len(topic.encode())) + topic.encode() + payload
    return bytes((PUBLISH << 4,)) + _length(len(body)) + body


def _length(size: int) -> bytes:
    encoded = bytearray()
    while True:
        size, digit = size >> 7, size & 0x7F
        encoded.append(digit | (0x80 if size else 0))
        if not size:
            return bytes(encoded)
