"""`.export to csv|tsv|json|parquet (…)` and `.export to table E`, at once or as an operation."""

import uuid

from local.data_explorer.commands.operations import operation
from local.data_explorer.commands.reader import CommandReader
from local.data_explorer.extensions import Command, CommandContext
from local.data_explorer.external.definitions import external_table
from local.data_explorer.external.details import details, keep_details
from local.data_explorer.external.exporting import Artifact, Target, run, table_target, write, write_to_table
from local.data_explorer.results import ResultTable, table

_TO_STORAGE = "Path NumRecords:long SizeInBytes:long"
_TO_TABLE = "ExternalTableName Path NumRecords:long SizeInBytes:long"


def _export(context: CommandContext, reader: CommandReader) -> ResultTable:
    compressed = reader.accept("compressed")
    reader.expect("to")
    if reader.accept("table"):
        return _to_table(context, reader)
    format = reader.name().lower()
    connections = tuple(reader.listed(reader.strings))
    properties = {**reader.properties(), **({"compressed": "true"} if compressed else {})}
    reader.expect("<|")
    name = f"{properties.get('nameprefix') or 'export'}_{uuid.uuid4().hex}"
    with context.database.storage.reading(context.database.name) as cursor:
        data = run(context.database, cursor, reader.rest)
    artifacts = write(data, Target(connections, format, properties, name))
    return table(_TO_STORAGE, [(each.path, each.rows, each.size) for each in artifacts])


def _to_table(context: CommandContext, reader: CommandReader) -> ResultTable:
    found = external_table(context.database, reader.name())
    target = table_target(found, reader.properties(), uuid.uuid4().hex)
    reader.expect("<|")
    with context.database.storage.reading(context.database.name) as cursor:
        data = run(context.database, cursor, reader.rest)
        artifacts = write_to_table(cursor, data, found, target)
    return table(_TO_TABLE, [_row(found.name, each) for each in artifacts])


def _row(name: str, artifact: Artifact) -> tuple[object, ...]:
    return name, artifact.path, artifact.rows, artifact.size


def _export_async(context: CommandContext, reader: CommandReader) -> ResultTable:
    """Done by the time that it answers, as every async command here; `.show operation <id> details` tells the files."""
    result = _export(context, reader)
    started = operation(context, "DataExport")
    keep_details(context.database, str(started.rows[0][0]), result)
    return started


def _details(context: CommandContext, reader: CommandReader) -> ResultTable:
    identity = "".join(reader.rest.split()[:1]).strip("()'\"")
    return details(context.database, identity)


COMMANDS = (
    Command(("export",), _export),
    Command(("export", "async"), _export_async),
    Command(("show", "operation"), _details),
)
