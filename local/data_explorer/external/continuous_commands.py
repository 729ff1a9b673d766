"""`.create-or-alter continuous-export …` and the other commands on continuous exports."""

import dataclasses
import json

from local.data_explorer.commands.reader import CommandReader
from local.data_explorer.errors import KustoError
from local.data_explorer.extensions import Command, CommandContext
from local.data_explorer.external.continuous import (
    ContinuousExport,
    artifacts,
    continuous_export,
    continuous_exports,
    drop,
    export_properties,
    keep,
    moment,
    progress,
)
from local.data_explorer.ingestion.times import TICKS_PER_SECOND, timespan_ticks
from local.data_explorer.results import ResultTable, table
from local.data_explorer.wire import timespan_text

_SHOWN = (
    "Name ExternalTableName Query ForcedLatency:timespan IntervalBetweenRuns:timespan CursorScopedTables "
    "ExportProperties LastRunTime:datetime StartCursor IsDisabled:bool LastRunResult ExportedTo:datetime IsRunning:bool"
)
_ARTIFACTS = "Timestamp:datetime ExternalTableName Path NumRecords:long SizeInBytes:long"
_FAILURES = "Timestamp:datetime OperationId Name LastSuccessRun:datetime FailureKind Details"
_SHORTEST_SECONDS = 1.0


def _create_or_alter(context: CommandContext, reader: CommandReader) -> ResultTable:
    """`N [over (T, …)] to table E [with (intervalBetweenRuns=1h, …)] <| query`."""
    name = reader.name()
    over = tuple(reader.names()) if reader.accept("over") else ()
    reader.expect("to", "table")
    target = reader.name()
    properties = reader.properties()
    reader.expect("<|")
    export = ContinuousExport(
        name=name,
        external_table=target,
        query=reader.rest,
        over=over,
        interval_seconds=max(_SHORTEST_SECONDS, _seconds(properties, "intervalbetweenruns", 3600)),
        latency_seconds=_seconds(properties, "forcedlatency", 0),
        is_disabled=properties.pop("isdisabled", "").lower() == "true",
        properties=properties,
    )
    keep(context.database, export)
    return _table(context, [export])


def _seconds(properties: dict[str, str], name: str, default: float) -> float:
    written = properties.get(name)
    if written is None:
        return default
    ticks = timespan_ticks(written)
    if ticks is None or ticks < 0:
        raise KustoError(f"Property '{name}' must be a timespan such as 1h, not '{written}'.")
    return ticks / TICKS_PER_SECOND


def _show_all(context: CommandContext, reader: CommandReader) -> ResultTable:
    return _table(context, continuous_exports(context.database))


def _show(context: CommandContext, reader: CommandReader) -> ResultTable:
    """`N [exported-artifacts | failures]`."""
    export = continuous_export(context.database, reader.name())
    if reader.accept("exported-artifacts"):
        rows = [
            (moment(ran), export.external_table, artifact.path, artifact.rows, artifact.size)
            for ran, artifact in artifacts(context.database, export.name)
        ]
        return table(_ARTIFACTS, rows)
    if reader.accept("failures"):
        state = progress(context.database, export.name)
        failed = [(moment(state.last_run), "", export.name, moment(state.last_success), "Transient", state.failure)]
        return table(_FAILURES, failed if state.failure else [])
    return _table(context, [export])


def _drop(context: CommandContext, reader: CommandReader) -> ResultTable:
    export = continuous_export(context.database, reader.name())
    shown = _table(context, [export])
    drop(context.database, export.name)
    return shown


def _switch(context: CommandContext, reader: CommandReader, *, is_disabled: bool) -> ResultTable:
    export = dataclasses.replace(continuous_export(context.database, reader.name()), is_disabled=is_disabled)
    keep(context.database, export)
    return _table(context, [export])


def _table(context: CommandContext, exports: list[ContinuousExport]) -> ResultTable:
    return table(_SHOWN, [_row(context, export) for export in exports])


def _row(context: CommandContext, export: ContinuousExport) -> tuple[object, ...]:
    state = progress(context.database, export.name)
    result = "" if not state.last_run else ("Failed" if state.failure else "Completed")
    return (
        export.name,
        export.external_table,
        export.query,
        timespan_text(int(export.latency_seconds * TICKS_PER_SECOND)) if export.latency_seconds else None,
        timespan_text(int(export.interval_seconds * TICKS_PER_SECOND)),
        json.dumps([f"['{context.database.name}'].['{name}']" for name in export.over]),
        json.dumps(export_properties(export)),
        moment(state.last_run),
        str(state.start),
        export.is_disabled,
        result,
        moment(state.cursor / 1_000_000),
        state.running_to > 0,
    )


COMMANDS = (
    Command(("create-or-alter", "continuous-export"), _create_or_alter),
    Command(("create", "continuous-export"), _create_or_alter),
    Command(("alter", "continuous-export"), _create_or_alter),
    Command(("show", "continuous-exports"), _show_all),
    Command(("show", "continuous-export"), _show),
    Command(("drop", "continuous-export"), _drop),
    Command(("enable", "continuous-export"), lambda context, reader: _switch(context, reader, is_disabled=False)),
    Command(("disable", "continuous-export"), lambda context, reader: _switch(context, reader, is_disabled=True)),
)
