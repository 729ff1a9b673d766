"""KQL queries as DuckDB SQL, by duckdb-kql with this package's additions; translations are kept by schema version."""

from dataclasses import dataclass
from typing import Any

import duckdb_kql
from duckdb_kql.stored_functions import parse_functions

from local.data_explorer.catalog import Catalog
from local.data_explorer.errors import SemanticMistake, SyntaxMistake


@dataclass(frozen=True)
class Translation:
    """SQL, and the values of its `$placeholders`."""

    sql: str
    parameters: dict[str, Any]


class Translator:
    """Translates queries against one catalog snapshot."""

    def __init__(self, catalog: Catalog) -> None:
        self._schema = {
            name: [column.name for column in table.columns]
            for name, table in (*catalog.tables.items(), *catalog.view_columns.items())
        }
        definitions = [f"function {f.name}{f.parameters} {f.body}" for f in catalog.functions.values()]
        self._functions = parse_functions(definitions)

    def translate(self, text: str, parameters: dict[str, Any] | None = None) -> Translation:
        """Raises SyntaxMistake, SemanticMistake."""
        try:
            result = duckdb_kql.to_sql(
                text, schema=self._schema, functions=self._functions, parameters=parameters or None
            )
        except duckdb_kql.KqlSyntaxError as error:
            raise SyntaxMistake(str(error)) from error
        except duckdb_kql.KqlError as error:
            raise SemanticMistake(str(error)) from error
        return Translation(str(result), dict(result.parameters))
