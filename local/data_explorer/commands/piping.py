"""A command's result as the source of a query."""

import orjson
import pyarrow as pa

from local.data_explorer.database import Database
from local.data_explorer.queries import Cancellation, run_sql
from local.data_explorer.requests import QueryLimits
from local.data_explorer.results import ResultTable
from local.data_explorer.storage import quoted
from local.data_explorer.types import STORED_AS

_RESULT = "$result"


def run_pipeline(database: Database, result: ResultTable, pipeline: str) -> ResultTable:
    """`result | pipeline`. Raises KustoError."""
    columns = {
        column.name: pa.array([_text(row[place]) for row in result.rows], pa.string())
        for place, column in enumerate(result.columns)
    }
    translation = database.translator.translate(
        f"['{_RESULT}'] | {pipeline}", known={_RESULT: [column.name for column in result.columns]}
    )
    typed = ", ".join(f"{quoted(c.name)}::{STORED_AS[c.type]} AS {quoted(c.name)}" for c in result.columns)
    sql = f"WITH {quoted(_RESULT)} AS (SELECT {typed} FROM given) SELECT * FROM ({translation.sql})"
    piped, _ = run_sql(database, sql, {}, QueryLimits(), Cancellation(), given={"given": pa.table(columns)})
    return piped


def _text(value: object) -> str | None:
    if value is None or isinstance(value, str):
        return value
    return orjson.dumps(value).decode()
