"""Streaming ingestion: `POST /v1/rest/ingest/{database}/{table}?streamFormat=…&mappingName=…`.

Sources: Microsoft Learn, "Streaming ingestion HTTP request"; the azure-kusto-python and webjobs Kusto test suites for
the service's messages. The body may be gzip whatever its Content-Encoding says: azure-kusto-data always says gzip.
"""

import asyncio
import dataclasses
import json

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from local.data_explorer.cluster import Cluster
from local.data_explorer.database import Database
from local.data_explorer.errors import KustoError
from local.data_explorer.external.locations import read_source
from local.data_explorer.ingested import Extent
from local.data_explorer.ingestion.arrivals import Arrival, prepare, refusal_failure, told_by_caller
from local.data_explorer.ingestion.compression import unpacked
from local.data_explorer.ingestion.failures import IngestionRefused
from local.data_explorer.ingestion.properties import shown_path
from local.data_explorer.responses import encode, v1_command
from local.data_explorer.results import table
from local.data_explorer.striking import strike

OPERATION = "ingest.streaming"
"""What fault rules call a streaming request."""
LARGEST_REQUEST = 4 * 1024 * 1024
"""Bytes of a request's body, as it is sent."""
_LARGEST_UNPACKED = 64 * 1024 * 1024
_BLOB = "sourceKind=uri"
_RESULT = "ConsumedRecordsCount:long UpdatePolicyStatus UpdatePolicyFailureCode UpdatePolicyFailureReason"


def streaming_route(cluster: Cluster) -> Route:
    """The route of streaming ingestion into any database of the cluster. Its handler raises KustoError."""

    async def ingest(request: Request) -> Response:
        await strike(cluster.faults, OPERATION, request)
        database = cluster.database(request.path_params["database"])
        arrival = _arrival(request)
        try:
            body = await _body(request)
            extents = await asyncio.to_thread(_ingest, database, body, arrival)
        except KustoError as error:
            await asyncio.to_thread(database.record_ingestion_failure, refusal_failure(arrival, error))
            raise
        consumed = sum(extent.rows for extent in extents)
        answer = v1_command([table(_RESULT, [(consumed, "Inactive", "Unknown", "")])])
        return Response(encode(answer), media_type="application/json")

    return Route("/v1/rest/ingest/{database}/{table}", ingest, methods=["POST"])


def _arrival(request: Request) -> Arrival:
    parameters = {name.lower(): value for name, value in request.query_params.items()}
    is_uri = parameters.get("sourcekind", "").lower() == "uri"
    return Arrival(
        table=request.path_params["table"],
        format=parameters.get("streamformat", ""),
        mapping_name=parameters.get("mappingname"),
        source=_BLOB if is_uri else f"Streaming;{request.headers.get('x-ms-client-request-id', '')}",
        operation_kind="StreamingIngest",
    )


async def _body(request: Request) -> bytes:
    """Raises IngestionRefused for more than LARGEST_REQUEST bytes."""
    body = bytearray()
    async for chunk in request.stream():
        body += chunk
        if len(body) > LARGEST_REQUEST:
            raise IngestionRefused(
                "Stream_InputStreamTooLarge", f"A streaming ingestion request can't be over {LARGEST_REQUEST} bytes"
            )
    return bytes(body)


def _source_uri(body: bytes) -> str:
    """The blob that a request with sourceKind=uri names, as {"sourceUri": …}."""
    try:
        uri = json.loads(body)["sourceUri"]
    except (ValueError, KeyError, TypeError) as error:
        raise IngestionRefused("BadRequest_EmptyBlobUri", 'The request names no blob as "sourceUri"') from error
    return str(uri)


def _ingest(database: Database, body: bytes, arrival: Arrival) -> list[Extent]:
    _check(database, body, arrival)
    if arrival.source == _BLOB:
        uri = _source_uri(body)
        arrival = dataclasses.replace(arrival, source=shown_path(uri))
        body = read_source(uri)
    try:
        prepared = prepare(database, unpacked(body, largest=_LARGEST_UNPACKED), arrival)
    except IngestionRefused as error:
        if error.code != "BadRequest_NoRecordsOrWrongFormat":
            raise
        raise IngestionRefused(
            error.code,
            f"Bad streaming ingestion request to {database.name}.{arrival.table} : "
            f"The input stream is empty after processing, tip:check stream validity. {error.message}",
        ) from error
    return database.append([prepared.batch], refused=prepared.failures, keep=told_by_caller)


def _check(database: Database, body: bytes, arrival: Arrival) -> None:
    """Raises KustoError: no such table, streaming not enabled, no format, an empty body."""
    database.table_schema(arrival.table)
    if not is_streaming_enabled(database, arrival.table):
        raise IngestionRefused(
            "BadRequest_StreamingIngestionPolicyNotEnabled",
            f"Streaming ingestion policy is not enabled for table '{arrival.table}' of database '{database.name}'.",
        )
    if not arrival.format:
        raise IngestionRefused("BadRequest_FormatNotSupported", "The request names no streamFormat")
    if not body:
        raise IngestionRefused("BadRequest_NoRecordsOrWrongFormat", "The body of the request is empty")


def is_streaming_enabled(database: Database, table_name: str) -> bool:
    """Whether the streaming ingestion policy of the table, or else of the database, is on."""
    catalog = database.catalog
    for kind, owner in (("table", table_name), ("database", database.name)):
        policy = catalog.policy(kind, owner, "streamingingestion")
        if policy is not None:
            return bool(policy.get("IsEnabled", False))
    return False
