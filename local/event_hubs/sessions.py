"""One session of a connection (OASIS AMQP 1.0, part 2, 2.5): windows, and the links by the peer's handles. No I/O."""

from typing import Any, Protocol

from local.amqp import performatives as frames
from local.amqp.codec import NULL, boolean, uint, ushort
from local.amqp.errors import (
    HANDLE_IN_USE,
    INVALID_FIELD,
    NOT_ALLOWED,
    TRANSFER_LIMIT,
    UNATTACHED_HANDLE,
    Refused,
    SessionViolation,
)
from local.event_hubs.links import MAX_MESSAGE, Attachment, Delivery, IncomingLink, Link, OutgoingLink

WINDOW = 0x7FFFFFFF
"""Our incoming window: what we take is bounded by link credit and message size, so the session never blocks."""
HANDLE_MAX = 255
_WRAP = 0xFFFFFFFF


class Application(Protocol):
    """What a connection asks of whoever knows the entities behind the links."""

    def attach(self, link: Link) -> None:
        """The peer attaches a link. Raises Refused."""

    def delivered(self, link: IncomingLink, delivery: Delivery) -> None:
        """A whole message came."""

    def ready(self, link: OutgoingLink) -> None:
        """The peer's credit or window for this link changed."""

    def detached(self, link: Link) -> None:
        """The link is gone, whatever the reason."""


class Carrier(Protocol):
    """What a session asks of its connection."""

    application: Application
    peer_max_frame: int
    is_congested: bool

    def write(self, *parts: bytes) -> None: ...


class Session:
    """Our end of a session. It uses the peer's channel and handle numbers as its own."""

    def __init__(self, connection: Carrier, channel: int, begin: list[Any]) -> None:
        self.connection = connection
        self.channel = channel
        self.next_incoming: int = begin[1]
        self.next_outgoing = 0
        self.peer_window: int = begin[2]
        self.links: dict[int, Link] = {}
        self._detached: set[int] = set()
        self.send(
            frames.performative(frames.BEGIN, ushort(channel), uint(0), uint(WINDOW), uint(WINDOW), uint(HANDLE_MAX))
        )

    @property
    def peer_max_frame(self) -> int:
        return self.connection.peer_max_frame

    @property
    def is_congested(self) -> bool:
        return self.connection.is_congested

    # ---- to the peer

    def send(self, body: bytes) -> None:
        self.connection.write(frames.frame(self.channel, body))

    def write_raw(self, *parts: bytes) -> None:
        self.connection.write(*parts)

    def count_sent(self, transfers: int) -> None:
        self.next_outgoing = (self.next_outgoing + transfers) & _WRAP
        self.peer_window -= transfers

    def send_flow(self, link: Link | None = None) -> None:
        of_session = (uint(self.next_incoming), uint(WINDOW), uint(self.next_outgoing), uint(WINDOW))
        of_link = () if link is None else link.flow_fields()
        self.send(frames.performative(frames.FLOW, *of_session, *of_link))

    def detach(self, link: Link, condition: str, description: str) -> None:
        """Closes a link from our side, with an error. The peer will answer with its own detach."""
        if link.is_open:
            self._drop(link)
            error = frames.error(condition, description)
            self.send(frames.performative(frames.DETACH, uint(link.handle), boolean(True), error))

    # ---- from the peer

    def on_attach(self, fields: list[Any], source: bytes, target: bytes) -> None:
        """`source` and `target` are the raw bytes of those fields, which the reply repeats."""
        handle, peer_receives = fields[1], fields[2]
        if handle > HANDLE_MAX:
            raise SessionViolation(UNATTACHED_HANDLE, f"handle {handle} is beyond handle-max {HANDLE_MAX}")
        if handle in self.links:
            raise SessionViolation(HANDLE_IN_USE, f"handle {handle} is attached already")
        attachment = read_attachment(fields)
        link: Link
        if peer_receives:
            link = OutgoingLink(self, handle, attachment)
        else:
            link = IncomingLink(self, handle, attachment, delivery_count=fields[9] or 0)
        self._detached.discard(handle)
        self.links[handle] = link
        try:
            self.connection.application.attach(link)
        except Refused as refusal:
            self._attached(link, fields, NULL if peer_receives else source, target if peer_receives else NULL)
            self.detach(link, refusal.condition, refusal.description)
            return
        self._attached(link, fields, source, target)
        if isinstance(link, IncomingLink):
            link.replenish()

    def _attached(self, link: Link, fields: list[Any], source: bytes, target: bytes) -> None:
        settlement = bytes((0x50, fields[3] if fields[3] in (0, 1, 2) else 2))
        self.send(
            frames.attach_reply(
                name=link.attachment.name,
                handle=link.handle,
                sends=isinstance(link, OutgoingLink),
                settlement=settlement,
                source=source,
                target=target,
                max_message_size=MAX_MESSAGE,
            )
        )

    def on_flow(self, fields: list[Any]) -> None:
        known, window = fields[0], fields[1]
        self.peer_window = _window(known or 0, window, self.next_outgoing)
        handle = fields[4]
        link = None
        if handle is None:
            for each in list(self.links.values()):
                if isinstance(each, OutgoingLink):
                    self.connection.application.ready(each)
        else:
            link = self._link(handle)
            if isinstance(link, OutgoingLink):
                if fields[6] is not None:
                    link.grant(fields[5], fields[6])
                link.drain = bool(fields[8])
                self.connection.application.ready(link)
        if fields[9]:
            self.send_flow(link)

    def on_transfer(self, fields: list[Any], payload: bytes) -> None:
        self.next_incoming = (self.next_incoming + 1) & _WRAP
        link = self._link(fields[0])
        if link is None:
            return
        if not isinstance(link, IncomingLink):
            raise SessionViolation(NOT_ALLOWED, f"handle {fields[0]} is a link that we send on")
        if link.credit <= 0:
            self.detach(link, TRANSFER_LIMIT, "a transfer came without link credit")
            return
        delivery = link.take(fields, payload)
        if delivery is not None:
            self.connection.application.delivered(link, delivery)
        link.replenish()

    def on_detach(self, fields: list[Any]) -> None:
        link = self.links.get(fields[0])
        if link is None:
            return
        self._drop(link)
        self.send(frames.performative(frames.DETACH, uint(link.handle), boolean(bool(fields[1]))))

    def end(self) -> None:
        """Drops every link: the session or its connection is over."""
        for link in list(self.links.values()):
            self._drop(link)

    def _link(self, handle: int) -> Link | None:
        """The link with this handle; None when it was detached a moment ago and the peer can't know yet."""
        link = self.links.get(handle)
        if link is None and handle not in self._detached:
            raise SessionViolation(UNATTACHED_HANDLE, f"no link is attached with handle {handle}")
        return link

    def _drop(self, link: Link) -> None:
        link.is_open = False
        self.links.pop(link.handle, None)
        self._detached.add(link.handle)
        self.connection.application.detached(link)


def read_attachment(fields: list[Any]) -> Attachment:
    """What an attach's fields (part 2, 2.7.3) ask for. Raises SessionViolation for wrong types."""
    source, target = _terminus(fields[5], frames.SOURCE), _terminus(fields[6], frames.TARGET)
    filters = source[7] if len(source) > 7 and source[7] is not None else {}
    properties = fields[13] or {}
    capabilities = fields[12] if isinstance(fields[12], list) else [fields[12]]
    if not isinstance(filters, dict) or not isinstance(properties, dict):
        raise SessionViolation(INVALID_FIELD, "an attach's filter and properties are maps")
    return Attachment(
        name=fields[0],
        source=_address(source),
        target=_address(target),
        filters=filters,
        properties=properties,
        desired_capabilities=frozenset(item for item in capabilities if isinstance(item, str)),
    )


def _terminus(value: Any, code: int) -> list[Any]:
    if value is None:
        return []
    if getattr(value, "descriptor", None) != code or not isinstance(value.value, list):
        raise SessionViolation(INVALID_FIELD, "an attach's source or target has the wrong type")
    fields: list[Any] = value.value
    return fields


def _address(terminus: list[Any]) -> str | None:
    address = terminus[0] if terminus else None
    if address is not None and not isinstance(address, str):
        raise SessionViolation(INVALID_FIELD, f"an address is a string, not {type(address).__name__}")
    return address


def _window(known: int, window: int, next_outgoing: int) -> int:
    """How many transfers the peer can still take (2.5.6), in serial-number arithmetic."""
    left = (known + min(window, WINDOW) - next_outgoing) & _WRAP
    return left if left <= WINDOW else 0
