"""The two ends that a session holds of a link (OASIS AMQP 1.0, part 2, 2.6). No I/O."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

from local.amqp import performatives as frames
from local.amqp.codec import NULL, boolean, uint

MAX_MESSAGE = 1_048_576
"""Bytes of the largest message, batch or single (Event Hubs standard tier quota: 1 MB)."""
_WRAP = 0xFFFFFFFF


@dataclass(frozen=True, slots=True)
class Attachment:
    """What a peer asked for when it attached: the fields of its attach frame that matter here."""

    name: str
    source: str | None
    target: str | None
    filters: dict[Any, Any]
    properties: dict[Any, Any]
    desired_capabilities: frozenset[str]


@dataclass(frozen=True, slots=True)
class Delivery:
    """One whole message from the peer. `number` is its delivery-id; `size` is what came, kept or not."""

    number: int
    message_format: int
    settled: bool
    payload: bytes
    size: int

    @property
    def is_too_large(self) -> bool:
        return self.size > MAX_MESSAGE


class LinkSession(Protocol):
    """What a link asks of the session that carries it."""

    channel: int
    next_outgoing: int
    peer_window: int

    @property
    def peer_max_frame(self) -> int: ...

    @property
    def is_congested(self) -> bool:
        """The socket takes no more for now."""

    def send(self, body: bytes) -> None:
        """Sends one performative."""

    def write_raw(self, *parts: bytes) -> None:
        """Sends whole frames."""

    def count_sent(self, transfers: int) -> None: ...

    def send_flow(self, link: "Link") -> None: ...

    def detach(self, link: "Link", condition: str, description: str) -> None: ...


class OutgoingLink:
    """We send, the peer receives: a consumer of a partition, or the answers of a node."""

    def __init__(self, session: LinkSession, handle: int, attachment: Attachment) -> None:
        self.session = session
        self.handle = handle
        self.attachment = attachment
        self.credit = 0
        self.delivery_count = 0
        self.drain = False
        self.is_open = True

    def send(self, message: bytes) -> None:
        """Sends one message, split over frames where the peer's are too small. Needs credit of 1."""
        session = self.session
        limit = session.peer_max_frame - frames.TRANSFER_HEAD
        if len(message) <= limit:
            session.write_raw(self._head(len(message)), message)
            session.count_sent(1)
        else:
            pieces = [message[start : start + limit] for start in range(0, len(message), limit)]
            for piece in pieces[:-1]:
                session.write_raw(self._head(len(piece), more=True), piece)
            session.write_raw(self._head(len(pieces[-1])), pieces[-1])
            session.count_sent(len(pieces))
        self._delivered(1)

    def send_each(self, messages: Sequence[bytes]) -> None:
        """Sends several messages that each fit a frame: the hot path. Needs as much credit as messages."""
        session = self.session
        channel, handle, delivery, tag = session.channel, self.handle, session.next_outgoing, self.delivery_count
        head = frames.transfer_head
        parts: list[bytes] = []
        for index, message in enumerate(messages):
            parts.append(head(len(message), channel, handle, delivery + index, tag + index))
            parts.append(message)
        session.write_raw(*parts)
        session.count_sent(len(messages))
        self._delivered(len(messages))

    def finish_drain(self) -> None:
        """Nothing is left to send: gives the credit back, if the peer asked for that (2.6.7)."""
        if self.drain and self.credit:
            self.delivery_count = (self.delivery_count + self.credit) & _WRAP
            self.credit = 0
            self.session.send_flow(self)

    def grant(self, peer_count: int | None, credit: int) -> None:
        """Takes the peer's flow: credit is counted from the delivery count that it knew (2.6.7)."""
        known = 0 if peer_count is None else peer_count
        left = (known + credit - self.delivery_count) & _WRAP
        self.credit = left if left <= 0x7FFFFFFF else 0

    def flow_fields(self) -> Sequence[bytes]:
        return (uint(self.handle), uint(self.delivery_count), uint(self.credit), NULL, boolean(self.drain))

    def _head(self, size: int, *, more: bool = False) -> bytes:
        session = self.session
        return frames.transfer_head(
            size, session.channel, self.handle, session.next_outgoing, self.delivery_count, more=more
        )

    def _delivered(self, count: int) -> None:
        self.delivery_count = (self.delivery_count + count) & _WRAP
        self.credit -= count


@dataclass(slots=True)
class _Partial:
    """A delivery of which frames are still to come."""

    number: int
    message_format: int
    settled: bool
    pieces: list[bytes] = field(default_factory=list)
    size: int = 0

    def add(self, piece: bytes) -> None:
        self.size += len(piece)
        if self.size > MAX_MESSAGE:
            self.pieces.clear()
        else:
            self.pieces.append(piece)


class IncomingLink:
    """The peer sends, we receive: a producer, or the requests to a node."""

    WINDOW = 1000
    """Credit kept open for the peer (as the service grants)."""

    def __init__(self, session: LinkSession, handle: int, attachment: Attachment, *, delivery_count: int) -> None:
        self.session = session
        self.handle = handle
        self.attachment = attachment
        self.credit = 0
        self.delivery_count = delivery_count
        self.drain = False
        self.is_open = True
        self._partial: _Partial | None = None

    def take(self, fields: list[Any], payload: bytes) -> Delivery | None:
        """One transfer frame; the delivery when this frame is its last.

        `fields` are the transfer's (2.7.5). A message beyond the limit is counted but not kept, so that a peer
        can't make us hold it.
        """
        partial = self._partial
        if partial is None:
            partial = _Partial(fields[1] or 0, fields[3] or 0, bool(fields[4]))
        partial.settled = partial.settled or bool(fields[4])
        aborted, more = bool(fields[9]), bool(fields[5])
        partial.add(payload)
        self._partial = None if aborted or not more else partial
        if more and not aborted:
            return None
        self.delivery_count = (self.delivery_count + 1) & _WRAP
        self.credit -= 1
        if aborted:
            return None
        return Delivery(partial.number, partial.message_format, partial.settled, b"".join(partial.pieces), partial.size)

    def replenish(self) -> None:
        if self.credit <= self.WINDOW // 2 and self.is_open:
            self.credit = self.WINDOW
            self.session.send_flow(self)

    def flow_fields(self) -> Sequence[bytes]:
        return (uint(self.handle), uint(self.delivery_count), uint(self.credit), NULL, boolean(self.drain))

    def settle(self, delivery: Delivery, outcome: bytes) -> None:
        """Tells the peer what became of its message; nothing when it sent it settled."""
        if not delivery.settled:
            self.session.send(frames.disposition(delivery.number, outcome))


Link = OutgoingLink | IncomingLink
