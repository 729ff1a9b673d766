"""Reading the documents of a source, in the order of their place or of an index, and the rows they give."""

import sqlite3
from collections.abc import Iterator
from dataclasses import dataclass
from typing import NamedTuple

import orjson

from local.cosmos.query.continuation import Position
from local.cosmos.query.evaluators import Environment
from local.cosmos.query.indexes import Column, Index, key_sql
from local.cosmos.query.plan import Plan, keys_of
from local.cosmos.query.pushdown import Restriction

Bindings = tuple[object, ...]


@dataclass(frozen=True, slots=True)
class Source:
    """What a query reads: the items of a table that meet an SQL condition with its bindings."""

    connection: sqlite3.Connection
    table: str
    condition: str
    bindings: Bindings
    counted_by: str | None = None
    """The index that holds all that the condition asks for, if another than SQLite's choice should be counted by."""


@dataclass(frozen=True, slots=True)
class Access:
    """How documents are found: all of the source, or through an index that the restrictions narrow."""

    index: Index | None = None
    restrictions: tuple[Restriction, ...] = ()


EVERYTHING = Access()


class Hit(NamedTuple):
    """One combination that the filter lets through: its place, its environment, and its document's text."""

    position: Position
    environment: Environment
    body: bytes


class Scan:
    """Runs over the documents of a source; `examined` says how many it has read."""

    def __init__(self, plan: Plan, source: Source) -> None:
        self._plan = plan
        self._source = source
        self.examined = 0

    def in_place_order(self, access: Access, after: Position | None) -> Iterator[Hit]:
        """The rows by the place of their items, from the item of `after` on.

        The access is everything, or an index of one column at one point of it.
        """
        sql, bindings = self._from(access)
        if after is not None:
            sql, bindings = f"{sql} AND (epk, id) >= (?, ?)", (*bindings, after.epk, after.item)
        return self._hits(f"{sql} ORDER BY epk, id", bindings)

    def in_key_order(self, access: Access, order: tuple[Column, ...], after: Position | None) -> Iterator[Hit]:
        """The rows by ORDER BY, which the index of the access is made for, from the keys of `after` on."""
        sql, bindings = self._from(access)
        if after is not None:
            seek, seek_bindings = _seek(order, after)
            sql, bindings = f"{sql} AND {seek}", (*bindings, *seek_bindings)
        tie = "DESC" if order[0].descending else "ASC"
        keys = [f"{key_sql(column.path)} {'DESC' if column.descending else 'ASC'}" for column in order]
        return self._hits(f"{sql} ORDER BY {', '.join([*keys, f'epk {tie}', f'number {tie}'])}", bindings)

    def candidates(self, access: Access, limit: int) -> list[tuple[bytes, str]] | None:
        """The places of the items that the access gives, in order; None when they are more than `limit`."""
        sql, bindings = self._from(access)
        rows = self._source.connection.execute(f"SELECT epk, id {sql} LIMIT ?", (*bindings, limit + 1)).fetchall()
        return sorted(rows) if len(rows) <= limit else None

    def at_places(self, places: list[tuple[bytes, str]]) -> Iterator[Hit]:
        """The rows of these items."""
        for epk, item in places:
            found = self._item(epk, item)
            if found is not None:
                self.examined += 1
                yield from self._hits_in(epk, item, *found)

    def at_position(self, position: Position) -> Hit | None:
        """The one row at a place; None when it is there no longer."""
        found = self._item(position.epk, position.item)
        hits = () if found is None else self._hits_in(position.epk, position.item, *found)
        return next((hit for hit in hits if hit.position.ordinal == position.ordinal), None)

    def count(self, access: Access) -> int:
        """How many documents the access gives, without reading one."""
        sql, bindings = self._from(access, self._source.counted_by if self._plan.item is None else None)
        (count,) = self._source.connection.execute(f"SELECT count(*) {sql}", bindings).fetchone()
        self.examined += count
        return int(count)

    def is_smaller_than(self, limit: int) -> bool:
        """Has the source fewer documents than that?"""
        sql, bindings = self._from(EVERYTHING)
        (count,) = self._source.connection.execute(
            f"SELECT count(*) FROM (SELECT 1 {sql} LIMIT ?)", (*bindings, limit)
        ).fetchone()
        return bool(count < limit)

    def _from(self, access: Access, otherwise: str | None = None) -> tuple[str, Bindings]:
        """FROM and WHERE with their bindings; through the index `otherwise` when the access has none."""
        source = self._source
        name = access.index.name(source.table) if access.index else otherwise
        indexed = f'INDEXED BY "{name}"' if name else ""
        conditions = [f"({source.condition})", *(f"({part.sql})" for part in access.restrictions)]
        bindings = [*source.bindings, *(bound for part in access.restrictions for bound in part.bindings)]
        if self._plan.item is not None:
            conditions.append("id = ?")
            bindings.append(self._plan.item)
        return f'FROM "{source.table}" {indexed} WHERE {" AND ".join(conditions)}', tuple(bindings)

    def _hits(self, sql: str, bindings: Bindings) -> Iterator[Hit]:
        cursor = self._source.connection.execute(f"SELECT epk, id, number, body {sql}", bindings)
        try:
            for epk, item, number, body in cursor:
                self.examined += 1
                yield from self._hits_in(epk, item, number, body)
        finally:
            cursor.close()

    def _hits_in(self, epk: bytes, item: str, number: int, body: bytes) -> Iterator[Hit]:
        plan = self._plan
        plan.compiler.budget.next_document()
        where = plan.where
        for ordinal, environment in enumerate(plan.expanded([(orjson.loads(body),)])):
            if where is None or where(environment) is True:
                yield Hit(Position(keys_of(plan, environment), epk, item, number, ordinal), environment, body)

    def _item(self, epk: bytes, item: str) -> tuple[int, bytes] | None:
        """Number and body of the item at a place."""
        found: tuple[int, bytes] | None = self._source.connection.execute(
            f'SELECT number, body FROM "{self._source.table}" WHERE epk = ? AND id = ?', (epk, item)
        ).fetchone()
        return found


def _seek(order: tuple[Column, ...], after: Position) -> tuple[str, Bindings]:
    """Not before the place where the last page ended; for several keys only as far as the first one says."""
    comparison = "<=" if order[0].descending else ">="
    first = key_sql(order[0].path)
    if len(order) > 1:
        return f"{first} {comparison} ?", (after.keys[0],)
    return f"({first}, epk, number) {comparison} (?, ?, ?)", (after.keys[0], after.epk, after.number)
