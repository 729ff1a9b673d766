"""What a client authorizes itself with: tokens put on `$cbs`, and renewed before they run out.

Sources: OASIS AMQP Claims-based Security 1.0; Microsoft Learn, "AMQP 1.0 in Azure Service Bus and Event Hubs protocol
guide", claims-based authorization.
"""

import asyncio
import math
import time
import uuid
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from azure.core.exceptions import AzureError

from local.amqp.codec import NULL, DecodeError, described, identifier, listed, mapped, string
from local.amqp.connection import Connection
from local.amqp.errors import UNAUTHORIZED, Disconnected
from local.amqp.events import read_event
from local.amqp.links import SETTLED_BY_RECEIVER, ReceivingLink, SendingLink, terminus
from local.amqp.performatives import SOURCE, TARGET
from local.amqp.sections import APPLICATION_PROPERTIES, PROPERTIES, VALUE
from local.shared_access import sign

if TYPE_CHECKING:
    from azure.core.credentials_async import AsyncTokenCredential

_SCOPE = "https://eventhubs.azure.net//.default"
_SAS = "servicebus.windows.net:sastoken"
_ACCEPTED = (200, 202)
_RENEWED_AFTER = 0.9
"""The part of a token's life after which a new one is put in its place."""


@dataclass(frozen=True, slots=True)
class Claim:
    """A token, what kind it is, and when it runs out (seconds since 1970; never, when no newer one can be had)."""

    token: str
    kind: str
    expires: float


class Claims(Protocol):
    """Where tokens come from."""

    async def claim(self, resource: str) -> Claim:
        """A token that opens the resource. Raises Disconnected when there is none to be had."""


@dataclass(frozen=True, slots=True)
class SharedAccessKey:
    """Signs tokens with a key. They last for `seconds`."""

    name: str
    key: str
    seconds: float = 3600

    async def claim(self, resource: str) -> Claim:
        expires = math.ceil(time.time() + self.seconds)
        return Claim(sign(resource, expires, self.key.encode(), self.name), _SAS, expires)


@dataclass(frozen=True, slots=True)
class SharedAccessSignature:
    """A token that was signed elsewhere: there is no newer one, so the service ends the link when it runs out."""

    token: str

    async def claim(self, resource: str) -> Claim:
        return Claim(self.token, _SAS, math.inf)


@dataclass(frozen=True, slots=True)
class Identity:
    """Microsoft Entra ID."""

    credential: "AsyncTokenCredential"

    async def claim(self, resource: str) -> Claim:
        try:
            token = await self.credential.get_token(_SCOPE)
        except AzureError as error:
            raise Disconnected(f"there is no token to be had: {error}") from error
        return Claim(token.token, "jwt", token.expires_on)


class Authorization:
    """Keeps one connection authorized for one resource."""

    def __init__(self, connection: Connection, claims: Claims, resource: str) -> None:
        self._connection = connection
        self._claims = claims
        self._resource = resource
        node, answers = terminus(TARGET, "$cbs"), terminus(SOURCE, "$cbs")
        self._requests = SendingLink(connection, "cbs-requests", terminus(SOURCE, "cbs"), node)
        self._answers = ReceivingLink(connection, "cbs-answers", answers, 10, settlement=SETTLED_BY_RECEIVER)

    async def renew(self) -> float:
        """Puts a token; how many seconds until the next one is due. Raises Disconnected when it is refused."""
        claim = await self._claims.claim(self._resource)
        await self._connection.until(lambda: self._requests.credit > 0 and self._answers.is_attached)
        self._requests.send(_put_token(claim, self._resource))
        await self._connection.until(lambda: len(self._answers.messages) > 0)
        _check(self._answers.take(1)[0])
        return max(0.0, (claim.expires - time.time()) * _RENEWED_AFTER)

    async def keep(self, seconds: float) -> None:
        """Renews in `seconds`, and on; ends with the connection."""
        try:
            while seconds < math.inf:
                await asyncio.sleep(seconds)
                seconds = await self.renew()
        except Disconnected as error:
            self._connection.fail(error)


def _put_token(claim: Claim, resource: str) -> bytes:
    properties = [
        *(string("operation"), string("put-token"), string("name"), string(resource)),
        *(string("type"), string(claim.kind)),
    ]
    return b"".join(
        (
            described(PROPERTIES, listed([identifier(uuid.uuid4()), NULL, NULL, NULL, string("cbs-answers")])),
            described(APPLICATION_PROPERTIES, mapped(properties)),
            described(VALUE, string(claim.token)),
        )
    )


def _check(answer: bytes) -> None:
    try:
        told = read_event(answer).application_properties
    except DecodeError as error:
        raise Disconnected(f"the answer to a token is no message: {error}") from error
    status, description = told.get("status-code"), told.get("status-description")
    if status not in _ACCEPTED:
        raise Disconnected(f"the token is refused with status {status}: {description}", UNAUTHORIZED)
