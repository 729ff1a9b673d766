"""One device's MQTT session, without sockets: what IoT Hub answers to which packet.

Source: Microsoft Learn, "Communicate with your IoT hub using the MQTT protocol".
"""

from collections.abc import Callable
from dataclasses import dataclass
from urllib.parse import parse_qs, unquote

from local.iot_hub import mqtt_packets as mqtt
from local.iot_hub.access import Access, Sender, Unauthorized
from local.iot_hub.messages import MAX_MESSAGE, DeviceMessage

LARGEST_PACKET = MAX_MESSAGE + 64 * 1024
"""A message at its limit, and the longest topic."""
_SYSTEM = {
    "$.mid": "message-id",
    "$.cid": "correlation-id",
    "$.uid": "user-id",
    "$.ct": "content-type",
    "$.ce": "content-encoding",
    "$.sub": "component",
    "$.ifid": "interface-id",
}
_TWIN = "$iothub/twin/"


@dataclass(frozen=True, slots=True)
class Telemetry:
    """A message to pass on. Acknowledge `packet_id` once it is durable; 0 needs no acknowledgment."""

    message: DeviceMessage
    packet_id: int


class SessionEnded(Exception):
    """The connection has to be closed: the device said goodbye, or did what IoT Hub closes for."""


class MqttSession:
    """Turns packets into answers (`on_output`) and telemetry."""

    def __init__(self, access: Access, on_output: Callable[[bytes], None]) -> None:
        self._access = access
        self._send = on_output
        self._reader = mqtt.PacketReader(LARGEST_PACKET)
        self._model_id: str | None = None
        self.sender: Sender | None = None
        self.keep_alive = 0
        """Seconds; the device is gone after one and a half times as many without a packet (3.1.2.10)."""

    def receive(self, data: bytes) -> list[Telemetry]:
        """Takes bytes from the device. Raises SessionEnded and MalformedPacket; what came before holds."""
        telemetry = []
        for packet in self._reader.feed(data):
            passed_on = self._handle(packet)
            if passed_on is not None:
                telemetry.append(passed_on)
        return telemetry

    def acknowledge(self, packet_id: int) -> None:
        if packet_id:
            self._send(mqtt.puback(packet_id))

    def _handle(self, packet: mqtt.Packet) -> Telemetry | None:
        if self.sender is None:
            self._connect(packet)
        elif packet.kind == mqtt.PUBLISH:
            return self._publish(mqtt.read_publish(packet), self.sender)
        elif packet.kind == mqtt.SUBSCRIBE:
            packet_id, filters = mqtt.read_subscribe(packet)
            self._send(mqtt.suback(packet_id, [min(qos, 1) for _, qos in filters]))
        elif packet.kind == mqtt.UNSUBSCRIBE:
            self._send(mqtt.unsuback(mqtt.read_unsubscribe(packet)))
        elif packet.kind == mqtt.PINGREQ:
            self._send(mqtt.pingresp())
        elif packet.kind == mqtt.DISCONNECT:
            raise SessionEnded("the device disconnected")
        elif packet.kind != mqtt.PUBACK:
            raise mqtt.MalformedPacket(f"a packet of type {packet.kind} from a device")
        return None

    def _connect(self, packet: mqtt.Packet) -> None:
        connect = mqtt.read_connect(packet)
        code = self._admit(connect)
        self._send(mqtt.connack(code))
        if code != mqtt.ACCEPTED:
            raise SessionEnded(f"the device was refused with return code {code}")
        self.keep_alive = connect.keep_alive

    def _admit(self, connect: mqtt.Connect) -> int:
        """The CONNACK return code."""
        if connect.level != mqtt.PROTOCOL_LEVEL:
            return mqtt.BAD_PROTOCOL
        if not connect.client_id:
            return mqtt.BAD_IDENTIFIER
        _, _, rest = (connect.username or "").partition("/")
        named, _, query = rest.partition("/?")
        if named != connect.client_id or "api-version" not in parse_qs(query):
            return mqtt.BAD_CREDENTIALS
        device, _, module = connect.client_id.partition("/")
        try:
            self.sender = self._access.device(connect.password or "", device, module or None)
        except Unauthorized:
            return mqtt.NOT_AUTHORIZED
        self._model_id = next(iter(parse_qs(query).get("model-id", [])), None)
        return mqtt.ACCEPTED

    def _publish(self, publish: mqtt.Publish, sender: Sender) -> Telemetry | None:
        if publish.qos == 2:
            raise SessionEnded("QoS 2 is not supported by IoT Hub")
        if publish.topic.startswith(_TWIN):
            self._refuse_twin(publish)
            return None
        properties = _property_bag(publish.topic, sender)
        system = {name: properties.pop(key) for key, name in _SYSTEM.items() if key in properties}
        if publish.retain:
            properties["mqtt-retain"] = "true"
        return Telemetry(DeviceMessage(publish.payload, properties, system, self._model_id), publish.packet_id)

    def _refuse_twin(self, publish: mqtt.Publish) -> None:
        """Answers a twin request with 501, on the topic that its client listens to."""
        _, _, query = publish.topic.partition("?")
        request = next(iter(parse_qs(query).get("$rid", [])), "")
        self._send(mqtt.publish(f"{_TWIN}res/501/?$rid={request}", b'{"message":"twins are not served locally"}'))
        self.acknowledge(publish.packet_id)


def _property_bag(topic: str, sender: Sender) -> dict[str, str]:
    """The properties in a telemetry topic. Raises SessionEnded for any other topic, as IoT Hub closes for it."""
    module = f"/modules/{sender.module}" if sender.module else ""
    prefix = f"devices/{sender.device.id}{module}/messages/events"
    if topic != prefix and not topic.startswith(prefix + "/"):
        raise SessionEnded(f"a publish to '{topic:.200}', which is not this device's telemetry topic")
    bag = topic[len(prefix) + 1 :].rstrip("/")
    pairs = (pair.partition("=") for pair in bag.lstrip("?").split("&") if pair)
    return {unquote(name): unquote(value) for name, _, value in pairs}
