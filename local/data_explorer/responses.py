"""The bodies of answers: version 1 (tables), version 2 (frames, progressive or not), and errors.

Sources: Learn, "Query V1 HTTP response", "Query V2 HTTP response", "Progressive frames".
"""

import datetime
import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import orjson

from local.data_explorer.errors import KustoError
from local.data_explorer.results import ResultTable
from local.data_explorer.types import CLR_NAMES
from local.data_explorer.wire import datetime_text

FRAGMENT_ROWS = 10_000
_INFORMATION = (
    ("Timestamp", "datetime"),
    ("ClientRequestId", "string"),
    ("ActivityId", "guid"),
    ("SubActivityId", "guid"),
    ("ParentActivityId", "guid"),
    ("Level", "int"),
    ("LevelName", "string"),
    ("StatusCode", "int"),
    ("StatusCodeName", "string"),
    ("EventType", "int"),
    ("EventTypeName", "string"),
    ("Payload", "string"),
)
_STATUS = (
    ("Timestamp", "datetime"),
    ("Severity", "int"),
    ("SeverityName", "string"),
    ("StatusCode", "int"),
    ("StatusDescription", "string"),
    ("Count", "int"),
    ("RequestId", "guid"),
    ("ActivityId", "guid"),
    ("SubActivityId", "guid"),
    ("ClientActivityId", "string"),
)
_CONTENTS = (("Ordinal", "long"), ("Kind", "string"), ("Name", "string"), ("Id", "string"), ("PrettyName", "string"))


@dataclass(frozen=True)
class Answer:
    """What a query gave. `failure` is set when it gave only part of its rows."""

    table: ResultTable
    visualization: dict[str, Any]
    client_request_id: str
    activity_id: str
    failure: KustoError | None = None


def now_text() -> str:
    return datetime_text(int(datetime.datetime.now(datetime.UTC).timestamp() * 1_000_000) * 10)


def encode(document: object) -> bytes:
    return orjson.dumps(document, option=orjson.OPT_SERIALIZE_NUMPY)


def error_document(error: KustoError, client_request_id: str, activity_id: str) -> dict[str, Any]:
    """The OneApiErrors object of a failed request."""
    context = {
        "timestamp": now_text(),
        "serviceAlias": "LOCAL",
        "machineName": "localhost",
        "clientRequestId": client_request_id,
        "activityId": activity_id,
        "subActivityId": activity_id,
        "activityType": "DN.FE.ExecuteQuery",
        "parentActivityId": activity_id,
    }
    document = {
        "code": error.code,
        "message": error.summary,
        "@type": error.kind,
        "@message": error.message,
        "@context": context,
        "@permanent": error.permanent,
    }
    if error.inner:
        document["innererror"] = {"@context": context, "@permanent": error.permanent, **error.inner}
    return {"error": document}


def v1_table(name: str, table: ResultTable) -> dict[str, Any]:
    columns = [
        {"ColumnName": column.name, "DataType": CLR_NAMES[column.type].rsplit(".", 1)[-1], "ColumnType": column.type}
        for column in table.columns
    ]
    return {"TableName": name, "Columns": columns, "Rows": table.rows}


def v1_command(tables: list[ResultTable]) -> dict[str, Any]:
    """What a management command answers."""
    return {"Tables": [v1_table(f"Table_{place}", table) for place, table in enumerate(tables)]}


def v1_query(answer: Answer) -> dict[str, Any]:
    """What a version 1 query answers: its rows, their rendering, its status, and a table of contents."""
    status = [
        (
            now_text(),
            4,
            "Info",
            0,
            "Query completed successfully",
            1,
            *[answer.activity_id] * 3,
            answer.client_request_id,
        )
    ]
    contents = [
        (0, "QueryResult", "PrimaryResult", str(uuid.uuid4()), ""),
        (1, "QueryProperties", "@ExtendedProperties", str(uuid.uuid4()), ""),
        (2, "QueryStatus", "QueryStatus", "00000000-0000-0000-0000-000000000000", ""),
    ]
    document: dict[str, Any] = {
        "Tables": [
            v1_table("Table_0", answer.table),
            _v1_plain("Table_1", (("Value", "string"),), [(encode(answer.visualization).decode(),)]),
            _v1_plain("Table_2", _STATUS, status),
            _v1_plain("Table_3", _CONTENTS, contents),
        ]
    }
    if answer.failure is not None:
        document["Exceptions"] = [answer.failure.message]
    return document


def _v1_plain(name: str, columns: tuple[tuple[str, str], ...], rows: list[tuple[Any, ...]]) -> dict[str, Any]:
    described = [
        {"ColumnName": column, "DataType": CLR_NAMES[kind].rsplit(".", 1)[-1], "ColumnType": kind}  # type: ignore[index]
        for column, kind in columns
    ]
    return {"TableName": name, "Columns": described, "Rows": rows}


def v2_frames(answer: Answer, *, progressive: bool) -> Iterator[dict[str, Any]]:
    """The frames that a version 2 query answers, in order."""
    yield {
        "FrameType": "DataSetHeader",
        "IsProgressive": progressive,
        "Version": "v2.0",
        "IsFragmented": False,
        "ErrorReportingPlacement": "InData",
    }
    yield _v2_table(
        0,
        "QueryProperties",
        "@ExtendedProperties",
        (("TableId", "int"), ("Key", "string"), ("Value", "dynamic")),
        [(1, "Visualization", encode(answer.visualization).decode())],
    )
    yield from _progressive(answer) if progressive else [_primary(answer)]
    yield _v2_table(2, "QueryCompletionInformation", "QueryCompletionInformation", _INFORMATION, [_completion(answer)])
    end: dict[str, Any] = {
        "FrameType": "DataSetCompletion",
        "HasErrors": answer.failure is not None,
        "Cancelled": False,
    }
    if answer.failure is not None:
        end["OneApiErrors"] = [_failure(answer)]
    yield end


def _failure(answer: Answer) -> dict[str, Any]:
    assert answer.failure is not None
    return error_document(answer.failure, answer.client_request_id, answer.activity_id)


def _columns(table: ResultTable) -> list[dict[str, str]]:
    return [{"ColumnName": column.name, "ColumnType": column.type} for column in table.columns]


def _primary(answer: Answer) -> dict[str, Any]:
    rows = list(answer.table.rows)
    if answer.failure is not None:
        rows.append({"OneApiErrors": [_failure(answer)]})  # type: ignore[arg-type]
    return {
        "FrameType": "DataTable",
        "TableId": 1,
        "TableKind": "PrimaryResult",
        "TableName": "PrimaryResult",
        "Columns": _columns(answer.table),
        "Rows": rows,
    }


def _progressive(answer: Answer) -> Iterator[dict[str, Any]]:
    yield {
        "FrameType": "TableHeader",
        "TableId": 1,
        "TableKind": "PrimaryResult",
        "TableName": "PrimaryResult",
        "Columns": _columns(answer.table),
    }
    rows = answer.table.rows
    for start in range(0, len(rows), FRAGMENT_ROWS):
        fragment = rows[start : start + FRAGMENT_ROWS]
        yield {
            "FrameType": "TableFragment",
            "TableFragmentType": "DataAppend",
            "FieldCount": len(answer.table.columns),
            "TableId": 1,
            "Rows": fragment,
        }
        yield {"FrameType": "TableProgress", "TableId": 1, "TableProgress": (start + len(fragment)) / len(rows) * 100}
    completion: dict[str, Any] = {"FrameType": "TableCompletion", "TableId": 1, "RowCount": len(rows)}
    if answer.failure is not None:
        completion["OneApiErrors"] = [_failure(answer)]
    yield completion


def _v2_table(
    number: int, kind: str, name: str, columns: tuple[tuple[str, str], ...], rows: list[tuple[Any, ...]]
) -> dict[str, Any]:
    return {
        "FrameType": "DataTable",
        "TableId": number,
        "TableKind": kind,
        "TableName": name,
        "Columns": [{"ColumnName": column, "ColumnType": kind_of} for column, kind_of in columns],
        "Rows": rows,
    }


def _completion(answer: Answer) -> tuple[Any, ...]:
    activity = answer.activity_id
    if answer.failure is None:
        level, name, status = 4, "Info", "S_OK (0)"
        payload = '{"Count":1,"Text":"Query completed successfully"}'
    else:
        level, name, status = 2, "Error", "E_FAIL (0x80004005)"
        payload = answer.failure.message
    code = 0 if answer.failure is None else -2147467259
    identity = (now_text(), answer.client_request_id, activity, activity, activity)
    return (*identity, level, name, code, status, 4, "QueryInfo", payload)
