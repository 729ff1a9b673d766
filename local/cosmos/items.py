"""Single items: create, upsert, replace, delete and read, inside a write transaction."""

import sqlite3
import time
from typing import NamedTuple

from local.cosmos.catalog import Container
from local.cosmos.documents import Draft, etag, item_rid, served, system_properties
from local.cosmos.errors import ServiceError, conflict, not_found, precondition_failed
from local.cosmos.query.indexes import key_column, property_keys
from local.cosmos.storage import Transaction


class Conditions(NamedTuple):
    """The etags a request insists on; `*` is any."""

    if_match: str | None = None
    if_none_match: str | None = None


class Stored(NamedTuple):
    """An item as it lies in its table."""

    lsn: int
    body: bytes
    rid: str
    etag: str


class Written(NamedTuple):
    """What a write left."""

    status: int
    body: bytes
    etag: str
    lsn: int


def find(connection: sqlite3.Connection, container: Container, epk: str, item_id: str) -> Stored | None:
    """The item, unless it is expired."""
    row = connection.execute(
        f"SELECT lsn, body, expires_at FROM {container.table} WHERE epk = ? AND id = ?",
        (bytes.fromhex(epk), item_id),
    ).fetchone()
    if row is None or (row[2] is not None and row[2] <= time.time()):
        return None
    return Stored(row[0], row[1], *system_properties(row[1]))


def read(connection: sqlite3.Connection, container: Container, epk: str, item_id: str) -> Stored:
    """Raises ServiceError (404)."""
    if (item := find(connection, container, epk, item_id)) is None:
        raise not_found()
    return item


def create(transaction: Transaction, container: Container, draft: Draft) -> Written:
    """Raises ServiceError (409)."""
    try:
        return _insert(transaction, container, draft)
    except sqlite3.IntegrityError:
        if find(transaction.connection, container, draft.epk, draft.id) is not None:
            raise conflict() from None
    _remove_expired(transaction, container, draft)
    return _insert(transaction, container, draft)


def upsert(transaction: Transaction, container: Container, draft: Draft, conditions: Conditions) -> Written:
    """Raises ServiceError (412)."""
    current = find(transaction.connection, container, draft.epk, draft.id)
    if current is None:
        if conditions.if_match:
            raise precondition_failed()
        _remove_expired(transaction, container, draft)
        return _insert(transaction, container, draft)
    _check(current, conditions)
    return update(transaction, container, draft, current)


def replace(transaction: Transaction, container: Container, draft: Draft, conditions: Conditions) -> Written:
    """Raises ServiceError (404, 412)."""
    current = existing(transaction, container, draft.epk, draft.id, conditions)
    return update(transaction, container, draft, current)


def delete(
    transaction: Transaction,
    container: Container,
    epk: str,
    item_id: str,
    conditions: Conditions,
) -> Stored:
    """The item that was deleted. Raises ServiceError (404, 412)."""
    current = existing(transaction, container, epk, item_id, conditions)
    transaction.next_lsn(container.number)
    transaction.connection.execute(f"DELETE FROM {container.table} WHERE lsn = ?", (current.lsn,))
    return current


def existing(transaction: Transaction, container: Container, epk: str, item_id: str, conditions: Conditions) -> Stored:
    """The item, if it meets the conditions. Raises ServiceError (404, 412)."""
    current = find(transaction.connection, container, epk, item_id)
    if current is None:
        raise not_found()
    _check(current, conditions)
    return current


def create_many(transaction: Transaction, container: Container, drafts: list[Draft]) -> list[tuple[bytes, str, int]]:
    """All the new items in one statement: body, etag and sequence number of each.

    Raises sqlite3.IntegrityError when one of them exists.
    """
    first = transaction.next_lsn(container.number, len(drafts))
    now = transaction.now()
    paths = transaction.key_paths(container.table)
    default_ttl = transaction.default_ttl(container.number)
    written: list[tuple[bytes, str, int]] = []
    bindings: list[object] = []
    last_epk, place = "", bytearray()
    for lsn, (item_id, epk, text, ttl, _, properties) in enumerate(drafts, first):
        if epk != last_epk:
            last_epk, place = epk, bytearray.fromhex(epk)
        tag = etag(lsn, now)
        body = served(text, item_rid(container.rid, lsn), container.link, tag, now)
        bindings += (lsn, place, item_id, lsn, expiry(default_ttl, ttl, now), bytearray(body))
        bindings += property_keys(paths, properties, body)
        written.append((body, tag, lsn))
    row = f"({','.join('?' * (6 + len(paths)))})"
    rows = ",".join([row] * len(drafts))
    transaction.connection.execute(f"INSERT INTO {container.table} VALUES {rows}", bindings)
    return written


def expiry(default_ttl: int | None, ttl: int | None, now: int) -> int | None:
    """When an item written now expires, in unix seconds. A container without a default lets nothing expire."""
    if default_ttl is None:
        return None
    seconds = default_ttl if ttl is None else ttl
    return None if seconds == -1 else now + seconds


def _check(current: Stored, conditions: Conditions) -> None:
    if conditions.if_match not in (None, "*", current.etag) or conditions.if_none_match in ("*", current.etag):
        raise precondition_failed()


def _remove_expired(transaction: Transaction, container: Container, draft: Draft) -> None:
    transaction.connection.execute(
        f"DELETE FROM {container.table} WHERE epk = ? AND id = ?", (bytes.fromhex(draft.epk), draft.id)
    )


def _insert(transaction: Transaction, container: Container, draft: Draft) -> Written:
    return Written(201, *create_many(transaction, container, [draft])[0])


def update(transaction: Transaction, container: Container, draft: Draft, current: Stored) -> Written:
    lsn = transaction.next_lsn(container.number)
    now = transaction.now()
    tag = etag(lsn, now)
    body = served(draft.text, current.rid, container.link, tag, now)
    paths = transaction.key_paths(container.table)
    columns = "".join(f", {key_column(path)} = ?" for path in paths)
    keys = property_keys(paths, draft.properties, body)
    transaction.connection.execute(
        f"UPDATE {container.table} SET lsn = ?, expires_at = ?, body = ?{columns} WHERE lsn = ?",
        (lsn, expiry(transaction.default_ttl(container.number), draft.ttl, now), body, *keys, current.lsn),
    )
    return Written(200, body, tag, lsn)


def refuse_mismatch(expected: str, draft: Draft) -> None:
    """A replaced item keeps its id. Raises ServiceError (400)."""
    if draft.id != expected:
        raise ServiceError(400, "The id of an item can't be changed by a replace.")
