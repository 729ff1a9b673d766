"""Sends batches of events to one partition, over a connection that is made again when it breaks."""

import asyncio
import uuid
from collections.abc import Sequence

from local.amqp.claims import Authorization
from local.amqp.codec import binary, described
from local.amqp.connection import Connection, connected
from local.amqp.errors import Disconnected
from local.amqp.links import SendingLink, terminus
from local.amqp.namespaces import Namespace
from local.amqp.performatives import SOURCE, TARGET
from local.amqp.receiver import Retries
from local.amqp.sections import BATCH_FORMAT, DATA


class Sender:
    """Sends to one partition of a hub, one batch after the other. Its user closes it."""

    def __init__(self, namespace: Namespace, hub: str, partition: str, retries: Retries) -> None:
        self._namespace = namespace
        self._path = f"{hub}/Partitions/{partition}"
        self._retries = retries
        self._connection: Connection | None = None
        self._link: SendingLink | None = None
        self._renewing: asyncio.Task[None] | None = None

    async def send(self, events: Sequence[bytes]) -> None:
        """Returns when the service has accepted the events, encoded messages that one batch can hold: all are durable.

        Raises Disconnected when it has not, however often it was tried; some may be there all the same.
        """
        batch = b"".join([described(DATA, binary(event)) for event in events])
        failures = 0
        while True:
            try:
                return await self._try(batch)
            except Disconnected as failure:
                self.close()
                if failures == self._retries.most:
                    raise
                wait = self._retries.wait(failures, failure.condition)
            failures += 1
            await asyncio.sleep(wait)

    def close(self) -> None:
        if self._renewing is not None:
            self._renewing.cancel()
        if self._connection is not None:
            self._connection.close()
        self._connection = self._link = self._renewing = None

    async def _try(self, batch: bytes) -> None:
        try:
            async with asyncio.timeout(self._retries.timeout):
                await self._send(batch)
        except TimeoutError as error:
            raise Disconnected(f"no answer within {self._retries.timeout:g} seconds") from error

    async def _send(self, batch: bytes) -> None:
        if self._connection is not None and self._connection.failure is not None:
            self.close()  # it broke while nothing was sent
        if self._connection is None:
            self._connection = await connected(self._namespace.endpoint)
        if self._link is None:
            self._link = await self._attached(self._connection)
        link = self._link
        await self._connection.until(lambda: link.credit > 0)
        number = link.send(batch, BATCH_FORMAT)
        await self._connection.until(lambda: number not in link.unsettled)

    async def _attached(self, connection: Connection) -> SendingLink:
        resource = f"sb://{self._namespace.endpoint.host}/{self._path}"
        authorization = Authorization(connection, self._namespace.claims, resource)
        seconds = await authorization.renew()
        self._renewing = asyncio.create_task(authorization.keep(seconds))
        name = f"sender-{uuid.uuid4()}"
        return SendingLink(connection, name, terminus(SOURCE, name), terminus(TARGET, self._path))
