"""A bare AMQP peer for measuring a broker: it costs so little that what is measured is the broker.

It speaks just enough of the protocol: one session, frames made in advance, answers only counted.
"""

import socket
import struct
import time
import uuid
from collections.abc import Iterator
from types import TracebackType
from typing import Self

from local.amqp import performatives as frames
from local.amqp.codec import (
    NULL,
    boolean,
    described,
    identifier,
    listed,
    mapped,
    string,
    symbol,
    uint,
)
from local.amqp.sections import APPLICATION_PROPERTIES, BATCH_FORMAT, DATA, PROPERTIES, VALUE
from local.event_hubs.tokens import EMULATOR_KEYS
from local.shared_access import sign

_CREDIT = 20_000
_FRAME_PAYLOAD = 65_000


def shared_access_signature(path: str, *, lifetime: int = 3600) -> str:
    """A token for a path, by the emulator's well-known key."""
    ((name, key),) = EMULATOR_KEYS.items()
    return sign(f"sb://localhost/{path}", int(time.time()) + lifetime, key.encode(), name)


def encoded_batch(bodies: list[bytes]) -> bytes:
    """A batch message: each data section one encoded message with one data section."""
    inner = (described(DATA, _binary(body)) for body in bodies)
    return b"".join(described(DATA, _binary(message)) for message in inner)


class Peer:
    """A connected and authorized peer with one session on channel 0. Blocking."""

    def __init__(self, port: int, hub: str) -> None:
        self._socket = socket.create_connection(("127.0.0.1", port))
        self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._buffer = b""
        self._next_handle = 0
        self._transfers = 0
        self._open()
        self._authorize(hub)

    # ---- links

    def sender(self, address: str) -> int:
        """Attaches a link to send on; its handle, once there is credit."""
        handle = self._attach(f"to {address}", sends=True, source=NULL, target=_terminus(frames.TARGET, address))
        self._until(frames.FLOW)
        return handle

    def receiver(self, address: str, selector: str) -> int:
        """Attaches a link to receive on; no credit is given yet."""
        name = symbol("apache.org:selector-filter:string")
        chosen = mapped([name, b"\x00" + name + string(selector)])
        source = described(frames.SOURCE, listed([string(address), *[NULL] * 6, chosen]))
        return self._attach(f"from {address}", sends=False, source=source, target=NULL)

    def grant(self, handle: int, seen: int, credit: int = _CREDIT) -> None:
        fields = (uint(seen), uint(0x7FFFFFFF), uint(self._transfers), uint(0x7FFFFFFF))
        self._send(frames.performative(frames.FLOW, *fields, uint(handle), uint(seen), uint(credit)))

    # ---- sending

    def send(self, handle: int, payload: bytes, message_format: int = BATCH_FORMAT) -> None:
        """Sends one message, not settled; does not wait for its outcome."""
        pieces = [payload[start : start + _FRAME_PAYLOAD] for start in range(0, len(payload), _FRAME_PAYLOAD)]
        delivery = self._transfers
        wire = []
        for index, piece in enumerate(pieces):
            more = boolean(index + 1 < len(pieces))
            fields = (uint(handle), uint(delivery), b"\xa0\x01a", b"\x70" + struct.pack(">I", message_format))
            body = frames.performative(frames.TRANSFER, *fields, boolean(False), more)
            wire.append(frames.frame(0, body + piece))
            self._transfers += 1
        self._socket.sendall(b"".join(wire))

    def outcomes(self) -> Iterator[bool]:
        """For each disposition that comes: whether the message was accepted."""
        for code, body in self._frames():
            if code == frames.DISPOSITION:
                yield frames.parse_performative(body)[1][4].descriptor == frames.ACCEPTED

    # ---- receiving

    def transfers(self) -> Iterator[int]:
        """How many transfers each read of the socket brought; the caller grants credit."""
        while True:
            self._buffer += self._read()
            buffer, start, count = self._buffer, 0, 0
            size = len(buffer)
            while start + 4 <= size:
                length = int.from_bytes(buffer[start : start + 4], "big")
                if start + length > size:
                    break
                count += buffer[start + 10] == frames.TRANSFER
                start += length
            self._buffer = buffer[start:]
            yield count

    def close(self) -> None:
        self._socket.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    # ---- the protocol, as little of it as will do

    def _open(self) -> None:
        self._socket.sendall(frames.SASL_HEADER)
        self._take(8)
        self._socket.sendall(
            frames.sasl_frame(frames.performative(frames.SASL_INIT, symbol("ANONYMOUS"))) + frames.AMQP_HEADER
        )
        self._until(frames.SASL_OUTCOME)
        self._take(8)
        self._send(frames.performative(frames.OPEN, string("peer"), string("localhost"), uint(65_536)))
        begin = (NULL, uint(0), uint(0x7FFFFFFF), uint(0x7FFFFFFF))
        self._send(frames.performative(frames.BEGIN, *begin))
        self._until(frames.BEGIN)

    def _authorize(self, hub: str) -> None:
        requests = self._attach("cbs", sends=True, source=NULL, target=_terminus(frames.TARGET, "$cbs"))
        answers = self._attach("answers", sends=False, source=_terminus(frames.SOURCE, "$cbs"), target=NULL)
        self.grant(answers, 0, 1)
        properties = [
            *(string("operation"), string("put-token"), string("name"), string(hub)),
            *(string("type"), string("servicebus.windows.net:sastoken")),
        ]
        message = b"".join(
            (
                described(PROPERTIES, listed([identifier(uuid.uuid4())])),
                described(APPLICATION_PROPERTIES, mapped(properties)),
                described(VALUE, string(shared_access_signature(hub))),
            )
        )
        self.send(requests, message, 0)
        self._until(frames.TRANSFER)

    def _attach(self, name: str, *, sends: bool, source: bytes, target: bytes) -> int:
        handle = self._next_handle
        self._next_handle += 1
        source = described(frames.SOURCE, listed([string(name)])) if source == NULL else source
        target = described(frames.TARGET, listed([string(name)])) if target == NULL else target
        fields = [string(name), uint(handle), boolean(not sends), NULL, NULL, source, target, NULL, NULL]
        self._send(frames.performative(frames.ATTACH, *fields, uint(0) if sends else NULL))
        self._until(frames.ATTACH)
        return handle

    def _send(self, body: bytes) -> None:
        self._socket.sendall(frames.frame(0, body))

    def _until(self, wanted: int) -> None:
        for code, body in self._frames():
            if code in (frames.DETACH, frames.CLOSE):
                raise ConnectionError(f"the broker refused: {frames.parse_performative(body)[1]}")
            if code == wanted:
                return

    def _frames(self) -> Iterator[tuple[int, bytes]]:
        while True:
            size = int.from_bytes(self._take(4), "big")
            body = self._take(size - 4)[4:]
            if body:
                yield body[2], body

    def _take(self, size: int) -> bytes:
        while len(self._buffer) < size:
            self._buffer += self._read()
        taken, self._buffer = self._buffer[:size], self._buffer[size:]
        return taken

    def _read(self) -> bytes:
        data = self._socket.recv(1 << 18)
        if not data:
            raise ConnectionError("the broker closed the connection")
        return data


def _terminus(code: int, address: str) -> bytes:
    return described(code, listed([string(address)]))


def _binary(value: bytes) -> bytes:
    return b"\xb0" + struct.pack(">I", len(value)) + value
