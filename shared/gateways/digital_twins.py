"""The twin graph: twins are read by id, and patched only if they are still as they were read."""

import asyncio
import ssl
import time
from collections.abc import AsyncIterator, Iterable, Mapping, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, NamedTuple

import aiohttp
from azure.core import MatchConditions
from azure.core.exceptions import AzureError, HttpResponseError, ResourceExistsError, ResourceModifiedError
from azure.core.pipeline.transport import AioHttpTransport
from azure.digitaltwins.core.aio import DigitalTwinsClient

from shared.gateways import proxies
from shared.gateways.errors import DATA_AT_FAULT, Unavailable
from shared.twins.comparison import Operation
from shared.twins.pacing import Rates

if TYPE_CHECKING:
    from collections.abc import Iterator

    from azure.core.credentials_async import AsyncTokenCredential

Document = Mapping[str, Any]
SERVICE = "Digital Twins"
NOT_FOUND = 404
RETRIES: Mapping[str, Any] = {
    "retry_total": 8,
    "retry_status": 8,
    "retry_backoff_factor": 0.4,
    "retry_backoff_max": 8,
}
_MISSING = ("DigitalTwinNotFound", "TargetTwinNotFound", "ModelNotFound")


class TwinChanged(Exception):
    """The twin is not any more as it was read (412)."""


class TwinMissing(Exception):
    """There is no twin of this id, or of one that a relationship is to lead to."""


class TwinRefused(Exception):
    """The service will never take this: it answered 400 or 413."""


class Link(NamedTuple):
    """A relationship, from the place that contains to what it contains, or the other way."""

    source: str
    name: str
    target: str


def twins_client(url: str, credential: "AsyncTokenCredential") -> DigitalTwinsClient:
    """A client that tries again by itself, as long as Retry-After asks, or for about half a minute."""
    transport = AioHttpTransport(session=_session())
    return DigitalTwinsClient(url, credential, transport=transport, connection_timeout=10, read_timeout=30, **RETRIES)


def _session() -> aiohttp.ClientSession:
    """As the SDK makes it, but for whom it trusts.

    aiohttp's own default is what SSL_CERT_FILE was at its import: an operator's command reads its settings later.
    """
    return aiohttp.ClientSession(
        connector=aiohttp.TCPConnector(ssl=ssl.create_default_context()),
        cookie_jar=aiohttp.DummyCookieJar(),
        auto_decompress=False,
        trust_env=proxies.are_named(),
    )


class TwinGraph:
    """Reads and writes twins and relationships. Raises Unavailable."""

    def __init__(self, client: DigitalTwinsClient, rates: Rates) -> None:
        self._client = client
        self._rates = rates

    async def get(self, twin: str) -> Document:
        """The twin's document. Raises TwinMissing."""
        with _typed_errors():
            return await self._client.get_digital_twin(twin)

    async def create(self, twin: str, model: str, properties: Document) -> None:
        """Makes a twin; one that is there stays as it is. Raises TwinRefused."""
        document = {"$metadata": {"$model": model}, **properties}
        try:
            with _typed_errors():
                await self._client.upsert_digital_twin(twin, document, match_condition=MatchConditions.IfMissing)
        except ResourceExistsError:
            return

    async def relate(self, link: Link) -> None:
        """Makes a relationship, named after its target; one that is there stays. Raises TwinMissing, TwinRefused."""
        document: dict[str, object] = {"$targetId": link.target, "$relationshipName": link.name}
        try:
            with _typed_errors():
                await self._client.upsert_relationship(
                    link.source,
                    link.target,
                    document,
                    match_condition=MatchConditions.IfMissing,
                )
        except ResourceExistsError:
            return

    async def patch(self, twin: Document, operations: Sequence[Operation], lane: tuple[str, str]) -> str:
        """Patches a twin as it was read, in its turn, and returns the etag that it has now.

        Raises TwinChanged, TwinMissing or TwinRefused.
        """
        etags: list[str] = []
        name: str = twin["$dtId"]
        await asyncio.sleep(self._rates.reserve(name, lane, time.monotonic()))
        try:
            with _typed_errors():
                await self._client.update_digital_twin(
                    name,
                    [dict(each) for each in operations],
                    etag=twin["$etag"],
                    match_condition=MatchConditions.IfNotModified,
                    raw_response_hook=lambda answer: etags.append(answer.http_response.headers.get("ETag", "")),
                )
        except ResourceModifiedError as error:
            raise TwinChanged(name) from error
        return etags[-1]

    async def has_model(self, model: str) -> bool:
        try:
            with _typed_errors():
                await self._client.get_model(model)
        except TwinMissing:
            return False
        return True

    async def links(self, twin: str, names: Iterable[str]) -> list[Link]:
        """The relationships of these names that lead from a twin or to it. None when there is no such twin."""
        wanted = set(names)
        found: list[Link] = []
        try:
            with _typed_errors():
                async for each in self._client.list_relationships(twin):
                    found.append(Link(twin, each["$relationshipName"], each["$targetId"]))
                async for incoming in self._client.list_incoming_relationships(twin):
                    found.append(Link(str(incoming.source_id), str(incoming.relationship_name), twin))
        except TwinMissing:
            return []
        return [link for link in found if link.name in wanted]

    async def query(self, text: str) -> AsyncIterator[Document]:
        """The rows of a query. What it finds may be ten seconds old: for reports, never to decide on."""
        with _typed_errors():
            async for row in self._client.query_twins(text):
                yield row

    async def close(self) -> None:
        await self._client.close()


@contextmanager
def _typed_errors() -> "Iterator[None]":
    """Lets the errors of a condition pass, and makes ours of the others."""
    try:
        yield
    except (ResourceExistsError, ResourceModifiedError):
        raise
    except HttpResponseError as error:
        code = error.error.code if error.error else None
        if error.status_code == NOT_FOUND and code in _MISSING:
            raise TwinMissing(_first_line(error)) from error
        if error.status_code in DATA_AT_FAULT:
            raise TwinRefused(f"{code}: {_first_line(error)}") from error
        raise Unavailable(SERVICE, error) from error
    except AzureError as error:
        raise Unavailable(SERVICE, error) from error


def _first_line(error: HttpResponseError) -> str:
    message = error.error.message if error.error and error.error.message else error.message
    return str(message).strip().splitlines()[0]
