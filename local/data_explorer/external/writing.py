"""Rows to the bytes of a file: CSV, TSV, JSON lines or Parquet, as the service exports them.

Source: Microsoft Learn, "Export data to storage" (properties; Parquet data types mapping: datetimes as INT96, timespans
as ticks, dynamics and guids as text).
"""

import csv
import gzip
import io
from collections.abc import Callable, Mapping
from typing import Any

import orjson
import pyarrow as pa
import pyarrow.parquet as pq

from local.data_explorer.errors import KustoError
from local.data_explorer.external.rows import QueryRows
from local.data_explorer.types import KustoType
from local.data_explorer.wire import datetime_text, timespan_text

_SEPARATORS = {"csv": ",", "tsv": "\t"}
_ROW_GROUP = 100_000
_BOM = b"\xef\xbb\xbf"


def file_bytes(data: QueryRows, format: str, properties: Mapping[str, str], *, has_header: bool) -> bytes:
    """The file's content; `properties` are those of the export or the external table, names in lower case.

    Raises KustoError for a property that can't be followed.
    """
    if format == "parquet":
        try:
            return _parquet(data, properties)
        except (pa.ArrowException, OSError, ValueError) as error:
            raise KustoError(f"The rows can't be written as Parquet with {dict(properties)}: {error}") from error
    content = _json(data) if format == "json" else _delimited(data, _SEPARATORS[format], has_header)
    if properties.get("encoding", "").upper() == "UTF8BOM":
        content = _BOM + content
    return gzip.compress(content, mtime=0) if is_compressed(properties) else content


def is_compressed(properties: Mapping[str, str]) -> bool:
    return properties.get("compressed", "").lower() == "true"


def extension(format: str, properties: Mapping[str, str]) -> str:
    """How the file's name ends."""
    own = properties.get("fileextension") or f".{format}"
    return own + (".gz" if format != "parquet" and is_compressed(properties) else "")


def _parquet(data: QueryRows, properties: Mapping[str, str]) -> bytes:
    stream = io.BytesIO()
    pq.write_table(
        data.rows,
        stream,
        compression=properties.get("compressiontype", "gzip").lower().replace("lz4_raw", "lz4"),
        use_deprecated_int96_timestamps=properties.get("usenativeparquetwriter", "").lower() != "true",
        coerce_timestamps="us" if properties.get("usenativeparquetwriter", "").lower() == "true" else None,
        allow_truncated_timestamps=True,
        row_group_size=int(properties.get("parquetrowgroupsize", _ROW_GROUP)),
    )
    return stream.getvalue()


def _delimited(data: QueryRows, separator: str, has_header: bool) -> bytes:
    stream = io.StringIO(newline="")
    writer = csv.writer(stream, delimiter=separator, lineterminator="\r\n")
    if has_header:
        writer.writerow([column.name for column in data.columns])
    encoded = [[_field(value) for value in _encoded(data, place)] for place in range(len(data.columns))]
    writer.writerows(zip(*encoded, strict=True))
    return stream.getvalue().encode()


def _field(value: object) -> str:
    if value is None:
        return ""
    return str(value).lower() if isinstance(value, bool) else str(value)


def _json(data: QueryRows) -> bytes:
    names = [column.name for column in data.columns]
    encoded = [
        [None if text is None else orjson.Fragment(text) for text in data.rows.column(place).to_pylist()]
        if data.columns[place].type == "dynamic"
        else _encoded(data, place)
        for place in range(len(names))
    ]
    lines = [orjson.dumps(dict(zip(names, row, strict=True)), default=str) for row in zip(*encoded, strict=True)]
    return b"\n".join(lines) + b"\n" if lines else b""


def _encoded(data: QueryRows, place: int) -> list[Any]:
    """A column's values as JSON and CSV write them."""
    column: pa.ChunkedArray = data.rows.column(place)
    convert = _TEXTS.get(data.columns[place].type)
    if convert is None:
        return list(column.to_pylist())
    values = column.cast(pa.int64()).to_pylist() if pa.types.is_timestamp(column.type) else column.to_pylist()
    return [None if value is None else convert(value) for value in values]


_TEXTS: dict[KustoType, Callable[[Any], object]] = {
    "datetime": lambda nanoseconds: datetime_text(nanoseconds // 100),
    "timespan": timespan_text,
}
