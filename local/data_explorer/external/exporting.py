"""A query's rows to files: below storage connection strings, or where an external table keeps them.

Sources: Microsoft Learn, "Export data to storage", "Export data to an external table".
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import duckdb
import pyarrow as pa
import pyarrow.compute as pc

from local.data_explorer.database import Database
from local.data_explorer.errors import KustoError, SemanticMistake
from local.data_explorer.external.definitions import EXPORTED, ExternalTable
from local.data_explorer.external.locations import location
from local.data_explorer.external.paths import path_sql
from local.data_explorer.external.rows import QueryRows, query_rows
from local.data_explorer.external.writing import extension, file_bytes
from local.data_explorer.queries import external_relations, registered
from local.data_explorer.storage import quoted

_SIZE_LIMIT = 100 * 1024 * 1024
_ROWS, _PATH = "$exported", "$path"


@dataclass(frozen=True)
class Artifact:
    """A file that an export wrote; `size` is in bytes."""

    path: str
    rows: int
    size: int


@dataclass(frozen=True)
class Target:
    """Where files go and what they are; `name` begins their names, `properties` have names in lower case."""

    connections: tuple[str, ...]
    format: str
    properties: Mapping[str, str]
    name: str


def run(database: Database, cursor: duckdb.DuckDBPyConnection, query: str, *, shadowed: str | None = None) -> QueryRows:
    """A query's rows; `shadowed` is a table that a temporary view on the cursor stands for. Raises KustoError."""
    known, given = external_relations(database, query)
    translation = database.translator.translate(query, shadowed=shadowed, known=known)
    try:
        with registered(cursor, given):
            return query_rows(cursor, translation.sql, translation.parameters)
    except duckdb.Error as error:
        raise SemanticMistake(f"The query to export failed: {error}") from error


def write(data: QueryRows, target: Target, folder: str = "") -> list[Artifact]:
    """Writes rows as one file, or more when they are over the size limit. Raises KustoError."""
    if target.format not in EXPORTED:
        raise KustoError(f"Format '{target.format}' can't be exported, only {', '.join(EXPORTED)}")
    headers = target.properties.get("includeheaders", "none").lower()
    artifacts = []
    for number, rows in enumerate(_split(data.rows, _size_limit(target.properties)), start=1):
        place = location(target.connections[(number - 1) % len(target.connections)])
        name = f"{folder}/" if folder else ""
        name += f"{target.name}_{number}{extension(target.format, target.properties)}"
        has_header = headers == "all" or (headers == "firstfile" and number == 1)
        content = file_bytes(QueryRows(data.columns, rows), target.format, target.properties, has_header=has_header)
        place.write(name, content)
        artifacts.append(Artifact(place.url(name), rows.num_rows, len(content)))
    return artifacts


def _size_limit(properties: Mapping[str, str]) -> int:
    written = properties.get("sizelimit", str(_SIZE_LIMIT))
    if not written.isdecimal():
        raise KustoError(f"Property 'sizeLimit' must be a number of bytes, not '{written}'.")
    return int(written)


def _split(rows: pa.Table, limit: int) -> Iterator[pa.Table]:
    count = max(1, rows.num_rows * max(1, limit) // max(1, rows.nbytes))
    for start in range(0, rows.num_rows, count):
        yield rows.slice(start, count)


def table_target(table: ExternalTable, properties: Mapping[str, str], name: str) -> Target:
    """An external table as the target of an export: what the table says about its files can't be overridden."""
    return Target(
        table.connections,
        table.format,
        {**properties, **table.properties},
        f"{table.properties.get('nameprefix', '')}{name}",
    )


def write_to_table(
    cursor: duckdb.DuckDBPyConnection, data: QueryRows, table: ExternalTable, target: Target
) -> list[Artifact]:
    """Writes rows to the folders of their partitions. Raises KustoError when the columns are not the table's."""
    _check_columns(data, table)
    if not data.rows.num_rows:
        return []
    cursor.register(_ROWS, data.rows)
    try:
        placed = cursor.sql(f"SELECT *, {path_sql(table)} AS {quoted(_PATH)} FROM {quoted(_ROWS)}").to_arrow_table()
    finally:
        cursor.unregister(_ROWS)
    kept = [column.name for column in table.columns]
    columns = tuple(column for column in data.columns if column.name in kept)
    artifacts = []
    for path in sorted(pc.unique(placed.column(_PATH)).to_pylist()):
        rows = placed.filter(pc.equal(placed.column(_PATH), path)).select([column.name for column in columns])
        artifacts += write(QueryRows(columns, rows), target, path)
    return artifacts


def _check_columns(data: QueryRows, table: ExternalTable) -> None:
    given = [(column.name, column.type) for column in data.columns]
    expected = [(column.name, column.type) for column in table.schema.columns]
    if _by_name(given) != _by_name(expected):
        raise SemanticMistake(
            f"The query's schema {_shown(given)} is not that of external table '{table.name}' {_shown(expected)}"
        )


def _by_name(columns: Sequence[tuple[str, str]]) -> list[tuple[str, str]]:
    return sorted(columns)


def _shown(columns: Sequence[tuple[str, str]]) -> str:
    return "(" + ", ".join(f"{name}:{kind}" for name, kind in columns) + ")"
