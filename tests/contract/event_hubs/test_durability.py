"""kill -9 at any moment loses no accepted event, and shows none twice; torn ends of a log are repaired at start."""

import contextlib
import itertools
import random
import re
import resource
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import httpx
import pytest
from azure.eventhub import EventData
from azure.eventhub.aio import EventHubProducerClient

from local.event_hubs import performatives as frames
from local.launch import NotReady, ServerProcess
from local.process import USER_MISTAKE
from tests.contract.event_hubs.clients import (
    LEAVES_SOCKETS,
    Reading,
    bodies,
    connection_string,
    port_of,
    sequence_numbers,
)
from tests.contract.event_hubs.wire import Wire, batch_of, data_section, event_of

OwnServer = Callable[..., ServerProcess]
Read = Callable[..., Reading]
FROM_START = "amqp.annotation.x-opt-offset > '-1'"
KILLS = 18
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
            self.stopped.wait(0.01)

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
            self.stopped.wait(0.01)

    def _receive(self, wire: Wire, link: int) -> None:
        wire.grant(link, 1_000_000)
        while not self.stopped.is_set():
            sequence, event = event_of(wire.receive(link))
            if self.seen.setdefault(sequence, event) != event:
                self.contradictions.append(sequence)


def _read_all(server: ServerProcess, partition: int) -> list[tuple[int, bytes]]:
    """(sequence number, body) of every event of a partition of the hub `h`."""
    count = httpx.get(f"{server.admin}/_local/health").json()["hubs"]["h"][partition]["last"] + 1
    with Wire(port_of(server)) as wire:
        wire.handshake().authorize()
        link = wire.attach_receiver(f"h/ConsumerGroups/$Default/Partitions/{partition}", FROM_START)
        wire.grant(link, count)
        return [event_of(wire.receive(link)) for _ in range(count)]


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
        for number, batch_size in enumerate((1, 1, 20, 300))
    ]
    receivers = [Receiver(port, f"h/ConsumerGroups/$Default/Partitions/{number}") for number in range(2)]
    chance = random.Random(1)
    with _running([*senders, *receivers]):
        for _ in range(KILLS):
            time.sleep(chance.uniform(0.05, 0.35))
            server.restart()
        time.sleep(0.3)

    stored = [_read_all(server, number) for number in range(2)]
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
    async with EventHubProducerClient.from_connection_string(source, eventhub_name="h", retry_total=5) as producer:
        for number in range(3):
            await producer.send_batch([EventData(f"{number}")], partition_id="0")
            server.restart()
        await producer.send_batch([EventData("end")], partition_id="0")

    assert bodies(await read("0", hub="h", source=source).take(4)) == ["0", "1", "2", "end"]


def _send(server: ServerProcess, *messages: bytes, partition: int = 0) -> None:
    with Wire(port_of(server)) as wire:
        wire.handshake().authorize()
        link = wire.attach_sender(f"h/Partitions/{partition}")
        for message in messages:
            wire.transfer(link, data_section(message), message_format=0)
            wire.until_accepted()


def _last_segment(directory: Path, partition: int = 0) -> Path:
    return max((directory / "data" / "h" / str(partition)).glob("*.log"))


def _cut(path: Path, lost: int) -> None:
    with path.open("r+b") as file:
        file.truncate(path.stat().st_size - lost)


def _flip(path: Path, from_end: int) -> None:
    content = bytearray(path.read_bytes())
    content[-from_end] ^= 0x40
    path.write_bytes(content)


TEARS: dict[str, tuple[Callable[[Path], None], int]] = {
    "garbage behind": (lambda path: _append(path, b"\xde\xad\xbe\xef" * 100), 10),
    "zeros behind": (lambda path: _append(path, bytes(8192)), 10),
    "half a block behind": (lambda path: _append(path, path.read_bytes()[-60:]), 10),
    "one byte short": (lambda path: _cut(path, 1), 9),
    "half the last block short": (lambda path: _cut(path, 70), 9),
    "flipped bit in the last event": (lambda path: _flip(path, 3), 9),
    "flipped bit in the last block's head": (lambda path: _flip(path, 125), 9),
}
"""How a crash, or worse, can leave the end of a log; and how many of 10 events are whole then."""


def _append(path: Path, data: bytes) -> None:
    with path.open("ab") as file:
        file.write(data)


@pytest.mark.parametrize("tear", TEARS)
def test_torn_end_is_repaired_at_start_and_sending_goes_on(own_server: OwnServer, tmp_path: Path, tear: str) -> None:
    damage, whole = TEARS[tear]
    server = own_server("--hub", "h:1")
    _send(server, *(b"event %d" % number for number in range(10)))
    server.kill()
    damage(_last_segment(tmp_path))
    server.restart()
    _send(server, b"after")
    expected = [(number, b"event %d" % number) for number in range(whole)] + [(whole, b"after")]
    assert _read_all(server, 0) == expected
    server.restart()
    assert _read_all(server, 0) == expected


def test_new_segment_cut_off_in_its_head_is_made_again(own_server: OwnServer, tmp_path: Path) -> None:
    server = own_server("--hub", "h:1", "--segment-bytes", "500")
    _send(server, *(b"event %d" % number for number in range(10)))
    server.kill()
    (tmp_path / "data" / "h" / "0" / f"{10:020d}.log").write_bytes(b"EHLOG")
    server.restart()
    _send(server, b"after")

    assert _read_all(server, 0) == [*((number, b"event %d" % number) for number in range(10)), (10, b"after")]


def test_damaged_head_in_front_of_events_is_told_and_nothing_is_deleted(own_server: OwnServer, tmp_path: Path) -> None:
    server = own_server("--hub", "h:1")
    _send(server, b"precious")
    server.kill()
    segment = _last_segment(tmp_path)
    content = segment.read_bytes()
    segment.write_bytes(b"?" + content[1:])

    with pytest.raises(NotReady, match=rf"ended with {USER_MISTAKE}: .*\.log is damaged in its head"):
        server.restart()
    segment.write_bytes(content)
    assert _read_all(server.start(), 0) == [(0, b"precious")]


def test_sigterm_answers_what_was_taken_and_exits_0(own_server: OwnServer) -> None:
    server = own_server("--hub", "h:2")
    sender = Sender(port_of(server), "s", "h/Partitions/1", 50)
    with _running([sender]):
        time.sleep(0.4)
        assert server.terminate() == 0
        sender.stopped.set()
    server.close()
    stored = {body.decode().partition("/")[0] for _, body in _read_all(server.start(), 1)}

    assert sender.accepted <= stored
    assert stored <= sender.accepted, "a batch was stored but its sender was not told"


async def test_restart_keeps_creation_time_groups_and_numbering(own_server: OwnServer, read: Read) -> None:
    server = own_server("--hub", "h:2:store")
    source = connection_string(server)
    _send(server, b"before", partition=1)
    async with EventHubProducerClient.from_connection_string(source, eventhub_name="h") as producer:
        before = await producer.get_eventhub_properties()
        partition_before = await producer.get_partition_properties("1")
    server.terminate()
    server.close()
    server.start()
    async with EventHubProducerClient.from_connection_string(source, eventhub_name="h") as producer:
        assert await producer.get_eventhub_properties() == before
        assert await producer.get_partition_properties("1") == partition_before
        await producer.send_batch([EventData("after")], partition_id="1")

    events = await read("1", hub="h", group="store", source=source).take(2)
    assert bodies(events) == ["before", "after"]
    assert sequence_numbers(events) == [0, 1]


def test_hub_may_get_more_partitions_but_never_fewer(own_server: OwnServer) -> None:
    server = own_server("--hub", "h:2")
    _send(server, b"kept", partition=1)
    server.terminate()
    more = own_server("--hub", "h:3")
    assert _read_all(more, 1) == [(0, b"kept")]
    assert _read_all(more, 2) == []
    more.terminate()

    with pytest.raises(NotReady, match=rf"ended with {USER_MISTAKE}: Hub 'h' has 3 partitions in [^\n]+anew\.$"):
        own_server("--hub", "h:2")


def test_port_data_directory_and_names_must_be_free(own_server: OwnServer, tmp_path: Path) -> None:
    taken = str(port_of(own_server("--hub", "h:1")))
    data, other = str(tmp_path / "data"), str(tmp_path / "other")
    mistakes = {
        "Another process keeps its state in": ["--data", data, "--hub", "h:1"],
        "State can't be kept in /proc/nowhere": ["--data", "/proc/nowhere", "--hub", "h:1"],
        f"Port {taken} on 127.0.0.1 can't be had": ["--port", taken, "--data", other, "--hub", "h:1"],
        "The hub 'h' is named more than once": ["--data", other, "--hub", "h:1", "--hub", "H:2"],
    }
    for sentence, arguments in mistakes.items():
        with pytest.raises(NotReady, match=rf"ended with {USER_MISTAKE}: {re.escape(sentence)}[^\n]*\.$"):
            ServerProcess("event_hubs", arguments, has_admin=True).start()


def test_full_disk_rejects_the_send_and_loses_nothing(own_server: OwnServer) -> None:
    server = own_server("--hub", "h:1")
    _send(server, b"before")
    with _file_size_limited_to(server.pid, 4096), Wire(port_of(server)) as wire:
        wire.handshake().authorize()
        link = wire.attach_sender("h/Partitions/0")
        wire.transfer(link, data_section(b"x" * 6000), message_format=0)
        refused = wire.until(frames.DISPOSITION)
        wire.transfer(link, data_section(b"small enough"), message_format=0)
        wire.until_accepted()
    _send(server, b"y" * 6000)
    server.restart()

    assert refused.fields[4].descriptor == frames.REJECTED
    assert refused.fields[4].value[0].value[0] == "amqp:internal-error"
    assert _read_all(server, 0) == [(0, b"before"), (1, b"small enough"), (2, b"y" * 6000)]


@contextlib.contextmanager
def _file_size_limited_to(pid: int, size: int) -> Iterator[None]:
    """Lets a process write no file beyond a size: the closest to a full disk that needs no disk."""
    before = resource.prlimit(pid, resource.RLIMIT_FSIZE)
    resource.prlimit(pid, resource.RLIMIT_FSIZE, (size, before[1]))
    try:
        yield
    finally:
        resource.prlimit(pid, resource.RLIMIT_FSIZE, before)
