"""Messages of the ingestion queue, and those of the status queues.

Source: Microsoft Learn, "Queued ingestion without the Kusto.Ingest library" (message structure), "Ingestion
properties", "Kusto.Ingest reference - ingestion status reporting".
"""

import datetime
import json
import uuid
from dataclasses import dataclass
from typing import Any

from local.data_explorer.ingestion.arrivals import Arrival
from local.data_explorer.ingestion.failures import IngestionRefused
from local.data_explorer.ingestion.properties import creation_time, is_true, shown_path, text_list

FAILURES_ONLY, NOTHING, EVERYTHING = 0, 1, 2
"""ReportLevel."""


@dataclass(frozen=True)
class IngestionMessage:
    """What a client wants ingested. `blob` is its address with a signature; `size` is in bytes, 0 when not told."""

    database: str
    blob: str
    source_id: str
    arrival: Arrival
    size: int = 0
    flush_at_once: bool = False
    keep_blob: bool = True
    report_level: int = FAILURES_ONLY


def parse_message(text: str) -> IngestionMessage:
    """Reads a message's JSON. Raises IngestionRefused (BadRequest_CorruptedMessage…)."""
    try:
        given = json.loads(text)
    except ValueError as error:
        raise IngestionRefused("BadRequest_CorruptedMessage", f"The message is not JSON: {error}") from error
    if not isinstance(given, dict):
        raise IngestionRefused("BadRequest_CorruptedMessage", "The message is no JSON object")
    blob = str(given.get("BlobPath") or "")
    if not blob:
        raise IngestionRefused("BadRequest_EmptyBlobUri", "The message names no blob")
    source_id = str(given.get("Id") or uuid.uuid4())
    return IngestionMessage(
        database=str(given.get("DatabaseName") or ""),
        blob=blob,
        source_id=source_id,
        arrival=_arrival(given, blob, source_id),
        size=_number(given, "RawDataSize", 0),
        flush_at_once=bool(given.get("FlushImmediately", False)),
        keep_blob=bool(given.get("RetainBlobOnSuccess", True)),
        report_level=_number(given, "ReportLevel", FAILURES_ONLY),
    )


def _arrival(given: dict[str, Any], blob: str, source_id: str) -> Arrival:
    properties = given.get("AdditionalProperties")
    more = {name.lower(): value for name, value in properties.items()} if isinstance(properties, dict) else {}
    return Arrival(
        table=str(given.get("TableName") or ""),
        format=str(more.get("format") or "csv"),
        mapping_name=_optional(more.get("ingestionmappingreference")),
        mapping=_optional(more.get("ingestionmapping")),
        ignore_first_record=is_true(more.get("ignorefirstrecord")),
        tags=text_list("tags", more.get("tags")),
        if_not_exists=text_list("ingestIfNotExists", more.get("ingestifnotexists")),
        creation_time=creation_time(more.get("creationtime")),
        source=shown_path(blob),
        operation_id=source_id,
    )


def _optional(value: object) -> str | None:
    if value is None or value == "":
        return None
    return value if isinstance(value, str) else json.dumps(value)


def _number(given: dict[str, Any], name: str, default: int) -> int:
    value = given.get(name, default)
    return value if isinstance(value, int) else default


def success_report(message: IngestionMessage) -> str:
    """What the queue of successful ingestions gets."""
    return json.dumps({**_report(message), "SucceededOn": _now()})


def failure_report(message: IngestionMessage, code: str, details: str, *, permanent: bool) -> str:
    """What the queue of failed ingestions gets."""
    return json.dumps(
        {
            **_report(message),
            "FailedOn": _now(),
            "Details": details,
            "ErrorCode": code,
            "FailureStatus": "Permanent" if permanent else "Transient",
            "OriginatesFromUpdatePolicy": code.startswith("UpdatePolicy_"),
            "ShouldRetry": not permanent,
        }
    )


def _report(message: IngestionMessage) -> dict[str, str]:
    return {
        "OperationId": str(uuid.uuid4()),
        "Database": message.database,
        "Table": message.arrival.table,
        "IngestionSourceId": message.source_id,
        "IngestionSourcePath": message.arrival.source,
        "RootActivityId": message.source_id,
    }


def _now() -> str:
    return datetime.datetime.now(datetime.UTC).isoformat().replace("+00:00", "Z")
