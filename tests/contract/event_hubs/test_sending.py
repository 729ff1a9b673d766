"""What is sent arrives as it was sent, once, in the partition it belongs to."""

import asyncio
import itertools
import random
import string as characters
from collections.abc import Callable
from typing import Any

import pytest
from azure.eventhub import EventData, EventDataBatch, EventHubProducerClient
from azure.eventhub import aio as asynchronous
from azure.eventhub._buffered_producer._partition_resolver import PartitionResolver
from azure.eventhub.amqp import AmqpAnnotatedMessage
from azure.eventhub.exceptions import EventDataSendError

from local.launch import ServerProcess
from tests.contract.event_hubs.clients import Reading, bodies, port_of
from tests.contract.event_hubs.conftest import MANY, Echo
from tests.contract.event_hubs.wire import Wire, data_section, transfer_frame

Producer = asynchronous.EventHubProducerClient
Read = Callable[..., Reading]
Sendable = EventData | AmqpAnnotatedMessage
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
    resolver: Any = PartitionResolver  # it has no types
    partition_of_key = resolver([str(number) for number in range(count)]).get_partition_id_by_partition_key
    keys = _keys(count)
    expected: dict[str, list[str]] = {str(number): [] for number in range(count)}
    for key in keys:
        expected[partition_of_key(key)].append(key)
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

        for partition, link in links.items():
            wire.grant(link, len(keys))
            received = [wire.receive(link) for _ in expected[partition]]
            assert all(key.encode() in message for message, key in zip(received, expected[partition], strict=True))


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

    async def succeeded(events: list[Sendable], partition: str | None) -> None:
        sent.extend(event.body_as_str() for event in events if isinstance(event, EventData))

    async def went_wrong(events: list[Sendable], partition: str | None, error: Exception) -> None:
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


async def test_sizes_around_every_border_arrive_whole(echoed: Producer, echo: Echo) -> None:
    sizes = [0, 1, 240, 255, 256, 257, 65_300, *range(65_430, 65_540, 9), 131_072, ONE_MB // 2, ONE_MB - 200]
    contents = [random.Random(size).randbytes(size) for size in sizes]
    for content in contents:
        await echoed.send_event(EventData(content), partition_id=echo.partition)

    received = await echo.take(len(sizes))
    assert [_content(event) for event in received] == contents


def _content(event: EventData) -> bytes:
    pieces: Any = event.body
    return b"".join(pieces)


async def test_too_large_message_is_refused_and_the_link_goes_on(echoed: Producer, echo: Echo) -> None:
    for size in (ONE_MB + 1, 3 * ONE_MB):
        with pytest.raises(EventDataSendError, match="LinkMessageSizeExceeded"):
            await echoed.send_event(EventData(b"x" * size), partition_id=echo.partition)
    await echoed.send_event(EventData("after"), partition_id=echo.partition)

    assert bodies(await echo.take(1)) == ["after"]


async def test_batch_takes_events_up_to_the_services_limit(echoed: Producer, echo: Echo) -> None:
    batch = await echoed.create_batch(partition_id=echo.partition)
    assert batch.max_size_in_bytes == ONE_MB
    with pytest.raises(ValueError, match="has reached its size limit"):
        _fill(batch)
    count = len(batch)
    await echoed.send_batch(batch)

    assert count > 1000
    received = await echo.take(count)
    assert [int(body[:5]) for body in bodies(received)] == list(range(count))


def _fill(batch: EventDataBatch) -> None:
    """Adds numbered events of 1,000 bytes until the batch takes no more. Raises ValueError then."""
    for number in itertools.count():
        batch.add(EventData(b"%05d" % number + b"." * 995))


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
