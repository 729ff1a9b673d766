"""A peer that does not read, or does not end what it began, costs neither memory nor the others' time."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from local.amqp import performatives as frames
from local.launch import ServerProcess
from tests.contract.event_hubs.clients import port_of
from tests.contract.event_hubs.own_hub import FROM_START
from tests.contract.event_hubs.wire import Wire, batch_of, event_of, transfer_frame

MB = 1 << 20
EVENTS, EVENT_BYTES = 600, 100_000


@pytest.fixture
def filled(own_server: Callable[..., ServerProcess]) -> ServerProcess:
    """A server whose one partition holds 60 MB."""
    server = own_server("--hub", "h:1")
    with Wire(port_of(server)) as wire:
        wire.handshake().authorize()
        link = wire.attach_sender("h")
        for first in range(0, EVENTS, 2):
            for piece in _framed(link, wire, batch_of([b"%0100000d" % number for number in (first, first + 1)])):
                wire.say(piece)
            wire.until_accepted()
    return server


def _framed(link: int, wire: Wire, message: bytes) -> Iterator[bytes]:
    """A batch as transfers that each fit a frame."""
    delivery = wire.take_delivery()
    pieces = [message[start : start + 65_000] for start in range(0, len(message), 65_000)]
    for number, piece in enumerate(pieces):
        yield transfer_frame(link, delivery, 0x80013700, more=number + 1 < len(pieces)) + piece


def _resident(server: ServerProcess) -> int:
    status = Path(f"/proc/{server.pid}/status").read_text()
    return int(status.partition("VmRSS:")[2].split()[0]) * 1024


def test_consumers_that_do_not_read_are_not_waited_for(filled: ServerProcess) -> None:
    before = _resident(filled)
    stuck = [Wire(port_of(filled)).handshake().authorize() for _ in range(4)]
    address = "h/ConsumerGroups/$Default/Partitions/0"
    for wire in stuck:
        wire.grant(wire.attach_receiver(address, FROM_START), EVENTS)
    with Wire(port_of(filled)) as wire:
        wire.handshake().authorize()
        link = wire.attach_receiver(address, FROM_START)
        wire.grant(link, EVENTS)
        received = [event_of(wire.receive(link))[0] for _ in range(EVENTS)]
    grown = _resident(filled) - before
    late = [event_of(stuck[0].receive(2))[0] for _ in range(EVENTS)]
    for wire in stuck:
        wire.close()

    assert received == late == list(range(EVENTS))
    assert grown < 40 * MB, "five readers, each with little more than a megabyte under way"


def test_message_that_never_ends_is_not_kept(server: ServerProcess) -> None:
    before = _resident(server)
    with Wire(port_of(server)) as wire:
        wire.handshake().authorize()
        link = wire.attach_sender("lively")
        for _ in range(1000):
            wire.say(transfer_frame(link, 1, 0, more=True) + bytes(60_000))
        grown = _resident(server) - before
        wire.say(transfer_frame(link, 1, 0))
        outcome = wire.until(frames.DISPOSITION).fields[4]

    assert grown < 20 * MB
    assert outcome.value[0].value[0] == "amqp:link:message-size-exceeded"


def test_answers_that_nobody_takes_end_the_link_of_their_requests(server: ServerProcess) -> None:
    with Wire(port_of(server)) as wire:
        wire.handshake().authorize()
        requests = wire.attach_sender("$management")
        wire.attach_receiver("$management")
        for _ in range(1001):
            wire.transfer(requests, b"\x00\x53\x77\xa1\x04READ", message_format=0)
        detached = wire.until(frames.DETACH)

    assert (detached.fields[0], detached.condition) == (requests, "amqp:resource-limit-exceeded")
