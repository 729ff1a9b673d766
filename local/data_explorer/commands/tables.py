"""Commands on tables and their columns."""

import dataclasses
import json
from collections.abc import Sequence

from local.data_explorer.commands.reader import CommandReader
from local.data_explorer.database import Change
from local.data_explorer.errors import AlreadyExists, KustoError, SemanticMistake
from local.data_explorer.extensions import Command, CommandContext
from local.data_explorer.results import ResultTable, table
from local.data_explorer.schema import Column, TableSchema
from local.data_explorer.storage import EXTENT, quoted
from local.data_explorer.types import CLR_NAMES, STORED_AS

_CREATED = "TableName Schema DatabaseName Folder DocString"


def create_rows(change: Change, schema: TableSchema) -> None:
    """Makes the storage of a new table and the view that queries see, and adds it to the catalog."""
    columns = ", ".join(f"{quoted(column.name)} {STORED_AS[column.type]}" for column in schema.columns)
    change.cursor.execute(f"CREATE TABLE rows.{quoted(schema.name)}({columns}, {quoted(EXTENT)} BIGINT)")
    show_rows(change, schema)


def show_rows(change: Change, schema: TableSchema) -> None:
    """Makes the table's view show its columns, in order, and keeps the schema."""
    columns = ", ".join(quoted(column.name) for column in schema.columns)
    change.cursor.execute(
        f"CREATE OR REPLACE VIEW main.{quoted(schema.name)} AS SELECT {columns} FROM rows.{quoted(schema.name)}"
    )
    change.put("tables", schema.name, schema)


def _create(context: CommandContext, reader: CommandReader) -> ResultTable:
    name, columns = reader.name(), reader.columns()
    properties = reader.properties()
    reader.end()
    schema = TableSchema(name, columns, properties.get("folder", ""), properties.get("docstring", ""))
    with context.database.change() as change:
        if name in change.catalog.tables:
            schema = change.catalog.tables[name]
        else:
            create_rows(change, schema)
    return _described(context, [schema])


def _described(context: CommandContext, schemas: Sequence[TableSchema]) -> ResultTable:
    return table(
        _CREATED, [(s.name, schema_json(s), context.database.name, s.folder, s.docstring) for s in schemas]
    )


def schema_json(schema: TableSchema) -> str:
    """A table's schema as the service tells it after a command that changed it."""
    columns = [
        {"Name": column.name, "Type": CLR_NAMES[column.type], "CslType": column.type} for column in schema.columns
    ]
    return json.dumps({"Name": schema.name, "OrderedColumns": columns})


COMMANDS = (Command(("create", "table"), _create),)
