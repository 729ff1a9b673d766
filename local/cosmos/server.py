"""The service as an ASGI application."""

import sqlite3
import urllib.parse
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from starlette.types import Receive, Scope, Send

from local.cosmos.authorization import MasterKey
from local.cosmos.catalog import Catalog
from local.cosmos.documents import MAX_BYTES
from local.cosmos.errors import ServiceError, owner_not_found, too_large
from local.cosmos.messages import Request, Response, activity_of, refusal
from local.cosmos.operations import OPERATIONS, operation_of
from local.cosmos.service import Service
from local.cosmos.storage import Readers, Writer, connect
from local.faults import Faults


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
            response = await OPERATIONS[name](self._service, request)
        except ServiceError as error:
            response = refusal(error, activity_of(request))
        except sqlite3.OperationalError as error:
            response = refusal(_from_storage(error), activity_of(request))
        await _send(send, response, activity_of(request))


@asynccontextmanager
async def opened(data: Path, *, partitions: int) -> AsyncIterator[Service]:
    """The service over the file in `data`, while the block runs."""
    path = _file_in(data)
    writer = Writer(path)
    readers = Readers(path)
    lookups = connect(path)
    catalog = Catalog()
    try:
        await writer.submit(catalog.load)
        yield Service(catalog, writer, readers, lookups, partitions)
    finally:
        readers.close()
        lookups.close()
        writer.close()


def _file_in(data: Path) -> Path:
    data.mkdir(parents=True, exist_ok=True)
    return data / "cosmos.sqlite3"


async def _received(scope: Scope, receive: Receive) -> Request:
    headers = {name.decode("latin-1"): value.decode("latin-1") for name, value in scope["headers"]}
    raw_path = scope["raw_path"].decode("latin-1").partition("?")[0]
    path = tuple(urllib.parse.unquote(part) for part in raw_path.split("/") if part)
    origin = f"{scope['scheme']}://{headers.get('host', '')}"
    return Request(scope["method"], path, headers, await _body(receive), origin)


async def _body(receive: Receive) -> bytes:
    """The whole body. Raises ServiceError (413), but reads to the end, so that the client sees the answer."""
    chunks: list[bytes] = []
    size = 0
    more = True
    while more:
        message = await receive()
        chunk: bytes = message.get("body", b"")
        size += len(chunk)
        if size <= MAX_BYTES:
            chunks.append(chunk)
        more = message.get("more_body", False)
    if size > MAX_BYTES:
        raise too_large()
    return b"".join(chunks)


async def _send(send: Send, response: Response, activity: str) -> None:
    await send({"type": "http.response.start", "status": response.status, "headers": response.raw_headers(activity)})
    await send({"type": "http.response.body", "body": response.body})


def _from_storage(error: sqlite3.OperationalError) -> ServiceError:
    """A container that was deleted while the request was under way is gone; anything else is the disk's trouble."""
    if "no such table" in str(error):
        return owner_not_found()
    return ServiceError(503, f"The data can't be read or written: {error}.")
