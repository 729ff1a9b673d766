"""The rows of an external table, read from its files: what `external_table("X")` means in a query.

Files are found as the service finds them: below the connection strings, by the properties namePrefix and
fileExtension. Every file is read for every query; predicates on partitions don't spare any.
"""

import uuid
from collections.abc import Iterator
from datetime import datetime

import pyarrow as pa

from local.data_explorer.database import Database
from local.data_explorer.external.definitions import ExternalTable, external_table
from local.data_explorer.external.locations import location
from local.data_explorer.external.paths import virtual_values
from local.data_explorer.external.places import Location
from local.data_explorer.ingestion.failures import IngestionRefused
from local.data_explorer.ingestion.formats import Layout, read
from local.data_explorer.schema import TableSchema


class FileTables:
    """The external tables of one database, as its queries read them (database.external_tables)."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def schema(self, name: str) -> TableSchema:
        """Raises EntityNotFound."""
        return external_table(self._database, name).schema

    def rows(self, name: str) -> pa.Table:
        """Raises EntityNotFound, and KustoError when a file can't be read."""
        table = external_table(self._database, name)
        parts = [table.schema.arrow.empty_table()]
        for connection in table.connections:
            place = location(connection)
            for number, file in enumerate(file_names(table, place)):
                parts.append(_file_rows(table, place, file, is_first=number == 0))
        return _typed(pa.concat_tables(parts), table.schema)


def _typed(rows: pa.Table, schema: TableSchema) -> pa.Table:
    """The rows with dynamics and guids as what DuckDB takes for JSON and UUID."""
    for place, column in enumerate(schema.columns):
        if column.type == "dynamic":
            rows = rows.set_column(place, column.name, rows.column(place).cast(pa.json_(pa.string())))
        elif column.type == "guid":
            texts = rows.column(place).to_pylist()
            values = [None if text is None else uuid.UUID(text).bytes for text in texts]
            rows = rows.set_column(place, column.name, pa.array(values, pa.binary(16)).cast(pa.uuid()))
    return rows


def file_names(table: ExternalTable, place: Location) -> Iterator[str]:
    """The names of the table's files, below one of its connection strings."""
    prefix = table.properties.get("nameprefix", "")
    extension = table.properties.get("fileextension", "")
    for name in place.names():
        file = name.rpartition("/")[2]
        if file.startswith(prefix) and file.endswith((extension, f"{extension}.gz")):
            yield name


def _file_rows(table: ExternalTable, place: Location, name: str, *, is_first: bool) -> pa.Table:
    own = TableSchema(table.name, table.columns)
    headers = table.properties.get("includeheaders", "none").lower()
    has_header = headers == "all" or (headers == "firstfile" and is_first)
    content = place.read(name)
    try:
        rows = read(content, own, Layout(table.format, ignore_first_record=has_header)).rows
    except IngestionRefused as error:
        if error.code == "BadRequest_NoRecordsOrWrongFormat":
            return table.schema.arrow.empty_table()
        raise IngestionRefused(error.code, f"File {place.url(name)}: {error.message}") from error
    for column, value in virtual_values(table, name).items():
        if column in table.schema.arrow.names and column not in rows.column_names:
            rows = rows.append_column(column, _constant(value, table, column, rows.num_rows))
    return rows.select(table.schema.arrow.names)


def _constant(value: str | datetime | None, table: ExternalTable, column: str, count: int) -> pa.Array:
    kind = table.schema.arrow.field(column).type
    if pa.types.is_timestamp(kind) and isinstance(value, datetime):
        return pa.array([value.replace(tzinfo=None)] * count, kind)
    return pa.array([value if value is not None or pa.types.is_timestamp(kind) else ""] * count, kind)
