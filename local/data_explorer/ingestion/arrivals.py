"""Data that arrived for a table, by whichever way, to the batch that a database appends."""

import json
import uuid
from dataclasses import dataclass
from datetime import datetime

from local.data_explorer.database import Database
from local.data_explorer.errors import KustoError
from local.data_explorer.ingested import Batch, IngestionFailure
from local.data_explorer.ingestion.failures import IngestionRefused
from local.data_explorer.ingestion.formats import MAPPED_AS, Layout, format_name, read
from local.data_explorer.ingestion.mapping import Element, parse_mapping


@dataclass(frozen=True)
class Arrival:
    """How data is to be ingested. `mapping_name` is of a mapping kept in the database, `mapping` is one's own JSON.

    `source` tells where the data came from, in extents and in failures.
    """

    table: str
    format: str
    mapping_name: str | None = None
    mapping: str | None = None
    ignore_first_record: bool = False
    encoding: str = "utf-8-sig"
    tags: tuple[str, ...] = ()
    if_not_exists: tuple[str, ...] = ()
    creation_time: datetime | None = None
    source: str = ""
    operation_id: str = ""
    operation_kind: str = "DataIngestPull"


@dataclass(frozen=True)
class Prepared:
    """The rows to append, and what is to be kept of the records that were left out."""

    batch: Batch
    failures: tuple[IngestionFailure, ...]


def prepare(database: Database, body: bytes, arrival: Arrival) -> Prepared:
    """Reads a body for its table. Raises KustoError when it can't be ingested."""
    layout = Layout(
        arrival.format,
        mapping_elements(database, arrival),
        arrival.ignore_first_record,
        arrival.encoding,
        arrival.source,
    )
    reading = read(body, database.table_schema(arrival.table), layout)
    failures = (malformed_failure(arrival, reading.malformed),) if reading.malformed else ()
    batch = Batch(
        arrival.table, reading.rows, arrival.tags, arrival.source, arrival.creation_time, arrival.if_not_exists
    )
    return Prepared(batch, failures)


def mapping_elements(database: Database, arrival: Arrival) -> tuple[Element, ...] | None:
    """The mapping to use, None for the columns' own names. Raises KustoError."""
    kind = MAPPED_AS[format_name(arrival.format)]
    if arrival.mapping and arrival.mapping_name:
        raise IngestionRefused(
            "BadRequest_DuplicateMapping", "A mapping and the name of a mapping can't both be given for one ingestion"
        )
    if arrival.mapping_name:
        return parse_mapping(database.mapping(arrival.table, kind, arrival.mapping_name).text)
    return parse_mapping(arrival.mapping) if arrival.mapping else None


def malformed_failure(arrival: Arrival, malformed: tuple[str, ...]) -> IngestionFailure:
    """What is kept of records that were left out: the service drops them in silence, here they are counted."""
    return failure(
        arrival, "BadRequest_InvalidBlob", f"{len(malformed)} malformed records were left out; first: {malformed[0]}"
    )


def refusal_failure(arrival: Arrival, error: KustoError) -> IngestionFailure:
    """What is kept of a whole body that could not be ingested."""
    return failure(arrival, error.code, error.message, permanent=error.permanent)


def told_by_caller(failure: IngestionFailure) -> None:
    """For Database.append: a policy's failure is kept by who ingests, as the failure of the data that met it."""


def failure(arrival: Arrival, code: str, details: str, *, permanent: bool = True) -> IngestionFailure:
    return IngestionFailure(
        operation_id=arrival.operation_id or str(uuid.uuid4()),
        table=arrival.table,
        details=details,
        error_code=code,
        kind="Permanent" if permanent else "Transient",
        operation_kind=arrival.operation_kind,
        source=arrival.source,
        from_update_policy=code.startswith("UpdatePolicy_"),
        properties=json.dumps({"format": arrival.format, "mapping": arrival.mapping_name or ""}),
    )
