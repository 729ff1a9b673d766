"""KQL queries as DuckDB SQL, by duckdb-kql with this package's additions."""

import datetime
import threading
from collections import OrderedDict
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from typing import Any

import duckdb_kql
from duckdb_kql import ir
from duckdb_kql.lower import lower
from duckdb_kql.params import ParameterDeclaration, bind
from duckdb_kql.translate import TranslationResult, clock, to_sql

from local.data_explorer.catalog import Catalog
from local.data_explorer.errors import SemanticMistake, SyntaxMistake
from local.data_explorer.kql import functions
from local.data_explorer.kql.parameters import python_value
from local.data_explorer.kql.rewriting import (
    MATERIALIZED,
    Schema,
    asks_ingestion_time,
    expand,
    hidden,
    resolve_references,
    with_extents,
)
from local.data_explorer.kql.spellings import respelled
from local.data_explorer.kql.stored_functions import StoredFunctions
from local.data_explorer.kql.typing import typed
from local.data_explorer.kql.unsupported import not_supported
from local.data_explorer.wire import Shape

KEPT_TRANSLATIONS = 1000
Run = Callable[[str, dict[str, Any]], list[tuple[str, list[str]]]]
"""Answers SQL with the names and types of columns."""
Discovered = Callable[[Sequence[ParameterDeclaration], ir.Query], list[tuple[str, list[str]]]]


@dataclass(frozen=True)
class Translation:
    """SQL, the values of its `$placeholders`, and the external tables that it reads."""

    sql: str
    parameters: dict[str, Any]
    external: tuple[str, ...] = ()


class Translator:
    """Translates queries against one snapshot of a database's catalog; keeps what it translated."""

    def __init__(self, catalog: Catalog, database: str) -> None:
        functions.install()
        self.catalog = catalog
        self.database = database
        relations = (*catalog.tables.items(), *catalog.view_columns.items())
        self._types = {name: {column.name: column.type for column in table.columns} for name, table in relations}
        self.schema = {name: [column.name for column in table.columns] for name, table in catalog.tables.items()}
        for name, view in catalog.view_columns.items():
            self.schema[name] = self.schema[name + MATERIALIZED] = [column.name for column in view.columns]
        self._functions = StoredFunctions(catalog.functions.values())
        self._kept: OrderedDict[tuple[str, str | None, str], _Kept] = OrderedDict()
        self._lock = threading.Lock()
        self._shapes: dict[str, Shape] = {}

    def shape(self, sql: str, ask: Callable[[], Shape]) -> Shape:
        """What the rows of a query look like that reads nothing beyond the catalog; `ask` finds it the first time."""
        known = self._shapes.get(sql)
        if known is None:
            if len(self._shapes) >= KEPT_TRANSLATIONS:
                self._shapes.clear()
            known = self._shapes[sql] = ask()
        return known

    def translate(
        self,
        text: str,
        parameters: dict[str, Any] | None = None,
        *,
        shadowed: str | None = None,
        known: Mapping[str, Sequence[str]] | None = None,
        run: Run | None = None,
    ) -> Translation:
        """`parameters` are values of `declare query_parameters`: KQL literals or plain values.

        `shadowed` is a table that a temporary one stands for, as in an update policy's query; `known` are the columns
        of relations beyond the catalog's. `run` answers what has to be asked before the columns of bag_unpack or pivot
        are known; without it these need an output schema. Raises SyntaxMistake, SemanticMistake, and what `run` raises.
        """
        beyond = {name: list(columns) for name, columns in (known or {}).items()}
        key = (text, shadowed, repr(beyond))
        with self._lock:
            kept = self._kept.get(key)
        if kept is None:
            asked = _Asked(run, parameters or {})
            kept = self._translated(text, shadowed, beyond, asked)
            if asked.times:
                return self._translation(text, kept, parameters)
            with self._lock:
                self._kept[key] = kept
                if len(self._kept) > KEPT_TRANSLATIONS:
                    self._kept.popitem(last=False)
        return self._translation(text, kept, parameters)

    def _translation(self, text: str, kept: "_Kept", parameters: dict[str, Any] | None) -> Translation:
        values = _bound(kept.query.parameters, kept.slots, parameters or {})
        return Translation(kept.sql, values, resolve_references(text)[1])

    def lowered(self, text: str, beyond: Schema | None = None, discover: Discovered | None = None) -> ir.Query:
        """The query's tree, written out as far as the translator needs it. Raises as `translate` does."""
        preamble = self._functions.preamble(text)
        with _in_kusto_terms(text, preamble.count("\n")):
            resolved, _ = resolve_references(preamble + text)
            tree = lower(respelled(resolved), functions=self._functions.tabular)
            ask = None if discover is None else partial(discover, tree.parameters)
            return typed(expand(tree, {**self.schema, **(beyond or {})}, ask), self._types)

    def rendered(self, query: ir.Query, schema: Schema | None = None, text: str = "") -> TranslationResult:
        """SQL of a query's tree; `text` is the query's own, for errors to point at. Raises as `translate` does."""
        with _in_kusto_terms(text), clock(None):
            return to_sql(query, schema or self.schema)

    def _translated(self, text: str, shadowed: str | None, beyond: Schema, asked: "_Asked") -> "_Kept":
        def discover(declared: Sequence[ParameterDeclaration], rows: ir.Query) -> list[tuple[str, list[str]]]:
            return asked.rows(self._finished(rows, shadowed, beyond, text), declared)

        query = self.lowered(text, beyond, None if asked.run is None else discover)
        return self._finished(query, shadowed, beyond, text)

    def _finished(self, query: ir.Query, shadowed: str | None, beyond: Schema, text: str) -> "_Kept":
        schema = {**self.schema, **beyond}
        if asks_ingestion_time(query):
            tables = tuple(self.catalog.tables)
            query, schema = with_extents(query, tables, shadowed), hidden(schema, tables)
        result = self.rendered(query, schema, text)
        return _Kept(str(result), result.slots, query)


@dataclass(frozen=True)
class _Kept:
    sql: str
    slots: frozenset[str]
    query: ir.Query


class _Asked:
    """What is asked of the data while a query is translated, and how often it was."""

    def __init__(self, run: Run | None, parameters: dict[str, Any]) -> None:
        self.run = run
        self.times = 0
        self._parameters = parameters

    def rows(self, kept: _Kept, declared: Sequence[ParameterDeclaration]) -> list[tuple[str, list[str]]]:
        assert self.run is not None, "nothing is asked without it"
        self.times += 1
        return self.run(kept.sql, _bound(declared, kept.slots, self._parameters))


def _bound(declared: Sequence[ParameterDeclaration], slots: frozenset[str], given: dict[str, Any]) -> dict[str, Any]:
    types = {declaration.name: declaration.type for declaration in declared}
    values = {name: python_value(value, types[name], name) for name, value in given.items() if name in types}
    with _in_kusto_terms(""):
        bound, unbound = bind(list(declared), values)
    if unbound:
        raise SemanticMistake(f"Query parameter '{unbound[0]}' has no value.", error="SEM0253")
    for declaration in declared:
        if isinstance(bound.get(declaration.slot), datetime.datetime):
            bound[declaration.slot] = _with_tick(bound[declaration.slot], str(values.get(declaration.name, "")))
    return {slot: value for slot, value in bound.items() if slot in slots}


def _with_tick(moment: datetime.datetime, text: str) -> str:
    """The moment as text, with the seventh digit that `text` has and a Python datetime has not."""
    tick = text.partition(".")[2][6:7]
    return moment.isoformat(timespec="microseconds") + (tick if tick.isdigit() else "")


@contextmanager
def _in_kusto_terms(text: str, lines_before: int = 0) -> Iterator[None]:
    """duckdb-kql's errors as the service's; `lines_before` were written before the client's text."""
    try:
        yield
    except duckdb_kql.KqlSyntaxError as error:
        raise _syntax_mistake(error, text, lines_before) from error
    except duckdb_kql.KqlUnsupportedError as error:
        raise not_supported(error, text, lines_before) from error
    except duckdb_kql.KqlSchemaError as error:
        if (error.hint or "").startswith("unknown table"):
            message = f"Failed to resolve table or column expression named '{error.name}'"
            raise SemanticMistake(message, error="SEM0100") from error
        raise SemanticMistake(str(error)) from error
    except duckdb_kql.KqlError as error:
        raise SemanticMistake(str(error)) from error
    except AssertionError as error:
        raise SemanticMistake("The local Data Explorer's translator gave up on this query.") from error


def _syntax_mistake(error: duckdb_kql.KqlSyntaxError, text: str, lines_before: int) -> SyntaxMistake:
    if not error.diagnostics:
        return SyntaxMistake(str(error), text=text)
    first = error.diagnostics[0]
    reason = first.message.partition(" expecting ")[0]
    return SyntaxMistake(
        f"A recognition error occurred: {reason}.",
        text=text,
        line=first.span.line - lines_before,
        column=first.span.column + 1,
    )
