"""Reading many items: the change feed in latest-version mode, and the plain feed of a container.

A container's items lie in the order of their changes, so the change feed is a scan from a log sequence number on; an
item stands where it was changed last, and a deleted one doesn't stand anywhere. Source: Microsoft Learn, "Change feed
modes in Azure Cosmos DB", latest version mode.
"""

import base64
import binascii
import email.utils
import sqlite3
from collections.abc import Iterable
from typing import NamedTuple

import orjson

from local.cosmos import charges
from local.cosmos.catalog import Container
from local.cosmos.errors import bad_request, not_done
from local.cosmos.messages import CONTINUATION, Request, Response
from local.cosmos.scopes import Scope, requested_scope
from local.cosmos.service import Service

MAX_PAGE_BYTES = 4 * 1024 * 1024
DEFAULT_PAGE = 1000


class _Changes(NamedTuple):
    bodies: list[bytes]
    lsn: int
    """Everything up to this change has been seen."""


async def read_changes(service: Service, request: Request) -> Response:
    """A page of the change feed; 304 when there is nothing new. The etag is the continuation."""
    if request.headers["a-im"].lower() not in ("incremental feed", "incremental-feed"):
        raise not_done(f"the change feed mode {request.headers['a-im']!r}")
    container = service.container(request)
    scope = requested_scope(request, container)
    limit = request.page_size or DEFAULT_PAGE
    start = _Start.of(request)
    changes = await service.readers.run(lambda connection: _changes(connection, container, scope, start, limit))
    headers = {"etag": f'"{changes.lsn}"', "x-ms-session-token": f"0:-1#{changes.lsn}", "lsn": str(changes.lsn)}
    if not changes.bodies:
        return Response(304, b"", 1.0, headers)
    body = _document(container, changes.bodies)
    headers["x-ms-item-count"] = str(len(changes.bodies))
    return Response(200, body, charges.page(0, len(body), len(changes.bodies)), headers)


class _Start(NamedTuple):
    """Where to go on: after a change, at a time (unix seconds), or now."""

    lsn: int = 0
    time: int | None = None
    is_now: bool = False

    @classmethod
    def of(cls, request: Request) -> "_Start":
        """Raises ServiceError (400)."""
        if (seen := request.headers.get("if-none-match")) is not None:
            text = seen.strip('"')
            if text == "*":
                return cls(is_now=True)
            if not text.isdecimal() or not text.isascii() or len(text) > 18:
                raise bad_request(f"The change feed continuation {seen!r} in If-None-Match is invalid.")
            return cls(lsn=int(text))
        if (since := request.headers.get("if-modified-since")) is not None:
            try:
                return cls(time=int(email.utils.parsedate_to_datetime(since).timestamp()))
            except (ValueError, OverflowError):
                raise bad_request(f"The If-Modified-Since header {since!r} is not in the format of RFC 1123.") from None
        return cls()


def _changes(connection: sqlite3.Connection, container: Container, scope: Scope, start: _Start, limit: int) -> _Changes:
    connection.execute("BEGIN")
    try:
        found = connection.execute("SELECT lsn FROM containers WHERE number = ?", (container.number,)).fetchone()
        newest = found[0] if found else 0
        if start.is_now:
            return _Changes([], newest)
        after = start.lsn if start.time is None else _before(connection, container, start.time, newest)
        # A scan in the order of changes is right for a large share of the container, its keys' index for a small one.
        index = f"INDEXED BY {container.table}_key" if scope.is_narrow else "NOT INDEXED"
        rows = connection.execute(
            f"SELECT lsn, body FROM {container.table} {index} WHERE lsn > ? AND {scope.condition} ORDER BY lsn LIMIT ?",
            (after, *scope.bindings, limit),
        )
        bodies, last, is_cut = _within_bytes(rows)
        is_cut = is_cut or len(bodies) == limit
        return _Changes(bodies, last if is_cut else max(newest, after))
    finally:
        connection.execute("COMMIT")


def _within_bytes(rows: Iterable[tuple[int, bytes]]) -> tuple[list[bytes], int, bool]:
    """Items with their sequence number in them, until a page is full: (items, last number, whether some are left)."""
    bodies: list[bytes] = []
    size = last = 0
    for lsn, body in rows:
        if bodies and size + len(body) > MAX_PAGE_BYTES:
            return bodies, last, True
        bodies.append(b'%b,"_lsn":%d}' % (body[:-1], lsn))
        size += len(body)
        last = lsn
    return bodies, last, False


def _before(connection: sqlite3.Connection, container: Container, time: int, newest: int) -> int:
    """The last change before a time: found by halving, because changes are in the order of their times."""
    low, high = 0, newest
    timestamp = "json_extract(CAST(body AS TEXT), '$._ts')"
    statement = f"SELECT lsn, {timestamp} FROM {container.table} WHERE lsn > ? ORDER BY lsn LIMIT 1"
    while low < high:
        middle = (low + high) // 2
        row = connection.execute(statement, (middle,)).fetchone()
        if row is None or row[1] >= time:
            high = middle
        else:
            low = row[0]
    return low


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
