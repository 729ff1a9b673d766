"""Commands that put data in from queries, and take it out."""

import json
from typing import Literal

import duckdb
from duckdb_kql import ir

from local.data_explorer.appending import INGEST_BY, Appending
from local.data_explorer.commands.operations import operation
from local.data_explorer.commands.reader import CommandReader
from local.data_explorer.commands.tables import create_table
from local.data_explorer.database import Change, Database
from local.data_explorer.errors import AlreadyExists, EntityNotFound, KustoError, SemanticMistake
from local.data_explorer.extensions import Command, CommandContext
from local.data_explorer.ingested import Extent
from local.data_explorer.kql.translation import Translation
from local.data_explorer.materialization.plan import SOURCE
from local.data_explorer.results import ResultTable, table
from local.data_explorer.schema import Column, TableSchema
from local.data_explorer.storage import quoted
from local.data_explorer.wire import type_of

Verb = Literal["set", "append", "set-or-append", "set-or-replace"]
_EXTENTS = "ExtentId:guid OriginalSize:real ExtentSize:real CompressedSize:real IndexSize:real RowCount:long"


def _from_query(verb: Verb, *, is_async: bool) -> Command:
    def run(context: CommandContext, reader: CommandReader) -> ResultTable:
        name = reader.name()
        properties = reader.properties()
        reader.expect("<|")
        text = reader.rest
        translation = context.database.translator.translate(text, run=context.database.asked)
        tags = tuple(json.loads(properties.get("tags", "[]")))
        if _is_ingested(context.database, name, properties.get("ingestifnotexists", "[]")):
            extents: list[Extent] = []
        else:
            if verb == "set-or-replace":
                context.cluster.maintenance(context.database).run()
            extents = context.database.appending(
                lambda change, appending: _put(change, appending, verb, name, translation, tags, properties)
            )
        if is_async:
            return operation(context, "TableSetOrAppend")
        return table(_EXTENTS, [(extent.id, 0.0, 0.0, 0.0, 0.0, extent.rows) for extent in extents])

    return Command((verb, "async") if is_async else (verb,), run)


def _put(
    change: Change,
    appending: Appending,
    verb: Verb,
    name: str,
    translation: Translation,
    tags: tuple[str, ...],
    properties: dict[str, str],
) -> list[Extent]:
    try:
        relation = change.cursor.sql(translation.sql)
        given = [Column(n, type_of(str(kind))) for n, kind in zip(relation.columns, relation.types, strict=True)]
    except duckdb.Error as error:
        raise SemanticMistake(str(error).partition("\n")[0]) from error
    known = change.catalog.tables.get(name)
    if known is not None and verb == "set":
        raise AlreadyExists(f"Entity '{name}' of kind 'Table' already exists.")
    if known is None and verb == "append":
        raise EntityNotFound(f"Entity ID '{name}' of kind 'Table' was not found.")
    described = TableSchema(name, tuple(given), properties.get("folder", ""), properties.get("docstring", ""))
    if known is None:
        create_table(change, described)
        return appending.query(name, translation.sql, relation.columns, tags)
    rows = _matched(known, given, translation.sql)
    if verb != "set-or-replace":
        return appending.query(name, rows, [column.name for column in known.columns], tags)
    change.cursor.execute(f"CREATE TEMP TABLE replacement AS {rows}")
    _clear_rows(change, name)
    extents = appending.query(name, "SELECT * FROM temp.replacement", [column.name for column in known.columns], tags)
    change.cursor.execute("DROP TABLE temp.replacement")
    return extents


def _matched(known: TableSchema, given: list[Column], sql: str) -> str:
    """The query with the table's columns: matched by name when every name is the table's, else by their order."""
    names = [column.name for column in given]
    if set(names) <= {column.name for column in known.columns}:
        missing = [f"NULL AS {quoted(c.name)}" for c in known.columns if c.name not in names]
        return f"SELECT {', '.join([quoted(name) for name in names] + missing)} FROM ({sql})"
    if len(given) != len(known.columns):
        raise KustoError(
            f"The query's schema ({', '.join(names)}) does not match table '{known.name}' ({known.csl}).",
            code="BadRequest_SchemaMismatch",
        )
    renamed = ", ".join(quoted(column.name) for column in known.columns)
    return f"SELECT * FROM ({sql}) AS given({renamed})"


def _is_ingested(database: Database, name: str, values: str) -> bool:
    tags = [INGEST_BY + value for value in json.loads(values)]
    if not tags:
        return False
    with database.storage.reading(database.name) as cursor:
        found = cursor.execute(
            "SELECT 1 FROM meta.extents WHERE table_name = ? AND list_has_any(tags, ?) LIMIT 1", [name, tags]
        ).fetchall()
    return bool(found)


def _clear_rows(change: Change, name: str) -> None:
    change.catalog.table(name)
    change.cursor.execute(f"DELETE FROM rows.{quoted(name)}")
    change.cursor.execute("DELETE FROM meta.extents WHERE table_name = ?", [name])


def _clear(context: CommandContext, reader: CommandReader) -> ResultTable:
    """`.clear table T data`. Materialized views keep what they took from it, as the service's do."""
    name = reader.name()
    reader.expect("data")
    reader.end()
    context.cluster.maintenance(context.database).run()
    with context.database.change() as change:
        _clear_rows(change, name)
    return table("TableName DatabaseName Status", [(name, context.database.name, "Succeeded")])


def _drop_extents(context: CommandContext, reader: CommandReader) -> ResultTable:
    """`.drop extents from T`: all of them."""
    name = reader.name()
    reader.end()
    context.cluster.maintenance(context.database).run()
    with context.database.change() as change:
        change.catalog.table(name)
        dropped = change.cursor.execute(
            "SELECT id, table_name, strftime(created_on, '%Y-%m-%dT%H:%M:%S.%fZ') FROM meta.extents "
            "WHERE table_name = ?",
            [name],
        ).fetchall()
        _clear_rows(change, name)
    return table("ExtentId:guid TableName CreatedOn:datetime", dropped)


def _delete(context: CommandContext, reader: CommandReader) -> ResultTable:
    """`.delete table T records <| T | where …`: soft delete."""
    name = reader.name()
    reader.expect("records")
    reader.properties()
    reader.expect("<|")
    database = context.database
    context.cluster.maintenance(database).run()
    with database.change() as change:
        schema = change.catalog.table(name)
        tree = database.translator.lowered(reader.rest)
        is_filter = isinstance(tree.source, ir.TableRef) and tree.source.name == name and not tree.lets
        if not is_filter or not all(isinstance(operator, ir.Where) for operator in tree.operators):
            raise SemanticMistake(f"the predicate of .delete must be '{name}' and where operators only.")
        tree = ir.Query(ir.TableRef(SOURCE), list(tree.operators))
        columns = [column.name for column in schema.columns]
        chosen = database.translator.rendered(tree, {SOURCE: [*columns, "$row"]})
        rows = f"rows.{quoted(name)}"
        ((deleted,),) = change.cursor.execute(
            f'DELETE FROM {rows} WHERE rowid IN (WITH {quoted(SOURCE)} AS (SELECT *, rowid AS "$row" FROM {rows}) '
            f'SELECT "$row" FROM ({chosen}))'
        ).fetchall()
    return table("ExtentId:guid DeletedRecords:long", [("00000000-0000-0000-0000-000000000000", deleted)])


COMMANDS = (
    *(
        _from_query(verb, is_async=is_async)
        for verb in ("set", "append", "set-or-append", "set-or-replace")
        for is_async in (False, True)
    ),
    Command(("clear", "table"), _clear),
    Command(("clear", "async", "table"), _clear),
    Command(("drop", "extents", "from"), _drop_extents),
    Command(("delete", "table", "*", "records"), _delete),
    Command(("delete", "async", "table", "*", "records"), _delete),
)
