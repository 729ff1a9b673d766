"""What is sent arrives as it was sent, once, in the partition it belongs to."""

import asyncio
import datetime
import itertools
import random
import string as characters
import struct
import uuid
from collections.abc import Callable
from typing import Any

import pytest
from azure.eventhub import EventData, EventDataBatch, EventHubProducerClient
from azure.eventhub import aio as asynchronous
from azure.eventhub._buffered_producer._partition_resolver import PartitionResolver
from azure.eventhub.amqp import AmqpAnnotatedMessage
from azure.eventhub.exceptions import EventDataSendError

from local.event_hubs.codec import described, listed, mapped, string, symbol
from local.launch import ServerProcess
from tests.contract.event_hubs.clients import Reading, bodies, port_of
from tests.contract.event_hubs.conftest import MANY
from tests.contract.event_hubs.wire import Wire, data_section, transfer_frame

Producer = asynchronous.EventHubProducerClient
Read = Callable[..., Reading]
ONE_MB = 1_048_576


async def test_single_events_and_batches_arrive_in_order(producer: Producer, read: Read, partition: str) -> None:
    batch = await producer.create_batch(partition_id=partition)
    for number in range(3):
        batch.add(EventData(f"batched {number}"))
    await producer.send_event(EventData("single"), partition_id=partition)
    await producer.send_batch(batch)
    await producer.send_batch([EventData("listed 0"), EventData("listed 1")], partition_id=partition)

    events = await read(partition).take(6)
    assert bodies(events) == ["single", "batched 0", "batched 1", "batched 2", "listed 0", "listed 1"]
    assert [event.sequence_number for event in events] == [0, 1, 2, 3, 4, 5]
    offsets = [int(event.offset or -1) for event in events]
    assert offsets == sorted(set(offsets))
    assert all(event.enqueued_time for event in events)


async def test_sync_client_sends_events_and_batches(connection: str, read: Read, partition: str) -> None:
    def send() -> None:
        with EventHubProducerClient.from_connection_string(connection, eventhub_name=MANY) as client:
            batch = client.create_batch(partition_id=partition)
            batch.add(EventData("batched"))
            client.send_batch(batch)
            client.send_event(EventData("single"), partition_id=partition)

    await asyncio.to_thread(send)
    assert bodies(await read(partition).take(2)) == ["batched", "single"]


async def test_events_without_key_are_spread_over_all_partitions(connection: str) -> None:
    async with Producer.from_connection_string(connection, eventhub_name="keys4") as client:
        before = await asyncio.gather(*map(client.get_partition_properties, "0123"))
        for number in range(8):
            await client.send_batch([EventData(str(number))])
        after = await asyncio.gather(*map(client.get_partition_properties, "0123"))

    last = "last_enqueued_sequence_number"
    assert [now[last] - then[last] for now, then in zip(after, before, strict=True)] == [2, 2, 2, 2]


def _keys(count: int) -> list[str]:
    """Keys of every length that the hash treats apart. ASCII: the client's own resolver hashes other keys wrongly."""
    chance = random.Random(count)
    alphabet = characters.ascii_letters + characters.digits + "-_/.:$ "
    lengths = [*range(1, 27), 36, 48, 64, 100, 128]
    return ["".join(chance.choices(alphabet, k=length)) for length in lengths]


@pytest.mark.parametrize("count", [1, 2, 3, 4, 32])
async def test_partition_key_finds_the_same_partition_as_the_clients_resolver(
    connection: str, server: ServerProcess, count: int
) -> None:
    hub = f"keys{count}"
    resolver = PartitionResolver([str(number) for number in range(count)])
    keys = _keys(count)
    expected: dict[str, list[str]] = {str(number): [] for number in range(count)}
    for key in keys:
        expected[resolver.get_partition_id_by_partition_key(key)].append(key)
    with Wire(port_of(server)) as wire:
        wire.handshake().authorize(hub)
        selector = "amqp.annotation.x-opt-offset > '@latest'"
        links = {
            number: wire.attach_receiver(f"{hub}/ConsumerGroups/$Default/Partitions/{number}", selector)
            for number in expected
        }
        async with Producer.from_connection_string(connection, eventhub_name=hub) as client:
            for number, key in enumerate(keys):
                if number % 2:
                    await client.send_event(EventData(key), partition_key=key)
                else:
                    await client.send_batch([EventData(key)], partition_key=key)

        for number, link in links.items():
            if expected[number]:
                wire.grant(link, len(expected[number]))
            received = [wire.receive(link) for _ in expected[number]]
            assert all(key.encode() in message for message, key in zip(received, expected[number], strict=True))


async def test_partition_key_comes_with_every_event_of_a_batch(connection: str, read: Read) -> None:
    async with Producer.from_connection_string(connection, eventhub_name="keys1") as client:
        last = (await client.get_partition_properties("0"))["last_enqueued_sequence_number"]
        await client.send_batch([EventData("a"), EventData("b")], partition_key="freezer/01")
        await client.send_event(EventData("c"), partition_key="freezer/02")

    events = await read("0", hub="keys1", starting_position=last).take(3)
    assert bodies(events) == ["a", "b", "c"]
    assert [event.partition_key for event in events] == [b"freezer/01", b"freezer/01", b"freezer/02"]


async def test_buffered_producer_hands_over_everything(connection: str, read: Read) -> None:
    sent: list[str] = []
    failed: list[Exception] = []

    async def succeeded(events: list[EventData], partition: str | None) -> None:
        sent.extend(bodies(events))

    async def went_wrong(events: list[EventData], partition: str | None, error: Exception) -> None:
        failed.append(error)

    async with Producer.from_connection_string(
        connection,
        eventhub_name="buffered",
        buffered_mode=True,
        on_success=succeeded,
        on_error=went_wrong,
        max_wait_time=1,
    ) as client:
        for number in range(40):
            await client.send_event(EventData(str(number)), partition_key=f"device-{number % 5}")
        await client.flush()
        counts = [(await client.get_partition_properties(each))["last_enqueued_sequence_number"] + 1 for each in "01"]

    readings = [read(str(number), hub="buffered") for number in range(2)]
    received = [event for reading, count in zip(readings, counts, strict=True) for event in await reading.take(count)]
    assert not failed
    assert sorted(sent) == sorted(bodies(received)) == sorted(str(number) for number in range(40))


APPLICATION_PROPERTIES: dict[str, Any] = {
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


async def test_application_properties_keep_their_values_and_types(
    producer: Producer, read: Read, partition: str
) -> None:
    event = EventData(b"body")
    event.properties = dict(APPLICATION_PROPERTIES)
    moment = datetime.datetime(2026, 1, 2, 3, 4, 5, 678000, tzinfo=datetime.UTC)
    event.properties["time"] = moment
    await producer.send_batch([event], partition_id=partition)
    await producer.send_event(event, partition_id=partition)

    for received in await read(partition).take(2):
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


async def test_every_message_property_and_header_field_is_kept(producer: Producer, read: Read, partition: str) -> None:
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
    await producer.send_event(message, partition_id=partition)
    await producer.send_batch([message], partition_id=partition)

    for event in await read(partition).take(2):
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


async def test_message_ids_keep_their_amqp_type(producer: Producer, read: Read, partition: str) -> None:
    identifier = uuid.uuid4()
    for message_id in (identifier, b"\x01\x02", 42, "text"):
        await producer.send_event(
            AmqpAnnotatedMessage(data_body=b"x", properties={"message_id": message_id}), partition_id=partition
        )

    received = [event.raw_amqp_message.properties for event in await read(partition).take(4)]
    assert [each.message_id for each in received if each] == [identifier, b"\x01\x02", 42, b"text"]


async def test_every_kind_of_body_arrives_as_it_was(producer: Producer, read: Read, partition: str) -> None:
    messages = [
        AmqpAnnotatedMessage(data_body=b"one"),
        AmqpAnnotatedMessage(data_body=[b"one", b"", b"three"]),
        AmqpAnnotatedMessage(sequence_body=[1, "two", None, [3.5]]),
        AmqpAnnotatedMessage(value_body={"a": [1, True]}),
        AmqpAnnotatedMessage(data_body=b""),
    ]
    for message in messages:
        await producer.send_event(message, partition_id=partition)
    await producer.send_batch(messages, partition_id=partition)

    received = [event.raw_amqp_message for event in await read(partition).take(10)]
    for half in (received[:5], received[5:]):
        assert [b"".join(half[number].body) for number in (0, 4)] == [b"one", b""]
        assert list(half[1].body) == [b"one", b"", b"three"]
        assert list(half[2].body) == [[1, b"two", None, [3.5]]]
        assert half[3].body == {b"a": [1, True]}


async def test_sizes_around_every_border_arrive_whole(producer: Producer, read: Read, partition: str) -> None:
    sizes = [0, 1, 240, 255, 256, 257, 65_300, *range(65_430, 65_540, 9), 131_072, ONE_MB // 2, ONE_MB - 200]
    contents = [random.Random(size).randbytes(size) for size in sizes]
    for content in contents:
        await producer.send_event(EventData(content), partition_id=partition)

    received = await read(partition).take(len(sizes))
    assert [b"".join(event.body) for event in received] == contents


async def test_too_large_message_is_refused_and_the_link_goes_on(
    producer: Producer, read: Read, partition: str
) -> None:
    for size in (ONE_MB + 1, 3 * ONE_MB):
        with pytest.raises(EventDataSendError, match="LinkMessageSizeExceeded"):
            await producer.send_event(EventData(b"x" * size), partition_id=partition)
    await producer.send_event(EventData("after"), partition_id=partition)

    assert bodies(await read(partition).take(1)) == ["after"]


async def test_batch_takes_events_up_to_the_services_limit(producer: Producer, read: Read, partition: str) -> None:
    batch = await producer.create_batch(partition_id=partition)
    assert batch.max_size_in_bytes == ONE_MB
    with pytest.raises(ValueError, match="has reached its size limit"):
        _fill(batch)
    count = len(batch)
    await producer.send_batch(batch)

    assert count > 1000
    received = await read(partition).take(count)
    assert [int(body[:5]) for body in bodies(received)] == list(range(count))


def _fill(batch: EventDataBatch) -> None:
    """Adds numbered events of 1,000 bytes until the batch takes no more. Raises ValueError then."""
    for number in itertools.count():
        batch.add(EventData(b"%05d" % number + b"." * 995))


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
        annotations = {_text(name): _text(value) for name, value in received.raw_amqp_message.annotations.items()}
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


def test_settled_transfers_are_stored_and_aborted_ones_are_not(server: ServerProcess, partition: str) -> None:
    with Wire(port_of(server)) as wire:
        wire.handshake().authorize()
        link = wire.attach_sender(f"{MANY}/Partitions/{partition}")
        wire.transfer(link, data_section(b"settled"), message_format=0, settled=True)
        wire.say(transfer_frame(link, 2, 0, more=True) + data_section(b"never finished"))
        wire.say(transfer_frame(link, 2, 0, aborted=True))
        after = wire.transfer(link, data_section(b"after"), message_format=0)
        assert wire.until_accepted() == after
        reading = wire.attach_receiver(
            f"{MANY}/ConsumerGroups/$Default/Partitions/{partition}", "amqp.annotation.x-opt-offset > '-1'"
        )
        wire.grant(reading, 10)
        received = [wire.receive(reading) for _ in range(2)]

    assert [message[-10:].split(b"\x00")[-1][1:] for message in received] == [b"settled", b"after"]
