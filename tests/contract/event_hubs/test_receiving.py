"""Consumers get every event from where they start, in order, each group for itself."""

import asyncio
import datetime
import itertools
from collections.abc import Callable
from typing import Any

import pytest
from azure.eventhub import EventData, EventHubConsumerClient
from azure.eventhub import aio as asynchronous
from azure.eventhub.exceptions import ConnectError, ConnectionLostError

from local.launch import ServerProcess
from tests.contract.event_hubs.clients import (
    FROM_START,
    Reading,
    bodies,
    connection_string,
    consumers_attached,
    port_of,
    sequence_numbers,
)
from tests.contract.event_hubs.conftest import MANY
from tests.contract.event_hubs.wire import Wire, batch_of

Producer = asynchronous.EventHubProducerClient
Read = Callable[..., Reading]


async def _send(producer: Producer, partition: str, *contents: str) -> None:
    await producer.send_batch([EventData(content) for content in contents], partition_id=partition)


async def test_consumers_start_where_they_say(producer: Producer, read: Read, partition: str) -> None:
    await _send(producer, partition, "0", "1")
    await asyncio.sleep(0.01)
    await _send(producer, partition, "2")
    await asyncio.sleep(0.01)
    await _send(producer, partition, "3", "4")
    sent = await read(partition).take(5)
    offsets = [event.offset for event in sent]
    times = [event.enqueued_time for event in sent]
    between = (times[1] or datetime.datetime.min) + datetime.timedelta(milliseconds=1)

    starts: list[tuple[Any, bool, str]] = [
        (FROM_START, False, "01234"),
        (FROM_START, True, "01234"),
        (offsets[1], False, "234"),
        (offsets[1], True, "1234"),
        (str(int(offsets[1] or 0) + 1), True, "234"),
        (1, False, "234"),
        (1, True, "1234"),
        (-1, False, "01234"),
        (0, True, "01234"),
        (times[1], False, "234"),
        (times[1], True, "01234"),
        (between, False, "234"),
        (between, True, "234"),
        (datetime.datetime(2020, 1, 1, tzinfo=datetime.UTC), False, "01234"),
        (times[3], True, "34"),
    ]
    groups = itertools.cycle(("store", "twins", "late"))
    readings = [
        read(partition, group=group, starting_position=start, starting_position_inclusive=inclusive)
        for group, (start, inclusive, _) in zip(groups, starts, strict=False)
    ]
    received = await asyncio.gather(
        *(reading.take(len(expected)) for reading, (*_, expected) in zip(readings, starts, strict=True))
    )

    for events, (start, inclusive, expected) in zip(received, starts, strict=True):
        assert "".join(bodies(events)) == expected, (start, inclusive)


async def test_latest_gives_only_what_comes_after(
    producer: Producer, read: Read, server: ServerProcess, partition: str
) -> None:
    await _send(producer, partition, "before")
    reading = read(partition, starting_position="@latest")
    from_the_end = read(partition, group="store", starting_position=0)
    await consumers_attached(server, MANY, partition, 2)
    await _send(producer, partition, "after")

    assert bodies(await reading.take(1)) == ["after"]
    assert bodies(await from_the_end.take(1)) == ["after"]
    assert await reading.rest() == []


async def test_time_in_the_future_waits_for_what_is_newer(
    producer: Producer, read: Read, server: ServerProcess, partition: str
) -> None:
    await _send(producer, partition, "before")
    reading = read(partition, starting_position=datetime.datetime.now(datetime.UTC) + datetime.timedelta(hours=1))
    await consumers_attached(server, MANY, partition, 1)
    await _send(producer, partition, "after")

    assert bodies(await reading.take(1)) == ["after"]


async def test_consumer_groups_read_independently(producer: Producer, read: Read, partition: str) -> None:
    await _send(producer, partition, *"abc")
    readings = [read(partition, group=group) for group in ("$default", "store", "Twins")]

    for reading in readings:
        assert bodies(await reading.take(3)) == ["a", "b", "c"]
    await _send(producer, partition, "d")
    for reading in readings:
        assert bodies(await reading.take(1)) == ["d"]


def _refusal(connection: str, partition: str, *, group: str = "$Default", hub: str = MANY, **options: Any) -> Exception:
    """The error that the sync client gives a consumer. (The aio client keeps silent and tries for ever.)"""
    errors: list[Exception] = []
    client = EventHubConsumerClient.from_connection_string(connection, group, eventhub_name=hub, retry_total=0)

    def on_error(context: Any, error: Exception) -> None:
        errors.append(error)
        client.close()

    def on_event(context: Any, event: Any) -> None:
        """No event is expected."""

    with client:
        client.receive(on_event, on_error=on_error, partition_id=partition, **options)
    return errors[0]


async def test_unknown_groups_hubs_and_positions_are_refused(connection: str, partition: str) -> None:
    asked: dict[str, dict[str, Any]] = {
        "'many/ConsumerGroups/nobody' could not be found": {"group": "nobody"},
        "'nemo' could not be found": {"hub": "nemo"},
        "supplied offset '99999' is invalid": {"starting_position": "99999"},
        "supplied sequence number '7' is invalid": {"starting_position": 7},
    }
    errors = await asyncio.gather(
        *(asyncio.to_thread(_refusal, connection, partition, **options) for options in asked.values())
    )
    for message, error in zip(asked, errors, strict=True):
        assert isinstance(error, (ConnectError, ConnectionLostError))
        assert message in str(error)


def test_unknown_partition_is_refused_with_the_range_there_is(server: ServerProcess) -> None:
    with Wire(port_of(server)) as wire:
        wire.handshake().authorize()
        for address in ("empty/ConsumerGroups/$Default/Partitions/2", "empty/ConsumerGroups/$Default/Partitions/x"):
            with pytest.raises(ConnectionError, match="argument-out-of-range"):
                wire.attach_receiver(address)
        with pytest.raises(ConnectionError, match="argument-out-of-range"):
            wire.attach_sender("empty/Partitions/-1")


async def test_prefetch_of_any_size_gives_all_in_order(server: ServerProcess, read: Read, partition: str) -> None:
    count = 2000
    with Wire(port_of(server)) as wire:
        wire.handshake().authorize()
        link = wire.attach_sender(f"{MANY}/Partitions/{partition}")
        wire.transfer(link, batch_of([b"%d" % number for number in range(count)]))
        wire.until_accepted()
    counts = {1: 20, 300: count, 5000: count}
    readings = {prefetch: read(partition, prefetch=prefetch, max_batch_size=prefetch) for prefetch in counts}

    for prefetch, reading in readings.items():
        events = await reading.take(counts[prefetch])
        assert sequence_numbers(events)[: counts[prefetch]] == list(range(counts[prefetch]))
        assert bodies(events)[: counts[prefetch]] == [str(number) for number in range(counts[prefetch])]


async def test_no_more_comes_than_there_is_credit_for(server: ServerProcess, partition: str) -> None:
    with Wire(port_of(server)) as wire:
        wire.handshake().authorize()
        link = wire.attach_sender(f"{MANY}/Partitions/{partition}")
        wire.transfer(link, batch_of([b"x"] * 50))
        reading = wire.attach_receiver(
            f"{MANY}/ConsumerGroups/$Default/Partitions/{partition}", "amqp.annotation.x-opt-offset > '-1'"
        )
        wire.grant(reading, 20)
        got = [wire.receive(reading) for _ in range(20)]
        wire.grant(reading, 5, seen=10)
        wire.grant(reading, 15, seen=20, drain=True)
        got += [wire.receive(reading) for _ in range(15)]
        wire.grant(reading, 100, seen=35, drain=True)
        got += [wire.receive(reading) for _ in range(15)]
        drained = wire.until_flow_of(reading)

    assert len(set(got)) == 50
    assert (drained.fields[5], drained.fields[6]) == (135, 0)


async def test_last_enqueued_event_properties_come_with_the_events(
    producer: Producer, read: Read, partition: str
) -> None:
    await _send(producer, partition, *"abc")
    reading = read(partition, track_last_enqueued_event_properties=True)
    events = await reading.take(3)

    assert reading.context is not None
    last = reading.context.last_enqueued_event_properties
    assert last is not None
    assert last["sequence_number"] == 2
    assert last["offset"] in (events[2].offset, str(events[2].offset).encode())
    assert last["enqueued_time"] == events[2].enqueued_time
    assert abs(last["retrieval_time"] - datetime.datetime.now(datetime.UTC)) < datetime.timedelta(minutes=1)


async def test_sync_client_receives_single_events_and_batches(
    connection: str, producer: Producer, partition: str
) -> None:
    await _send(producer, partition, *"abcd")

    def receive(method: str) -> list[str]:
        received: list[str] = []
        client = EventHubConsumerClient.from_connection_string(connection, "$Default", eventhub_name=MANY)

        def on_event(context: Any, arrived: EventData | list[EventData] | None) -> None:
            received.extend(bodies(arrived if isinstance(arrived, list) else [arrived] if arrived else []))
            if len(received) >= 4:
                client.close()

        with client:
            getattr(client, method)(on_event, partition_id=partition, starting_position=FROM_START, max_wait_time=1)
        return received

    for received in await asyncio.gather(*(asyncio.to_thread(receive, each) for each in ("receive", "receive_batch"))):
        assert received == ["a", "b", "c", "d"]


async def test_one_consumer_reads_all_partitions(connection: str) -> None:
    received: set[str] = set()
    complete = asyncio.Event()

    async def on_event(context: Any, event: EventData | None) -> None:
        received.add(f"{context.partition_id}:{event.body_as_str() if event else None}")
        if len(received) == 4:
            complete.set()

    async with Producer.from_connection_string(connection, eventhub_name="all") as client:
        await asyncio.gather(*(_send(client, str(each), f"to {each}") for each in range(4)))
    async with asynchronous.EventHubConsumerClient.from_connection_string(
        connection, "$Default", eventhub_name="all"
    ) as consumer:
        receiving = asyncio.create_task(consumer.receive(on_event, starting_position=FROM_START))
        await asyncio.wait_for(complete.wait(), 20)
        receiving.cancel()
        await asyncio.gather(receiving, return_exceptions=True)

    assert received == {f"{each}:to {each}" for each in range(4)}


async def test_large_backlog_is_read_from_disk_across_many_segments(
    own_server: Callable[..., ServerProcess], read: Read
) -> None:
    server = own_server("--hub", "backlog:1:late", "--segment-bytes", "300000")
    count, per_batch = 20_000, 400
    with Wire(port_of(server)) as wire:
        wire.handshake().authorize()
        link = wire.attach_sender("backlog")
        for first in range(0, count, per_batch):
            wire.transfer(link, batch_of([b"%06d" % number for number in range(first, first + per_batch)]))
        for _ in range(count // per_batch):
            wire.until_accepted()

    source = connection_string(server)
    whole = read("0", hub="backlog", source=source, prefetch=5000, max_batch_size=5000)
    middle = read("0", hub="backlog", group="late", source=source, starting_position=12_344, prefetch=5000)
    events = await whole.take(count)
    assert bodies(events) == [f"{number:06d}" for number in range(count)]
    assert sequence_numbers(events) == list(range(count))
    assert bodies(await middle.take(5)) == [f"{number:06d}" for number in range(12_345, 12_350)]
    offset = read("0", hub="backlog", source=source, starting_position=events[17_000].offset)
    assert sequence_numbers(await offset.take(5)) == list(range(17_001, 17_006))
    when = read("0", hub="backlog", source=source, starting_position=events[9_000].enqueued_time)
    (later,) = await when.take(1)
    times: list[Any] = [event.enqueued_time for event in events]
    assert later.sequence_number == next(number for number, time in enumerate(times) if time > times[9_000])
