"""The newest owner level owns a partition in its consumer group; without levels, five may read."""

import asyncio
from collections.abc import Callable

import pytest
from azure.eventhub import EventData
from azure.eventhub.aio import EventHubProducerClient
from azure.eventhub.exceptions import ConnectionLostError

from local.amqp import performatives as frames
from local.launch import ServerProcess
from tests.contract.event_hubs.clients import Reading, bodies, consumers_attached, port_of
from tests.contract.event_hubs.conftest import MANY
from tests.contract.event_hubs.wire import Wire

Read = Callable[..., Reading]


async def _stolen(reading: Reading) -> None:
    error = await reading.error()
    assert isinstance(error, ConnectionLostError)
    assert "amqp:link:stolen" in str(error)


async def test_equal_or_higher_level_takes_the_partition_over(
    producer: EventHubProducerClient, read: Read, take_partition: Callable[[], str]
) -> None:
    async def steal(first: int | None, second: int) -> None:
        partition = take_partition()
        await producer.send_event(EventData("a"), partition_id=partition)
        loser = read(partition, owner_level=first)
        assert bodies(await loser.take(1)) == ["a"]
        winner = read(partition, owner_level=second)
        assert bodies(await winner.take(1)) == ["a"]

        await _stolen(loser)
        await producer.send_event(EventData("b"), partition_id=partition)
        assert bodies(await winner.take(1)) == ["b"]

    await asyncio.gather(steal(1, 2), steal(0, 0), steal(5, 5), steal(None, 0))


async def test_lower_level_or_none_is_refused_while_a_higher_one_reads(
    producer: EventHubProducerClient, read: Read, partition: str
) -> None:
    await producer.send_event(EventData("a"), partition_id=partition)
    owner = read(partition, owner_level=3)
    assert bodies(await owner.take(1)) == ["a"]
    await asyncio.gather(*(_stolen(read(partition, owner_level=level)) for level in (None, 0, 2)))

    await producer.send_event(EventData("b"), partition_id=partition)
    assert bodies(await owner.take(1)) == ["b"]


async def test_level_is_free_again_when_its_owner_is_gone(
    producer: EventHubProducerClient, read: Read, server: ServerProcess, partition: str
) -> None:
    await producer.send_event(EventData("a"), partition_id=partition)
    owner = read(partition, owner_level=9)
    assert bodies(await owner.take(1)) == ["a"]
    await owner.close()
    await consumers_attached(server, MANY, partition, 0)

    assert bodies(await read(partition).take(1)) == ["a"]


async def test_groups_and_partitions_do_not_interfere(
    producer: EventHubProducerClient, read: Read, partition: str, take_partition: Callable[[], str]
) -> None:
    other = take_partition()
    await asyncio.gather(*(producer.send_event(EventData("a"), partition_id=each) for each in (partition, other)))
    readings = [
        read(partition, owner_level=7),
        read(partition, group="store", owner_level=1),
        read(partition, group="twins"),
        read(other, owner_level=0),
    ]
    for reading in readings:
        assert bodies(await reading.take(1)) == ["a"]
    await producer.send_event(EventData("b"), partition_id=partition)
    for reading in readings[:3]:
        assert bodies(await reading.take(1)) == ["b"]


def test_sixth_reader_without_level_is_refused_and_a_level_evicts_the_five(
    server: ServerProcess, partition: str
) -> None:
    address = f"{MANY}/ConsumerGroups/$Default/Partitions/{partition}"
    with Wire(port_of(server)) as wire:
        wire.handshake().authorize()
        readers = [wire.attach_receiver(address) for _ in range(5)]
        with pytest.raises(ConnectionError, match="amqp:resource-limit-exceeded"):
            wire.attach_receiver(address)
        wire.attach_receiver(address.replace("$Default", "store"))
        with Wire(port_of(server)) as other:
            other.handshake().authorize().attach_receiver(address, level=4)
            evicted = [wire.until(frames.DETACH) for _ in readers]
            assert {frame.fields[0] for frame in evicted} == set(readers)
            assert {frame.condition for frame in evicted} == {"amqp:link:stolen"}
            with pytest.raises(ConnectionError, match="amqp:link:stolen"):
                wire.attach_receiver(address)
