"""The addresses that links attach to, and what they name."""

import re
from dataclasses import dataclass

CBS = "$cbs"
MANAGEMENT = "$management"


@dataclass(frozen=True, slots=True)
class NodeAddress:
    """A request-response node: `$cbs` or `$management` (with the path before it, if any)."""

    node: str
    path: str


@dataclass(frozen=True, slots=True)
class ProducerAddress:
    """A hub to send to, or one partition of it."""

    hub: str
    partition: str | None


@dataclass(frozen=True, slots=True)
class ConsumerAddress:
    """A partition to receive from, as one consumer group."""

    hub: str
    group: str
    partition: str


_PRODUCER = re.compile(r"([^/]+)(?:/partitions/([^/]+))?")
_CONSUMER = re.compile(r"([^/]+)/consumergroups/([^/]+)/partitions/([^/]+)")


def path_of(address: str) -> str:
    """An address without scheme and authority, lower case: clients send `amqps://host:port/hub` as well as `hub`."""
    _, has_scheme, rest = address.partition("://")
    path = rest.partition("/")[2] if has_scheme else address
    return path.strip("/").lower()


def node_address(address: str | None) -> NodeAddress | None:
    """The node an address names; None when it names none."""
    path = path_of(address or "")
    for node in (CBS, MANAGEMENT):
        if path == node or path.endswith("/" + node):
            return NodeAddress(node, path.removesuffix(node).strip("/"))
    return None


def producer_address(address: str | None) -> ProducerAddress | None:
    match = _PRODUCER.fullmatch(path_of(address or ""))
    return ProducerAddress(match[1], match[2]) if match else None


def consumer_address(address: str | None) -> ConsumerAddress | None:
    match = _CONSUMER.fullmatch(path_of(address or ""))
    return ConsumerAddress(match[1], match[2], match[3]) if match else None
