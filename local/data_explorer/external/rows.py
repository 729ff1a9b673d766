"""A query's rows in Arrow, each column in the type in which a file holds it."""

from dataclasses import dataclass

import duckdb
import pyarrow as pa

from local.data_explorer.schema import Column
from local.data_explorer.storage import EXTENT, quoted
from local.data_explorer.wire import type_of


@dataclass(frozen=True)
class QueryRows:
    """`columns` are in the order of `rows`; datetimes are ns, timespans int64 ticks, guids and dynamics text."""

    columns: tuple[Column, ...]
    rows: pa.Table


def query_rows(cursor: duckdb.DuckDBPyConnection, sql: str, parameters: dict[str, object]) -> QueryRows:
    """Runs translated SQL. Raises duckdb.Error."""
    relation = cursor.sql(sql, params=parameters or None)
    names = [name for name in relation.columns if name != EXTENT]
    kinds = {name: str(kind) for name, kind in zip(relation.columns, relation.types, strict=True)}
    selected = ", ".join(f"{_stored(quoted(name), kinds[name])} AS {quoted(name)}" for name in names)
    rows = relation.project(selected).to_arrow_table()
    return QueryRows(tuple(Column(name, type_of(kinds[name])) for name in names), rows)


def _stored(column: str, kind: str) -> str:
    match type_of(kind):
        case "datetime":
            return f"{column}::TIMESTAMP_NS"
        case "timespan":
            return f"(epoch_us({column}::INTERVAL) * 10)::BIGINT"
        case "dynamic":
            return f"to_json({column})::VARCHAR"
        case "guid" | "string":
            return f"coalesce({column}::VARCHAR, '')"
        case "decimal":
            return f"{column}::DECIMAL(38, 18)"
        case "long":
            return f"TRY_CAST({column} AS BIGINT)"
        case "int":
            return f"{column}::INTEGER"
        case "real":
            return f"{column}::DOUBLE"
    return column
