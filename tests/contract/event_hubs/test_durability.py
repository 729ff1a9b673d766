"""kill -9 at any moment loses no accepted event, and shows none twice; torn ends of a log are repaired at start."""

import asyncio
import contextlib
import itertools
import random
import resource
import threading
import time
from collections.abc import Callable, Iterator

import pytest
from azure.eventhub import EventData
from azure.eventhub.aio import EventHubProducerClient

from local.amqp import performatives as frames
from local.launch import ServerProcess
from tests.contract.event_hubs.clients import (
    LEAVES_SOCKETS,
    Reading,
    bodies,
    connection_string,
    port_of,
    sequence_numbers,
)
from tests.contract.event_hubs.own_hub import read_all, send_each
from tests.contract.event_hubs.wire import Wire, batch_of, data_section, event_of

OwnServer = Callable[..., ServerProcess]
Read = Callable[..., Reading]
KILLS = 15
BROKEN = (ConnectionError, TimeoutError)


class Sender(threading.Thread):
    """Sends numbered batches to one partition as fast as they are accepted, whatever happens to the server.

    Never sends the same batch twice: one without an answer stays `unknown`.
    """

    def __init__(self, port: int, name: str, address: str, batch_size: int) -> None:
        super().__init__(name=name)
        self.accepted: set[str] = set()
        self.unknown: set[str] = set()
        self.batch_size = batch_size
        self.stopped = threading.Event()
        self._port = port
        self._address = address
        self._numbers = itertools.count()

    def run(self) -> None:
        while not self.stopped.is_set():
            with contextlib.suppress(*BROKEN), Wire(self._port) as wire:
                wire.handshake().authorize()
                self._send_all(wire, wire.attach_sender(self._address))
            self.stopped.wait(0.03)

    def _send_all(self, wire: Wire, link: int) -> None:
        waiting: dict[int, str] = {}
        try:
            while not self.stopped.is_set() or waiting:
                while len(waiting) < 4 and not self.stopped.is_set():
                    batch = f"{self.name}-{next(self._numbers)}"
                    self.unknown.add(batch)
                    waiting[wire.transfer(link, self._message(batch))] = batch
                batch = waiting.pop(wire.until_accepted())
                self.unknown.discard(batch)
                self.accepted.add(batch)
        finally:
            self.unknown.update(waiting.values())

    def _message(self, batch: str) -> bytes:
        return batch_of([f"{batch}/{number}".encode() for number in range(self.batch_size)])


class Receiver(threading.Thread):
    """Reads one partition, from where it was, whatever happens to the server; remembers every event it ever saw."""

    def __init__(self, port: int, address: str) -> None:
        super().__init__(name=address)
        self.seen: dict[int, bytes] = {}
        self.contradictions: list[int] = []
        self.stopped = threading.Event()
        self._port = port
        self._address = address

    def run(self) -> None:
        while not self.stopped.is_set():
            with contextlib.suppress(*BROKEN), Wire(self._port, timeout=1) as wire:
                wire.handshake().authorize()
                selector = f"amqp.annotation.x-opt-sequence-number > '{max(self.seen, default=-1)}'"
                self._receive(wire, wire.attach_receiver(self._address, selector))
            self.stopped.wait(0.03)

    def _receive(self, wire: Wire, link: int) -> None:
        wire.grant(link, 1_000_000)
        while not self.stopped.is_set():
            sequence, event = event_of(wire.receive(link))
            if self.seen.setdefault(sequence, event) != event:
                self.contradictions.append(sequence)


@contextlib.contextmanager
def _running(threads: list[Sender | Receiver]) -> Iterator[None]:
    for thread in threads:
        thread.start()
    try:
        yield
    finally:
        for thread in threads:
            thread.stopped.set()
        for thread in threads:
            thread.join(20)


def test_kill_9_in_a_loop_loses_and_doubles_nothing(own_server: OwnServer) -> None:
    server = own_server("--hub", "h:2", "--segment-bytes", "200000")
    port = port_of(server)
    senders = [
        Sender(port, f"s{number}", f"h/Partitions/{number % 2}", batch_size)
        for number, batch_size in enumerate((1, 1, 20, 100))
    ]
    receivers = [Receiver(port, f"h/ConsumerGroups/$Default/Partitions/{number}") for number in range(2)]
    chance = random.Random(1)
    with _running([*senders, *receivers]):
        for _ in range(KILLS):
            time.sleep(chance.uniform(0.05, 0.25))
            server.restart()
        time.sleep(0.3)

    stored = [read_all(server, number) for number in range(2)]
    for number, receiver in enumerate(receivers):
        assert not receiver.contradictions
        assert [sequence for sequence, _ in stored[number]] == list(range(len(stored[number])))
        assert receiver.seen
        assert receiver.seen.items() <= dict(stored[number]).items(), "what was seen once is there for ever"
    for number, sender in enumerate(senders):
        mine = [body.decode() for _, body in stored[number % 2] if body.decode().startswith(f"{sender.name}-")]
        batches = [list(group) for _, group in itertools.groupby(mine, key=lambda body: body.partition("/")[0])]
        found = [batch[0].partition("/")[0] for batch in batches]
        assert len(sender.accepted) > KILLS
        assert len(found) == len(set(found)), "no batch is stored twice"
        assert sender.accepted <= set(found), "every accepted batch is stored"
        assert set(found) <= sender.accepted | sender.unknown
        assert all(len(batch) == sender.batch_size for batch in batches), "a batch is stored whole or not at all"


@LEAVES_SOCKETS
@pytest.mark.usefixtures("loses_connections")
async def test_real_client_rides_through_kills_by_its_retries(own_server: OwnServer, read: Read) -> None:
    server = own_server("--hub", "h:1")
    source = connection_string(server)
    async with EventHubProducerClient.from_connection_string(
        source, eventhub_name="h", retry_total=8, retry_backoff_factor=0.1
    ) as producer:
        for number in range(2):
            await producer.send_event(EventData(f"{number}"), partition_id="0")
            server.restart()
        await producer.send_event(EventData("end"), partition_id="0")

    assert bodies(await read("0", hub="h", source=source).take(3)) == ["0", "1", "end"]


def test_sigterm_answers_what_was_taken_and_exits_0(own_server: OwnServer) -> None:
    server = own_server("--hub", "h:2")
    sender = Sender(port_of(server), "s", "h/Partitions/1", 50)
    with _running([sender]):
        time.sleep(0.4)
        assert server.terminate() == 0
        sender.stopped.set()
    server.close()
    stored = {body.decode().partition("/")[0] for _, body in read_all(server.start(), 1)}

    assert sender.accepted <= stored
    assert stored <= sender.accepted, "a batch was stored but its sender was not told"


async def test_restart_keeps_creation_time_groups_and_numbering(own_server: OwnServer, read: Read) -> None:
    server = own_server("--hub", "h:2:store")
    source = connection_string(server)
    send_each(server, b"before", partition=1)
    async with EventHubProducerClient.from_connection_string(source, eventhub_name="h") as producer:
        before = await asyncio.gather(producer.get_eventhub_properties(), producer.get_partition_properties("1"))
    server.terminate()
    server.close()
    server.start()
    async with EventHubProducerClient.from_connection_string(source, eventhub_name="h") as producer:
        after = await asyncio.gather(producer.get_eventhub_properties(), producer.get_partition_properties("1"))
        assert after == before
        await producer.send_event(EventData("after"), partition_id="1")

    events = await read("1", hub="h", group="store", source=source).take(2)
    assert bodies(events) == ["before", "after"]
    assert sequence_numbers(events) == [0, 1]


def test_full_disk_rejects_the_send_and_loses_nothing(own_server: OwnServer) -> None:
    server = own_server("--hub", "h:1")
    send_each(server, b"before")
    with _file_size_limited_to(server.pid, 4096), Wire(port_of(server)) as wire:
        wire.handshake().authorize()
        link = wire.attach_sender("h/Partitions/0")
        wire.transfer(link, data_section(b"x" * 6000), message_format=0)
        refused = wire.until(frames.DISPOSITION)
        wire.transfer(link, data_section(b"small enough"), message_format=0)
        wire.until_accepted()
    send_each(server, b"y" * 6000)
    server.restart()

    assert refused.fields[4].descriptor == frames.REJECTED
    assert refused.fields[4].value[0].value[0] == "amqp:internal-error"
    assert read_all(server, 0) == [(0, b"before"), (1, b"small enough"), (2, b"y" * 6000)]


@contextlib.contextmanager
def _file_size_limited_to(pid: int, size: int) -> Iterator[None]:
    """Lets a process write no file beyond a size: the closest to a full disk that needs no disk."""
    before = resource.prlimit(pid, resource.RLIMIT_FSIZE)
    resource.prlimit(pid, resource.RLIMIT_FSIZE, (size, before[1]))
    try:
        yield
    finally:
        resource.prlimit(pid, resource.RLIMIT_FSIZE, before)
