"""`.create external table …` and the other commands on external tables."""

import json

from local.data_explorer.commands.reader import CommandReader
from local.data_explorer.commands.tokens import Kind
from local.data_explorer.errors import EntityNotFound, KustoError
from local.data_explorer.extensions import Command, CommandContext
from local.data_explorer.external.definitions import (
    FORMATS,
    KIND,
    ExternalTable,
    Partition,
    PathPart,
    external_table,
    external_tables,
    keep,
)
from local.data_explorer.external.locations import location
from local.data_explorer.external.paths import bin_ticks, path_sql
from local.data_explorer.external.reading import file_names
from local.data_explorer.ingestion.properties import shown_path
from local.data_explorer.ingestion.times import timespan_ticks
from local.data_explorer.results import ResultTable, table

_SHOWN = "TableName TableType Folder DocString Properties ConnectionStrings:dynamic Partitions:dynamic PathFormat"
_BINS = ("startofday", "startofweek", "startofmonth", "startofyear")


def _create(context: CommandContext, reader: CommandReader) -> ResultTable:
    made = read_definition(reader)
    if context.database.document(KIND, made.name) is not None:
        raise KustoError(f"External table '{made.name}' already exists.", code="BadRequest_EntityAlreadyExists")
    keep(context.database, made)
    return _table([made])


def _create_or_alter(context: CommandContext, reader: CommandReader) -> ResultTable:
    made = read_definition(reader)
    keep(context.database, made)
    return _table([made])


def _alter(context: CommandContext, reader: CommandReader) -> ResultTable:
    made = read_definition(reader)
    external_table(context.database, made.name)
    keep(context.database, made)
    return _table([made])


def _drop(context: CommandContext, reader: CommandReader) -> ResultTable:
    name = reader.name()
    lenient = reader.accept("ifexists")
    reader.end()
    try:
        external_table(context.database, name)
    except EntityNotFound:
        if not lenient:
            raise
    context.database.remove_document(KIND, name)
    return _table(external_tables(context.database))


def _show_all(context: CommandContext, reader: CommandReader) -> ResultTable:
    return _table(external_tables(context.database))


def _show(context: CommandContext, reader: CommandReader) -> ResultTable:
    """`.show external table T [schema as json | cslschema | artifacts]`."""
    found = external_table(context.database, reader.name())
    if reader.accept("artifacts"):
        return _artifacts(found)
    if reader.accept("cslschema") or reader.accept("schema", "as", "csl"):
        shown = found.schema.csl
    elif reader.accept("schema", "as", "json"):
        columns = [{"Name": column.name, "CslType": column.type} for column in found.schema.columns]
        shown = json.dumps({"Name": found.name, "OrderedColumns": columns})
    else:
        return _table([found])
    folder, doc = found.properties.get("folder", ""), found.properties.get("docstring", "")
    return table(
        "TableName Schema DatabaseName Folder DocString", [(found.name, shown, context.database.name, folder, doc)]
    )


def _artifacts(found: ExternalTable) -> ResultTable:
    places = [location(connection) for connection in found.connections]
    return table("Uri", [(place.url(name),) for place in places for name in file_names(found, place)])


def _table(tables: list[ExternalTable]) -> ResultTable:
    return table(_SHOWN, [_row(each) for each in tables])


def _row(each: ExternalTable) -> tuple[object, ...]:
    shown = {**{name: value for name, value in each.properties.items() if name not in ("folder", "docstring")}}
    path = "".join(json.dumps(part.text) if part.text else f" {part.partition} " for part in each.path).strip()
    return (
        each.name,
        "Blob",
        each.properties.get("folder", ""),
        each.properties.get("docstring", ""),
        json.dumps({"Format": each.format.capitalize(), **shown}),
        [f"{shown_path(connection)};*******" for connection in each.connections],
        [{"Name": p.name, "Type": p.type, "Function": p.function, "ColumnName": p.column} for p in each.partitions],
        path,
    )


def read_definition(reader: CommandReader) -> ExternalTable:
    """`N (c:type, …) kind=storage [partition by (…) [pathformat=(…)]] dataformat=f (connections) [with (…)]`."""
    name = reader.name()
    columns = reader.columns()
    reader.expect("kind", "=")
    if reader.name().lower() not in ("storage", "blob", "adl"):
        raise KustoError("The local Data Explorer has external tables of kind storage only")
    partitions = _partitions(reader) if reader.accept("partition", "by") else ()
    path: tuple[PathPart, ...] = ()
    if reader.accept("pathformat"):
        reader.expect("=")
        path = _path_format(reader)
    reader.expect("dataformat", "=")
    format = reader.name().lower()
    if format not in FORMATS:
        raise KustoError(f"An external table's data format can't be '{format}': it is one of {', '.join(FORMATS)}")
    connections = tuple(reader.listed(reader.strings))
    properties = reader.properties()
    reader.end()
    made = ExternalTable(name, columns, format, connections, partitions, path, properties)
    _check(made)
    return made


def _check(made: ExternalTable) -> None:
    """Raises KustoError for what can't be a storage address, a partition or a path."""
    names = {column.name for column in made.columns}
    for partition in made.partitions:
        if partition.function and partition.column not in names:
            raise KustoError(f"Partition '{partition.name}' is of column '{partition.column}', which the table has not")
    if not made.connections:
        raise KustoError(f"External table '{made.name}' needs a storage connection string")
    for connection in made.connections:
        location(connection)
    path_sql(made)


def _partitions(reader: CommandReader) -> tuple[Partition, ...]:
    return tuple(reader.listed(lambda: _partition(reader)))


def _partition(reader: CommandReader) -> Partition:
    """`Name:type`, `Name:type = Column`, `… = startofday(Column)`, `… = bin(Column, 1h)`, `… = hash(Column, 10)`."""
    name = reader.name()
    reader.expect(":")
    kind = reader.name().lower()
    if not reader.accept("="):
        return Partition(name, kind)
    source = reader.name()
    if not reader.accept("("):
        return Partition(name, kind, "column", source)
    column = reader.name()
    argument = 0
    if reader.accept(","):
        written = reader.value()
        ticks = timespan_ticks(written) if source.lower() == "bin" else int(written)
        argument = bin_ticks(ticks or 0) if source.lower() == "bin" else ticks or 1
    reader.expect(")")
    if source.lower() not in (*_BINS, "bin", "hash"):
        raise KustoError(f"Partition '{name}' can't be by {source}(): only by {', '.join(_BINS)}, bin and hash")
    return Partition(name, kind, source.lower(), column, argument)


def _path_format(reader: CommandReader) -> tuple[PathPart, ...]:
    """`("text" Partition datetime_pattern("yyyy/MM", Partition) …)`."""
    reader.expect("(")
    parts = []
    while not reader.accept(")"):
        if reader.token.kind is Kind.STRING:
            parts.append(PathPart(text=reader.string()))
        elif reader.accept("datetime_pattern", "("):
            format = reader.string()
            reader.expect(",")
            parts.append(PathPart(partition=reader.name(), format=format))
            reader.expect(")")
        else:
            parts.append(PathPart(partition=reader.name()))
    return tuple(parts)


COMMANDS = (
    Command(("create", "external", "table"), _create),
    Command(("create-or-alter", "external", "table"), _create_or_alter),
    Command(("alter", "external", "table"), _alter),
    Command(("drop", "external", "table"), _drop),
    Command(("show", "external", "tables"), _show_all),
    Command(("show", "external", "table"), _show),
)
