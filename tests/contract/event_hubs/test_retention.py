"""Old events are forgotten, and everything else goes on as if they had never been asked for."""

import asyncio
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
from azure.eventhub.aio import EventHubProducerClient

from local.launch import ServerProcess
from tests.contract.event_hubs.clients import FROM_START, Reading, bodies, connection_string, port_of, sequence_numbers
from tests.contract.event_hubs.wire import Wire, batch_of, event_of

OwnServer = Callable[..., ServerProcess]
Read = Callable[..., Reading]
ARGUMENTS = ("--hub", "h:1:store", "--segment-bytes", "2000")


def _send(server: ServerProcess, first: int, count: int) -> None:
    with Wire(port_of(server)) as wire:
        wire.handshake().authorize()
        link = wire.attach_sender("h")
        for number in range(first, first + count, 5):
            wire.transfer(link, batch_of([b"%d" % each for each in range(number, number + 5)]))
            wire.until_accepted()


def _partition(server: ServerProcess) -> dict[str, Any]:
    shown: dict[str, Any] = httpx.get(f"{server.admin}/_local/health").json()["hubs"]["h"][0]
    return shown


async def _trimmed_to(server: ServerProcess, sequence: int) -> None:
    async with asyncio.timeout(10):
        while _partition(server)["begin"] < sequence:  # noqa: ASYNC110 - another process
            await asyncio.sleep(0.05)


async def test_trimmed_events_are_gone_and_numbering_goes_on(own_server: OwnServer, read: Read, tmp_path: Path) -> None:
    directory = tmp_path / "data" / "h" / "0"
    server = own_server(*ARGUMENTS)
    _send(server, 0, 60)
    files = set(directory.glob("*.log"))
    assert len(files) > 2
    server.terminate()
    await asyncio.sleep(0.5)

    server = own_server(*ARGUMENTS, "--retention-hours", "0.00012")
    await _trimmed_to(server, 60)
    assert _partition(server)["last"] == 59
    assert not files & set(directory.glob("*.log")), "the disk's space is given back"
    server.terminate()

    server = own_server(*ARGUMENTS)
    assert _partition(server) == {"begin": 60, "last": 59, "consumers": 0}
    _send(server, 60, 5)
    source = connection_string(server)
    starts: list[Any] = [FROM_START, "5", 7]
    readings = [read("0", hub="h", source=source, starting_position=start) for start in starts]
    for reading in readings:
        events = await reading.take(5)
        assert sequence_numbers(events) == [60, 61, 62, 63, 64]
        assert bodies(events) == ["60", "61", "62", "63", "64"]


async def test_reader_in_the_trimmed_range_goes_on_at_the_beginning(own_server: OwnServer) -> None:
    server = own_server(*ARGUMENTS, "--retention-hours", "0.0003")
    _send(server, 0, 100)
    with Wire(port_of(server)) as wire:
        wire.handshake().authorize()
        address = "h/ConsumerGroups/$Default/Partitions/0"
        link = wire.attach_receiver(address, "amqp.annotation.x-opt-offset > '-1'")
        wire.grant(link, 1)
        assert event_of(wire.receive(link)) == (0, b"0")
        await _trimmed_to(server, 100)
        _send(server, 100, 5)
        wire.grant(link, 5, seen=1)
        received = [event_of(wire.receive(link)) for _ in range(5)]

    held_back = sum(sequence < 100 for sequence, _ in received)
    assert [sequence for sequence, _ in received[held_back:]] == list(range(100, 105 - held_back))
    assert [int(body) for _, body in received] == [sequence for sequence, _ in received]


async def test_partition_with_everything_trimmed_says_it_is_empty(own_server: OwnServer) -> None:
    server = own_server(*ARGUMENTS, "--retention-hours", "0.00012")
    _send(server, 0, 10)
    await _trimmed_to(server, 10)
    async with EventHubProducerClient.from_connection_string(connection_string(server), eventhub_name="h") as producer:
        properties = await producer.get_partition_properties("0")

    assert properties["is_empty"]
    assert properties["beginning_sequence_number"] == 10
    assert properties["last_enqueued_sequence_number"] == 9
