"""One connected client: what its links are attached to, what it may do, and which faults strike it."""

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from local.amqp.codec import DecodeError
from local.amqp.errors import (
    DECODE_ERROR,
    INTERNAL_ERROR,
    MESSAGE_TOO_LARGE,
    NOT_FOUND,
    RESOURCE_LIMIT,
    SERVER_BUSY,
    UNAUTHORIZED,
    Refused,
)
from local.amqp.performatives import ACCEPTED_OUTCOME, rejected_outcome
from local.event_hubs import addresses, nodes
from local.event_hubs.connection import Connection
from local.event_hubs.consumers import PartitionConsumer
from local.event_hubs.hub import Hub, Hubs, Partition
from local.event_hubs.links import MAX_MESSAGE, Delivery, IncomingLink, Link, OutgoingLink
from local.event_hubs.messages import read_publication
from local.event_hubs.selectors import start_position
from local.event_hubs.tokens import Grant, SharedAccessKeys
from local.faults import FaultRule, Faults

MAX_UNSENT = 1000
"""Answers of a node that may wait for the peer's credit, before it gets no more."""


class Wire(Protocol):
    """What a client can have done to its connection, below AMQP."""

    def hold(self, seconds: float) -> None:
        """Neither reads nor sends for a while."""

    def reset(self) -> None:
        """Drops the TCP connection without a word."""


@dataclass(frozen=True, slots=True)
class Namespace:
    """What all clients share."""

    hubs: Hubs
    keys: SharedAccessKeys
    faults: Faults
    now: Callable[[], float] = time.time


@dataclass(frozen=True, slots=True)
class Producer:
    """Where an incoming link's events go: a hub, or one partition of it."""

    hub: Hub
    partition: Partition | None

    def route(self, key: str | None) -> Partition:
        return self.partition or self.hub.route(key)


Endpoint = Producer | PartitionConsumer | addresses.NodeAddress


class Client:
    """The application of one connection."""

    def __init__(self, namespace: Namespace, wire: Wire) -> None:
        self._namespace = namespace
        self._wire = wire
        self._endpoints: dict[Link, Endpoint] = {}
        self._paths: dict[Link, str] = {}
        self._grants: dict[str, Grant] = {}
        self._unsent: dict[OutgoingLink, list[bytes]] = {}

    # ---- what the connection tells

    def attach(self, link: Link) -> None:
        outgoing = isinstance(link, OutgoingLink)
        address = link.attachment.source if outgoing else link.attachment.target
        path = addresses.path_of(address or "")
        self._strike_attach(path)
        node = addresses.node_address(address)
        if node is not None:
            self._endpoints[link] = node
            return
        self._authorize(path)
        self._paths[link] = path
        self._endpoints[link] = self._consumer(link, address) if outgoing else self._producer(address)

    def delivered(self, link: IncomingLink, delivery: Delivery) -> None:
        endpoint = self._endpoints.get(link)
        if isinstance(endpoint, Producer):
            self._publish(link, endpoint, delivery)
        elif isinstance(endpoint, addresses.NodeAddress):
            self._answer(link, endpoint, delivery)

    def ready(self, link: OutgoingLink) -> None:
        endpoint = self._endpoints.get(link)
        if isinstance(endpoint, PartitionConsumer):
            endpoint.pump()
            return
        unsent = self._unsent.get(link, [])
        while unsent and link.credit > 0:
            link.send(unsent.pop(0))
        link.finish_drain()

    def detached(self, link: Link) -> None:
        endpoint = self._endpoints.pop(link, None)
        self._paths.pop(link, None)
        if isinstance(link, OutgoingLink):
            self._unsent.pop(link, None)
        if isinstance(endpoint, PartitionConsumer):
            endpoint.leave()

    # ---- what the server tells

    def resume(self) -> None:
        """The socket takes more again."""
        for endpoint in list(self._endpoints.values()):
            if isinstance(endpoint, PartitionConsumer):
                endpoint.pump()

    def expire(self) -> None:
        """Detaches the links whose token has run out."""
        now = self._namespace.now()
        for link, path in list(self._paths.items()):
            if not any(grant.covers(path, now) for grant in self._grants.values()):
                link.session.detach(link, UNAUTHORIZED, f"ExpiredToken: the token for '{path}' has expired.")

    def faults_changed(self) -> None:
        """Lets rules strike what does nothing: a connection, new or open, and an attached consumer."""
        rule = self._namespace.faults.strike("connection")
        if rule is not None:
            self._wire.reset()
            return
        for endpoint in list(self._endpoints.values()):
            if isinstance(endpoint, PartitionConsumer):
                endpoint.is_struck()

    # ---- attaching

    def _authorize(self, path: str) -> None:
        now = self._namespace.now()
        if not any(grant.covers(path, now) for grant in self._grants.values()):
            raise Refused(UNAUTHORIZED, f"Unauthorized access. A token for '{path}' is required.")

    def _accept_grant(self, grant: Grant) -> None:
        self._grants[grant.path] = grant

    def _producer(self, address: str | None) -> Producer:
        named = addresses.producer_address(address)
        if named is None:
            raise Refused(NOT_FOUND, f"The messaging entity '{address}' could not be found.")
        hub = self._namespace.hubs.find(named.hub)
        return Producer(hub, None if named.partition is None else hub.partition(named.partition))

    def _consumer(self, link: Link, address: str | None) -> PartitionConsumer:
        named = addresses.consumer_address(address)
        if named is None or not isinstance(link, OutgoingLink):
            raise Refused(NOT_FOUND, f"The messaging entity '{address}' could not be found.")
        hub = self._namespace.hubs.find(named.hub)
        hub.require_group(named.group)
        partition = hub.partition(named.partition)
        sequence = start_position(link.attachment.filters).sequence_in(partition.log)
        operation = f"receive:{hub.name}/{named.group}/{named.partition}"
        consumer = PartitionConsumer(link, partition, named.group, sequence, lambda: self._struck(link, operation))
        partition.join(consumer)
        return consumer

    # ---- publishing

    def _publish(self, link: IncomingLink, producer: Producer, delivery: Delivery) -> None:
        if self._struck(link, f"send:{producer.hub.name}", delivery):
            return
        if delivery.is_too_large:
            link.settle(delivery, _too_large(delivery))
            return
        try:
            publication = read_publication(delivery.payload, delivery.message_format)
            if not publication.events:
                link.settle(delivery, ACCEPTED_OUTCOME)
                return
            partition = producer.route(publication.key)
            partition.append(publication.events, lambda: _settle_if_open(link, delivery))
        except DecodeError as error:
            link.settle(delivery, rejected_outcome(DECODE_ERROR, str(error)))
        except OSError as error:
            reason = f"The event could not be written: {error.strerror}."
            link.settle(delivery, rejected_outcome(INTERNAL_ERROR, reason))

    # ---- nodes

    def _answer(self, link: IncomingLink, node: addresses.NodeAddress, delivery: Delivery) -> None:
        if self._struck(link, node.node.lstrip("$"), delivery):
            return
        try:
            request = nodes.read_request(delivery.payload)
        except DecodeError as error:
            link.settle(delivery, rejected_outcome(DECODE_ERROR, str(error)))
            return
        link.settle(delivery, ACCEPTED_OUTCOME)
        namespace = self._namespace
        if node.node == addresses.CBS:
            answer = nodes.put_token(request, namespace.keys, namespace.now(), self._accept_grant)
        else:
            answer = nodes.manage(request, namespace.hubs, lambda name: self._authorize(name.lower()))
        replies = self._reply_link(link, node, request.reply_to)
        if replies is None:
            return
        unsent = self._unsent.setdefault(replies, [])
        unsent.append(nodes.answer_message(request, answer))
        self.ready(replies)
        if len(unsent) > MAX_UNSENT:
            link.session.detach(link, RESOURCE_LIMIT, f"{MAX_UNSENT} answers wait for credit on the link they go to.")

    def _reply_link(self, link: IncomingLink, node: addresses.NodeAddress, reply_to: str | None) -> OutgoingLink | None:
        """The link that answers go to: the one with the address asked for, else the node's on the same session."""
        links = [
            other for other, endpoint in self._endpoints.items() if isinstance(other, OutgoingLink) and endpoint == node
        ]
        addressed = [other for other in links if reply_to and other.attachment.target == reply_to]
        same_session = [other for other in links if other.session is link.session]
        return next(iter(addressed or same_session or links), None)

    # ---- faults

    def _strike_attach(self, path: str) -> None:
        rule = self._namespace.faults.strike(f"attach:{path}")
        if rule is None:
            return
        if rule.action == "reset":
            self._wire.reset()
        elif rule.action == "delay":
            self._wire.hold(rule.delay_ms / 1000)
            return
        raise _refusal(rule)

    def _struck(self, link: Link, operation: str, delivery: Delivery | None = None) -> bool:
        """Whether a fault takes the operation's place. A delay only holds the connection."""
        rule = self._namespace.faults.strike(operation)
        if rule is None:
            return False
        if rule.action == "delay":
            self._wire.hold(rule.delay_ms / 1000)
            return False
        if rule.action == "reset":
            self._wire.reset()
        elif rule.action == "detach" or delivery is None or not isinstance(link, IncomingLink):
            refusal = _refusal(rule)
            link.session.detach(link, refusal.condition, refusal.description)
        else:
            refusal = _refusal(rule)
            link.settle(delivery, rejected_outcome(refusal.condition, refusal.description))
        return True


def _settle_if_open(link: IncomingLink, delivery: Delivery) -> None:
    if link.is_open:
        link.settle(delivery, ACCEPTED_OUTCOME)


def _refusal(rule: FaultRule) -> Refused:
    """What a fault rule answers: its own condition, else the service's word for being busy."""
    return Refused(rule.condition or SERVER_BUSY, "The server is too busy to process the operation (injected fault).")


def _too_large(delivery: Delivery) -> bytes:
    return rejected_outcome(
        MESSAGE_TOO_LARGE,
        f"The received message (delivery-id:{delivery.number}, size:{delivery.size} bytes) exceeds the limit "
        f"({MAX_MESSAGE} bytes) currently allowed on the link.",
    )


def connected(namespace: Namespace, wire: Wire) -> tuple[Client, Connection]:
    """A client and its connection, each knowing the other."""
    client = Client(namespace, wire)
    return client, Connection(client)
