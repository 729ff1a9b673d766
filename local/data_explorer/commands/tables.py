"""Commands that make, change and drop tables."""

import dataclasses
from collections.abc import Callable, Iterable
from typing import Any

from local.data_explorer.commands.reader import CommandReader
from local.data_explorer.commands.schemas import schema_json
from local.data_explorer.database import Change
from local.data_explorer.errors import AlreadyExists, EntityNotFound, KustoError, SemanticMistake
from local.data_explorer.extensions import Command, CommandContext
from local.data_explorer.materialization.widening import widen_views
from local.data_explorer.results import ResultTable, table
from local.data_explorer.schema import Column, TableSchema
from local.data_explorer.storage import EXTENT, quoted
from local.data_explorer.types import STORED_AS

_CREATED = "TableName Schema DatabaseName Folder DocString"
_DROPPED = "TableName DatabaseName Folder DocString"
Revision = Callable[[TableSchema], TableSchema]


def create_table(change: Change, schema: TableSchema) -> None:
    """Makes the storage of a new table and the view that queries see, and adds it to the catalog."""
    if change.catalog.relation(schema.name) is not None:
        raise AlreadyExists(f"Entity '{schema.name}' of kind 'Table' already exists.")
    columns = ", ".join(f"{quoted(column.name)} {_storage(column)}" for column in schema.columns)
    change.cursor.execute(f"CREATE TABLE rows.{quoted(schema.name)}({columns}, {quoted(EXTENT)} BIGINT)")
    keep_table(change, schema)


def keep_table(change: Change, schema: TableSchema) -> None:
    """Keeps a table's schema, and makes its view show its columns, in order."""
    columns = ", ".join(quoted(column.name) for column in schema.columns)
    change.cursor.execute(
        f"CREATE OR REPLACE VIEW main.{quoted(schema.name)} AS SELECT {columns} FROM rows.{quoted(schema.name)}"
    )
    change.put("tables", schema.name, schema)


def merge_table(change: Change, wanted: TableSchema) -> None:
    """Adds the columns that the table lacks. Raises KustoError when one is there with another type."""
    schema = change.catalog.table(wanted.name)
    _refuse_retyped(schema, wanted)
    added = tuple(column for column in wanted.columns if schema.column(column.name) is None)
    _add_columns(change, schema.name, added)
    keep_table(
        change,
        dataclasses.replace(
            schema,
            columns=schema.columns + added,
            folder=wanted.folder or schema.folder,
            docstring=wanted.docstring or schema.docstring,
        ),
    )


def _refuse_retyped(schema: TableSchema, wanted: TableSchema) -> None:
    """Raises KustoError when a column is wanted with another type than it has."""
    for column in wanted.columns:
        known = schema.column(column.name)
        if known is not None and known.type != column.type:
            raise KustoError(
                f"Column '{column.name}' of table '{schema.name}' is of type {known.type}, not {column.type}: "
                "use .alter column to change its type.",
                code="BadRequest_InvalidSchemaChange",
            )


def drop_columns(change: Change, schema: TableSchema, names: Iterable[str]) -> TableSchema:
    """Drops columns and their data; the table's new schema, which the caller keeps."""
    for name in names:
        if schema.column(name) is None:
            raise EntityNotFound(f"Entity ID '{schema.name}.{name}' of kind 'Column' was not found.")
        if len(schema.columns) == 1:
            raise KustoError(f"The last column of table '{schema.name}' can't be dropped.")
        change.cursor.execute(f"ALTER TABLE rows.{quoted(schema.name)} DROP COLUMN {quoted(name)}")
        schema = dataclasses.replace(schema, columns=tuple(c for c in schema.columns if c.name != name))
    return schema


def _add_columns(change: Change, name: str, columns: Iterable[Column]) -> None:
    for column in columns:
        change.cursor.execute(f"ALTER TABLE rows.{quoted(name)} ADD COLUMN {quoted(column.name)} {_storage(column)}")


def _storage(column: Column) -> str:
    return STORED_AS[column.type] + (" DEFAULT ''" if column.type == "string" else "")


def _alter_table(change: Change, wanted: TableSchema) -> None:
    """Makes the table have exactly these columns, in this order; data of columns left out is lost."""
    schema = change.catalog.table(wanted.name)
    _refuse_retyped(schema, wanted)
    _add_columns(change, schema.name, [column for column in wanted.columns if schema.column(column.name) is None])
    drop_columns(change, schema, [column.name for column in schema.columns if wanted.column(column.name) is None])
    docstrings = {column.name: column.docstring for column in schema.columns}
    columns = tuple(dataclasses.replace(c, docstring=docstrings.get(c.name, "")) for c in wanted.columns)
    keep_table(
        change,
        TableSchema(wanted.name, columns, wanted.folder or schema.folder, wanted.docstring or schema.docstring),
    )


def drop_table(change: Change, name: str) -> TableSchema:
    """Drops a table and what belongs to it. Raises EntityNotFound; KustoError when a view reads it."""
    schema = change.catalog.table(name)
    readers = [view.name for view in change.catalog.views.values() if view.source == name]
    if readers:
        raise KustoError(f"Table '{name}' can't be dropped: materialized view '{readers[0]}' reads it.")
    change.cursor.execute(f"DROP VIEW main.{quoted(name)}")
    change.cursor.execute(f"DROP TABLE rows.{quoted(name)}")
    change.cursor.execute("DELETE FROM meta.extents WHERE table_name = ?", [name])
    change.remove("tables", name)
    for key in [key for key in change.catalog.policies if key[:2] == ("table", name)]:
        change.remove("policies", key)
    for mapping in [key for key in change.catalog.mappings if key[0] == name]:
        change.remove("mappings", mapping)
    return schema


def rename_table(change: Change, old: str, new: str) -> TableSchema:
    """Renames a table, with its policies, mappings and extents. Raises EntityNotFound, AlreadyExists."""
    schema = dataclasses.replace(change.catalog.table(old), name=new)
    if change.catalog.relation(new) is not None:
        raise AlreadyExists(f"Entity '{new}' of kind 'Table' already exists.")
    change.cursor.execute(f"DROP VIEW main.{quoted(old)}")
    change.cursor.execute(f"ALTER TABLE rows.{quoted(old)} RENAME TO {quoted(new)}")
    change.cursor.execute("UPDATE meta.extents SET table_name = ? WHERE table_name = ?", [new, old])
    change.remove("tables", old)
    keep_table(change, schema)
    for key, text in list(change.catalog.policies.items()):
        if key[:2] == ("table", old):
            change.remove("policies", key)
            change.put("policies", ("table", new, key[2]), text)
    for place, mapping in list(change.catalog.mappings.items()):
        if place[0] == old:
            change.remove("mappings", place)
            change.put("mappings", (new, *place[1:]), dataclasses.replace(mapping, table=new))
    return schema


def described(context: CommandContext, names: Iterable[str]) -> ResultTable:
    """What the service answers after a table's schema has changed."""
    schemas = [context.database.table_schema(name) for name in names]
    return table(
        _CREATED,
        [(s.name, schema_json(s), context.database.name, s.folder, s.docstring) for s in schemas],
    )


def _declared(reader: CommandReader) -> list[TableSchema]:
    """`T1 (a:long), T2 (b:string) with (folder = "x")`."""
    tables = [TableSchema(reader.name(), reader.columns())]
    while reader.accept(","):
        tables.append(TableSchema(reader.name(), reader.columns()))
    properties = reader.properties()
    reader.end()
    folder, docstring = properties.get("folder", ""), properties.get("docstring", "")
    return [dataclasses.replace(schema, folder=folder, docstring=docstring) for schema in tables]


def _defining(define: Callable[[Change, TableSchema], None]) -> Callable[[CommandContext, CommandReader], ResultTable]:
    def run(context: CommandContext, reader: CommandReader) -> ResultTable:
        wanted = _declared(reader)
        with context.cluster.maintenance(context.database).paused(), context.database.change() as change:
            for schema in wanted:
                if not schema.columns:
                    raise SemanticMistake(f"table '{schema.name}' must have a column.")
                define(change, schema)
                widen_views(context.database, change, schema.name)
        return described(context, [schema.name for schema in wanted])

    return run


def _create_if_new(change: Change, schema: TableSchema) -> None:
    """`.create table` leaves a table that is there as it is."""
    if schema.name not in change.catalog.tables:
        create_table(change, schema)


def _create_or_merge(change: Change, schema: TableSchema) -> None:
    (merge_table if schema.name in change.catalog.tables else create_table)(change, schema)


def _drop(context: CommandContext, reader: CommandReader) -> ResultTable:
    names = reader.names()
    may_be_missing = reader.accept("ifexists")
    reader.end()
    with context.database.change() as change:
        known = [name for name in names if name in change.catalog.tables or not may_be_missing]
        for name in known:
            drop_table(change, name)
        left = list(change.catalog.tables.values())
    return table(_DROPPED, [(s.name, context.database.name, s.folder, s.docstring) for s in left])


def _rename(context: CommandContext, reader: CommandReader) -> ResultTable:
    old = reader.name()
    reader.expect("to")
    new = reader.name()
    reader.end()
    with context.database.change() as change:
        rename_table(change, old, new)
    return described(context, [new])


def _rename_several(context: CommandContext, reader: CommandReader) -> ResultTable:
    """`.rename tables New1 = Old1, New2 = Old2`: all at once, so that two may swap names."""
    pairs = [_assignment(reader)]
    while reader.accept(","):
        pairs.append(_assignment(reader))
    reader.end()
    with context.database.change() as change:
        for new, old in pairs:
            rename_table(change, old, f"$renamed${new}")
        for new, _ in pairs:
            rename_table(change, f"$renamed${new}", new)
    return described(context, [new for new, _ in pairs])


def _assignment(reader: CommandReader) -> tuple[str, str]:
    new = reader.name()
    reader.expect("=")
    return new, reader.name()


def _describing(attribute: str) -> Callable[[CommandContext, CommandReader], ResultTable]:
    """`.alter table T docstring "…"`, `.alter table T folder "…"`."""

    def run(context: CommandContext, reader: CommandReader) -> ResultTable:
        name = reader.name()
        reader.expect(attribute)
        changed: dict[str, Any] = {attribute: reader.string()}
        reader.end()
        return revise(context, name, lambda schema: dataclasses.replace(schema, **changed))

    return run


def revise(context: CommandContext, name: str, revision: Revision) -> ResultTable:
    """Changes what is kept about a table, but not its data."""
    with context.database.change() as change:
        keep_table(change, revision(change.catalog.table(name)))
    return described(context, [name])


COMMANDS = (
    Command(("create", "table"), _defining(_create_if_new)),
    Command(("create", "tables"), _defining(_create_if_new)),
    Command(("create-merge", "table"), _defining(_create_or_merge)),
    Command(("create-merge", "tables"), _defining(_create_or_merge)),
    Command(("alter", "table"), _defining(_alter_table)),
    Command(("alter", "table", "*", "docstring"), _describing("docstring")),
    Command(("alter", "table", "*", "folder"), _describing("folder")),
    Command(("alter-merge", "table"), _defining(merge_table)),
    Command(("drop", "table"), _drop),
    Command(("drop", "tables"), _drop),
    Command(("rename", "table"), _rename),
    Command(("rename", "tables"), _rename_several),
)
