"""A client's ends of its links (OASIS AMQP 1.0, part 2, 2.6). No I/O."""

from collections import deque
from collections.abc import Sequence
from typing import Any, Final, Protocol

from local.amqp import performatives as frames
from local.amqp.codec import NULL, binary, boolean, described, listed, string, ubyte, uint

SETTLED_BY_SENDER: Final = 1
SETTLED_BY_RECEIVER: Final = 2
"""How deliveries are settled (part 2, 2.8.2): when they are sent, or as the sender chooses for each."""
FRAME_PAYLOAD: Final = 65_000
"""Bytes of a message that go into one frame, where the peer takes the frames that Event Hubs takes: 64 KB."""
_WRAP = 0xFFFFFFFF


class Carrier(Protocol):
    """What a link asks of the connection that carries it."""

    def join(self, link: "Link") -> int:
        """Takes a link in; its handle."""

    def send(self, body: bytes) -> None:
        """Sends one performative."""

    def send_flow(self, *of_link: bytes) -> None: ...

    def next_delivery(self) -> int:
        """The number of the next delivery that is sent."""


class SendingLink:
    """We send. `unsettled` are the numbers of the messages that the peer has not accepted yet."""

    def __init__(self, carrier: Carrier, name: str, source: bytes, target: bytes) -> None:
        self.name = name
        self.credit = 0
        self.unsettled: set[int] = set()
        self._carrier = carrier
        self._sent = 0
        self._handle = carrier.join(self)
        ends = {"source": source, "target": target}
        carrier.send(_attach(self._handle, name, uint(0), receives=False, settlement=SETTLED_BY_RECEIVER, **ends))

    def on_attach(self, fields: Sequence[Any]) -> None:
        """Credit comes by itself."""

    def on_flow(self, fields: Sequence[Any]) -> None:
        if fields[6] is not None:
            self.credit = ((fields[5] or 0) + fields[6] - self._sent) & _WRAP

    def send(self, message: bytes, message_format: int = 0) -> int:
        """Sends one message, over several frames where it has to; its number. Needs credit of 1."""
        number = self._carrier.next_delivery()
        head = (uint(self._handle), uint(number), binary(b"%d" % number), uint(message_format), boolean(False))
        rest = memoryview(message)
        while len(rest) > FRAME_PAYLOAD:
            transfer = frames.performative(frames.TRANSFER, *head, boolean(True))
            self._carrier.send(transfer + rest[:FRAME_PAYLOAD])
            self._carrier.next_delivery()
            rest = rest[FRAME_PAYLOAD:]
        self._carrier.send(frames.performative(frames.TRANSFER, *head) + rest)
        self._sent += 1
        self.credit -= 1
        self.unsettled.add(number)
        return number

    def on_accepted(self, first: int, last: int) -> None:
        self.unsettled = {number for number in self.unsettled if not first <= number <= last}


class ReceivingLink:
    """The peer sends: at most `window` messages wait here or are on their way."""

    def __init__(
        self,
        carrier: Carrier,
        name: str,
        source: bytes,
        window: int,
        *,
        settlement: int = SETTLED_BY_SENDER,
        capabilities: bytes = NULL,
        properties: bytes = NULL,
    ) -> None:
        self.name = name
        self.messages: deque[bytes] = deque()
        self.is_attached = False
        self._carrier = carrier
        self._window = window
        self._credit = 0
        self._delivery_count = 0
        self._pieces: list[bytes] = []
        self._handle = carrier.join(self)
        ends = {"source": source, "target": terminus(frames.TARGET, name)}
        rest = (NULL, NULL, NULL, capabilities, properties)
        carrier.send(_attach(self._handle, name, *rest, receives=True, settlement=settlement, **ends))

    @property
    def is_between_messages(self) -> bool:
        return not self._pieces

    def on_attach(self, fields: Sequence[Any]) -> None:
        """A refused link is attached without a source, and detached at once."""
        if fields[5] is not None:
            self.is_attached = True
            self._delivery_count = fields[9] or 0
            self._replenish()

    def on_flow(self, fields: Sequence[Any]) -> None:
        """The peer's view of the credit is no news."""

    def on_message(self, message: bytes) -> None:
        """A whole message came in one frame."""
        self.messages.append(message)
        self._delivery_count = (self._delivery_count + 1) & _WRAP
        self._credit -= 1

    def on_transfer(self, fields: Sequence[Any], payload: bytes) -> None:
        """One frame of a message (part 2, 2.7.5)."""
        is_aborted, has_more = fields[9], fields[5]
        self._pieces.append(payload)
        if has_more and not is_aborted:
            return
        message, self._pieces = b"".join(self._pieces), []
        self.on_message(message)
        if is_aborted:
            self.messages.pop()

    def take(self, most: int) -> list[bytes]:
        """The oldest messages, and credit for as many again once half the window is free."""
        messages = self.messages
        taken = [messages.popleft() for _ in range(min(most, len(messages)))]
        if 2 * (self._window - self._credit - len(messages)) >= self._window:
            self._replenish()
        return taken

    def _replenish(self) -> None:
        self._credit = self._window - len(self.messages)
        self._carrier.send_flow(uint(self._handle), uint(self._delivery_count), uint(self._credit))


Link = SendingLink | ReceivingLink


def terminus(code: int, address: str, *fields: bytes) -> bytes:
    """A source or target (part 3, 3.5)."""
    return described(code, listed([string(address), *fields]))


def _attach(
    handle: int, name: str, *rest: bytes, receives: bool, settlement: int, source: bytes, target: bytes
) -> bytes:
    """An attach (part 2, 2.7.3); `rest` are its fields from the initial delivery count on."""
    modes = (ubyte(settlement), ubyte(0))
    fields = (string(name), uint(handle), boolean(receives), *modes, source, target, NULL, NULL, *rest)
    return frames.performative(frames.ATTACH, *fields)
