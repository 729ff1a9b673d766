"""A bare AMQP peer over a blocking socket: sends any bytes, and shows each frame that the server answers with."""

import contextlib
import select
import socket
import struct
import time
import uuid
from collections.abc import Iterator
from types import TracebackType
from typing import Any, NamedTuple, Self

from local.amqp import performatives as frames
from local.amqp.codec import (
    NULL,
    boolean,
    decode,
    described,
    identifier,
    listed,
    long,
    mapped,
    string,
    symbol,
    uint,
)
from local.amqp.sections import (
    APPLICATION_PROPERTIES,
    BATCH_FORMAT,
    DATA,
    MESSAGE_ANNOTATIONS,
    PROPERTIES,
    VALUE,
    binary_value,
    read_sections,
)
from tests.contract.event_hubs.clients import shared_access_signature, soon

WINDOW = uint(0x7FFFFFFF)
OPEN = frames.performative(frames.OPEN, string("bare-peer"), string("localhost"), uint(65_536))
BEGIN = frames.performative(frames.BEGIN, NULL, uint(0), WINDOW, WINDOW)
HANDSHAKE = frames.AMQP_HEADER + frames.frame(0, OPEN) + frames.frame(0, BEGIN)


class Frame(NamedTuple):
    """What the server sent: a performative's code and fields, and a transfer's payload."""

    channel: int
    code: int
    fields: list[Any]
    payload: bytes

    @property
    def condition(self) -> str | None:
        """The error condition of a detach, end or close; None when it carries no error."""
        error = self.fields[2 if self.code == frames.DETACH else 0]
        return None if error is None else str(error.value[0])


class Wire:
    """One connection. Handles are given out in the order of attaching, from 0."""

    def __init__(self, port: int, *, timeout: float = 10) -> None:
        self._socket = socket.create_connection(("127.0.0.1", port), timeout=timeout)
        self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._buffer = b""
        self._handles = 0
        self._deliveries = 0
        self._requests = self._answers = -1

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        self._socket.close()

    # ---- bytes

    def write(self, data: bytes) -> None:
        self._socket.sendall(data)

    def say(self, body: bytes, channel: int = 0) -> None:
        self.write(frames.frame(channel, body))

    def half_close(self) -> None:
        self._socket.shutdown(socket.SHUT_WR)

    def reset(self) -> None:
        """Ends the connection as a dying peer does: with RST, whatever is under way."""
        self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self._socket.close()

    def read_all(self) -> bytes:
        """Every byte up to the end of the connection, which a reset is as well."""
        pieces = [self._buffer]
        self._buffer = b""
        try:
            while data := self._socket.recv(1 << 16):
                pieces.append(data)
        except ConnectionResetError:
            pass
        return b"".join(pieces)

    def has_something_to_read(self) -> bool:
        return bool(self._buffer or select.select([self._socket], [], [], 0)[0])

    def read_through(self, data: bytes) -> None:
        """Reads up to and including these bytes. Raises TimeoutError when nothing comes for the wire's timeout."""
        while data not in self._buffer:
            self._buffer += self._socket.recv(1 << 16)
        self._buffer = self._buffer.partition(data)[2]

    def _take(self, size: int) -> bytes:
        while len(self._buffer) < size:
            data = self._socket.recv(1 << 18)
            if not data:
                raise ConnectionError("the server closed the connection")
            self._buffer += data
        taken, self._buffer = self._buffer[:size], self._buffer[size:]
        return taken

    # ---- frames

    def frames(self) -> Iterator[Frame]:
        """The frames that come, heartbeats left out. Raises ConnectionError at the end of the connection."""
        while True:
            size, offset, _, channel = struct.unpack(">IBBH", self._take(8))
            body = self._take(size - 8)[4 * offset - 8 :]
            if body:
                code, fields, end = frames.parse_performative(body)
                yield Frame(channel, code, fields, body[end:])

    def until(self, code: int) -> Frame:
        """The next frame with this performative."""
        return next(frame for frame in self.frames() if frame.code == code)

    def last_frame(self) -> Frame:
        """The frame before the connection ended."""
        seen: list[Frame] = []
        with contextlib.suppress(ConnectionError):
            seen.extend(self.frames())
        return seen[-1]

    # ---- as far as the protocol goes

    def handshake(self) -> Self:
        """Opens the connection, and begins a session on channel 0."""
        self.write(HANDSHAKE)
        assert self._take(8) == frames.AMQP_HEADER
        self.until(frames.BEGIN)
        return self

    def authorize(self, path: str = "", *, expires: float | None = None) -> Self:
        self._requests, self._answers = self.attach_sender("$cbs"), self.attach_receiver("$cbs")
        self.grant(self._answers, 100)
        status = self.put(put_token(shared_access_signature(path, expires=expires or soon())))
        assert status == 202
        return self

    def put(self, request: bytes) -> int:
        """Puts a token on $cbs, by the links that `authorize` attached; the status of the answer."""
        self.transfer(self._requests, request, message_format=0)
        answer = self.receive(self._answers)
        properties = next(each for each in read_sections(answer) if each.code == APPLICATION_PROPERTIES)
        status: int = decode(answer, properties.value)[0]["status-code"]
        return status

    def attach_sender(self, address: str) -> int:
        handle = self._attach(
            sends=True, source=terminus(frames.SOURCE, "here"), target=terminus(frames.TARGET, address)
        )
        self.until(frames.FLOW)
        return handle

    def attach_receiver(self, address: str, selector: str | None = None, *, level: int | None = None) -> int:
        properties = NULL if level is None else mapped([symbol("com.microsoft:epoch"), long(level)])
        source = source_with(address, selector)
        return self._attach(sends=False, source=source, target=terminus(frames.TARGET, "here"), properties=properties)

    def _attach(self, *, sends: bool, source: bytes, target: bytes, properties: bytes = NULL) -> int:
        handle = self._handles
        self._handles += 1
        self.say(attach_frame(handle, sends=sends, source=source, target=target, properties=properties))
        answer = self.until(frames.ATTACH)
        if answer.fields[6 if sends else 5] is None:
            raise ConnectionError(f"the link was refused: {self.until(frames.DETACH).condition}")
        return handle

    def grant(self, handle: int, credit: int, *, seen: int = 0, drain: bool = False) -> None:
        """Gives a link credit, counted from the messages `seen` so far."""
        session = (uint(0), WINDOW, uint(self._deliveries), WINDOW)
        self.say(
            frames.performative(frames.FLOW, *session, uint(handle), uint(seen), uint(credit), NULL, boolean(drain))
        )

    def until_flow_of(self, handle: int) -> Frame:
        return next(frame for frame in self.frames() if frame.code == frames.FLOW and frame.fields[4] == handle)

    def until_accepted(self) -> int:
        """The delivery-id of the next disposition, which must be an acceptance."""
        frame = self.until(frames.DISPOSITION)
        assert frame.fields[4].descriptor == frames.ACCEPTED, frame
        number: int = frame.fields[1]
        return number

    def receive(self, handle: int) -> bytes:
        """The next whole message of a link, from as many frames as it came in."""
        pieces = []
        for frame in self.frames():
            if frame.code == frames.DETACH:
                raise ConnectionError(f"the link was detached: {frame.condition}")
            if frame.code == frames.TRANSFER and frame.fields[0] == handle:
                pieces.append(frame.payload)
                if not frame.fields[5]:
                    break
        return b"".join(pieces)

    def take_delivery(self) -> int:
        """The next delivery-id."""
        self._deliveries += 1
        return self._deliveries - 1

    def transfer(
        self, handle: int, payload: bytes, *, message_format: int = BATCH_FORMAT, settled: bool = False
    ) -> int:
        """Sends a message of one frame; its delivery-id."""
        delivery = self.take_delivery()
        self.say(transfer_frame(handle, delivery, message_format, settled=settled) + payload)
        return delivery


def terminus(code: int, address: str) -> bytes:
    return described(code, listed([string(address)]))


def source_with(address: str, selector: str | None) -> bytes:
    if selector is None:
        return terminus(frames.SOURCE, address)
    name = symbol("apache.org:selector-filter:string")
    filters = mapped([name, b"\x00" + name + string(selector)])
    return described(frames.SOURCE, listed([string(address), *[NULL] * 6, filters]))


def attach_frame(handle: int, *, sends: bool, source: bytes, target: bytes, properties: bytes = NULL) -> bytes:
    fields = [string(str(uuid.uuid4())), uint(handle), boolean(not sends), NULL, NULL, source, target, NULL, NULL]
    return frames.performative(frames.ATTACH, *fields, uint(0) if sends else NULL, NULL, NULL, NULL, properties)


def transfer_frame(
    handle: int, delivery: int, message_format: int, *, settled: bool = False, more: bool = False, aborted: bool = False
) -> bytes:
    """A transfer up to its payload."""
    tag = b"\xa0\x04" + struct.pack(">I", delivery)
    code = b"\x70" + struct.pack(">I", message_format)
    fields = (uint(handle), uint(delivery), tag, code, boolean(settled), boolean(more))
    return frames.performative(frames.TRANSFER, *fields, NULL, NULL, NULL, boolean(aborted))


def data_section(body: bytes) -> bytes:
    return described(DATA, b"\xb0" + struct.pack(">I", len(body)) + body)


def batch_of(messages: list[bytes]) -> bytes:
    """A batch of messages with one data section each."""
    return b"".join(data_section(data_section(message)) for message in messages)


def event_of(message: bytes) -> tuple[int, bytes]:
    """(sequence number, body) of an event with one data section, as a consumer gets it."""
    sequence, body = -1, b""
    for section in read_sections(message):
        if section.code == MESSAGE_ANNOTATIONS:
            sequence = decode(message, section.value)[0]["x-opt-sequence-number"]
        elif section.code == DATA:
            body = binary_value(message, section)
    return sequence, body


def put_token(token: str) -> bytes:
    properties = [
        *(string("operation"), string("put-token"), string("name"), string("any")),
        *(string("type"), string("servicebus.windows.net:sastoken")),
    ]
    return b"".join(
        (
            described(PROPERTIES, listed([identifier(uuid.uuid4())])),
            described(APPLICATION_PROPERTIES, mapped(properties)),
            described(VALUE, string(token)),
        )
    )


def now_ms() -> int:
    return time.time_ns() // 1_000_000
