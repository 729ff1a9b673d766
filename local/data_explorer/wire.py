"""Values as the service writes them in JSON, from DuckDB's results, a column at a time.

A tick is 100 ns. Source: Learn, "Query V2 HTTP response", the encoding of values; .NET's TimeSpan "c" format.
"""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import duckdb
import numpy as np
import orjson

from local.data_explorer.results import ResultColumn, ResultTable
from local.data_explorer.storage import EXTENT
from local.data_explorer.types import KustoType

TICKS_PER_SECOND = 10_000_000
_TYPES: dict[str, KustoType] = {
    "BOOLEAN": "bool",
    "TINYINT": "int",
    "SMALLINT": "int",
    "INTEGER": "int",
    "UTINYINT": "int",
    "USMALLINT": "int",
    "UINTEGER": "long",
    "BIGINT": "long",
    "UBIGINT": "long",
    "HUGEINT": "long",
    "UHUGEINT": "long",
    "FLOAT": "real",
    "DOUBLE": "real",
    "DATE": "datetime",
    "TIMESTAMP": "datetime",
    "TIMESTAMP_S": "datetime",
    "TIMESTAMP_MS": "datetime",
    "TIMESTAMP_NS": "datetime",
    "TIMESTAMP WITH TIME ZONE": "datetime",
    "TIME": "timespan",
    "INTERVAL": "timespan",
    "UUID": "guid",
    "JSON": "dynamic",
    '"NULL"': "dynamic",
}


def type_of(duckdb_type: str) -> KustoType:
    """The Kusto type of a DuckDB column."""
    if duckdb_type in _TYPES:
        return _TYPES[duckdb_type]
    if duckdb_type.startswith("DECIMAL"):
        return "decimal"
    is_nested = duckdb_type.endswith("]") or duckdb_type.startswith(("STRUCT", "MAP", "UNION"))
    return "dynamic" if is_nested else "string"


@dataclass(frozen=True)
class Shape:
    """What a query's rows look like, and the SQL that gives its columns in forms that Python reads without loss."""

    columns: tuple[ResultColumn, ...]
    selected: str


def shape(relation: duckdb.DuckDBPyRelation) -> Shape:
    """Asks DuckDB, which plans the query for that."""
    kinds = [type_of(str(kind)) for kind in relation.types]
    shown = [index for index, name in enumerate(relation.columns) if name != EXTENT]
    columns = tuple(ResultColumn(relation.columns[index], kinds[index]) for index in shown)
    selected = ", ".join(
        f"{_readable(f'#{index + 1}', kinds[index], str(relation.types[index]))} AS c{index}" for index in shown
    )
    return Shape(columns, selected)


def fetch(
    cursor: duckdb.DuckDBPyConnection, sql: str, parameters: Mapping[str, object], shaped: Shape, limit: int
) -> ResultTable:
    """Runs a query and encodes up to `limit` rows of it. Raises duckdb.Error."""
    rows = f"SELECT {shaped.selected} FROM (SELECT * FROM ({sql}) LIMIT {limit})"
    data = cursor.sql(rows, params=parameters or None).to_arrow_table()
    encoded = [_ENCODERS[column.type](data.column(place)) for place, column in enumerate(shaped.columns)]
    return ResultTable(shaped.columns, list(zip(*encoded, strict=True)), data.nbytes)


def _readable(column: str, kind: KustoType, stored: str) -> str:
    """SQL that gives a column in a form that Python reads without loss."""
    if kind == "datetime":
        ticks = f"epoch_ns({column}) // 100" if stored == "TIMESTAMP_NS" else f"epoch_us({column}::TIMESTAMP) * 10"
        return f"CASE WHEN {column} IS NOT NULL THEN {ticks} END"
    if kind == "timespan":
        return f"epoch_us({column}::INTERVAL) * 10"
    if kind == "dynamic":
        return f"to_json({column})::VARCHAR"
    if kind == "string":
        return f"coalesce({column}::VARCHAR, '')"
    if kind == "long" and stored.endswith("HUGEINT"):
        return f"TRY_CAST({column} AS BIGINT)"
    return column if kind in ("bool", "int", "long", "real") else f"{column}::VARCHAR"


def datetime_text(ticks: int) -> str:
    """`2025-02-04T11:24:52.9911021Z`, from ticks since 1970; whole seconds have no fraction."""
    return _datetimes([ticks])[0] or ""


def _datetimes(ticks: Sequence[int | None]) -> list[str | None]:
    seconds = np.array([0 if tick is None else tick // TICKS_PER_SECOND for tick in ticks], dtype="int64")
    texts = np.datetime_as_string(seconds.astype("datetime64[s]"), unit="s").tolist()
    return [
        None if tick is None else _with_fraction(text, tick % TICKS_PER_SECOND) + "Z"
        for text, tick in zip(texts, ticks, strict=True)
    ]


def timespan_text(ticks: int) -> str:
    """`[-][d.]hh:mm:ss[.fffffff]`."""
    seconds, fraction = divmod(abs(ticks), TICKS_PER_SECOND)
    days, seconds = divmod(seconds, 86400)
    clock = f"{seconds // 3600:02}:{seconds // 60 % 60:02}:{seconds % 60:02}"
    return ("-" if ticks < 0 else "") + (f"{days}." if days else "") + _with_fraction(clock, fraction)


def _with_fraction(text: str, fraction: int) -> str:
    return f"{text}.{fraction:07}" if fraction else text


def _plain(column: Any) -> list[Any]:
    values: list[Any] = column.to_pylist()
    return values


def _reals(column: Any) -> list[Any]:
    return [value if value is None or math.isfinite(value) else _not_finite(value) for value in column.to_pylist()]


def _not_finite(value: float) -> str:
    """What azure-kusto-data's helpers look for."""
    if math.isnan(value):
        return "NaN"
    return "Infinity" if value > 0 else "-Infinity"


def _timespans(column: Any) -> list[Any]:
    return [None if ticks is None else timespan_text(ticks) for ticks in column.to_pylist()]


def _decimals(column: Any) -> list[Any]:
    return [
        value if value is None or "." not in value else value.rstrip("0").rstrip(".") for value in column.to_pylist()
    ]


def _dynamics(column: Any) -> list[Any]:
    return [None if text is None else orjson.loads(text) for text in column.to_pylist()]


_ENCODERS: dict[KustoType, Callable[[Any], list[Any]]] = {
    "bool": _plain,
    "int": _plain,
    "long": _plain,
    "string": _plain,
    "guid": _plain,
    "real": _reals,
    "decimal": _decimals,
    "datetime": lambda column: _datetimes(column.to_pylist()),
    "timespan": _timespans,
    "dynamic": _dynamics,
}
