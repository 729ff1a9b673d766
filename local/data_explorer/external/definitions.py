"""What an external table is, and how a definition is kept.

Source: Microsoft Learn, "Create and alter Azure Storage external tables" (partitions, path format, properties).
"""

import dataclasses
import json
from dataclasses import dataclass, field
from typing import Any

from local.data_explorer.database import Database
from local.data_explorer.errors import EntityNotFound, KustoError
from local.data_explorer.schema import Column, TableSchema

KIND = "external-table"
"""Under which definitions stand among a database's documents."""
FORMATS = ("csv", "tsv", "json", "multijson", "parquet")
EXPORTED = ("csv", "tsv", "json", "parquet")


@dataclass(frozen=True)
class Partition:
    """A part of the path: of a column's value, or without `function` a virtual column that only the path holds.

    `function` is "" (virtual), "column", "startofday" … "startofyear", "bin" or "hash"; `argument` is bin's ticks or
    hash's modulus.
    """

    name: str
    type: str
    function: str = ""
    column: str = ""
    argument: int = 0


@dataclass(frozen=True)
class PathPart:
    """Literal text, or a partition rendered by a .NET datetime format (its own when empty)."""

    text: str = ""
    partition: str = ""
    format: str = ""


@dataclass(frozen=True)
class ExternalTable:
    """`connections` are storage connection strings, with their secrets."""

    name: str
    columns: tuple[Column, ...]
    format: str
    connections: tuple[str, ...]
    partitions: tuple[Partition, ...] = ()
    path: tuple[PathPart, ...] = ()
    properties: dict[str, str] = field(default_factory=dict)

    @property
    def schema(self) -> TableSchema:
        """What queries see: the columns of the files, then the virtual ones."""
        own = {column.name for column in self.columns}
        virtual = [
            Column(partition.name, "datetime" if partition.type == "datetime" else "string")
            for partition in self.partitions
            if not partition.function and partition.name not in own
        ]
        return TableSchema(self.name, (*self.columns, *virtual))

    def flag(self, name: str) -> bool:
        return self.properties.get(name, "").lower() == "true"


def keep(database: Database, table: ExternalTable) -> None:
    """Adds or replaces a definition. Raises KustoError when a table or view has its name."""
    if database.catalog.relation(table.name) is not None:
        raise KustoError(
            f"An external table can't have the name of table '{table.name}'.", code="BadRequest_EntityAlreadyExists"
        )
    database.put_document(KIND, table.name, json.dumps(dataclasses.asdict(table)))


def external_tables(database: Database) -> list[ExternalTable]:
    return [_decoded(text) for _, text in sorted(database.documents(KIND).items())]


def external_table(database: Database, name: str) -> ExternalTable:
    """Raises EntityNotFound."""
    text = database.document(KIND, name)
    if text is None:
        raise EntityNotFound(f"Entity ID '{name}' of kind 'ExternalTable' was not found.")
    return _decoded(text)


def _decoded(text: str) -> ExternalTable:
    kept: dict[str, Any] = json.loads(text)
    return ExternalTable(
        **{
            **kept,
            "columns": tuple(Column(**column) for column in kept["columns"]),
            "connections": tuple(kept["connections"]),
            "partitions": tuple(Partition(**partition) for partition in kept["partitions"]),
            "path": tuple(PathPart(**part) for part in kept["path"]),
        }
    )
