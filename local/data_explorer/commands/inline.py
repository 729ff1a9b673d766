"""`.ingest inline`: data in the command itself."""

from local.data_explorer.commands.reader import CommandReader
from local.data_explorer.extensions import Command, CommandContext
from local.data_explorer.ingestion.arrivals import Arrival, prepare
from local.data_explorer.ingestion.properties import text_list
from local.data_explorer.results import ResultTable, table


def _ingest(context: CommandContext, reader: CommandReader) -> ResultTable:
    """`.ingest inline into table T [with (format="csv", …)] <| …`."""
    name = reader.name()
    properties = reader.properties()
    reader.expect("<|")
    arrival = Arrival(
        table=name,
        format=properties.get("format", "csv"),
        mapping_name=properties.get("ingestionmappingreference"),
        mapping=properties.get("ingestionmapping"),
        tags=text_list("tags", properties.get("tags")),
        if_not_exists=text_list("ingestIfNotExists", properties.get("ingestifnotexists")),
        source="inline",
        operation_kind="DataIngestInline",
    )
    prepared = prepare(context.database, reader.after.lstrip().encode(), arrival)
    extents = context.database.append([prepared.batch], refused=prepared.failures)
    return table("ExtentId:guid", [(extent.id,) for extent in extents])


COMMANDS = (Command(("ingest", "inline", "into", "table"), _ingest),)
