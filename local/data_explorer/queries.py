"""Running queries: on a cursor of the calling thread's own, under the request's limits."""

import threading
import time
import uuid
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from functools import partial
from typing import Any

import duckdb
import pyarrow as pa

from local.data_explorer.database import Database
from local.data_explorer.errors import (
    EntityNotFound,
    InternalError,
    KustoError,
    ResultTooLarge,
    SemanticMistake,
    TimedOut,
)
from local.data_explorer.kql.rewriting import EXTERNAL, resolve_references
from local.data_explorer.kql.statements import split_settings, visualization
from local.data_explorer.requests import KustoRequest, QueryLimits, limits
from local.data_explorer.responses import Answer
from local.data_explorer.results import ResultTable
from local.data_explorer.wire import Shape, fetch, shape

_WHOLE = 2**62
INTERRUPT_EVERY = 0.05


class Cancellation:
    """Lets another thread end a query, which then raises what `cancel` was given."""

    def __init__(self) -> None:
        self.reason: KustoError | None = None
        self._cursors: list[duckdb.DuckDBPyConnection] = []
        self._lock = threading.Lock()

    def cancel(self, reason: KustoError) -> None:
        """Returns at once. DuckDB forgets an interrupt that comes before execution, so it is repeated."""
        self.reason = self.reason or reason
        threading.Thread(target=self._interrupt, daemon=True).start()

    def _interrupt(self) -> None:
        while True:
            with self._lock:
                if not self._cursors:
                    return
                for cursor in self._cursors:
                    cursor.interrupt()
            time.sleep(INTERRUPT_EVERY)

    @contextmanager
    def covering(self, cursor: duckdb.DuckDBPyConnection, seconds: float) -> Iterator[None]:
        """While the block runs, `cancel` interrupts the cursor, and so does the end of `seconds`."""
        timer = threading.Timer(seconds, self.cancel, [TimedOut(f"Request execution timed out after {seconds:g} s.")])
        timer.daemon = True
        with self._lock:
            self._cursors.append(cursor)
        timer.start()
        try:
            if self.reason is not None:
                raise self.reason
            yield
        finally:
            timer.cancel()
            with self._lock:
                self._cursors.remove(cursor)


def run_query(database: Database, request: KustoRequest, cancellation: Cancellation | None = None) -> Answer:
    """Answers a query. Blocks. Raises KustoError."""
    settings, text = split_settings(request.csl)
    options = {**request.options, **settings}
    allowed = limits(options)
    known, given = external_relations(database, text)
    cancellation = cancellation or Cancellation()

    def run(sql: str, values: dict[str, Any]) -> list[tuple[str, list[str]]]:
        with _cursor(database, allowed, cancellation, given) as cursor:
            found: list[tuple[str, list[str]]] = cursor.execute(sql, values or None).fetchall()
            return found

    translation = database.translator.translate(text, request.parameters, known=known, run=run)
    table, failure = run_sql(database, translation.sql, translation.parameters, allowed, cancellation, given)
    return Answer(table, visualization(text), request.client_request_id, str(uuid.uuid4()), failure)


def external_relations(database: Database, text: str) -> tuple[dict[str, list[str]], dict[str, pa.Table]]:
    """The columns and the rows of the external tables that a query reads."""
    _, names = resolve_references(text)
    if not names:
        return {}, {}
    outside = database.external_tables
    if outside is None:
        raise EntityNotFound(f"Entity ID '{names[0]}' of kind 'ExternalTable' was not found.")
    known = {EXTERNAL + name: [column.name for column in outside.schema(name).columns] for name in names}
    return known, {EXTERNAL + name: outside.rows(name) for name in names}


def run_sql(
    database: Database,
    sql: str,
    parameters: dict[str, Any],
    allowed: QueryLimits,
    cancellation: Cancellation,
    given: Mapping[str, pa.Table] | None = None,
) -> tuple[ResultTable, KustoError | None]:
    """Runs SQL that the translator made; `given` are relations of its own. The error says that the rows are partial."""
    with _cursor(database, allowed, cancellation, given or {}) as cursor:

        def asked() -> Shape:
            return shape(cursor.sql(sql, params=parameters or None))

        shaped = asked() if given or parameters else database.translator.shape(sql, asked)
        return _limited(partial(fetch, cursor, sql, parameters, shaped), allowed)


@contextmanager
def _cursor(
    database: Database, allowed: QueryLimits, cancellation: Cancellation, given: Mapping[str, pa.Table]
) -> Iterator[duckdb.DuckDBPyConnection]:
    with (
        database.storage.reading(database.name) as cursor,
        cancellation.covering(cursor, allowed.seconds),
        registered(cursor, given),
    ):
        try:
            yield cursor
        except duckdb.Error as error:
            raise _in_kusto_terms(error, cancellation) from error


@contextmanager
def registered(cursor: duckdb.DuckDBPyConnection, given: Mapping[str, pa.Table]) -> Iterator[None]:
    for name, rows in given.items():
        cursor.register(name, rows)
    try:
        yield
    finally:
        for name in given:
            cursor.unregister(name)


def _limited(fetched: Callable[[int], ResultTable], allowed: QueryLimits) -> tuple[ResultTable, KustoError | None]:
    if allowed.take is not None and (allowed.rows is None or allowed.take <= allowed.rows):
        return fetched(allowed.take), None
    table = fetched(_WHOLE if allowed.rows is None else allowed.rows + 1)
    if allowed.rows is not None and len(table.rows) > allowed.rows:
        kept = ResultTable(table.columns, table.rows[: allowed.rows])
        return kept, _too_large(f"the set limit of {allowed.rows} records")
    if allowed.bytes is not None and table.size > allowed.bytes:
        kept = ResultTable(table.columns, table.rows[: len(table.rows) * allowed.bytes // table.size])
        return kept, _too_large(f"the set limit of {allowed.bytes} bytes")
    return table, None


def _too_large(limit: str) -> ResultTooLarge:
    return ResultTooLarge(
        "Query execution has exceeded the allowed limits (80DA0003): The results of this query exceed "
        f"{limit}, so not all records were returned (E_QUERY_RESULT_SET_TOO_LARGE, 0x80DA0003). "
        "See https://aka.ms/kustoquerylimits for more information and possible solutions."
    )


def _in_kusto_terms(error: duckdb.Error, cancellation: Cancellation) -> KustoError:
    message = str(error).partition("\n")[0]
    if isinstance(error, duckdb.InterruptException) and cancellation.reason is not None:
        return cancellation.reason
    if isinstance(error, duckdb.CatalogException | duckdb.BinderException):
        name = message.split('"')[1] if message.count('"') > 1 else ""
        if isinstance(error, duckdb.CatalogException) and " with name " in message:
            name = message.partition(" with name ")[2].split(" ")[0].strip('"')
        if name:
            return SemanticMistake(
                f"Failed to resolve table or column expression named '{name}' ({message})", error="SEM0100"
            )
        return SemanticMistake(message)
    if isinstance(error, duckdb.OutOfMemoryException):
        return ResultTooLarge(
            "Query execution lacks memory resources to complete (80DA0007): Partial query failure: "
            f"Low memory condition (E_LOW_MEMORY_CONDITION). ({message})"
        )
    if isinstance(error, duckdb.InternalException | duckdb.FatalException):
        return InternalError(message)
    return KustoError(message)
