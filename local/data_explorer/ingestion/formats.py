"""A body of any format to the rows of one table."""

from collections.abc import Sequence
from dataclasses import dataclass

import pyarrow as pa

from local.data_explorer.ingestion.columns import rows_of
from local.data_explorer.ingestion.compression import unpacked
from local.data_explorer.ingestion.delimited import SEPARATORS, read_delimited
from local.data_explorer.ingestion.failures import IngestionRefused
from local.data_explorer.ingestion.json_columns import json_rows, texts_suffice
from local.data_explorer.ingestion.json_records import read_documents, read_lines
from local.data_explorer.ingestion.mapping import Element, check_columns, identity
from local.data_explorer.ingestion.parquet import column_values, read_parquet
from local.data_explorer.ingestion.values import FROM_TEXT, Value, from_text
from local.data_explorer.schema import Column, MappingKind, TableSchema

MAPPED_AS: dict[str, MappingKind] = {
    "json": "json",
    "multijson": "json",
    "singlejson": "json",
    "parquet": "parquet",
    **dict.fromkeys(SEPARATORS, "csv"),
}
"""The formats that are read, and the kind of mapping each takes."""


@dataclass(frozen=True)
class Reading:
    """The rows of a body; `malformed` says for each record left out where it was and why."""

    rows: pa.Table
    malformed: tuple[str, ...] = ()


@dataclass(frozen=True)
class Layout:
    """How a body is to be read. `elements` is its mapping, None for fields named (or ordered) as the columns are.

    `source` is what the SourceLocation transformation gives.
    """

    format: str
    elements: tuple[Element, ...] | None = None
    ignore_first_record: bool = False
    encoding: str = "utf-8-sig"
    source: str = ""


def format_name(written: str) -> str:
    """The format that a client means. Raises IngestionRefused (BadRequest_FormatNotSupported)."""
    name = written.lower()
    if name not in MAPPED_AS:
        raise IngestionRefused(
            "BadRequest_FormatNotSupported",
            f"Format '{written}' is not read by the local Data Explorer, only {', '.join(MAPPED_AS)}",
        )
    return name


def read(body: bytes, schema: TableSchema, layout: Layout) -> Reading:
    """The body, compressed or not, as rows of the table.

    Raises IngestionRefused when nothing in it can be ingested: what the body is not (BadRequest_InvalidBlob, Stream_…),
    or that it holds no record at all (BadRequest_NoRecordsOrWrongFormat).
    """
    elements = identity(schema) if layout.elements is None else layout.elements
    check_columns(elements, schema)
    content = unpacked(body)
    match format_name(layout.format):
        case "json":
            reading = _lines(content, schema, elements, layout)
        case "multijson" | "singlejson":
            reading = Reading(
                json_rows(read_documents(in_utf8(content, layout.encoding)), schema, elements, layout.source)
            )
        case "parquet":
            reading = Reading(_parquet_rows(content, schema, elements, layout))
        case name:
            reading = Reading(_delimited_rows(content, SEPARATORS[name], schema, elements, layout))
    if reading.rows.num_rows == 0:
        reason = f": {reading.malformed[0]}" if reading.malformed else ""
        raise IngestionRefused(
            "BadRequest_NoRecordsOrWrongFormat", f"There is no {layout.format} record in the data{reason}"
        )
    return reading


def in_utf8(content: bytes, encoding: str) -> bytes:
    """Text of any encoding that Python knows as UTF-8. Raises IngestionRefused (BadRequest_InvalidBlob)."""
    if encoding.lower() in ("utf-8-sig", "utf-8", "utf8"):
        return content
    try:
        return content.decode(encoding).encode()
    except (UnicodeError, LookupError) as error:
        raise IngestionRefused("BadRequest_InvalidBlob", f"The data is not {encoding}: {error}") from error


def _lines(content: bytes, schema: TableSchema, elements: Sequence[Element], layout: Layout) -> Reading:
    records = read_lines(in_utf8(content, layout.encoding), texts_only=texts_suffice(elements, schema))
    return Reading(json_rows(records, schema, elements, layout.source), tuple(records.malformed))


def _delimited_rows(
    content: bytes, separator: str, schema: TableSchema, elements: Sequence[Element], layout: Layout
) -> pa.Table:
    records, lines = read_delimited(
        content, separator, ignore_first_record=layout.ignore_first_record, encoding=layout.encoding
    )
    width = len(records[0]) if records else 0
    columns: dict[str, list[Value]] = {}
    for element in elements:
        constant = _constant(element, schema, layout, lines)
        if constant is not None:
            columns[element.column] = constant
        elif element.ordinal is not None and element.ordinal < width:
            convert, place = from_text(_column(schema, element).type, element.transform), element.ordinal
            columns[element.column] = [convert(fields[place]) for fields in records]
    return rows_of(schema, columns, len(records))


def _parquet_rows(content: bytes, schema: TableSchema, elements: Sequence[Element], layout: Layout) -> pa.Table:
    table = read_parquet(content)
    lines = list(range(1, table.num_rows + 1))
    columns: dict[str, list[Value]] = {}
    for element in elements:
        constant = _constant(element, schema, layout, lines)
        if constant is not None:
            columns[element.column] = constant
        elif element.path:
            columns[element.column] = column_values(
                table, element.path, _column(schema, element).type, element.transform
            )
    return rows_of(schema, columns, table.num_rows)


def _constant(element: Element, schema: TableSchema, layout: Layout, lines: list[int]) -> list[Value] | None:
    """The values of an element that doesn't look at the records; None when it does."""
    convert = FROM_TEXT[_column(schema, element).type]
    if element.transform == "SourceLocation":
        return [convert(layout.source)] * len(lines)
    if element.transform == "SourceLineNumber":
        return [convert(str(line)) for line in lines]
    if element.constant is not None:
        return [convert(element.constant)] * len(lines)
    return None


def _column(schema: TableSchema, element: Element) -> Column:
    column = schema.column(element.column)
    assert column is not None, "the mapping was checked against the table"
    return column
