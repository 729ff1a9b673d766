"""Data connections, the events they read, and where each event's own properties send it.

Source: Microsoft Learn, "Azure Event Hubs data connection" (ingestion properties).
"""

import ast
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from local.data_explorer.ingestion.arrivals import Arrival
from local.data_explorer.ingestion.failures import IngestionRefused


@dataclass(frozen=True)
class DataConnection:
    """One of topology.json's dataExplorer.dataConnections. Without a `table`, events name theirs."""

    name: str
    hub: str
    database: str
    consumer_group: str
    table: str = ""
    mapping: str = ""
    format: str = "multijson"
    system_properties: tuple[str, ...] = ()


class Event(NamedTuple):
    """`embedded` holds the chosen system properties as members of a JSON object, without the braces."""

    partition: str
    sequence_number: int
    offset: str
    body: bytes
    properties: Mapping[str, str]
    embedded: str = ""


class Route(NamedTuple):
    """Where an event's records go, and how they are to be read."""

    table: str
    mapping: str
    format: str
    encoding: str = ""
    tags: tuple[str, ...] = ()
    compressed: bool = False


def data_connections(topology: Path) -> tuple[DataConnection, ...]:
    """The data connections that topology.json names."""
    described = json.loads(topology.read_text())["dataExplorer"]
    return tuple(
        DataConnection(
            name=name,
            hub=given["hub"],
            database=described["database"],
            consumer_group=given["consumerGroup"],
            table=given.get("table", ""),
            mapping=given.get("mapping", ""),
            format=given.get("format", "multijson"),
            system_properties=tuple(given.get("eventSystemProperties", ())),
        )
        for name, given in described["dataConnections"].items()
    )


def route_of(connection: DataConnection, event: Event) -> Route:
    """Where the connection, or else the event's own properties, send it. Raises IngestionRefused."""
    given = event.properties
    if not given:
        return Route(connection.table, connection.mapping, connection.format)
    database = given.get("Database") or connection.database
    if database != connection.database:
        raise IngestionRefused(
            "BadRequest_NonMultiDatabaseDataConnection",
            f"The event's Database property is '{database}', the data connection's database '{connection.database}'",
        )
    return Route(
        given.get("Table") or connection.table,
        given.get("IngestionMappingReference") or connection.mapping,
        given.get("Format") or connection.format,
        given.get("Encoding", ""),
        _tags(given.get("Tags", "")),
        given.get("Compression", "").lower() == "gzip",
    )


def _tags(written: str) -> tuple[str, ...]:
    """A list as JSON has it, or with single quotes as the service's own samples have it."""
    if not written:
        return ()
    try:
        tags = ast.literal_eval(written)
    except (ValueError, SyntaxError, MemoryError, RecursionError):
        tags = None
    if not isinstance(tags, list):
        raise IngestionRefused("BadRequest_MalformedIngestionProperty", f"The event's Tags are no list: {written}")
    return tuple(str(tag) for tag in tags)


def arrival_of(connection: DataConnection, event: Event, route: Route) -> Arrival:
    """What is known of an event's data, for reading it and for telling which event failed."""
    return Arrival(
        table=route.table,
        format=route.format,
        mapping_name=route.mapping or None,
        encoding=route.encoding or "utf-8-sig",
        tags=route.tags,
        source=f"{connection.hub};partition={event.partition};sequence={event.sequence_number};offset={event.offset}",
        operation_kind=f"DataConnection;{connection.name}",
    )
