"""Receives the events of one partition, and goes on where it was when its connection breaks."""

import asyncio
import uuid
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final

from local.amqp.claims import Authorization
from local.amqp.codec import NULL, DecodeError, long, mapped, string, symbol
from local.amqp.connection import Connection, connected
from local.amqp.errors import (
    ARGUMENT_ERROR,
    DECODE_ERROR,
    INVALID_FIELD,
    LINK_STOLEN,
    NOT_ALLOWED,
    NOT_FOUND,
    NOT_IMPLEMENTED,
    OUT_OF_RANGE,
    SERVER_BUSY,
    Disconnected,
)
from local.amqp.events import ReceivedEvent, read_event
from local.amqp.links import ReceivingLink, terminus
from local.amqp.namespaces import Namespace
from local.amqp.performatives import SOURCE

_FINAL: Final = frozenset(
    {
        ARGUMENT_ERROR,
        DECODE_ERROR,
        INVALID_FIELD,
        LINK_STOLEN,
        NOT_ALLOWED,
        NOT_FOUND,
        NOT_IMPLEMENTED,
        OUT_OF_RANGE,
    }
)
"""What would be answered again, whenever it is asked."""
_BUSY_SECONDS = 4.0
"""How long clients of the service leave it alone when it is busy."""
_FILTER = symbol("apache.org:selector-filter:string")
_EPOCH, _RECEIVER_NAME = symbol("com.microsoft:epoch"), symbol("com.microsoft:receiver-name")
_GEOREPLICATION = symbol("com.microsoft:georeplication")
"""With it, offsets of a namespace that replicates itself are whole."""


@dataclass(frozen=True, slots=True)
class Subscription:
    """What is received: a partition of a hub for a consumer group, at most `prefetch` events ahead of their reader.

    With an `owner_level` all others of the same level or a lower one lose the partition; `name` tells the service who
    receives.
    """

    hub: str
    group: str
    partition: str
    prefetch: int
    owner_level: int | None = None
    name: str = ""


@dataclass(frozen=True, slots=True)
class Position:
    """Where to start: an offset ("-1" the start, "@latest" the end), a sequence number or an enqueued time."""

    value: str | int | datetime
    is_inclusive: bool = False

    def selector(self) -> str:
        operator = ">=" if self.is_inclusive else ">"
        if isinstance(self.value, datetime):
            moment = self.value if self.value.tzinfo else self.value.replace(tzinfo=UTC)
            return f"amqp.annotation.x-opt-enqueued-time {operator} '{int(moment.timestamp() * 1000)}'"
        name = "sequence-number" if isinstance(self.value, int) else "offset"
        return f"amqp.annotation.x-opt-{name} {operator} '{self.value}'"


@dataclass(frozen=True, slots=True)
class Retries:
    """How often a broken connection is made again before its user hears of it, and after how many seconds."""

    most: int = 3
    delay: float = 0.8
    longest: float = 60.0
    is_growing: bool = True
    timeout: float = 60.0
    """Seconds that one attempt may take."""

    def wait(self, failures: int, condition: str | None) -> float:
        grown = self.delay * (2**failures if self.is_growing else 1)
        return min(self.longest, max(grown, _BUSY_SECONDS) if condition == SERVER_BUSY else grown)


class Receiver:
    """Receives one subscription, from `position` on. Its user closes it."""

    def __init__(self, namespace: Namespace, subscription: Subscription, position: Position, retries: Retries) -> None:
        self._namespace = namespace
        self._subscription = subscription
        self._position = position
        self._retries = retries
        self._failures = 0
        self._connection: Connection | None = None
        self._link: ReceivingLink | None = None
        self._renewing: asyncio.Task[None] | None = None

    async def receive(self, most: int) -> list[ReceivedEvent]:
        """The next events, at least one; all that have gathered, up to `most`. May be cancelled and called again.

        Raises Disconnected once it is of no use to try again; what came and was not taken is then given up.
        """
        while True:
            try:
                return await self._receive(most)
            except Disconnected as failure:
                self.close()
                if failure.condition in _FINAL or self._failures >= self._retries.most:
                    raise
                wait = self._retries.wait(self._failures, failure.condition)
                self._failures += 1
            await asyncio.sleep(wait)

    def close(self) -> None:
        if self._renewing is not None:
            self._renewing.cancel()
        if self._connection is not None:
            self._connection.close()
        self._connection = self._link = self._renewing = None

    async def _receive(self, most: int) -> list[ReceivedEvent]:
        if self._connection is None or self._link is None:
            self._connection, self._link = await self._opened()
        link = self._link
        await self._connection.until(lambda: len(link.messages) > 0)
        try:
            events = [read_event(message) for message in link.take(most)]
        except DecodeError as error:
            raise Disconnected(f"what came is no event: {error}", DECODE_ERROR) from error
        self._failures = 0
        if (offset := events[-1].offset) is not None:
            self._position = Position(offset)
        return events

    async def _opened(self) -> tuple[Connection, ReceivingLink]:
        try:
            async with asyncio.timeout(self._retries.timeout):
                connection = await connected(self._namespace.endpoint)
                try:
                    return connection, await self._attached(connection)
                except BaseException:
                    connection.close()
                    raise
        except TimeoutError as error:
            raise Disconnected(f"no answer within {self._retries.timeout:g} seconds") from error

    async def _attached(self, connection: Connection) -> ReceivingLink:
        wanted = self._subscription
        path = f"{wanted.hub}/ConsumerGroups/{wanted.group}"
        resource = f"sb://{self._namespace.endpoint.host}/{path}"
        authorization = Authorization(connection, self._namespace.claims, resource)
        seconds = await authorization.renew()
        link = self._attach(connection, f"{path}/Partitions/{wanted.partition}")
        await connection.until(lambda: link.is_attached)
        self._renewing = asyncio.create_task(authorization.keep(seconds))
        return link

    def _attach(self, connection: Connection, address: str) -> ReceivingLink:
        wanted = self._subscription
        selector = mapped([_FILTER, b"\x00" + _FILTER + string(self._position.selector())])
        properties = [*(_EPOCH, long(wanted.owner_level))] if wanted.owner_level is not None else []
        properties += [_RECEIVER_NAME, string(wanted.name)] if wanted.name else []
        return ReceivingLink(
            connection,
            f"receiver-{uuid.uuid4()}",
            terminus(SOURCE, address, *[NULL] * 6, selector),
            wanted.prefetch,
            capabilities=_GEOREPLICATION,
            properties=mapped(properties),
        )
