"""Parquet files to columns of values."""

import io
from datetime import date

import pyarrow as pa
import pyarrow.parquet as pq

from local.data_explorer.ingestion.failures import IngestionRefused
from local.data_explorer.ingestion.json_path import Path
from local.data_explorer.ingestion.times import TICKS_PER_DAY, UNIX_EPOCH
from local.data_explorer.ingestion.values import FROM_TEXT, Value, dynamic_json, from_text
from local.data_explorer.types import KustoType

_TICKS_PER = {"s": 10_000_000, "ms": 10_000, "us": 10}


def read_parquet(body: bytes) -> pa.Table:
    """The file's rows. Raises IngestionRefused (BadRequest_InvalidBlob)."""
    try:
        return pq.read_table(io.BytesIO(body))
    except (pa.ArrowException, OSError) as error:
        raise IngestionRefused("BadRequest_InvalidBlob", f"The data is not a Parquet file: {error}") from error


def column_values(table: pa.Table, path: Path, kind: KustoType, transform: str = "") -> list[Value]:
    """The field that a path leads to, as a column of this Kusto type holds it; nulls when there is none."""
    column = _field(table, path)
    if column is None:
        return [None] * table.num_rows
    if pa.types.is_timestamp(column.type) or pa.types.is_date(column.type):
        return _times(column, kind)
    if kind == "timespan" and (pa.types.is_duration(column.type) or pa.types.is_integer(column.type)):
        return _spans(column)
    convert = from_text(kind, transform)
    if kind == "dynamic" and not pa.types.is_string(column.type):
        return [dynamic_json(_plain(value)) for value in column.to_pylist()]
    return [None if value is None else convert(_text(value)) for value in column.to_pylist()]


def _field(table: pa.Table, path: Path) -> pa.ChunkedArray | None:
    if not path or path[0] not in table.column_names:
        return None
    column = table.column(path[0])
    for step in path[1:]:
        if not pa.types.is_struct(column.type) or column.type.get_field_index(step) < 0:
            return None
        column = pa.chunked_array([chunk.field(step) for chunk in column.chunks], column.type.field(step).type)
    return column


def _times(column: pa.ChunkedArray, kind: KustoType) -> list[Value]:
    """Timestamps as ticks, or for a column that is no datetime, what their ISO text converts to."""
    if kind != "datetime":
        convert = FROM_TEXT[kind]
        return [None if text is None else convert(text) for text in column.cast(pa.string()).to_pylist()]
    if pa.types.is_date(column.type):
        return [None if day is None else (day.toordinal() - 1) * TICKS_PER_DAY for day in column.to_pylist()]
    unit = column.type.unit
    numbers = column.cast(pa.timestamp(unit)).cast(pa.int64()).to_pylist()
    if unit == "ns":
        return [None if number is None else UNIX_EPOCH + number // 100 for number in numbers]
    return [None if number is None else UNIX_EPOCH + number * _TICKS_PER[unit] for number in numbers]


def _spans(column: pa.ChunkedArray) -> list[Value]:
    """Durations as ticks; plain integers are ticks already, as the service exports a timespan."""
    numbers = column.cast(pa.int64()).to_pylist()
    if pa.types.is_integer(column.type):
        return list(numbers)
    if column.type.unit == "ns":
        return [None if number is None else number // 100 for number in numbers]
    return [None if number is None else number * _TICKS_PER[column.type.unit] for number in numbers]


def _text(value: object) -> str:
    match value:
        case bool():
            return "true" if value else "false"
        case bytes():
            return value.decode("utf-8", "replace")
        case dict() | list():
            return dynamic_json(_plain(value)) or ""
    return str(value)


def _plain(value: object) -> object:
    """As what JSON can say: everything it has no word for becomes text."""
    match value:
        case dict():
            return {str(key): _plain(each) for key, each in value.items()}
        case list():
            return [_plain(each) for each in value]
        case bytes():
            return value.decode("utf-8", "replace")
        case None | bool() | int() | float() | str():
            return value
    return value.isoformat() if isinstance(value, date) else str(value)
