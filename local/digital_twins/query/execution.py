"""Runs a query, a page at a time."""

import contextlib
import sqlite3
import time
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from local.digital_twins.query.access import hint
from local.digital_twins.query.continuation import Position, position_of, token_of
from local.digital_twins.query.errors import invalid_token, timed_out
from local.digital_twins.query.parser import parse
from local.digital_twins.query.predicates import Parameters, Predicates
from local.digital_twins.query.rows import Rows
from local.digital_twins.query.scopes import Scope
from local.digital_twins.query.sources import Source, source_of
from local.digital_twins.query.syntax import Query
from local.digital_twins.query.walks import STEP_FUNCTION

MAX_PAGE = 1000
"""Rows of a page at most (Digital Twins service limits)."""
TIMEOUT_SECONDS = 60.0
MAX_STEPS = 250_000
"""Relationships that one MATCH may walk: it is ended before it takes all the memory there is."""
CHECK_EVERY = 20_000
"""Steps of SQLite's machine between two looks at the clock."""
_BASE_CHARGE, _ROW_CHARGE = 3.0, 0.1


@dataclass(frozen=True, slots=True)
class QueryPage:
    """Rows as the service has them; `continuation` is None at the end; `charge` in query units, by our own measure."""

    value: list[dict[str, Any]]
    continuation: str | None
    charge: float


@dataclass(frozen=True, slots=True)
class _Plan:
    """A query as SQL: `where` is a condition that is true of every row when the query has none."""

    query: Query
    scope: Scope
    rows: Rows
    source: Source
    where: str
    parameters: Parameters


def execute(connection: sqlite3.Connection, text: str, continuation: str | None, page_size: int) -> QueryPage:
    """One page of at most `page_size` rows, from the tables of storage.py. Nothing else may use the connection then.

    Raises ServiceError: 400 SqlQueryError with the place for a query that can't be read or answered, 400 BadRequest
    for a token that is none, 400 TimeoutError for what takes too long.
    """
    position = Position(text) if continuation is None else position_of(continuation)
    plan = _plan(parse(position.text))
    if position.after and len(position.after) != len(plan.source.keys):
        raise invalid_token()
    with _bounded(connection):
        return _count(connection, plan) if plan.query.counts else _page(connection, plan, position, page_size)


def _plan(query: Query) -> _Plan:
    scope, parameters = Scope(query), Parameters()
    rows = Rows(query, scope)
    where = "TRUE" if query.where is None else Predicates(scope, parameters).sql(query.where)
    return _Plan(query, scope, rows, source_of(query, scope, parameters), where, parameters)


def _count(connection: sqlite3.Connection, plan: _Plan) -> QueryPage:
    source, way = plan.source, hint(connection, plan.query, plan.scope, ())
    sql = f"{source.before}SELECT count(*) FROM {source.tables} {way} WHERE {plan.where}"
    [(count,)] = connection.execute(sql, plan.parameters.values)
    return QueryPage([{"COUNT": count}], None, _BASE_CHARGE + _ROW_CHARGE)


def _page(connection: sqlite3.Connection, plan: _Plan, position: Position, page_size: int) -> QueryPage:
    left = plan.query.top if position.left is None else position.left
    size = max(1, min(page_size, MAX_PAGE))
    wanted = size if left is None else min(size, left)
    keys, parameters, source = ", ".join(plan.source.keys), plan.parameters, plan.source
    documents = ", ".join(f"{member.table}.document" for member in plan.rows.members)
    after = f" AND ({keys}) > ({', '.join(map(parameters.add, position.after))})" if position.after else ""
    way = hint(connection, plan.query, plan.scope, position.after)
    sql = (
        f"{source.before}SELECT {keys}, {documents} FROM {source.tables} {way} WHERE {plan.where}{after} "
        f"ORDER BY {keys} LIMIT {wanted + 1}"
    )
    found = connection.execute(sql, parameters.values).fetchall()
    width, given = len(source.keys), found[:wanted]
    value = [plan.rows.row(row[width:]) for row in given]
    rest = None if left is None else left - len(given)
    goes_on = len(found) > wanted and rest != 0
    token = token_of(Position(position.text, given[-1][:width], rest)) if goes_on else None
    return QueryPage(value, token, round(_BASE_CHARGE + _ROW_CHARGE * len(value), 1))


@contextlib.contextmanager
def _bounded(connection: sqlite3.Connection) -> Iterator[None]:
    """Ends what takes too long or walks too far. Raises ServiceError (400)."""
    end = time.monotonic() + TIMEOUT_SECONDS
    steps = iter(range(MAX_STEPS))
    connection.create_function(STEP_FUNCTION, 0, lambda: next(steps) >= 0)
    connection.set_progress_handler(lambda: time.monotonic() > end, CHECK_EVERY)
    try:
        yield
    except sqlite3.OperationalError as error:
        if next(steps, None) is None:
            raise timed_out(f"walked more than {MAX_STEPS:,} relationships") from error
        if time.monotonic() > end:
            raise timed_out(f"timed out after {TIMEOUT_SECONDS:.0f} seconds") from error
        raise
    finally:
        connection.set_progress_handler(None, 0)
