"""Commands on the columns of a table."""

import dataclasses

from local.data_explorer.commands.reader import CommandReader
from local.data_explorer.commands.tables import described, drop_columns, keep_table, revise
from local.data_explorer.database import Change
from local.data_explorer.errors import AlreadyExists, EntityNotFound
from local.data_explorer.extensions import Command, CommandContext
from local.data_explorer.results import ResultTable
from local.data_explorer.schema import Column, TableSchema
from local.data_explorer.storage import quoted
from local.data_explorer.types import STORED_AS, kusto_type


def _place(reader: CommandReader) -> tuple[str, str]:
    """`Table.Column`, or `Database.Table.Column`."""
    names = reader.qualified_name()
    if len(names) < 2:
        reader.mistake("Table.Column")
    return names[-2], names[-1]


def _column(schema: TableSchema, name: str) -> Column:
    found = schema.column(name)
    if found is None:
        raise EntityNotFound(f"Entity ID '{schema.name}.{name}' of kind 'Column' was not found.")
    return found


def _with_column(schema: TableSchema, name: str, column: Column) -> TableSchema:
    return dataclasses.replace(schema, columns=tuple(column if c.name == name else c for c in schema.columns))


def _rename_column(change: Change, table: str, old: str, new: str) -> None:
    schema = change.catalog.table(table)
    column = _column(schema, old)
    if schema.column(new) is not None:
        raise AlreadyExists(f"Column '{new}' of table '{table}' already exists.")
    change.cursor.execute(f"ALTER TABLE rows.{quoted(table)} RENAME COLUMN {quoted(old)} TO {quoted(new)}")
    keep_table(change, _with_column(schema, old, dataclasses.replace(column, name=new)))


def _rename(context: CommandContext, reader: CommandReader) -> ResultTable:
    table, old = _place(reader)
    reader.expect("to")
    new = reader.name()
    reader.end()
    with context.database.change() as change:
        _rename_column(change, table, old, new)
    return described(context, [table])


def _rename_several(context: CommandContext, reader: CommandReader) -> ResultTable:
    """`.rename columns New = T.Old, New2 = T.Old2`: all at once, so that two may swap names."""
    renames: list[tuple[str, str, str]] = []
    while not renames or reader.accept(","):
        new = reader.name()
        reader.expect("=")
        renames.append((new, *_place(reader)))
    reader.end()
    with context.database.change() as change:
        for new, table, old in renames:
            _rename_column(change, table, old, f"$renamed${new}")
        for new, table, _ in renames:
            _rename_column(change, table, f"$renamed${new}", new)
    return described(context, sorted({table for _, table, _ in renames}))


def _drop(context: CommandContext, reader: CommandReader) -> ResultTable:
    table, name = _place(reader)
    reader.end()
    return _drop_from(context, table, [name])


def _drop_listed(context: CommandContext, reader: CommandReader) -> ResultTable:
    """`.drop table T columns (a, b)`."""
    table = reader.name()
    reader.expect("columns")
    names = reader.names()
    reader.end()
    return _drop_from(context, table, names)


def _drop_from(context: CommandContext, table: str, names: list[str]) -> ResultTable:
    with context.database.change() as change:
        keep_table(change, drop_columns(change, change.catalog.table(table), names))
    return described(context, [table])


def _alter(context: CommandContext, reader: CommandReader) -> ResultTable:
    """`.alter column T.c type = long`: as in the service, data of the old type reads as null from then on."""
    table, name = _place(reader)
    if reader.accept("docstring"):
        text = reader.string()
        reader.end()
        return revise(context, table, lambda schema: _documented(schema, {name: text}))
    reader.expect("type", "=")
    kind = kusto_type(reader.take().text)
    reader.end()
    with context.database.change() as change:
        schema = change.catalog.table(table)
        column = dataclasses.replace(_column(schema, name), type=kind)
        empty = "''" if kind == "string" else "NULL"
        change.cursor.execute(
            f"ALTER TABLE rows.{quoted(table)} ALTER COLUMN {quoted(name)} TYPE {STORED_AS[kind]} USING {empty}"
        )
        keep_table(change, _with_column(schema, name, column))
    return described(context, [table])


def _document(context: CommandContext, reader: CommandReader) -> ResultTable:
    """`.alter-merge table T column-docstrings (a: "…", b: "…")`."""
    table = reader.name()
    reader.expect("column-docstrings")

    def pair() -> tuple[str, str]:
        name = reader.name()
        reader.expect(":")
        return name, reader.string()

    docstrings = dict(reader.listed(pair))
    reader.end()
    return revise(context, table, lambda schema: _documented(schema, docstrings))


def _documented(schema: TableSchema, docstrings: dict[str, str]) -> TableSchema:
    for name, text in docstrings.items():
        schema = _with_column(schema, name, dataclasses.replace(_column(schema, name), docstring=text))
    return schema


COMMANDS = (
    Command(("rename", "column"), _rename),
    Command(("rename", "columns"), _rename_several),
    Command(("drop", "column"), _drop),
    Command(("drop", "table", "*", "columns"), _drop_listed),
    Command(("alter", "column"), _alter),
    Command(("alter-merge", "table", "*", "column-docstrings"), _document),
)
