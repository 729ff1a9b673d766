"""What an async export wrote, kept for `.show operation <id> details`."""

import json

from local.data_explorer.database import Database
from local.data_explorer.errors import EntityNotFound
from local.data_explorer.results import ResultColumn, ResultTable

_KIND = "operation-details"


def keep_details(database: Database, operation_id: str, result: ResultTable) -> None:
    kept = {"columns": [[column.name, column.type] for column in result.columns], "rows": list(result.rows)}
    database.put_document(_KIND, operation_id, json.dumps(kept))


def details(database: Database, operation_id: str) -> ResultTable:
    """Raises EntityNotFound."""
    text = database.document(_KIND, operation_id)
    if text is None:
        raise EntityNotFound(f"Entity ID '{operation_id}' of kind 'Operation' was not found, or it has no details.")
    kept = json.loads(text)
    return ResultTable(tuple(ResultColumn(name, kind) for name, kind in kept["columns"]), kept["rows"])
