"""Reading many items: the change feed in latest-version mode, and the plain feed of a container.

A container's items lie in the order of their changes, so the change feed is a scan from a log sequence number on; an
item stands where it was changed last, and a deleted one doesn't stand anywhere. Source: Microsoft Learn, "Change feed
modes in Azure Cosmos DB", latest version mode.
"""

import base64
import binascii
import email.utils
import sqlite3

import orjson

from local.cosmos import charges
from local.cosmos.catalog import Container
from local.cosmos.errors import bad_request, not_done
from local.cosmos.feed_pages import MAX_PAGE_BYTES, PageRequest, Start
from local.cosmos.messages import CONTINUATION, Request, Response
from local.cosmos.scopes import Scope, requested_scope
from local.cosmos.service import Service

DEFAULT_PAGE = 1000


async def read_changes(service: Service, request: Request) -> Response:
    """A page of the change feed; 304 when there is nothing new. The etag is the continuation."""
    if request.headers["a-im"].lower() not in ("incremental feed", "incremental-feed"):
        raise not_done(f"the change feed mode {request.headers['a-im']!r}")
    container = service.container(request)
    scope = requested_scope(request, container)
    limit = request.page_size or DEFAULT_PAGE
    changes = await service.feed_pages.read(PageRequest(container, scope, _start(request), limit))
    headers = {"etag": f'"{changes.lsn}"', "x-ms-session-token": f"0:-1#{changes.lsn}", "lsn": str(changes.lsn)}
    if not changes.bodies:
        return Response(304, b"", 1.0, headers)
    body = _document(container, changes.bodies)
    headers["x-ms-item-count"] = str(len(changes.bodies))
    return Response(200, body, charges.page(0, len(body), len(changes.bodies)), headers)


def _start(request: Request) -> Start:
    """Raises ServiceError (400)."""
    if (seen := request.headers.get("if-none-match")) is not None:
        text = seen.strip('"')
        if text == "*":
            return Start(is_now=True)
        if not text.isdecimal() or not text.isascii() or len(text) > 18:
            raise bad_request(f"The change feed continuation {seen!r} in If-None-Match is invalid.")
        return Start(lsn=int(text))
    if (since := request.headers.get("if-modified-since")) is not None:
        try:
            return Start(time=int(email.utils.parsedate_to_datetime(since).timestamp()))
        except (ValueError, OverflowError):
            raise bad_request(f"The If-Modified-Since header {since!r} is not in the format of RFC 1123.") from None
    return Start()


async def list_items(service: Service, request: Request) -> Response:
    """A page of all items in the order of their keys."""
    container = service.container(request)
    scope = requested_scope(request, container)
    limit = request.page_size or DEFAULT_PAGE
    after = _after(request)
    bodies, place = await service.readers.run(lambda connection: _items(connection, container, scope, after, limit))
    body = _document(container, bodies)
    headers = {"x-ms-item-count": str(len(bodies))}
    if place is not None:
        headers[CONTINUATION] = base64.b64encode(orjson.dumps(place)).decode()
    return Response(200, body, charges.page(len(bodies), len(body), len(bodies)), headers)


def _items(
    connection: sqlite3.Connection, container: Container, scope: Scope, after: tuple[bytes, str], limit: int
) -> tuple[list[bytes], tuple[str, str] | None]:
    """A page of items after one's place (effective key and id), and the place of its last one if there may be more."""
    rows = connection.execute(
        f"SELECT epk, id, body FROM {container.table} INDEXED BY {container.table}_key"
        f" WHERE (epk, id) > (?, ?) AND {scope.condition} ORDER BY epk, id LIMIT ?",
        (*after, *scope.bindings, limit),
    )
    bodies: list[bytes] = []
    size = 0
    for epk, item_id, body in rows:
        bodies.append(body)
        size += len(body)
        if size > MAX_PAGE_BYTES or len(bodies) == limit:
            return bodies, (epk.hex(), item_id)
    return bodies, None


def _after(request: Request) -> tuple[bytes, str]:
    token = request.headers.get(CONTINUATION)
    if not token:
        return b"", ""
    try:
        epk, item_id = orjson.loads(base64.b64decode(token, validate=True))
        if isinstance(item_id, str):
            return bytes.fromhex(epk), item_id
    except (binascii.Error, ValueError, TypeError):
        pass
    raise bad_request("The continuation token is invalid.")


def _document(container: Container, bodies: list[bytes]) -> bytes:
    rid = container.rid.encode()
    return b'{"_rid":"%b","Documents":[%b],"_count":%d}' % (rid, b",".join(bodies), len(bodies))
