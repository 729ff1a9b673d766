"""Our receiving client against the local server's own state machine, or against nonsense, without a socket."""

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from local.amqp import connection as client_side
from local.amqp import performatives as frames
from local.amqp.codec import NULL, boolean, string, uint
from local.amqp.connection import Connection
from local.amqp.errors import FRAMING_ERROR, NOT_FOUND, Disconnected, Refused
from local.amqp.links import ReceivingLink, terminus
from local.event_hubs.connection import Connection as ServerConnection
from local.event_hubs.links import Delivery, IncomingLink, Link, OutgoingLink

FROM_HUB = terminus(frames.SOURCE, "hub")


class Sender:
    """An application that sends its messages to whoever attaches, as credit allows."""

    def __init__(self, messages: list[bytes]) -> None:
        self.unsent = deque(messages)
        self.most_credit = 0

    def attach(self, link: Link) -> None:
        if link.attachment.source == "missing":
            raise Refused(NOT_FOUND, "no such hub")

    def ready(self, link: OutgoingLink) -> None:
        self.most_credit = max(self.most_credit, link.credit)
        while link.credit and self.unsent:
            link.send(self.unsent.popleft())

    def delivered(self, link: IncomingLink, delivery: Delivery) -> None:
        """Nothing is sent to it."""

    def detached(self, link: Link) -> None:
        """Nothing is kept of a link."""


class Pipe(asyncio.Transport):
    """A transport whose other end is a server's state machine; what that answers comes in pieces."""

    def __init__(self, client: Connection, server: ServerConnection, sizes: list[int]) -> None:
        super().__init__({"socket": self})
        self._client = client
        self._server = server
        self._sizes = sizes
        self.closed = False

    def setsockopt(self, *option: int) -> None:
        """There is no socket."""

    def write(self, data: bytes | bytearray | memoryview) -> None:
        self._server.receive(bytes(data))
        asyncio.get_running_loop().call_soon(self._answer)

    def close(self) -> None:
        self.closed = True

    def _answer(self) -> None:
        output = self._server.take_output()
        sizes = deque(self._sizes)
        while output and not self.closed:
            size = sizes[0]
            sizes.rotate(-1)
            self._client.data_received(output[:size])
            output = output[size:]


class Mute(asyncio.Transport):
    """A transport that takes everything; the other end is played by the test."""

    def __init__(self) -> None:
        super().__init__({"socket": self})
        self.written = b""
        self.closed = False
        self.wrote = asyncio.Event()

    def setsockopt(self, *option: int) -> None:
        """There is no socket."""

    def write(self, data: bytes | bytearray | memoryview) -> None:
        self.written += bytes(data)
        self.wrote.set()

    def close(self) -> None:
        self.closed = True


def _run(scene: Callable[[], Awaitable[None]]) -> None:
    async def bounded() -> None:
        async with asyncio.timeout(60):
            await scene()

    asyncio.run(bounded())


async def _open(messages: list[bytes], sizes: list[int]) -> tuple[Connection, Sender]:
    sender = Sender(messages)
    connection = Connection()
    connection.connection_made(Pipe(connection, ServerConnection(sender), sizes))
    await connection.shake_hands("localhost")
    return connection, sender


@settings(max_examples=60)
@given(
    st.lists(st.binary(max_size=300) | st.integers(60_000, 150_000).map(bytes), max_size=12),
    st.lists(st.integers(1, 200) | st.integers(1, 100_000), min_size=1, max_size=5),
    st.integers(1, 8),
)
def test_messages_arrive_whole_and_in_order_however_the_bytes_are_cut(
    messages: list[bytes], sizes: list[int], window: int
) -> None:
    sizes = sizes if max(sizes) > 1000 else [*sizes, 100_000]

    async def scene() -> None:
        connection, sender = await _open(messages, sizes)
        link = ReceivingLink(connection, "r", FROM_HUB, window)
        taken: list[bytes] = []
        while len(taken) < len(messages):
            await connection.until(lambda: len(link.messages) > 0)
            assert len(link.messages) <= window, "no more than there was credit for"
            taken += link.take(2)
        assert taken == messages
        assert sender.most_credit <= window
        connection.close()

    _run(scene)


@given(st.binary(max_size=200), st.integers(0, 4))
def test_nonsense_ends_the_connection_with_an_error_and_nothing_else(raw: bytes, stage: int) -> None:
    said = [
        frames.SASL_HEADER,
        frames.sasl_mechanisms() + frames.sasl_outcome(0) + frames.AMQP_HEADER,
        frames.frame(0, frames.performative(frames.OPEN, string("peer"))),
        frames.frame(0, frames.performative(frames.BEGIN, NULL, uint(0), uint(9), uint(9))),
    ]

    async def scene() -> None:
        connection = Connection()
        transport = Mute()
        connection.connection_made(transport)
        opening = asyncio.ensure_future(connection.shake_hands("localhost"))
        for data in said[:stage]:
            await asyncio.sleep(0)
            connection.data_received(data)
        connection.data_received(raw)
        connection.data_received(b"\xff" * 8)
        connection.connection_lost(None)
        assert isinstance(connection.failure, Disconnected)
        assert transport.closed
        await asyncio.gather(opening, return_exceptions=True)
        with pytest.raises(Disconnected):
            await connection.until(lambda: True)

    _run(scene)


def _outside(peer: bytes) -> Disconnected:
    """How a connection with an open session ends when its peer says this."""
    found: list[Disconnected] = []

    async def scene() -> None:
        connection, _ = await _open([], [1000])
        link = ReceivingLink(connection, "r", FROM_HUB, 10)
        await connection.until(lambda: link.is_attached)
        connection.data_received(peer)
        assert connection.failure is not None
        found.append(connection.failure)

    _run(scene)
    return found[0]


def _said(code: int, *fields: bytes) -> bytes:
    return frames.frame(0, frames.performative(code, *fields))


def test_the_peers_error_condition_reaches_the_user_from_link_session_and_connection() -> None:
    error = frames.error("amqp:internal-error", "out of order")
    detached = _outside(_said(frames.DETACH, uint(0), boolean(True), error))
    ended = _outside(_said(frames.END, error))
    closed = _outside(_said(frames.CLOSE, error))

    assert [(one.condition, str(one)) for one in (detached, ended, closed)] == [
        ("amqp:internal-error", "amqp:internal-error: out of order")
    ] * 3
    assert _outside(_said(frames.CLOSE)).condition is None


def test_frames_of_impossible_sizes_are_a_framing_error() -> None:
    assert _outside(b"\x00\x00\x00\x07\x02\x00\x00\x00").condition == FRAMING_ERROR
    assert _outside(b"\x7f\x00\x00\x07\x02\x00\x00\x00").condition == FRAMING_ERROR
    assert _outside(b"\x00\x00\x00\x08\x01\x00\x00\x00").condition == FRAMING_ERROR


def test_transfer_on_a_handle_that_receives_nothing_ends_the_connection() -> None:
    assert "handle 7" in str(_outside(_said(frames.TRANSFER, uint(7), uint(0))))


def test_refused_link_ends_with_the_reason() -> None:
    async def scene() -> None:
        connection, _ = await _open([], [1000])
        link = ReceivingLink(connection, "r", terminus(frames.SOURCE, "missing"), 10)
        with pytest.raises(Disconnected, match="no such hub") as refused:
            await connection.until(lambda: link.is_attached)
        assert refused.value.condition == NOT_FOUND

    _run(scene)


def test_what_comes_unsettled_is_accepted_at_once_and_what_is_aborted_is_not_given() -> None:
    def transfer(number: int, *flags: bytes) -> bytes:
        fields = (uint(0), uint(number), b"\xa0\x01t", uint(0), boolean(False), *flags)
        return frames.frame(0, frames.performative(frames.TRANSFER, *fields) + b"%d" % number)

    async def scene() -> None:
        connection, _ = await _open([], [1000])
        link = ReceivingLink(connection, "r", FROM_HUB, 10)
        await connection.until(lambda: link.is_attached)
        transport = Mute()
        connection._transport = transport
        is_aborted = (boolean(False), NULL, NULL, NULL, boolean(True))
        connection.data_received(transfer(3) + transfer(4) + transfer(5, *is_aborted) + transfer(6))

        assert link.take(10) == [b"3", b"4", b"6"]
        assert frames.frame(0, frames.disposition(3, frames.ACCEPTED_OUTCOME, 6)) in transport.written

    _run(scene)


def test_heartbeats_keep_the_peer_patient() -> None:
    async def scene() -> None:
        connection = Connection()
        transport = Mute()
        connection.connection_made(transport)
        opening = (string("peer"), NULL, NULL, NULL, uint(20))
        connection.data_received(_said(frames.OPEN, *opening))
        while transport.written.count(frames.HEARTBEAT) < 3:
            transport.wrote.clear()
            await transport.wrote.wait()
        assert connection.failure is None
        connection.close()

    _run(scene)


def test_silent_peer_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(client_side, "IDLE_SECONDS", 0.05)

    async def scene() -> None:
        connection = Connection()
        connection.connection_made(Mute())
        connection.data_received(_said(frames.OPEN, string("peer")))
        with pytest.raises(Disconnected, match="silent"):
            await connection.until(lambda: False)

    _run(scene)


def test_peer_is_asked_to_break_its_silence_in_half_of_the_time_that_it_gets() -> None:
    asked: list[Any] = []

    async def scene() -> None:
        connection, _ = await _open([], [1000])
        pipe = connection._transport
        assert isinstance(pipe, Pipe)
        asked.append(pipe._server.peer_idle_timeout)

    _run(scene)
    assert asked == [client_side.IDLE_SECONDS / 2]
