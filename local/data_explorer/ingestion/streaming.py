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
from local.data_explorer.external.locations import read_source
from local.data_explorer.ingested import Extent
from local.data_explorer.ingestion.arrivals import Arrival, prepare, refusal_failure
from local.data_explorer.ingestion.compression import unpacked
from local.data_explorer.ingestion.failures import IngestionRefused
from local.data_explorer.responses import encode, v1_command
from local.data_explorer.results import table

LARGEST_REQUEST = 4 * 1024 * 1024
"""Bytes of a request's body, as it is sent."""
_LARGEST_UNPACKED = 64 * 1024 * 1024
_RESULT = "ConsumedRecordsCount:long UpdatePolicyStatus UpdatePolicyFailureCode UpdatePolicyFailureReason"


def streaming_route(cluster: Cluster) -> Route:
    """The route of streaming ingestion into any database of the cluster. Its handler raises KustoError."""

    async def ingest(request: Request) -> Response:
        database = cluster.database(request.path_params["database"])
        parameters = {name.lower(): value for name, value in request.query_params.items()}
        body = await _body(request)
        is_uri = parameters.get("sourcekind", "").lower() == "uri"
        arrival = Arrival(
            table=request.path_params["table"],
            format=parameters.get("streamformat", ""),
            mapping_name=parameters.get("mappingname"),
            source=_source_uri(body) if is_uri else f"Streaming;{request.headers.get('x-ms-client-request-id', '')}",
            operation_kind="StreamingIngest",
        )
        extents = await asyncio.to_thread(_ingest, database, body, arrival, is_uri)
        consumed = sum(extent.rows for extent in extents)
        answer = v1_command([table(_RESULT, [(consumed, "Inactive", "Unknown", "")])])
        return Response(encode(answer), media_type="application/json")

    return Route("/v1/rest/ingest/{database}/{table}", ingest, methods=["POST"])


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


def _ingest(database: Database, body: bytes, arrival: Arrival, is_uri: bool) -> list[Extent]:
    try:
        _check(database, body, arrival)
        content = read_source(arrival.source) if is_uri else body
        shown = dataclasses.replace(arrival, source=arrival.source.partition("?")[0].partition(";")[0])
        prepared = prepare(database, unpacked(content, largest=_LARGEST_UNPACKED), shown)
        return database.append([prepared.batch], refused=prepared.failures)
    except IngestionRefused as error:
        database.record_ingestion_failure(refusal_failure(arrival, error))
        if error.code == "BadRequest_NoRecordsOrWrongFormat":
            raise IngestionRefused(
                error.code,
                f"Bad streaming ingestion request to {database.name}.{arrival.table} : "
                f"The input stream is empty after processing, tip:check stream validity. {error.message}",
            ) from error
        raise


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
