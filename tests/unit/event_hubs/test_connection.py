"""The connection state machine without a socket: what a peer does wrong gets the right error, and ends it."""

import struct
from dataclasses import dataclass, field
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from local.amqp import performatives as frames
from local.amqp.codec import NULL, Described, boolean, decode, described, listed, long, string, symbol, uint
from local.amqp.errors import NOT_FOUND, Refused
from local.event_hubs.connection import MAX_FRAME, Connection
from local.event_hubs.links import MAX_MESSAGE, Delivery, IncomingLink, Link, OutgoingLink

HANDSHAKE = (
    frames.SASL_HEADER
    + frames.sasl_frame(frames.performative(frames.SASL_INIT, symbol("ANONYMOUS")))
    + frames.AMQP_HEADER
)
OPEN = frames.frame(0, frames.performative(frames.OPEN, string("peer"), NULL, uint(MAX_FRAME)))
BEGIN = frames.frame(0, frames.performative(frames.BEGIN, NULL, uint(0), uint(1000), uint(1000)))
TO_HUB = described(frames.TARGET, listed([string("hub")]))
FROM_HUB = described(frames.SOURCE, listed([string("hub")]))


@dataclass
class Recorder:
    """An application that takes every link but those named `missing`."""

    deliveries: list[Delivery] = field(default_factory=list)
    attached: list[Link] = field(default_factory=list)
    detached_links: list[Link] = field(default_factory=list)

    def attach(self, link: Link) -> None:
        if link.attachment.name == "missing":
            raise Refused(NOT_FOUND, "no such entity")
        self.attached.append(link)

    def delivered(self, link: IncomingLink, delivery: Delivery) -> None:
        self.deliveries.append(delivery)

    def ready(self, link: OutgoingLink) -> None:
        while link.credit:
            link.send(b"message")

    def detached(self, link: Link) -> None:
        self.detached_links.append(link)


class Exchange:
    """A connection and what it answers."""

    def __init__(self, *opening: bytes) -> None:
        self.application = Recorder()
        self.connection = Connection(self.application)
        for data in opening:
            self.connection.receive(data)
        self.connection.take_output()

    def say(self, data: bytes) -> list[tuple[int, list[Any]]]:
        """(performative, fields) of each frame that is answered."""
        self.connection.receive(data)
        return answered(self.connection.take_output())


def answered(output: bytes) -> list[tuple[int, list[Any]]]:
    answers, start = [], 0
    while start < len(output):
        if output[start : start + 4] == b"AMQP":
            start += 8
            continue
        size = int.from_bytes(output[start : start + 4], "big")
        if size > 8:
            value, _ = decode(output[start + 8 : start + size])
            answers.append((value.descriptor, value.value))
        start += size
    return answers


def opened() -> Exchange:
    return Exchange(HANDSHAKE, OPEN, BEGIN)


def attach(name: str, *, receives: bool, handle: int = 0, **fields: bytes) -> bytes:
    source = fields.get("source", FROM_HUB if receives else NULL)
    target = fields.get("target", NULL if receives else TO_HUB)
    head = (string(name), uint(handle), boolean(receives), NULL, NULL, source, target, NULL, NULL)
    return frames.frame(0, frames.performative(frames.ATTACH, *head, NULL if receives else uint(0)))


def transfer(payload: bytes, *, handle: int = 0, delivery: int = 0, more: bool = False) -> bytes:
    fields = (uint(handle), uint(delivery), b"\xa0\x01t", uint(0), boolean(False), boolean(more))
    return frames.frame(0, frames.performative(frames.TRANSFER, *fields) + payload)


def condition(answers: list[tuple[int, list[Any]]], performative: int) -> str:
    """The error condition of the one performative of that kind among the answers."""
    (error,) = [value for code, fields in answers if code == performative for value in fields if _is_error(value)]
    return str(error.value[0])


def _is_error(value: Any) -> bool:
    return isinstance(value, Described) and value.descriptor == frames.ERROR


def test_a_handshake_ends_in_an_open_connection_and_session() -> None:
    exchange = Exchange(HANDSHAKE)

    answers = exchange.say(OPEN + BEGIN)

    assert [code for code, _ in answers] == [frames.OPEN, frames.BEGIN]
    assert not exchange.connection.is_closed


def test_every_field_of_an_answer_is_there() -> None:
    exchange = Exchange(HANDSHAKE)
    answers = exchange.say(OPEN + BEGIN + attach("sender", receives=False))

    assert [(code, len(fields)) for code, fields in answers] == [
        (frames.OPEN, 10),
        (frames.BEGIN, 8),
        (frames.ATTACH, 14),
        (frames.FLOW, 11),
    ]


def test_bytes_may_come_one_by_one() -> None:
    exchange = Exchange()
    for byte in HANDSHAKE + OPEN + BEGIN + attach("sender", receives=False) + transfer(b"\x00\x53\x75\xa0\x01a"):
        exchange.connection.receive(bytes((byte,)))

    assert [delivery.payload for delivery in exchange.application.deliveries] == [b"\x00\x53\x75\xa0\x01a"]


def test_a_message_in_several_frames_is_one_delivery() -> None:
    exchange = opened()
    exchange.say(attach("sender", receives=False))
    exchange.say(transfer(b"one ", delivery=7, more=True) + transfer(b"two", delivery=8))

    (delivery,) = exchange.application.deliveries
    assert (delivery.number, delivery.payload) == (7, b"one two")


def test_a_message_beyond_the_limit_is_counted_but_not_kept() -> None:
    exchange = opened()
    exchange.say(attach("sender", receives=False))
    piece = b"x" * 60_000
    for _ in range(30):
        exchange.say(transfer(piece, more=True))
    exchange.say(transfer(piece))

    (delivery,) = exchange.application.deliveries
    assert delivery.is_too_large
    assert (delivery.size, len(delivery.payload)) == (31 * 60_000, 0)
    assert delivery.size > MAX_MESSAGE


def test_an_aborted_message_is_forgotten() -> None:
    exchange = opened()
    exchange.say(attach("sender", receives=False))
    fields = [uint(0), uint(0), b"\xa0\x01t", uint(0), boolean(False), boolean(False), NULL, NULL, NULL, boolean(True)]
    exchange.say(transfer(b"half", more=True) + frames.frame(0, frames.performative(frames.TRANSFER, *fields)))
    exchange.say(transfer(b"whole", delivery=2))

    assert [delivery.payload for delivery in exchange.application.deliveries] == [b"whole"]


def test_a_link_that_is_refused_is_attached_and_detached_with_the_error() -> None:
    exchange = opened()

    answers = exchange.say(attach("missing", receives=True))

    assert [code for code, _ in answers] == [frames.ATTACH, frames.DETACH]
    assert condition(answers, frames.DETACH) == NOT_FOUND
    assert not exchange.connection.is_closed


def test_no_more_is_sent_than_there_is_credit() -> None:
    exchange = opened()
    exchange.say(attach("receiver", receives=True))
    flow = [uint(0), uint(1000), uint(0), uint(1000), uint(0), uint(0), uint(3)]

    answers = exchange.say(frames.frame(0, frames.performative(frames.FLOW, *flow)))

    assert [code for code, _ in answers] == [frames.TRANSFER] * 3


@pytest.mark.parametrize(
    ("header", "answer"),
    [
        (b"GET / HTTP/1.1\r\n\r\n", frames.SASL_HEADER),
        (b"AMQP\x00\x00\x09\x01", frames.SASL_HEADER),
        (b"\x16\x03", frames.SASL_HEADER),
    ],
)
def test_another_protocol_is_told_which_one_is_spoken(header: bytes, answer: bytes) -> None:
    connection = Connection(Recorder())
    connection.receive(header)

    assert connection.take_output() == answer
    assert connection.is_closed


@pytest.mark.parametrize(
    ("frame", "expected"),
    [
        (struct.pack(">IBBH", 7, 2, 0, 0), "amqp:connection:framing-error"),
        (struct.pack(">IBBH", MAX_FRAME + 1024, 2, 0, 0), "amqp:connection:framing-error"),
        (struct.pack(">IBBH", 0xFFFFFFFF, 2, 0, 0), "amqp:connection:framing-error"),
        (struct.pack(">IBBH", 16, 1, 0, 0) + bytes(8), "amqp:connection:framing-error"),
        (struct.pack(">IBBH", 16, 200, 0, 0) + bytes(8), "amqp:connection:framing-error"),
        (struct.pack(">IBBH", 16, 2, 1, 0) + bytes(8), "amqp:connection:framing-error"),
        (frames.frame(0, b"\xff" * 10), "amqp:decode-error"),
        (frames.frame(0, string("no performative")), "amqp:decode-error"),
        (frames.frame(0, described(frames.FLOW, string("no list"))), "amqp:decode-error"),
        (frames.frame(0, described(0x99, listed([NULL]))), "amqp:not-implemented"),
        (OPEN, "amqp:not-allowed"),
        (BEGIN, "amqp:not-allowed"),
        (frames.frame(9, frames.performative(frames.ATTACH, string("x"), uint(0), boolean(True))), "amqp:not-allowed"),
        (
            frames.frame(0, frames.performative(frames.BEGIN, string("0"), uint(0), uint(0), uint(0))),
            "amqp:invalid-field",
        ),
        (frames.frame(0, frames.performative(frames.FLOW, uint(0))), "amqp:invalid-field"),
        (frames.frame(0, frames.performative(frames.ATTACH, uint(1), uint(0), boolean(True))), "amqp:invalid-field"),
        (frames.frame(0, frames.performative(frames.TRANSFER, string("handle"))), "amqp:invalid-field"),
        (frames.frame(0, frames.performative(frames.TRANSFER, long(-1))), "amqp:invalid-field"),
    ],
)
def test_what_breaks_the_protocol_closes_the_connection_with_the_right_error(frame: bytes, expected: str) -> None:
    exchange = opened()

    answers = exchange.say(frame)

    assert condition(answers, frames.CLOSE) == expected
    assert exchange.connection.is_closed


@pytest.mark.parametrize(
    ("frame", "expected"),
    [
        (transfer(b"x", handle=5), "amqp:session:unattached-handle"),
        (attach("one", receives=True, handle=1) + attach("two", receives=True, handle=1), "amqp:session:handle-in-use"),
        (attach("far", receives=True, handle=256), "amqp:session:unattached-handle"),
        (attach("one", receives=True) + transfer(b"x"), "amqp:not-allowed"),
        (attach("typed", receives=True, source=described(frames.SOURCE, listed([uint(1)]))), "amqp:invalid-field"),
        (attach("typed", receives=True, source=string("hub")), "amqp:invalid-field"),
    ],
)
def test_what_breaks_a_session_ends_it_and_closes_the_connection(frame: bytes, expected: str) -> None:
    exchange = opened()

    answers = exchange.say(frame)

    assert condition(answers, frames.END) == expected
    assert condition(answers, frames.CLOSE) == expected
    assert exchange.connection.is_closed
    assert exchange.application.detached_links == exchange.application.attached


def test_an_open_must_come_first() -> None:
    exchange = Exchange(HANDSHAKE)

    answers = exchange.say(BEGIN)

    assert [code for code, _ in answers] == [frames.OPEN, frames.CLOSE]
    assert condition(answers, frames.CLOSE) == "amqp:not-allowed"


def test_a_transfer_without_credit_detaches_its_link() -> None:
    exchange = opened()
    exchange.say(attach("sender", receives=False))
    exchange.application.attached[0].credit = 0

    answers = exchange.say(transfer(b"x"))

    assert condition(answers, frames.DETACH) == "amqp:link:transfer-limit-exceeded"
    assert not exchange.connection.is_closed


def test_frames_for_a_link_just_detached_are_let_pass() -> None:
    exchange = opened()
    exchange.say(attach("sender", receives=False))
    link = exchange.application.attached[0]
    link.session.detach(link, "amqp:link:stolen", "another came")
    exchange.connection.take_output()

    detach = frames.frame(0, frames.performative(frames.DETACH, uint(0), boolean(True)))
    assert exchange.say(transfer(b"late") + detach) == []
    assert not exchange.connection.is_closed


def test_a_detach_after_the_end_of_its_session_is_let_pass() -> None:
    """azure-eventhub does that."""
    exchange = opened()
    end = frames.frame(0, frames.performative(frames.END))
    detach = frames.frame(0, frames.performative(frames.DETACH, uint(0), boolean(True)))

    answers = exchange.say(attach("sender", receives=False) + end + detach)

    assert [code for code, _ in answers] == [frames.ATTACH, frames.FLOW, frames.END]
    assert not exchange.connection.is_closed


def test_a_drain_gives_back_the_credit_that_is_left() -> None:
    exchange = opened()
    exchange.say(attach("receiver", receives=True))
    link = exchange.application.attached[0]
    assert isinstance(link, OutgoingLink)
    link.credit, link.drain = 5, True

    link.finish_drain()

    ((code, fields),) = answered(exchange.connection.take_output())
    assert (code, fields[5], fields[6], link.credit) == (frames.FLOW, 5, 0, 0)


def test_a_lost_connection_detaches_every_link() -> None:
    exchange = opened()
    exchange.say(attach("sender", receives=False) + attach("receiver", receives=True, handle=1))

    exchange.connection.lost()

    assert set(exchange.application.detached_links) == set(exchange.application.attached)


VALID = (
    HANDSHAKE
    + OPEN
    + BEGIN
    + attach("s", receives=False)
    + transfer(b"\x00\x53\x75\xa0\x01a")
    + attach("r", receives=True, handle=1)
)


@given(st.binary(max_size=300))
def test_garbage_never_raises(garbage: bytes) -> None:
    Connection(Recorder()).receive(garbage)
    opened().connection.receive(garbage)


@given(st.data())
def test_a_damaged_stream_never_raises_and_what_is_closed_stays_closed(data: st.DataObject) -> None:
    raw = bytearray(VALID)
    for _ in range(data.draw(st.integers(1, 4))):
        raw[data.draw(st.integers(0, len(raw) - 1))] = data.draw(st.integers(0, 255))
    connection = Connection(Recorder())
    connection.receive(bytes(raw))
    was_closed = connection.is_closed
    connection.take_output()
    connection.receive(VALID)

    assert not was_closed or (connection.is_closed and connection.take_output() == b"")
