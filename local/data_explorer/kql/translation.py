"""KQL queries as DuckDB SQL, by duckdb-kql with this package's additions."""

import threading
from collections import OrderedDict
from dataclasses import dataclass, field
from typing import Any

import duckdb_kql
from duckdb_kql.params import ParameterDeclaration, bind
from duckdb_kql.stored_functions import parse_functions

from local.data_explorer.catalog import Catalog
from local.data_explorer.errors import NotServed, SemanticMistake, SyntaxMistake
from local.data_explorer.kql.parameters import python_value

KEPT_TRANSLATIONS = 1000


@dataclass(frozen=True)
class Translation:
    """SQL, the values of its `$placeholders`, and how the query asks to be rendered."""

    sql: str
    parameters: dict[str, Any]
    visualization: dict[str, Any] = field(default_factory=dict)


class Translator:
    """Translates queries against one snapshot of a database's catalog; keeps what it translated."""

    def __init__(self, catalog: Catalog, database: str) -> None:
        self.catalog = catalog
        self.database = database
        self._schema = {
            name: [column.name for column in table.columns]
            for name, table in (*catalog.tables.items(), *catalog.view_columns.items())
        }
        definitions = [f"function {f.name}{f.parameters} {f.body}" for f in catalog.functions.values()]
        self._functions = parse_functions(definitions)
        self._kept: OrderedDict[str, duckdb_kql.TranslationResult] = OrderedDict()
        self._lock = threading.Lock()

    def translate(self, text: str, parameters: dict[str, Any] | None = None) -> Translation:
        """`parameters` are values of `declare query_parameters`, KQL literals or plain values.

        Raises SyntaxMistake, SemanticMistake, NotServed.
        """
        with self._lock:
            result = self._kept.get(text)
        if result is None:
            result = self._translated(text)
            with self._lock:
                self._kept[text] = result
                if len(self._kept) > KEPT_TRANSLATIONS:
                    self._kept.popitem(last=False)
        return Translation(str(result), self._bound(result, parameters or {}))

    def _translated(self, text: str) -> duckdb_kql.TranslationResult:
        try:
            return duckdb_kql.to_sql(text, schema=self._schema, functions=self._functions)
        except duckdb_kql.KqlSyntaxError as error:
            raise _syntax_mistake(error, text) from error
        except duckdb_kql.KqlUnsupportedError as error:
            raise NotServed(f"The local Data Explorer does not serve this query: {error}") from error
        except duckdb_kql.KqlError as error:
            raise SemanticMistake(str(error)) from error

    def _bound(self, result: duckdb_kql.TranslationResult, given: dict[str, Any]) -> dict[str, Any]:
        declarations: tuple[ParameterDeclaration, ...] = result.declarations
        types = {declaration.name: declaration.type for declaration in declarations}
        values = {name: python_value(value, types[name], name) for name, value in given.items() if name in types}
        try:
            bound, unbound = bind(list(declarations), values)
        except duckdb_kql.KqlError as error:
            raise SemanticMistake(str(error)) from error
        if unbound:
            raise SemanticMistake(f"Query parameter '{unbound[0]}' has no value.", error="SEM0253")
        return {slot: value for slot, value in bound.items() if slot in result.slots}


def _syntax_mistake(error: duckdb_kql.KqlSyntaxError, text: str) -> SyntaxMistake:
    if not error.diagnostics:
        return SyntaxMistake(str(error), text=text)
    first = error.diagnostics[0]
    reason = first.message.partition(" expecting ")[0]
    return SyntaxMistake(
        f"A recognition error occurred: {reason}.", text=text, line=first.span.line, column=first.span.column + 1
    )
