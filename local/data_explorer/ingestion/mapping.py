"""Ingestion mappings: which field of a record goes to which column, and how.

Both spellings are taken: `{"column": "a", "Properties": {"Path": "$.a"}}` and the older
`{"column": "a", "path": "$.a", "datatype": "string"}`. Source: Microsoft Learn, "JSON mapping", "CSV mapping",
"Parquet mapping" and "Data mappings" (transformations).
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Literal, cast, get_args

from local.data_explorer.ingestion.failures import IngestionRefused
from local.data_explorer.ingestion.json_path import Path, parse_path
from local.data_explorer.schema import TableSchema

Transform = Literal[
    "",
    "SourceLocation",
    "SourceLineNumber",
    "DateTimeFromUnixSeconds",
    "DateTimeFromUnixMilliseconds",
    "DateTimeFromUnixMicroseconds",
    "DateTimeFromUnixNanoseconds",
    "PropertyBagArrayToDictionary",
    "DropMappedFields",
]
_TRANSFORMS: dict[str, Transform] = {name.lower(): cast(Transform, name) for name in get_args(Transform)} | {"none": ""}


@dataclass(frozen=True)
class Element:
    """Where one column's value comes from: a constant, a path (or top-level field), or a position in a CSV record."""

    column: str
    path: Path | None = None
    ordinal: int | None = None
    constant: str | None = None
    transform: Transform = ""


class InvalidMapping(IngestionRefused):
    """The mapping can't be understood."""

    def __init__(self, message: str) -> None:
        super().__init__("BadRequest_InvalidMapping", message)


@lru_cache(maxsize=512)
def parse_mapping(text: str) -> tuple[Element, ...]:
    """The elements of a mapping's JSON text. Raises IngestionRefused (BadRequest_InvalidMapping)."""
    try:
        elements = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise InvalidMapping(f"The mapping is not JSON: {error}") from error
    if not isinstance(elements, list) or not all(isinstance(element, dict) for element in elements):
        raise InvalidMapping("The mapping is not a JSON array of objects")
    return tuple(_element(element) for element in elements)


def _element(written: Mapping[str, object]) -> Element:
    outer = {key.lower(): value for key, value in written.items()}
    inner = outer.get("properties")
    given = outer | ({key.lower(): value for key, value in inner.items()} if isinstance(inner, dict) else {})
    column = given.get("column") or given.get("name")
    if not isinstance(column, str) or not column:
        raise InvalidMapping(f"A mapping element names no column: {json.dumps(written)}")
    path, constant = _path(column, given)
    return Element(column, path, _ordinal(column, given), constant, _transform(column, given))


def _path(column: str, given: Mapping[str, object]) -> tuple[Path | None, str | None]:
    """The path and the constant; a path that doesn't start with `$` is a constant, as the service has it."""
    constant = given.get("constvalue", given.get("constantvalue"))
    field = given.get("field")
    if isinstance(field, str):
        return (parse_path(field) if field.startswith("$") else (field,)), None
    path = given.get("path")
    if path is None:
        return None, None if constant is None else str(constant)
    if not isinstance(path, str):
        raise InvalidMapping(f"The path of column '{column}' is not text: {path}")
    return (parse_path(path), None) if path.startswith("$") else (None, path)


def _ordinal(column: str, given: Mapping[str, object]) -> int | None:
    ordinal = given.get("ordinal")
    if ordinal is None:
        return None
    if not str(ordinal).isdecimal():
        raise InvalidMapping(f"The ordinal of column '{column}' is not a position: {ordinal}")
    return int(str(ordinal))


def _transform(column: str, given: Mapping[str, object]) -> Transform:
    name = given.get("transform") or given.get("transformationmethod") or ""
    if isinstance(name, list) and len(name) == 1:
        # azure-kusto-ingest 6.0.4 has one of its enum's values in a tuple
        name = name[0]
    transform = _TRANSFORMS.get(str(name).lower())
    if transform is None:
        raise InvalidMapping(f"The transformation of column '{column}' is not known: {name}")
    return transform


def identity(schema: TableSchema) -> tuple[Element, ...]:
    """The mapping when none is given: fields by the columns' names, CSV fields by the columns' order."""
    return tuple(Element(column.name, (column.name,), place) for place, column in enumerate(schema.columns))


def check_columns(elements: Sequence[Element], schema: TableSchema) -> None:
    """Raises IngestionRefused (BadRequest_InconsistentMapping) when a mapped column is not the table's."""
    unknown = [element.column for element in elements if schema.column(element.column) is None]
    if unknown:
        raise IngestionRefused(
            "BadRequest_InconsistentMapping",
            f"The mapping names columns that table '{schema.name}' has not: {', '.join(unknown)}",
        )
