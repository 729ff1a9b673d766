"""A client's connection: one socket, one session, its links. It reads every frame that the socket brings at once."""

import asyncio
import socket
import ssl
import struct
import uuid
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from typing import Any, Final, cast

from local.amqp import performatives as frames
from local.amqp.codec import NULL, DecodeError, Described, string, symbol, uint, ushort
from local.amqp.errors import DECODE_ERROR, FRAMING_ERROR, INVALID_FIELD, UNAUTHORIZED, Disconnected
from local.amqp.links import Link, ReceivingLink, SendingLink

MAX_FRAME: Final = 65_536
IDLE_SECONDS: Final = 60.0
"""How long the peer may be silent. It is asked to break its silence in half of that (part 2, 2.4.5)."""
_PEER_SLACK = 512
"""Bytes by which a peer that counts without its frames' heads may go beyond what was agreed."""
_WINDOW = uint(0x7FFFFFFF)
_WRAP = 0xFFFFFFFF
_frame_head = struct.Struct(">IBBH").unpack_from
_ERROR_FIELD = {frames.DETACH: 2, frames.END: 0, frames.CLOSE: 0}


@dataclass(frozen=True, slots=True)
class Endpoint:
    """Where a namespace listens, and whether it speaks TLS there."""

    host: str
    port: int
    is_secure: bool


class Connection(asyncio.Protocol):
    """A connection that `connected` opened. Every method but `fail` and `close` is for its links."""

    def __init__(self) -> None:
        self.failure: Disconnected | None = None
        """Why the connection is over; None while it lives."""
        self._loop = asyncio.get_running_loop()
        self._transport: asyncio.Transport | None = None
        self._rest = b""
        self._heard = self._loop.time()
        self._came: set[int | bytes] = set()
        self._news = asyncio.Event()
        self._beating: asyncio.TimerHandle | None = None
        self._joined: list[Link] = []
        self._links: dict[int, Link] = {}
        """By the peer's handles."""
        self._next_incoming = 0
        self._next_outgoing = 0
        self._unsettled: list[int] = []

    # ---- asyncio.Protocol

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)
        self._transport.get_extra_info("socket").setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    def data_received(self, data: bytes) -> None:
        self._heard = self._loop.time()
        buffer = self._rest + data if self._rest else data
        try:
            taken = self._consume(buffer)
        except DecodeError as error:
            self.fail(Disconnected(str(error), DECODE_ERROR))
        except frames.FramingError as error:
            self.fail(Disconnected(str(error), FRAMING_ERROR))
        except frames.WrongField as error:
            self.fail(Disconnected(str(error), INVALID_FIELD))
        else:
            self._rest = buffer[taken:]
            self._settle()
            self._news.set()

    def connection_lost(self, error: Exception | None) -> None:
        self.fail(Disconnected(f"the connection was lost: {error or 'closed by the peer'}"))

    # ---- its user's side

    async def until(self, is_so: Callable[[], bool]) -> None:
        """Returns once the peer made something so. Raises Disconnected when the connection ends before."""
        while True:
            if self.failure is not None:
                raise self.failure
            if is_so():
                return
            self._news.clear()
            await self._news.wait()

    def fail(self, failure: Disconnected) -> None:
        """Ends the connection, and all that waits for it, for this reason."""
        if self.failure is not None:
            return
        self.failure = failure
        self._news.set()
        if self._beating is not None:
            self._beating.cancel()
        if self._transport is not None:
            if frames.OPEN in self._came:
                self._transport.write(frames.frame(0, frames.performative(frames.CLOSE)))
            self._transport.close()

    def close(self) -> None:
        self.fail(Disconnected("it was closed here"))

    # ---- its links' side

    def join(self, link: Link) -> int:
        self._joined.append(link)
        return len(self._joined) - 1

    def send(self, body: bytes) -> None:
        self._write(frames.frame(0, body))

    def send_flow(self, *of_link: bytes) -> None:
        of_session = (uint(self._next_incoming), _WINDOW, uint(self._next_outgoing), _WINDOW)
        self.send(frames.performative(frames.FLOW, *of_session, *of_link))

    def next_delivery(self) -> int:
        number = self._next_outgoing
        self._next_outgoing = (number + 1) & _WRAP
        return number

    # ---- opening

    async def shake_hands(self, host: str) -> None:
        """SASL, open and begin (part 5, 5.3; part 2, 2.4 and 2.5). Raises Disconnected."""
        await self._exchange(frames.SASL_HEADER, frames.SASL_MECHANISMS)
        fields = (symbol("ANONYMOUS"), NULL, string(host))
        await self._exchange(frames.sasl_frame(frames.performative(frames.SASL_INIT, *fields)), frames.SASL_OUTCOME)
        await self._exchange(frames.AMQP_HEADER, frames.AMQP_HEADER)
        idle = uint(round(IDLE_SECONDS * 1000 / 2))
        opening = (string(str(uuid.uuid4())), string(host), uint(MAX_FRAME), ushort(0), idle)
        await self._exchange(frames.frame(0, frames.performative(frames.OPEN, *opening)), frames.OPEN)
        begin = (NULL, uint(0), _WINDOW, _WINDOW, uint(255))
        await self._exchange(frames.frame(0, frames.performative(frames.BEGIN, *begin)), frames.BEGIN)

    async def _exchange(self, question: bytes, answer: int | bytes) -> None:
        self._write(question)
        await self.until(lambda: answer in self._came)

    def _write(self, data: bytes) -> None:
        if self._transport is not None and self.failure is None:
            self._transport.write(data)

    def _beat(self, period: float) -> None:
        """Breaks our silence, and ends the connection when the peer's was too long."""
        if self._loop.time() - self._heard > IDLE_SECONDS:
            self.fail(Disconnected(f"the peer was silent for {IDLE_SECONDS:.0f} seconds"))
        else:
            self._write(frames.HEARTBEAT)
            self._beating = self._loop.call_later(period, self._beat, period)

    # ---- from the peer

    def _consume(self, buffer: bytes) -> int:
        """Takes all whole frames; how many bytes they were."""
        start, size = 0, len(buffer)
        while size - start >= 8 and self.failure is None:
            length, offset, _, _ = _frame_head(buffer, start)
            if buffer.startswith(b"AMQP", start):
                self._came.add(buffer[start : start + 8])
                start += 8
                continue
            if not 8 <= length <= MAX_FRAME + _PEER_SLACK or offset < 2 or 4 * offset > length:
                raise frames.FramingError(f"a frame of {length} bytes with its body at byte {4 * offset}")
            end = start + length
            if end > size:
                break
            handle = frames.whole_message(buffer, start) if length >= frames.TRANSFER_HEAD else None
            link = None if handle is None else self._links.get(handle)
            if isinstance(link, ReceivingLink) and link.is_between_messages:
                self._next_incoming = (self._next_incoming + 1) & _WRAP
                link.on_message(buffer[start + frames.TRANSFER_HEAD : end])
            elif length > 4 * offset:
                self._dispatch(buffer[start + 4 * offset : end])
            start = end
        return start

    def _dispatch(self, body: bytes) -> None:
        code, fields, end = frames.parse_performative(body)
        self._came.add(code)
        if code == frames.TRANSFER:
            self._on_transfer(fields, body[end:])
        elif code == frames.FLOW:
            link = self._links.get(fields[4])
            if link is not None:
                link.on_flow(fields)
        elif code == frames.ATTACH:
            self._on_attach(fields)
        elif code == frames.DISPOSITION:
            self._on_disposition(fields)
        elif code in _ERROR_FIELD:
            self.fail(_refusal(fields[_ERROR_FIELD[code]]))
        elif code == frames.OPEN:
            self._on_open(fields)
        elif code == frames.BEGIN:
            self._next_incoming = fields[1]
        elif code == frames.SASL_OUTCOME and fields[:1] != [0]:
            self.fail(Disconnected("the peer does not let anybody in by SASL ANONYMOUS", UNAUTHORIZED))

    def _on_open(self, fields: list[Any]) -> None:
        period = min(IDLE_SECONDS, (fields[4] or 0) / 1000 or IDLE_SECONDS) / 2
        self._beating = self._loop.call_later(period, self._beat, period)

    def _on_attach(self, fields: list[Any]) -> None:
        link = next((link for link in self._joined if link.name == fields[0]), None)
        if link is not None:
            self._links[fields[1]] = link
            link.on_attach(fields)

    def _on_transfer(self, fields: list[Any], payload: bytes) -> None:
        self._next_incoming = (self._next_incoming + 1) & _WRAP
        link = self._links.get(fields[0])
        if not isinstance(link, ReceivingLink):
            raise frames.WrongField(f"a transfer on handle {fields[0]}, where nothing is received")
        link.on_transfer(fields, payload)
        if not fields[4] and not fields[5] and fields[1] is not None:
            self._unsettled.append(fields[1])

    def _on_disposition(self, fields: list[Any]) -> None:
        """What became of messages that we sent: accepted, or this connection is over."""
        _, first, last, _, outcome, _ = fields
        if not isinstance(outcome, Described):
            return
        if outcome.descriptor in (frames.REJECTED, frames.RELEASED, frames.MODIFIED):
            self.fail(_refusal(outcome.value[0] if isinstance(outcome.value, list) and outcome.value else None))
            return
        for link in self._joined:
            if isinstance(link, SendingLink):
                link.on_accepted(first, first if last is None else last)

    def _settle(self) -> None:
        """Accepts what came unsettled (part 2, 2.6.12): all of it at once."""
        if self._unsettled:
            first, last = self._unsettled[0], self._unsettled[-1]
            self._unsettled.clear()
            self.send(frames.disposition(first, frames.ACCEPTED_OUTCOME, last))


async def connected(endpoint: Endpoint) -> Connection:
    """An open connection. Raises Disconnected."""
    loop = asyncio.get_running_loop()
    context = trusted() if endpoint.is_secure else None
    try:
        _, connection = await loop.create_connection(Connection, endpoint.host, endpoint.port, ssl=context)
    except OSError as error:
        raise Disconnected(f"{endpoint.host}:{endpoint.port} can't be reached: {error}") from error
    try:
        await connection.shake_hands(endpoint.host)
    except BaseException:
        connection.close()
        raise
    return connection


@cache
def trusted() -> ssl.SSLContext:
    """The authorities of the system, or of SSL_CERT_FILE, where the local stack's own is among them."""
    return ssl.create_default_context()


def _refusal(error: object) -> Disconnected:
    """The error of a detach, an end, a close or a rejection (part 2, 2.8.14)."""
    if not isinstance(error, Described) or not isinstance(error.value, list) or not error.value:
        return Disconnected("the peer ended it without a reason")
    condition, *rest = error.value
    return Disconnected(str(rest[0]) if rest else "", str(condition))
