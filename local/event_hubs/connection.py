"""One peer's AMQP 1.0 connection as a state machine without sockets: bytes in, bytes out, and calls to the application.

The server moves bytes; this module knows the protocol; the application (the namespace) knows Event Hubs.
"""

from collections.abc import Callable
from typing import Any, Final

from local.amqp import performatives as frames
from local.amqp.codec import DecodeError, list_slices, skip, string, uint, ushort
from local.amqp.errors import (
    CONNECTION_FORCED,
    DECODE_ERROR,
    FRAMING_ERROR,
    INVALID_FIELD,
    NOT_ALLOWED,
    NOT_IMPLEMENTED,
    ProtocolViolation,
    SessionViolation,
)
from local.event_hubs.sessions import Application, Session

MAX_FRAME: Final = 65_536
PEER_SLACK: Final = 512
"""azure-eventhub counts its transfer frames' heads short, so its frames may be a little longer than agreed."""
CHANNEL_MAX: Final = 4_999
OUTPUT_HIGH_WATER: Final = 1 << 20
"""Bytes of output that may wait, here and in the socket's buffer, before consumers stop reading their logs."""
MIN_PEER_FRAME: Final = 512
"""The smallest max-frame-size that a peer may announce (part 2, 2.7.1)."""
CONTAINER = "local-event-hubs"


class Connection:
    """A peer's connection. After `receive`, send `take_output()` and, when `is_closed`, close the socket."""

    def __init__(self, application: Application) -> None:
        self.application = application
        self.is_closed = False
        self.is_congested = False
        """Set by the server while the socket takes no more: consumers then wait."""
        self.is_open = False
        """The peer has sent its open frame."""
        self.peer_max_frame = MIN_PEER_FRAME
        self.peer_idle_timeout = 0.0
        """Seconds without a frame after which the peer gives up; 0 when it never does."""
        self.on_output: Callable[[], None] = lambda: None
        """Called when output appears outside of `receive`, so that the server sends it."""
        self.sessions: dict[int, Session] = {}
        self._buffer = bytearray()
        self._output: list[bytes] = []
        self._waiting = 0
        self._stage = self._on_header
        self._best_header = frames.SASL_HEADER
        self._is_receiving = False

    # ---- the server's side

    def receive(self, data: bytes) -> None:
        """Takes bytes from the peer. Never raises: what the peer does wrong ends its connection."""
        self._is_receiving = True
        self._buffer += data
        try:
            self._consume()
        except DecodeError as error:
            self.fail(DECODE_ERROR, str(error))
        except frames.FramingError as error:
            self.fail(FRAMING_ERROR, str(error))
        except frames.WrongField as error:
            self.fail(INVALID_FIELD, str(error))
        except ProtocolViolation as violation:
            self.fail(violation.condition, violation.description)
        finally:
            self._is_receiving = False

    def take_output(self) -> bytes:
        output = b"".join(self._output)
        self._output.clear()
        self._waiting = 0
        return output

    def lost(self) -> None:
        """The socket is gone."""
        self.is_closed = True
        for session in list(self.sessions.values()):
            session.end()
        self.sessions.clear()
        self._buffer.clear()

    def fail(self, condition: str, description: str) -> None:
        """Closes the connection with an error (2.7.9); before AMQP is agreed there is nobody to tell."""
        if self.is_closed:
            return
        if self.is_open:
            self.write(frames.frame(0, frames.performative(frames.CLOSE, frames.error(condition, description))))
        elif self._stage == self._on_frame:
            self._send_open()
            self.write(frames.frame(0, frames.performative(frames.CLOSE, frames.error(condition, description))))
        self.lost()

    def drain(self) -> None:
        """The server is stopping."""
        self.fail(CONNECTION_FORCED, "The server is shutting down; connect again.")

    def write(self, *parts: bytes) -> None:
        self._output += parts
        for part in parts:
            self._waiting += len(part)
        if self._waiting > OUTPUT_HIGH_WATER:
            self.is_congested = True
        if not self._is_receiving:
            self.on_output()

    # ---- bytes to frames

    def _consume(self) -> None:
        buffer = self._buffer
        start = 0
        try:
            while not self.is_closed:
                taken = self._stage(start)
                if not taken:
                    return
                start += taken
        finally:
            del buffer[:start]

    def _on_header(self, start: int) -> int:
        """A protocol header (2.2); returns the bytes it took, 0 when more are needed."""
        header = bytes(self._buffer[start : start + frames.HEADER_SIZE])
        if header[:4] != b"AMQP"[: len(header)]:
            return self._refuse_header(header)
        if len(header) < frames.HEADER_SIZE:
            return 0
        if header == frames.SASL_HEADER == self._best_header:
            self.write(frames.SASL_HEADER, frames.sasl_mechanisms())
            self._stage = self._on_sasl
        elif header == frames.AMQP_HEADER:
            self.write(frames.AMQP_HEADER)
            self._stage = self._on_frame
        else:
            return self._refuse_header(header)
        return frames.HEADER_SIZE

    def _refuse_header(self, header: bytes) -> int:
        """Answers with the header that we do speak, and closes (2.2)."""
        self.write(self._best_header)
        self.lost()
        return len(header)

    def _frame_at(self, start: int) -> bytes | None:
        """The next whole frame, or None when more bytes are needed."""
        available = len(self._buffer) - start
        if available < 8:
            return None
        size = int.from_bytes(self._buffer[start : start + 4], "big")
        if not 8 <= size <= MAX_FRAME + PEER_SLACK:
            raise frames.FramingError(f"a frame of {size} bytes; frames have 8 to {MAX_FRAME}")
        if available < size:
            return None
        offset = self._buffer[start + 4]
        if offset < 2 or 4 * offset > size:
            raise frames.FramingError(f"a frame of {size} bytes with its body at byte {4 * offset}")
        return bytes(self._buffer[start : start + size])

    def _on_sasl(self, start: int) -> int:
        frame = self._frame_at(start)
        if frame is None:
            return 0
        code, fields, _ = frames.parse_performative(frame[4 * frame[4] :])
        if frame[5] != 1 or code != frames.SASL_INIT:
            raise frames.FramingError("expected a SASL init frame")
        known = fields[0] in frames.MECHANISMS
        self.write(frames.sasl_outcome(0 if known else 1))
        if known:
            self._best_header = frames.AMQP_HEADER
            self._stage = self._on_header
        else:
            self.lost()
        return len(frame)

    def _on_frame(self, start: int) -> int:
        frame = self._frame_at(start)
        if frame is None:
            return 0
        if frame[5] != 0:
            raise frames.FramingError(f"a frame of type {frame[5]} where AMQP was agreed")
        if len(frame) > 4 * frame[4]:
            self._dispatch(int.from_bytes(frame[6:8], "big"), frame[4 * frame[4] :])
        return len(frame)

    # ---- performatives

    def _dispatch(self, channel: int, body: bytes) -> None:
        code, fields, end = frames.parse_performative(body)
        if code == frames.OPEN:
            self._on_open(fields)
        elif not self.is_open:
            raise ProtocolViolation(NOT_ALLOWED, "the first frame must be an open")
        elif code == frames.BEGIN:
            self._on_begin(channel, fields)
        elif code == frames.CLOSE:
            self._on_close()
        elif code not in frames.FIELD_COUNTS:
            raise ProtocolViolation(NOT_IMPLEMENTED, f"performative {code:#x} is not known here")
        else:
            self._on_session(channel, code, fields, body, end)

    def _on_session(self, channel: int, code: int, fields: list[Any], body: bytes, end: int) -> None:
        session = self.sessions.get(channel)
        if session is None:
            # azure-eventhub detaches links after it ended their session; what else comes on a dead channel is late too
            if code in (frames.DETACH, frames.END, frames.FLOW, frames.DISPOSITION):
                return
            raise ProtocolViolation(NOT_ALLOWED, f"no session has begun on channel {channel}")
        try:
            self._on_link(session, code, fields, body, end)
        except SessionViolation as violation:
            error = frames.error(violation.condition, violation.description)
            self._end(session, frames.performative(frames.END, error))
            self.fail(violation.condition, violation.description)

    def _on_link(self, session: Session, code: int, fields: list[Any], body: bytes, end: int) -> None:
        if code == frames.TRANSFER:
            session.on_transfer(fields, body[end:])
        elif code == frames.FLOW:
            session.on_flow(fields)
        elif code == frames.ATTACH:
            session.on_attach(fields, *raw_termini(body))
        elif code == frames.DETACH:
            session.on_detach(fields)
        elif code == frames.END:
            self._end(session, frames.performative(frames.END))

    def _end(self, session: Session, answer: bytes) -> None:
        del self.sessions[session.channel]
        session.end()
        session.send(answer)

    def _on_open(self, fields: list[Any]) -> None:
        if self.is_open:
            raise ProtocolViolation(NOT_ALLOWED, "the connection is open already")
        largest, idle = fields[2], fields[4]
        self.peer_max_frame = min(max(largest or MAX_FRAME, MIN_PEER_FRAME), 1 << 20)
        self.peer_idle_timeout = (idle or 0) / 1000
        self._send_open()
        self.is_open = True

    def _send_open(self) -> None:
        fields = (string(CONTAINER), string(""), uint(MAX_FRAME), ushort(CHANNEL_MAX))
        self.write(frames.frame(0, frames.performative(frames.OPEN, *fields)))

    def _on_begin(self, channel: int, fields: list[Any]) -> None:
        if channel in self.sessions:
            raise ProtocolViolation(NOT_ALLOWED, f"a session has begun on channel {channel} already")
        if channel > CHANNEL_MAX:
            raise ProtocolViolation(FRAMING_ERROR, f"channel {channel} is beyond channel-max {CHANNEL_MAX}")
        self.sessions[channel] = Session(self, channel, fields)

    def _on_close(self) -> None:
        self.write(frames.frame(0, frames.performative(frames.CLOSE)))
        self.lost()


def raw_termini(attach: bytes) -> tuple[bytes, bytes]:
    """The source and target of an attach frame's body as the peer wrote them."""
    slices = list_slices(attach, skip(attach, 1))
    return tuple((slices + [b"\x40"] * 7)[5:7])  # type: ignore[return-value]
