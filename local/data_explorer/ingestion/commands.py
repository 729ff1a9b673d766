"""Management commands of ingestion: its resources, and `.ingest into table`.

Sources: Microsoft Learn, "Queued ingestion without the Kusto.Ingest library"; ".ingest into command (pull data from
storage)".
"""

import time
import uuid

from local.data_explorer.commands.reader import CommandReader
from local.data_explorer.errors import KustoError, Unavailable
from local.data_explorer.extensions import Command, CommandContext
from local.data_explorer.external.locations import read_source
from local.data_explorer.ingested import Extent
from local.data_explorer.ingestion.arrivals import Arrival, prepare, refusal_failure
from local.data_explorer.ingestion.properties import creation_time, is_true, shown_path, text_list
from local.data_explorer.ingestion.times import TICKS_PER_SECOND
from local.data_explorer.results import ResultTable, table
from local.data_explorer.wire import timespan_text

_NO_EXTENT = "00000000-0000-0000-0000-000000000000"
_INGESTED = "ExtentId:guid ItemLoaded Duration:timespan HasErrors:bool OperationId:guid"


def ingestion_commands(storage: str) -> tuple[Command, ...]:
    """`storage` is the connection string of the account that queued ingestion goes through."""

    def resources(context: CommandContext, reader: CommandReader) -> ResultTable:
        from azure.core.exceptions import AzureError

        from local.data_explorer.ingestion.resources import StorageAccount  # azure-storage takes long to import

        reader.properties()
        reader.end()
        account = StorageAccount(storage)
        try:
            account.create()
        except AzureError as error:
            raise Unavailable(f"The storage account of queued ingestion can't be reached: {error}") from error
        return table("ResourceTypeName StorageRoot", account.ingestion_resources())

    return (
        Command(("get", "ingestion", "resources"), resources),
        Command(("get", "kusto", "identity", "token"), _identity_token),
        Command(("ingest", "into", "table"), _ingest_into),
        Command(("ingest", "async", "into", "table"), _ingest_into),
    )


def _identity_token(context: CommandContext, reader: CommandReader) -> ResultTable:
    """What a client puts into its messages as authorizationContext; the queues here are this machine's own."""
    reader.end()
    return table("AuthorizationContext", [(f"local-{uuid.uuid4()}",)])


def _ingest_into(context: CommandContext, reader: CommandReader) -> ResultTable:
    """`.ingest [async] into table T (h'address', …) with (format="json", ingestionMappingReference="m", …)`.

    All sources or none; `async` is done by the time that the command answers.
    """
    target = reader.name()
    sources = reader.listed(reader.string) if reader.is_words("(") else [reader.string()]
    properties = reader.properties()
    reader.end()
    operation = str(uuid.uuid4())
    started = time.monotonic()
    database = context.database
    arrivals = [_arrival(target, source, properties, operation) for source in sources]
    prepared = []
    for source, arrival in zip(sources, arrivals, strict=True):
        try:
            prepared.append(prepare(database, read_source(source), arrival))
        except KustoError as error:
            database.record_ingestion_failure(refusal_failure(arrival, error))
            raise
    extents = database.append(
        [each.batch for each in prepared], refused=[failure for each in prepared for failure in each.failures]
    )
    return table(_INGESTED, _loaded(arrivals, extents, time.monotonic() - started, operation))


def _arrival(target: str, source: str, properties: dict[str, str], operation: str) -> Arrival:
    return Arrival(
        table=target,
        format=properties.get("format", "csv"),
        mapping_name=properties.get("ingestionmappingreference"),
        mapping=properties.get("ingestionmapping"),
        ignore_first_record=is_true(properties.get("ignorefirstrecord")),
        tags=text_list("tags", properties.get("tags")),
        if_not_exists=text_list("ingestIfNotExists", properties.get("ingestifnotexists")),
        creation_time=creation_time(properties.get("creationtime")),
        source=shown_path(source),
        operation_id=operation,
    )


def _loaded(arrivals: list[Arrival], extents: list[Extent], seconds: float, operation: str) -> list[tuple[object, ...]]:
    """A row for each source; one that ingestIfNotExists left out has no extent."""
    duration = timespan_text(int(seconds * TICKS_PER_SECOND))
    ids = [extent.id for extent in extents] if len(extents) == len(arrivals) else [_NO_EXTENT] * len(arrivals)
    return [(extent, arrival.source, duration, False, operation) for extent, arrival in zip(ids, arrivals, strict=True)]
