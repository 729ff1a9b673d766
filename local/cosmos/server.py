"""The service as an ASGI application."""

import asyncio
import fcntl
import sqlite3
import urllib.parse
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from functools import lru_cache
from pathlib import Path

from starlette.requests import ClientDisconnect
from starlette.responses import Response as PlainResponse
from starlette.types import Receive, Scope, Send

from local.cosmos.authorization import MasterKey
from local.cosmos.catalog import Catalog
from local.cosmos.documents import MAX_BYTES
from local.cosmos.errors import ServiceError, injected, owner_not_found, too_large
from local.cosmos.expiry import purging
from local.cosmos.feed_pages import FeedPages
from local.cosmos.messages import Request, Response, activity_of, refusal
from local.cosmos.operations import CHARGED, OPERATIONS, operation_of
from local.cosmos.property_indexes import WantedIndexes
from local.cosmos.service import Service
from local.cosmos.storage import Readers, Writer, connect
from local.cosmos.throughput import Throughput
from local.faults import FaultRule, Faults
from local.http import BodyTooLarge, inject, whole_body
from local.process import UserMistake

BATCHES = 4
"""How many batches are worked on at once."""


class CosmosApp:
    """Reads requests, checks their signatures, strikes them by the fault rules, and answers them."""

    def __init__(self, service: Service, key: MasterKey, faults: Faults) -> None:
        self._service = service
        self._key = key
        self._faults = faults

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        request = None
        try:
            request = await _received(scope, receive)
            self._key.check(request)
            name = operation_of(request)
            rule = self._faults.strike(name)
            if rule is not None and await inject(rule, _injected, scope, receive, send):
                return
            response = await self._answered(name, request)
        except ClientDisconnect:
            return
        except ServiceError as error:
            response = refusal(error, activity_of(request))
        except sqlite3.Error as error:
            response = refusal(_from_storage(error), activity_of(request))
        await _send(send, response, activity_of(request))

    async def _answered(self, name: str, request: Request) -> Response:
        """Does the operation; within its container's throughput, when that is enforced."""
        throughput = self._service.throughput
        offer = self._service.offer(request) if throughput and name in CHARGED else None
        if throughput is None or offer is None:
            return await OPERATIONS[name](self._service, request)
        throughput.admit(offer.resource, offer.rate)
        try:
            response = await OPERATIONS[name](self._service, request)
        except ServiceError:
            throughput.spend(offer.resource, offer.rate, 1)
            raise
        throughput.spend(offer.resource, offer.rate, response.charge)
        return response


@asynccontextmanager
async def opened(data: Path, *, partitions: int, throughput: Throughput | None) -> AsyncIterator[Service]:
    """The service over the file in `data`, while the block runs. Raises UserMistake when another process serves it."""
    with _locked(data) as path:
        async with _served(path, partitions, throughput) as service:
            yield service


@asynccontextmanager
async def _served(path: Path, partitions: int, throughput: Throughput | None) -> AsyncIterator[Service]:
    writer = Writer(path)
    readers = Readers(path)
    queries = Readers(path)
    lookups = connect(path)
    catalog = Catalog()
    indexes = WantedIndexes(writer, readers)
    try:
        await writer.submit_long(catalog.load)
        feed_pages = FeedPages(readers, writer)
        batches = asyncio.Semaphore(BATCHES)
        service = Service(
            catalog, writer, readers, queries, lookups, feed_pages, indexes, partitions, batches, throughput
        )
        async with purging(service):
            yield service
        await indexes.finish()
    finally:
        readers.close()
        queries.close()
        lookups.close()
        writer.close()


@contextmanager
def _locked(data: Path) -> Iterator[Path]:
    """The file in a directory, for this process alone while the block runs: another one would give the same numbers."""
    data.mkdir(parents=True, exist_ok=True)
    with (data / "lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise UserMistake(f"{data} is served by another process: stop that one, or give --data.") from None
        yield data / "cosmos.sqlite3"


async def _received(scope: Scope, receive: Receive) -> Request:
    headers = {name.decode("latin-1"): value.decode("latin-1") for name, value in scope["headers"]}
    path = _segments(scope["raw_path"])
    origin = f"{scope['scheme']}://{headers.get('host', '')}"
    return Request(scope["method"], path, headers, await _body(receive), origin)


@lru_cache(maxsize=4096)
def _segments(raw_path: bytes) -> tuple[str, ...]:
    path = raw_path.decode("latin-1").partition("?")[0]
    return tuple(urllib.parse.unquote(part) for part in path.split("/") if part)


async def _body(receive: Receive) -> bytes:
    try:
        return await whole_body(receive, MAX_BYTES)
    except BodyTooLarge:
        raise too_large() from None


def _injected(rule: FaultRule) -> PlainResponse:
    status = 503 if rule.action == "busy" else rule.status
    response = refusal(injected(status, rule.retry_after_ms), activity_of(None))
    headers = {name.decode(): value.decode() for name, value in response.raw_headers(activity_of(None))}
    return PlainResponse(response.body, response.status, headers)


async def _send(send: Send, response: Response, activity: str) -> None:
    await send({"type": "http.response.start", "status": response.status, "headers": response.raw_headers(activity)})
    await send({"type": "http.response.body", "body": response.body})


def _from_storage(error: sqlite3.Error) -> ServiceError:
    """A container that was deleted while the request was under way is gone; anything else is the disk's trouble."""
    if "no such table" in str(error):
        return owner_not_found()
    return ServiceError(503, f"The data can't be read or written: {error}.")
