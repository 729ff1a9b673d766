"""Devices over MQTT, by the real azure-iot-device client."""

import asyncio
import socket
import ssl
import uuid

import pytest
from azure.iot.device import Message
from azure.iot.device.aio import IoTHubDeviceClient, IoTHubModuleClient
from azure.iot.device.exceptions import CredentialError

from local.iot_hub import mqtt_packets as mqtt
from tests.contract.iot_hub.conftest import IotHub, device_token
from tests.contract.iot_hub.events import events_of, from_device

# azure-iot-device still asks for TLS 1.2 in the old way.
pytestmark = pytest.mark.filterwarnings("ignore:ssl.PROTOCOL_TLSv1_2:DeprecationWarning")

MODEL = "dtmi:iot:Mote;1"


def device_client(hub: IotHub, device: str, key: str, **options: object) -> IoTHubDeviceClient:
    return IoTHubDeviceClient.create_from_connection_string(
        f"HostName=localhost;DeviceId={device};SharedAccessKey={key}",
        server_verification_cert=hub.authority,
        **options,
    )


async def test_the_real_client_sends_with_all_its_properties(iot_hub: IotHub) -> None:
    key = iot_hub.register("mote1")
    client = device_client(iot_hub, "mote1", key, product_info=MODEL)
    message = Message('{"humidity": 45.2}', content_type="application/json", content_encoding="utf-8")  # type: ignore[no-untyped-call]
    message.message_id, message.correlation_id = "m 1/ä", str(uuid.uuid4())
    message.custom_properties = {"asset": "site01/channel22/freezer01", "note": "a&b=c ü"}
    await client.connect()
    await client.send_message(message)
    await client.shutdown()

    (event,) = await events_of(iot_hub, from_device("mote1"), 1)
    assert event.body_as_str() == '{"humidity": 45.2}'
    assert (event.message_id, event.correlation_id) == ("m 1/ä", message.correlation_id)
    assert event.content_type == "application/json"
    assert event.properties[b"note"] == "a&b=c ü".encode()
    assert event.system_properties[b"dt-dataschema"] == MODEL.encode()
    assert event.partition_key == b"mote1"


async def test_many_messages_arrive_once_and_in_order(iot_hub: IotHub) -> None:
    key = iot_hub.register("mote2")
    client = device_client(iot_hub, "mote2", key)
    await client.connect()
    for start in range(0, 200, 50):
        await asyncio.gather(*(client.send_message(f"{number}") for number in range(start, start + 50)))
    await client.shutdown()

    events = await events_of(iot_hub, from_device("mote2"), 200)
    assert sorted(int(event.body_as_str()) for event in events) == list(range(200))


async def test_a_module_sends_under_its_own_name(iot_hub: IotHub) -> None:
    key = iot_hub.register("edge1")
    client = IoTHubModuleClient.create_from_connection_string(
        f"HostName=localhost;DeviceId=edge1;ModuleId=reader;SharedAccessKey={key}",
        server_verification_cert=iot_hub.authority,
    )
    await client.connect()
    await client.send_message("1")
    await client.shutdown()

    (event,) = await events_of(iot_hub, from_device("edge1"), 1)
    assert event.system_properties[b"iothub-connection-module-id"] == b"reader"


async def test_a_wrong_key_is_refused(iot_hub: IotHub) -> None:
    iot_hub.register("mote3")
    other = iot_hub.register("mote4")
    client = device_client(iot_hub, "mote3", other, connection_retry=False)
    with pytest.raises(CredentialError):
        await client.connect()
    await client.shutdown()


def connected(hub: IotHub, device: str, key: str) -> tuple[ssl.SSLSocket, int]:
    """A raw MQTT client, and the CONNACK's return code."""
    plain = socket.create_connection(("127.0.0.1", 8883), timeout=10)
    client = ssl.create_default_context(cafile=str(hub.trust.authority)).wrap_socket(plain, server_hostname="localhost")
    fields = [device, f"localhost/{device}/?api-version=2021-04-12", device_token(device, key)]
    body = text("MQTT") + b"\x04\xc2\x00\x3c" + b"".join(text(each) for each in fields)
    client.sendall(packet(mqtt.CONNECT << 4, body))
    answer = client.recv(4)
    return client, answer[3] if len(answer) == 4 else -1


def text(value: str) -> bytes:
    raw = value.encode()
    return len(raw).to_bytes(2, "big") + raw


def packet(head: int, body: bytes) -> bytes:
    size, length = len(body), b""
    while True:
        size, digit = size >> 7, size & 0x7F
        length += bytes((digit | (0x80 if size else 0),))
        if not size:
            return bytes((head,)) + length + body


def publish(device: str, packet_id: int, payload: bytes, qos: int = 1) -> bytes:
    body = text(f"devices/{device}/messages/events/") + packet_id.to_bytes(2, "big") + payload
    return packet(mqtt.PUBLISH << 4 | qos << 1, body)


async def test_an_acknowledgment_waits_until_the_hub_has_the_message(iot_hub: IotHub) -> None:
    key = iot_hub.register("waiter")
    client, code = connected(iot_hub, "waiter", key)
    assert code == mqtt.ACCEPTED
    with client:
        iot_hub.event_hubs.kill()
        client.sendall(publish("waiter", 7, b"kept"))
        client.settimeout(0.5)
        with pytest.raises(TimeoutError):
            client.recv(4)
        iot_hub.event_hubs.close()
        iot_hub.event_hubs.start()
        client.settimeout(30)
        acknowledged = client.recv(4)
        if acknowledged != mqtt.puback(7):
            # The hub was away for too long: the connection is closed, nothing was acknowledged, the device repeats.
            assert acknowledged == b""
            again, _ = connected(iot_hub, "waiter", key)
            with again:
                again.sendall(publish("waiter", 7, b"kept"))
                assert again.recv(4) == mqtt.puback(7)

    (event,) = await events_of(iot_hub, from_device("waiter"), 1)
    assert event.body_as_str() == "kept"


@pytest.mark.parametrize(
    "data",
    [
        b"GET / HTTP/1.1\r\n\r\n",
        bytes(64),
        packet(mqtt.PUBLISH << 4, text("devices/x/messages/events/") + b"before connect"),
        packet(mqtt.CONNECT << 4, text("MQIsdp") + b"\x03\x02\x00\x3c" + text("old")),
        b"\x10\xff\xff\xff\xff\x7f",
    ],
)
def test_garbage_closes_the_connection_and_nothing_else(iot_hub: IotHub, data: bytes) -> None:
    plain = socket.create_connection(("127.0.0.1", 8883), timeout=10)
    context = ssl.create_default_context(cafile=str(iot_hub.trust.authority))
    with context.wrap_socket(plain, server_hostname="localhost") as client:
        client.sendall(data)
        assert client.recv(64) == b""

    key = iot_hub.register("after-garbage")
    good, code = connected(iot_hub, "after-garbage", key)
    good.close()
    assert code == mqtt.ACCEPTED


@pytest.mark.parametrize("what", ["qos 2", "another device's topic", "too large"])
def test_what_iot_hub_closes_for_closes(iot_hub: IotHub, what: str) -> None:
    key = iot_hub.register("breaker")
    client, _ = connected(iot_hub, "breaker", key)
    data = {
        "qos 2": publish("breaker", 1, b"x", qos=2),
        "another device's topic": publish("victim", 1, b"x"),
        "too large": publish("breaker", 1, b"x" * (257 * 1024)),
    }[what]
    with client:
        client.sendall(data)
        assert client.recv(4) == b""


def test_unknown_devices_are_not_authorized(iot_hub: IotHub) -> None:
    key = iot_hub.register("known")
    client, code = connected(iot_hub, "unknown", key)
    client.close()

    assert code == mqtt.NOT_AUTHORIZED
