"""`.show` commands on tables, databases, extents, failures and the cluster."""

import json
from collections.abc import Callable, Iterable

from local.data_explorer.catalog import Catalog
from local.data_explorer.commands.reader import CommandReader
from local.data_explorer.commands.schemas import database_document, shown_schema
from local.data_explorer.database import Database
from local.data_explorer.extensions import Command, CommandContext
from local.data_explorer.responses import now_text
from local.data_explorer.results import ResultTable, table
from local.data_explorer.schema import TableSchema
from local.data_explorer.types import CLR_NAMES
from local.data_explorer.wire import datetime_text

_TABLES = "TableName DatabaseName Folder DocString"
_DETAILS = (
    "TableName DatabaseName Folder DocString TotalExtents:long TotalExtentSize:real TotalOriginalSize:real "
    "TotalRowCount:long HotExtents:long HotExtentSize:real HotOriginalSize:real HotRowCount:long "
    "AuthorizedPrincipals RetentionPolicy CachingPolicy ShardingPolicy MergePolicy StreamingIngestionPolicy "
    "IngestionBatchingPolicy MinExtentsCreationTime:datetime MaxExtentsCreationTime:datetime"
)
_DATABASES = "DatabaseName PersistentStorage Version IsCurrent:bool DatabaseAccessMode PrettyName DatabaseId:guid"
_SCHEMA = (
    "DatabaseName TableName ColumnName ColumnType IsDefaultTable:bool IsDefaultColumn:bool PrettyName Version Folder "
    "DocString"
)
_EXTENTS = (
    "ExtentId:guid DatabaseName TableName MaxCreatedOn:datetime MinCreatedOn:datetime OriginalSize:real "
    "ExtentSize:real CompressedSize:real IndexSize:real Blocks:long Segments:long RowCount:long Tags"
)
_FAILURES = (
    "OperationId:guid Database Table FailedOn:datetime IngestionSourcePath Details FailureKind RootActivityId:guid "
    "OperationKind OriginatesFromUpdatePolicy:bool ErrorCode Principal ShouldRetry:bool User IngestionProperties"
)
_NIL = "00000000-0000-0000-0000-000000000000"
Run = Callable[[CommandContext, CommandReader], ResultTable]


def _tables(context: CommandContext, reader: CommandReader) -> ResultTable:
    """`.show tables [(A, B)] [details]`, `.show table T [details]`."""
    catalog = context.database.catalog
    chosen = list(catalog.tables.values())
    if not reader.is_at_end and not reader.is_words("details"):
        chosen = [catalog.table(name) for name in reader.names()]
    detailed = reader.accept("details")
    reader.end()
    if detailed:
        return _detailed(context.database, chosen)
    return table(_TABLES, [(s.name, context.database.name, s.folder, s.docstring) for s in chosen])


def _table(context: CommandContext, reader: CommandReader) -> ResultTable:
    """`.show table T`: its columns; `… details`; `… schema as json`, `… cslschema`."""
    schema = context.database.table_schema(reader.qualified_name()[-1])
    if reader.accept("details"):
        reader.end()
        return _detailed(context.database, [schema])
    if not reader.is_at_end:
        return shown_schema(context.database, schema, reader)
    rows = [(column.name, CLR_NAMES[column.type], column.type, column.docstring) for column in schema.columns]
    return table("AttributeName AttributeType CslType DocString", rows)


def _detailed(database: Database, schemas: Iterable[TableSchema]) -> ResultTable:
    with database.storage.reading(database.name) as cursor:
        found = cursor.execute(
            "SELECT table_name, count(*), sum(row_count)::BIGINT, epoch_us(min(created_on)) * 10, "
            "epoch_us(max(created_on)) * 10 FROM meta.extents GROUP BY table_name"
        ).fetchall()
    totals = {name: tuple(values) for name, *values in found}
    rows = []
    for schema in schemas:
        extents, count, oldest, newest = totals.get(schema.name, (0, 0, None, None))
        policies = [
            json.dumps(database.catalog.policy("table", schema.name, policy))
            for policy in ("retention", "caching", "sharding", "merge", "streamingingestion", "ingestionbatching")
        ]
        times = [None if ticks is None else datetime_text(ticks) for ticks in (oldest, newest)]
        rows.append(
            (schema.name, database.name, schema.folder, schema.docstring, extents, 0.0, 0.0, count, extents, 0.0, 0.0,
             count, "[]", *policies, *times)
        )  # fmt: skip
    return table(_DETAILS, rows)


def _databases(context: CommandContext, reader: CommandReader) -> ResultTable:
    reader.accept("details")
    reader.end()
    return _shown_databases(context, context.cluster.databases.values())


def _shown_databases(context: CommandContext, databases: Iterable[Database]) -> ResultTable:
    rows = [
        (d.name, "", f"v1.{d.catalog.version}", d.name == context.database.name, "ReadWrite", "", _NIL)
        for d in databases
    ]
    return table(_DATABASES, rows)


def _database(context: CommandContext, reader: CommandReader) -> ResultTable:
    """`.show database [D] [details]`, `.show database [D] schema [as json]`, `… cslschema`."""
    database = context.database
    if not reader.is_at_end and not any(map(reader.is_words, ("details", "schema", "cslschema"))):
        database = context.cluster.database(reader.name())
    if reader.accept("cslschema"):
        reader.end()
        rows = [(s.name, s.csl, database.name, s.folder, s.docstring) for s in database.catalog.tables.values()]
        return table("TableName Schema DatabaseName Folder DocString", rows)
    if not reader.accept("schema"):
        reader.accept("details")
        reader.end()
        return _shown_databases(context, [database])
    return _schema(reader, [database])


def _databases_schema(context: CommandContext, reader: CommandReader) -> ResultTable:
    """`.show databases [(A, B)] schema [as json]`, `.show schema [as json]`."""
    names = [] if reader.is_at_end or not reader.is_words("(") else reader.names()
    reader.accept("schema")
    databases = context.cluster.databases
    return _schema(reader, [context.cluster.database(name) for name in names] or list(databases.values()))


def _schema(reader: CommandReader, databases: list[Database]) -> ResultTable:
    as_json = reader.accept("as", "json")
    reader.end()
    if as_json:
        document = {"Databases": {d.name: database_document(d.name, d.catalog) for d in databases}}
        return table("DatabaseSchema", [(json.dumps(document),)])
    return table(_SCHEMA, [row for database in databases for row in _schema_rows(database.name, database.catalog)])


def _schema_rows(name: str, catalog: Catalog) -> list[tuple[object, ...]]:
    rows: list[tuple[object, ...]] = [(name, "", "", "", False, False, "", f"v1.{catalog.version}", "", "")]
    for schema in (*catalog.tables.values(), *catalog.view_columns.values()):
        rows.append((name, schema.name, "", "", False, False, "", "", schema.folder, schema.docstring))
        rows += [
            (name, schema.name, c.name, CLR_NAMES[c.type], False, False, "", "", "", c.docstring)
            for c in schema.columns
        ]
    return rows


def _extents(*, of_table: bool) -> Run:
    def run(context: CommandContext, reader: CommandReader) -> ResultTable:
        """`.show table T extents`, `.show database extents`."""
        name = ""
        if of_table:
            name = reader.name()
            context.database.table_schema(name)
            reader.expect("extents")
        reader.end()
        with context.database.storage.reading(context.database.name) as cursor:
            found = cursor.execute(
                "SELECT id, table_name, epoch_us(created_on) * 10, row_count, tags FROM meta.extents "
                "WHERE ? IN ('', table_name) ORDER BY first",
                [name],
            ).fetchall()
        rows = [
            (identity, context.database.name, owner, datetime_text(created), datetime_text(created), 0.0, 0.0, 0.0, 0.0,
             1, 1, count, " ".join(tags))
            for identity, owner, created, count, tags in found
        ]  # fmt: skip
        return table(_EXTENTS, rows)

    return run


def _failures(context: CommandContext, reader: CommandReader) -> ResultTable:
    """`.show ingestion failures [with (OperationId = "…")]`."""
    wanted = reader.properties().get("operationid", "")
    reader.end()
    with context.database.storage.reading(context.database.name) as cursor:
        found = cursor.execute(
            "SELECT operation_id, table_name, epoch_us(failed_on) * 10, source, details, kind, operation_kind, "
            "from_update_policy, error_code, properties FROM meta.failures WHERE ? IN ('', operation_id) "
            "ORDER BY failed_on DESC",
            [wanted],
        ).fetchall()
    rows = [
        (identity, context.database.name, owner, datetime_text(failed), source, details, kind, identity, operation,
         from_policy, code, "", kind != "Permanent", "", properties)
        for identity, owner, failed, source, details, kind, operation, from_policy, code, properties in found
    ]  # fmt: skip
    return table(_FAILURES, rows)


def _version(context: CommandContext, reader: CommandReader) -> ResultTable:
    reader.end()
    row = ("1.0.0.0", "2025-01-01T00:00:00Z", "Engine", "local", "", "Local")
    return table("BuildVersion BuildTime:datetime ServiceType ProductVersion ServiceOffering NodeType", [row])


def _cluster(context: CommandContext, reader: CommandReader) -> ResultTable:
    reader.end()
    columns = "NodeId Address Name StartTime:datetime IsAdmin:bool MachineTotalMemory:long MachineAvailableMemory:long"
    return table(columns, [("local", "127.0.0.1", "local", now_text(), True, 0, 0)])


def _create_database(context: CommandContext, reader: CommandReader) -> ResultTable:
    """`.create database D [ifnotexists]`."""
    name = reader.name()
    is_known = name in context.cluster.databases
    if not (reader.accept("ifnotexists") and is_known):
        context.cluster.create(name)
    return _shown_databases(context, [context.cluster.database(name)])


COMMANDS = (
    Command(("show", "cluster", "extents"), _extents(of_table=False)),
    Command(("show", "tables"), _tables),
    Command(("show", "table"), _table),
    Command(("show", "database"), _database),
    Command(("show", "databases"), _databases),
    Command(("show", "databases", "schema"), _databases_schema),
    Command(("show", "databases", "*", "schema"), _databases_schema),
    Command(("show", "schema"), _databases_schema),
    Command(("show", "table", "*", "extents"), _extents(of_table=True)),
    Command(("show", "database", "extents"), _extents(of_table=False)),
    Command(("show", "ingestion", "failures"), _failures),
    Command(("show", "version"), _version),
    Command(("show", "cluster"), _cluster),
    Command(("create", "database"), _create_database),
)
