"""Running a query over a source, one page at a time."""

import contextlib
import hashlib
import heapq
import itertools
import sqlite3
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

import orjson

from local.cosmos.query.access import Choice, choose, counting_access
from local.cosmos.query.continuation import (
    Continuation,
    Position,
    continuation_of,
    fingerprint,
    invalid_token,
    token_of,
)
from local.cosmos.query.errors import QueryError, query_error
from local.cosmos.query.indexes import existing_indexes, register
from local.cosmos.query.plan import Plan, Rank, make_plan, rank
from local.cosmos.query.rows import Grouping
from local.cosmos.query.scan import EVERYTHING, Hit, Scan, Source
from local.cosmos.query.syntax import Query
from local.cosmos.query.values import UNDEFINED, Value, sort_key

PAGE_BYTES = 4 * 1024 * 1024
"""The service's pages hold at most 4 MB."""
SORTED_ROWS = 10_000
"""Rows that a page holds at most when they must be sorted first and the caller sets no size."""


@dataclass(frozen=True, slots=True)
class Page:
    """A page of results: rows as JSON text, the token of the next page, and how many documents were looked at."""

    rows: list[bytes]
    continuation: str | None
    examined: int


class _Row(NamedTuple):
    position: Position
    value: Value
    body: bytes | None


def execute(
    query: Query,
    parameters: Mapping[str, Any],
    source: Source,
    *,
    page_size: int | None = None,
    continuation: str | None = None,
) -> Page:
    """One page of the query's results over the source.

    Parameters are by their names with the @. Raises QueryError for a parameter that is missing or unusable, a
    continuation that isn't this query's, and what only turns out to be impossible while running.
    """
    name = fingerprint(query.text, parameters)
    begun = continuation_of(continuation, name) if continuation else Continuation(Position(()), None, 0, 0)
    plan = make_plan(query, parameters)
    register(source.connection)
    with _snapshot(source.connection):
        run = _Run(plan, source, begun if continuation else None, page_size)
        rows, following = run.page(begun.skipped, begun.taken)
    return Page(rows, token_of(following, name) if following else None, run.scan.examined)


@contextlib.contextmanager
def _snapshot(connection: sqlite3.Connection) -> Iterator[None]:
    """One state of the data for all statements of a page."""
    if connection.in_transaction:
        yield
        return
    connection.execute("BEGIN")
    try:
        yield
    finally:
        connection.execute("COMMIT")


class _Run:
    """One page in the making."""

    def __init__(self, plan: Plan, source: Source, begun: Continuation | None, page_size: int | None) -> None:
        self.scan = Scan(plan, source)
        self._plan = plan
        self._source = source
        self._begun = begun
        self._page_size = page_size or (SORTED_ROWS if plan.keys else None)

    def page(self, skipped: int, taken: int) -> tuple[list[bytes], Continuation | None]:
        """The page's rows, and where the next one starts if there is more; so many rows were skipped and taken."""
        plan = self._plan
        texts: list[bytes] = []
        size = 0
        last = Position(())
        if plan.limit == taken:
            return texts, None
        for row in self._rows(self._needed(skipped, taken)):
            if skipped < plan.offset:
                skipped += 1
                last = row.position
                continue
            text = self._text(row)
            if len(texts) == self._page_size or (texts and size + len(text) > PAGE_BYTES):
                return texts, Continuation(last, None, skipped, taken)
            texts.append(text)
            size += len(text)
            taken += 1
            last = row.position
            if taken == plan.limit:
                break
        return texts, None

    def _needed(self, skipped: int, taken: int) -> int:
        """How many rows decide this page: those to skip, those to give, and one to see that there is more."""
        plan = self._plan
        size = self._page_size or SORTED_ROWS
        return plan.offset - skipped + min(size, size if plan.limit is None else plan.limit - taken) + 1

    def _rows(self, needed: int) -> Iterator[_Row]:
        """The rows after the place where the last page ended; when they must be sorted, no more than needed."""
        after = self._after()
        if self._plan.groups is not None:
            rows = self._group_rows(self._plan.groups)
        else:
            rows = self._defined(self._hits(None if self._plan.query.distinct else after, needed))
        if self._plan.query.distinct:
            rows = _distinct(rows)
        if after is None:
            return rows
        floor = rank(self._plan, after)
        return itertools.dropwhile(lambda row: rank(self._plan, row.position) <= floor, rows)

    def _after(self) -> Position | None:
        """Where the last page ended, with its keys."""
        if self._begun is None:
            return None
        if self._begun.digest is None:
            if len(self._begun.position.keys) != (1 if self._plan.groups else len(self._plan.keys)):
                raise invalid_token()
            return self._begun.position
        positions: Iterator[Position]
        if self._plan.groups is not None:
            positions = (row.position for row in self._group_rows(self._plan.groups))
        else:
            hit = self.scan.at_position(self._begun.position)
            positions = iter(() if hit is None else (hit.position,))
        for position in positions:
            if position.digest == self._begun.digest:
                return position
        raise QueryError("The continuation token can't be used: the item it points to has changed.", code="SC3004")

    def _defined(self, hits: Iterator[Hit]) -> Iterator[_Row]:
        for hit in hits:
            value = self._plan.row(hit.environment)
            if value is not UNDEFINED:
                yield _Row(hit.position, value, hit.body)

    def _group_rows(self, groups: Grouping) -> Iterator[_Row]:
        count = self._count()
        if count is not None:
            found = {b"": (count,) * len(groups.aggregates)}
        else:
            found = groups.groups(hit.environment for hit in self._unordered(None))
        for name in sorted(found):
            value = groups.row(found[name])
            if value is not UNDEFINED:
                yield _Row(Position((name,)), value, None)

    def _count(self) -> int | None:
        if not self._plan.is_counting:
            return None
        names = existing_indexes(self._source.connection, self._source.table)
        access = counting_access(self._plan, self.scan, names, self._source.table)
        return None if access is None else self.scan.count(access)

    def _hits(self, after: Position | None, needed: int) -> Iterator[Hit]:
        plan = self._plan
        if not plan.keys:
            return self._unordered(after)
        choice = self._choice()
        if choice.is_ordered and plan.order is not None:
            return self.scan.in_key_order(choice.access, plan.order, after)
        return self._sorted(self._chosen(choice, None), after, needed)

    def _unordered(self, after: Position | None) -> Iterator[Hit]:
        if not self._plan.query.sources:
            return self._single()
        return self._chosen(self._choice(), after)

    def _single(self) -> Iterator[Hit]:
        """A query without FROM: its filter and row, once."""
        where = self._plan.where
        if where is None or where(({},)) is True:
            yield Hit(Position(()), ({},), b"{}")

    def _choice(self) -> Choice:
        names = existing_indexes(self._source.connection, self._source.table)
        return choose(self._plan, self.scan, names, self._source.table)

    def _chosen(self, choice: Choice, after: Position | None) -> Iterator[Hit]:
        if choice.places is None:
            return self.scan.in_place_order(choice.access if not choice.is_ordered else EVERYTHING, after)
        start = (b"", "") if after is None else (after.epk, after.item)
        return self.scan.at_places([place for place in choice.places if place >= start])

    def _sorted(self, hits: Iterator[Hit], after: Position | None, needed: int) -> Iterator[Hit]:
        """The first rows by ORDER BY, as many as are needed: places are sorted, then read again."""
        plan = self._plan
        floor = None if after is None else rank(plan, after)
        if plan.query.distinct:
            chosen = sorted(self._first_of_equals(hits))
        else:
            ranked = ((rank(plan, hit.position), hit.position) for hit in hits if self._is_row(hit))
            later = (place for place in ranked if floor is None or place[0] > floor)
            chosen = heapq.nsmallest(needed, later)
        for _, position in chosen:
            hit = self.scan.at_position(position)
            if hit is not None:
                yield hit

    def _is_row(self, hit: Hit) -> bool:
        """Only SELECT VALUE can give nothing for what the filter lets through."""
        return self._plan.query.selection.kind != "value" or self._plan.row(hit.environment) is not UNDEFINED

    def _first_of_equals(self, hits: Iterator[Hit]) -> Iterable[tuple[Rank, Position]]:
        """For each value the first place of a row that has it."""
        first: dict[bytes, tuple[Rank, Position]] = {}
        for row in self._defined(hits):
            key, place = _identity(row.value), rank(self._plan, row.position)
            if key not in first or place < first[key][0]:
                first[key] = (place, row.position)
        return first.values()

    def _text(self, row: _Row) -> bytes:
        if self._plan.is_whole and row.body is not None:
            return row.body
        try:
            return orjson.dumps(row.value)
        except TypeError as error:
            message = "The result is nested too deeply to be given as JSON."
            raise query_error(self._plan.query.text, "SC3005", message, self._plan.query.at) from error


def _identity(value: Value) -> bytes:
    return hashlib.blake2b(sort_key(value), digest_size=16).digest()


def _distinct(rows: Iterator[_Row]) -> Iterator[_Row]:
    seen: set[bytes] = set()
    for row in rows:
        key = _identity(row.value)
        if key not in seen:
            seen.add(key)
            yield row
