"""What a database holds, as frozen values: tables and columns, mappings, functions, views, policies."""

from dataclasses import dataclass
from typing import Literal

import pyarrow as pa

from local.data_explorer.types import APPENDED_AS, KustoType

MappingKind = Literal["json", "csv", "avro", "parquet", "orc", "w3clogfile"]


@dataclass(frozen=True)
class Column:
    name: str
    type: KustoType
    docstring: str = ""


@dataclass(frozen=True)
class TableSchema:
    """A table's columns, in order."""

    name: str
    columns: tuple[Column, ...]
    folder: str = ""
    docstring: str = ""

    @property
    def arrow(self) -> pa.Schema:
        """What a batch of rows for this table looks like (see types.APPENDED_AS)."""
        return pa.schema([(column.name, APPENDED_AS[column.type]) for column in self.columns])

    @property
    def csl(self) -> str:
        """The columns as commands write them: `a:long,b:string`."""
        return ",".join(f"{column.name}:{column.type}" for column in self.columns)

    def column(self, name: str) -> Column | None:
        return next((column for column in self.columns if column.name == name), None)


@dataclass(frozen=True)
class Mapping:
    """An ingestion mapping; `text` is the JSON array of its elements, as it was given."""

    table: str
    kind: MappingKind
    name: str
    text: str
    last_updated: str = ""


@dataclass(frozen=True)
class Function:
    """A stored function; `parameters` is `(a:long, b:string="x")` and `body` is `{ … }`, both as written."""

    name: str
    parameters: str
    body: str
    folder: str = ""
    docstring: str = ""

    @property
    def definition(self) -> str:
        """The function as duckdb-kql reads it."""
        return f"function ['{self.name}']{self.parameters} {self.body}"


@dataclass(frozen=True)
class MaterializedView:
    """A view over `source`, itself a table or, when that is `take_any`, another view."""

    name: str
    source: str
    query: str
    source_columns: tuple[str, ...]
    folder: str = ""
    docstring: str = ""
    enabled: bool = True
    lookback: str = ""
    auto_update_schema: bool = False
