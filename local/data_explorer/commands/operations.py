"""The journal of operations: what an async command did, and `.show operations`."""

import uuid

from local.data_explorer.commands.reader import CommandReader
from local.data_explorer.extensions import Command, CommandContext
from local.data_explorer.results import ResultTable, table
from local.data_explorer.wire import datetime_text

_COLUMNS = (
    "OperationId:guid Operation NodeId StartedOn:datetime LastUpdatedOn:datetime Duration:timespan State Status "
    "RootActivityId:guid ShouldRetry:bool Database Principal User AdminEpochStartTime:datetime"
)


def operation(context: CommandContext, kind: str) -> ResultTable:
    """Keeps an operation that has completed (async commands are done before they answer here); its id."""
    identity = str(uuid.uuid4())
    with context.database.change() as change:
        change.cursor.execute(
            "INSERT INTO meta.operations VALUES (?, ?, now()::TIMESTAMP, now()::TIMESTAMP, 'Completed', '', '')",
            [identity, kind],
        )
    return table("OperationId:guid", [(identity,)])


def _show(context: CommandContext, reader: CommandReader) -> ResultTable:
    """`.show operations [id]`."""
    wanted = "" if reader.is_at_end else reader.rest.strip().strip("()\"'")
    with context.database.storage.reading(context.database.name) as cursor:
        rows = cursor.execute(
            "SELECT operation_id, operation, epoch_us(started_on) * 10, epoch_us(last_updated_on) * 10, state, status "
            "FROM meta.operations WHERE ? IN ('', operation_id) ORDER BY started_on DESC",
            [wanted],
        ).fetchall()
    return table(
        _COLUMNS,
        [
            (identity, kind, "", datetime_text(started), datetime_text(updated), "00:00:00", state, status, identity,
             False, context.database.name, "", "", None)
            for identity, kind, started, updated, state, status in rows
        ],
    )  # fmt: skip


COMMANDS = (Command(("show", "operations"), _show),)
