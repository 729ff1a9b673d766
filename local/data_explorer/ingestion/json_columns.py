"""JSON records to the columns of a table, by a mapping."""

from collections.abc import Callable, Sequence

import pyarrow as pa

from local.data_explorer.ingestion.columns import rows_of
from local.data_explorer.ingestion.json_path import Path, value_at
from local.data_explorer.ingestion.json_records import JsonRecords
from local.data_explorer.ingestion.mapping import Element
from local.data_explorer.ingestion.values import FROM_TEXT, Json, Value, from_json
from local.data_explorer.schema import TableSchema
from local.data_explorer.types import KustoType


def texts_suffice(elements: Sequence[Element], schema: TableSchema) -> bool:
    """Whether the mapping takes records only whole, so that their values need not be looked at."""
    return all(
        element.path in ((), None)
        and element.transform in ("", "SourceLocation", "SourceLineNumber")
        and (element.path is None or _kind(schema, element) in ("dynamic", "string"))
        for element in elements
    )


def json_rows(records: JsonRecords, schema: TableSchema, elements: Sequence[Element], source: str = "") -> pa.Table:
    """The records as rows of the table: a field that is missing or doesn't fit its column is null.

    `records` need `values` only where `texts_suffice` says no.
    """
    columns = {element.column: _column(records, schema, element, elements, source) for element in elements}
    return rows_of(schema, columns, len(records.texts))


def _kind(schema: TableSchema, element: Element) -> KustoType:
    column = schema.column(element.column)
    assert column is not None, "the mapping was checked against the table"
    return column.type


def _column(
    records: JsonRecords, schema: TableSchema, element: Element, elements: Sequence[Element], source: str
) -> Sequence[Value]:
    kind = _kind(schema, element)
    count = len(records.texts)
    if element.transform == "SourceLocation":
        return [FROM_TEXT[kind](source)] * count
    if element.transform == "SourceLineNumber":
        return [FROM_TEXT[kind](str(line)) for line in records.lines]
    if element.constant is not None:
        return [FROM_TEXT[kind](element.constant)] * count
    if element.path is None:
        return [None] * count
    if element.path == () and element.transform == "" and kind in ("dynamic", "string"):
        return records.texts
    convert = _conversion(kind, element, elements)
    path = element.path
    if len(path) == 1 and isinstance(path[0], str):
        name = path[0]
        return [convert(record.get(name)) for record in records.values]
    return [convert(value_at(record, path)) for record in records.values]


def _conversion(kind: KustoType, element: Element, elements: Sequence[Element]) -> Callable[[Json], Value]:
    plain = from_json(kind, element.transform)
    match element.transform:
        case "PropertyBagArrayToDictionary":
            return lambda value: plain(_merged(value))
        case "DropMappedFields":
            inner = [
                other.path[len(element.path or ()) :]
                for other in elements
                if other.path and other.path[: len(element.path or ())] == element.path and other.path != element.path
            ]
            return lambda value: plain(_without(value, inner))
    return plain


def _merged(value: Json) -> Json:
    """An array of property bags as one bag; anything else as it is."""
    if not isinstance(value, list):
        return value
    return {key: each for bag in value if isinstance(bag, dict) for key, each in bag.items()}


def _without(value: Json, paths: Sequence[Path]) -> Json:
    """The bag without the fields that other columns take."""
    for path in paths:
        value = _dropped(value, path)
    return value


def _dropped(value: Json, path: Path) -> Json:
    if not path or not isinstance(value, dict) or path[0] not in value:
        return value
    step = str(path[0])
    if len(path) == 1:
        return {key: each for key, each in value.items() if key != step}
    return value | {step: _dropped(value[step], path[1:])}
