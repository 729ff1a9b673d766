"""Every part of a message arrives as it was sent, of the type it was sent."""

import datetime
import struct
import uuid
from collections.abc import Callable
from typing import Any

from azure.eventhub import EventData
from azure.eventhub.aio import EventHubProducerClient as Producer
from azure.eventhub.amqp import AmqpAnnotatedMessage

from local.amqp.codec import described, listed, mapped, string, symbol
from local.launch import ServerProcess
from tests.contract.event_hubs.clients import Reading, port_of
from tests.contract.event_hubs.conftest import MANY, Echo
from tests.contract.event_hubs.wire import Wire, data_section

Read = Callable[..., Reading]
APPLICATION_PROPERTIES: dict[str | bytes, Any] = {
    "text": "23 °C",
    "empty": "",
    "long text": "x" * 300,
    "bytes": b"\x00\xff",
    "true": True,
    "false": False,
    "small": 1,
    "negative": -1,
    "largest": 2**31 - 1,
    "smallest": -(2**31),
    "real": 21.500000000000004,
    "id": uuid.UUID("12345678-1234-5678-1234-567812345678"),
    "nothing": None,
}


async def test_application_properties_keep_their_values_and_types(echoed: Producer, echo: Echo) -> None:
    event = EventData(b"body")
    event.properties = {**APPLICATION_PROPERTIES}
    moment = datetime.datetime(2026, 1, 2, 3, 4, 5, 678000, tzinfo=datetime.UTC)
    event.properties["time"] = moment
    await echoed.send_batch([event], partition_id=echo.partition)
    await echoed.send_event(event, partition_id=echo.partition)

    for received in await echo.take(2):
        properties = {_text(name): _text(value) for name, value in (received.properties or {}).items()}
        assert properties.pop("time") == int(moment.timestamp() * 1000)
        assert properties.pop("bytes") == b"\x00\xff"
        assert properties == {name: value for name, value in APPLICATION_PROPERTIES.items() if name in properties}
        assert len(properties) == len(APPLICATION_PROPERTIES) - 1
        assert {type(properties[name]) for name in ("true", "false")} == {bool}


def _text(value: Any) -> Any:
    """The client gives strings as bytes."""
    try:
        return value.decode() if isinstance(value, bytes) else value
    except UnicodeDecodeError:
        return value


async def test_every_message_property_and_header_field_is_kept(echoed: Producer, echo: Echo) -> None:
    properties: dict[str, Any] = {
        "message_id": "m-1",
        "user_id": b"user",
        "to": "somewhere",
        "subject": "telemetry",
        "reply_to": "back",
        "correlation_id": "c-1",
        "content_type": "application/json",
        "content_encoding": "gzip",
        "creation_time": 1_700_000_000_000,
        "absolute_expiry_time": 1_800_000_000_000,
        "group_id": "g",
        "group_sequence": 7,
        "reply_to_group_id": "rg",
    }
    message = AmqpAnnotatedMessage(
        data_body=b"body",
        header={"durable": True, "priority": 3, "time_to_live": 60_000, "first_acquirer": True, "delivery_count": 2},
        properties=properties,
        application_properties={"asset": "site01/freezer01"},
        annotations={"iothub-connection-device-id": "freezer01"},
        footer={"crc": 5},
    )
    await echoed.send_event(message, partition_id=echo.partition)
    await echoed.send_batch([message], partition_id=echo.partition)

    for event in await echo.take(2):
        received = event.raw_amqp_message
        kept = {name: _text(getattr(received.properties, name)) for name in properties}
        assert kept == {**properties, "user_id": "user"}
        assert received.header is not None
        assert (received.header.durable, received.header.priority, received.header.time_to_live) == (True, 3, 60_000)
        assert (received.header.first_acquirer, received.header.delivery_count) == (True, 2)
        assert received.footer == {b"crc": 5}
        assert event.message_id == "m-1"
        assert event.correlation_id == "c-1"
        assert event.content_type == "application/json"


async def test_message_ids_keep_their_amqp_type(echoed: Producer, echo: Echo) -> None:
    identifier = uuid.uuid4()
    for message_id in (identifier, b"\x01\x02", 42, "text"):
        await echoed.send_event(
            AmqpAnnotatedMessage(data_body=b"x", properties={"message_id": message_id}), partition_id=echo.partition
        )

    received = [event.raw_amqp_message.properties for event in await echo.take(4)]
    assert [each.message_id for each in received if each] == [identifier, b"\x01\x02", 42, b"text"]


async def test_every_kind_of_body_arrives_as_it_was(echoed: Producer, echo: Echo) -> None:
    messages: list[EventData | AmqpAnnotatedMessage] = [
        AmqpAnnotatedMessage(data_body=b"one"),
        AmqpAnnotatedMessage(data_body=[b"one", b"", b"three"]),
        AmqpAnnotatedMessage(sequence_body=[1, "two", None, [3.5]]),
        AmqpAnnotatedMessage(value_body={"a": [1, True]}),
        AmqpAnnotatedMessage(data_body=b""),
    ]
    for message in messages:
        await echoed.send_event(message, partition_id=echo.partition)
    await echoed.send_batch(messages, partition_id=echo.partition)

    received: list[Any] = [event.raw_amqp_message.body for event in await echo.take(10)]
    for first, segments, sequence, value, empty in (received[:5], received[5:]):
        assert (b"".join(first), b"".join(empty)) == (b"one", b"")
        assert list(segments) == [b"one", b"", b"three"]
        assert list(sequence) == [[1, b"two", None, [3.5]]]
        assert value == {b"a": [1, True]}


async def test_annotations_of_the_producer_are_kept_but_never_the_services_own(
    producer: Producer, read: Read, partition: str
) -> None:
    own: dict[str | bytes, Any] = {
        "iothub-connection-device-id": "freezer01",
        "iothub-enqueuedtime": datetime.datetime(2026, 1, 2, tzinfo=datetime.UTC),
        "dt-dataschema": "dtmi:com:example:Freezer;1",
        "x-opt-other": True,
    }
    forged: dict[str | bytes, Any] = {
        "x-opt-sequence-number": 99,
        "x-opt-offset": "99",
        "x-opt-enqueued-time": 1,
    }
    event = AmqpAnnotatedMessage(data_body=b"x", annotations={**own, **forged})
    await producer.send_event(event, partition_id=partition)
    await producer.send_batch([event], partition_id=partition)

    for number, received in enumerate(await read(partition).take(2)):
        annotations = {
            _text(name): _text(value) for name, value in (received.raw_amqp_message.annotations or {}).items()
        }
        times = annotations.pop("x-opt-enqueued-time")
        offset = annotations.pop("x-opt-offset")
        assert annotations == {
            **own,
            "iothub-enqueuedtime": own["iothub-enqueuedtime"].timestamp() * 1000,
            "x-opt-sequence-number": number,
        }
        assert times > 1_700_000_000_000
        assert offset != "99"
        assert received.sequence_number == number


EVERY_TYPE = {
    "null": b"\x40",
    "true": b"\x41",
    "false": b"\x42",
    "boolean": b"\x56\x01",
    "ubyte": b"\x50\xff",
    "ushort": b"\x60\xff\xfe",
    "uint0": b"\x43",
    "smalluint": b"\x52\xfe",
    "uint": b"\x70\xff\xff\xff\xfe",
    "ulong0": b"\x44",
    "smallulong": b"\x53\xfd",
    "ulong": b"\x80" + b"\xff" * 8,
    "byte": b"\x51\x80",
    "short": b"\x61\x80\x00",
    "smallint": b"\x54\x80",
    "int": b"\x71\x80\x00\x00\x00",
    "smalllong": b"\x55\x80",
    "long": b"\x81\x80" + b"\x00" * 7,
    "float": b"\x72" + struct.pack(">f", 1.1),
    "double": b"\x82" + struct.pack(">d", float("nan")),
    "decimal32": b"\x74\x01\x02\x03\x04",
    "decimal64": b"\x84" + bytes(range(8)),
    "decimal128": b"\x94" + bytes(range(16)),
    "char": b"\x73\x00\x01\xf9\xca",
    "timestamp": b"\x83" + struct.pack(">q", -1),
    "uuid": b"\x98" + bytes(range(16)),
    "binary8": b"\xa0\x03\x00\xff\x7f",
    "binary32": b"\xb0\x00\x00\x00\x01x",
    "string8": b"\xa1\x02\xc3\xa4",
    "string32": b"\xb1\x00\x00\x00\x02\xc3\xa4",
    "symbol8": b"\xa3\x01s",
    "symbol32": b"\xb3\x00\x00\x00\x01s",
}


def test_every_amqp_type_passes_through_byte_for_byte(server: ServerProcess, partition: str) -> None:
    pairs = [part for name, encoded in EVERY_TYPE.items() for part in (string(name), encoded)]
    properties = described(0x74, mapped(pairs))
    annotation_pairs = [part for name, encoded in EVERY_TYPE.items() for part in (symbol(name), encoded)]
    annotations = described(0x72, mapped(annotation_pairs))
    body = described(0x77, listed(list(EVERY_TYPE.values())))
    with Wire(port_of(server)) as wire:
        wire.handshake().authorize()
        link = wire.attach_sender(f"{MANY}/Partitions/{partition}")
        wire.transfer(link, annotations + properties + body, message_format=0)
        wire.transfer(link, data_section(annotations + properties + body))
        reading = wire.attach_receiver(
            f"{MANY}/ConsumerGroups/$Default/Partitions/{partition}", "amqp.annotation.x-opt-offset > '-1'"
        )
        wire.grant(reading, 2)
        received = [wire.receive(reading) for _ in range(2)]

    for message in received:
        assert message.endswith(properties + body)
        assert b"".join(annotation_pairs) in message
