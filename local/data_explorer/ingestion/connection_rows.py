"""A data connection's events to rows, so that each event's every record is a row or part of a recorded failure.

Source: Microsoft Learn, "Azure Event Hubs data connection" (event system properties mapping): they become fields of the
JSON record, of the first one when an event holds several; in delimited text they come first; compressed events and
other formats get none.
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass, field

import orjson
import pyarrow as pa

from local.data_explorer.database import Database
from local.data_explorer.errors import KustoError
from local.data_explorer.ingested import Batch, IngestionFailure
from local.data_explorer.ingestion.arrivals import Arrival, malformed_failure, mapping_elements, refusal_failure
from local.data_explorer.ingestion.compression import GZIP, unpacked
from local.data_explorer.ingestion.connection_events import DataConnection, Event, Route, arrival_of, route_of
from local.data_explorer.ingestion.delimited import SEPARATORS
from local.data_explorer.ingestion.failures import IngestionRefused
from local.data_explorer.ingestion.formats import MAPPED_AS, Layout, format_name, in_utf8, read
from local.data_explorer.ingestion.json_columns import json_rows, texts_suffice
from local.data_explorer.ingestion.json_records import JsonRecords, read_documents, read_lines
from local.data_explorer.ingestion.mapping import Element, check_columns, identity
from local.data_explorer.ingestion.values import dynamic_json
from local.data_explorer.schema import TableSchema


@dataclass
class Gathering:
    """What one transaction takes of a connection's events."""

    database: Database
    connection: DataConnection
    batches: list[Batch] = field(default_factory=list)
    failures: list[IngestionFailure] = field(default_factory=list)

    def take(self, events: Sequence[Event]) -> None:
        """Adds a batch for each table, mapping and format that the events go to, and a failure for what gave no row."""
        routed: dict[Route, list[Event]] = {}
        for event in events:
            try:
                routed.setdefault(route_of(self.connection, event), []).append(event)
            except IngestionRefused as error:
                self._refuse(event, Route(self.connection.table, "", self.connection.format), error)
        for route, of_route in routed.items():
            try:
                self._take_route(route, of_route)
            except Exception as error:  # noqa: BLE001 - the boundary of a batch: no event may stop its connection
                for event in of_route:
                    self._refuse(event, route, IngestionRefused("Unknown", f"{type(error).__name__}: {error}"))

    def _refuse(self, event: Event, route: Route, error: KustoError) -> None:
        self.failures.append(refusal_failure(arrival_of(self.connection, event, route), error))

    def _take_route(self, route: Route, events: Sequence[Event]) -> None:
        try:
            schema, elements = _target(self.database, arrival_of(self.connection, events[0], route))
        except KustoError as error:
            for event in events:
                self._refuse(event, route, error)
            return
        if MAPPED_AS[format_name(route.format)] == "json":
            rows = self._json_rows(route, events, schema, elements)
        else:
            rows = self._other_rows(route, events, schema, elements)
        if rows.num_rows:
            self.batches.append(Batch(route.table, rows, route.tags, f"{self.connection.hub};{self.connection.name}"))

    def _json_rows(
        self, route: Route, events: Sequence[Event], schema: TableSchema, elements: Sequence[Element]
    ) -> pa.Table:
        records = JsonRecords()
        texts_only = texts_suffice(elements, schema)
        for event in events:
            text = _whole(event) if texts_only and not route.encoding else None
            if text is not None:
                records.texts.append(text)
                records.lines.append(1)
                continue
            try:
                found = _read_json(event, route)
            except IngestionRefused as error:
                self._refuse(event, route, error)
                continue
            if found.malformed:
                arrival = arrival_of(self.connection, event, route)
                self.failures.append(malformed_failure(arrival, tuple(found.malformed)))
            records.texts += found.texts
            records.lines += found.lines
            if not texts_only:
                records.values += found.values
        return json_rows(records, schema, elements)

    def _other_rows(
        self, route: Route, events: Sequence[Event], schema: TableSchema, elements: tuple[Element, ...]
    ) -> pa.Table:
        tables = [schema.arrow.empty_table()]
        layout = Layout(route.format, elements, encoding=route.encoding or "utf-8-sig")
        for event in events:
            try:
                _check_embedding(event, route)
                body = _with_fields(event, route) if event.embedded else event.body
                tables.append(read(body, schema, layout).rows)
            except IngestionRefused as error:
                self._refuse(event, route, error)
        return pa.concat_tables(tables)


def _target(database: Database, arrival: Arrival) -> tuple[TableSchema, tuple[Element, ...]]:
    """The table's schema and the mapping into it. Raises KustoError."""
    if not arrival.table:
        raise IngestionRefused(
            "BadRequest_InvalidOrEmptyTableName",
            "The data connection has no table of its own, and the event has no Table property",
        )
    schema = database.table_schema(arrival.table)
    elements = mapping_elements(database, arrival)
    if elements is None:
        return schema, identity(schema)
    check_columns(elements, schema)
    return schema, elements


def _whole(event: Event) -> str | None:
    """The text of an event whose body is one JSON object on one line; None when it may be anything else.

    Nearly every event goes this way, so it looks at the body once.
    """
    body, embedded = event.body, event.embedded
    if not body.startswith(b"{") or b"\n" in body:
        return None
    try:
        fields = orjson.loads(body)
    except orjson.JSONDecodeError:
        return None
    if not embedded:
        return body.decode()
    if not fields:
        return f"{{{embedded}}}"
    return None if b'"x-opt-' in body or b'"iothub-' in body else f"{{{embedded},{body[1:].decode()}"


def _read_json(event: Event, route: Route) -> JsonRecords:
    """Raises IngestionRefused when no record is to be had."""
    _check_embedding(event, route)
    body = in_utf8(unpacked(event.body), route.encoding or "utf-8")
    records = read_lines(body, texts_only=False) if format_name(route.format) == "json" else read_documents(body)
    if not records.texts:
        reason = f": {records.malformed[0]}" if records.malformed else ""
        raise IngestionRefused(
            "BadRequest_NoRecordsOrWrongFormat", f"There is no {route.format} record in the event{reason}"
        )
    if event.embedded:
        _embed(records, event.embedded)
    return records


def _check_embedding(event: Event, route: Route) -> None:
    if event.embedded and (route.compressed or event.body.startswith(GZIP)):
        raise IngestionRefused(
            "BadRequest_NotSupported", "Event system properties can't be embedded in an event that is compressed"
        )


def _embed(records: JsonRecords, embedded: str) -> None:
    """Adds the system properties to the first record; where it has fields of these names, they take their place."""
    added = json.loads(f"{{{embedded}}}")
    own = records.values[0]
    members = records.texts[0][1:].lstrip()
    if added.keys() & own.keys():
        members = (dynamic_json({key: value for key, value in own.items() if key not in added}) or "{}")[1:]
    records.texts[0] = f"{{{embedded}{'' if members.startswith('}') else ','}{members}"
    records.values[0] = own | {key: value if isinstance(value, str) else str(value) for key, value in added.items()}


def _with_fields(event: Event, route: Route) -> bytes:
    """A delimited record with the system properties in front; other formats as they are."""
    separator = SEPARATORS.get(format_name(route.format))
    if separator is None:
        return event.body
    values = json.loads(f"{{{event.embedded}}}").values()
    fields = [f'"{value.replace(chr(34), chr(34) * 2)}"' if isinstance(value, str) else str(value) for value in values]
    return (separator.join(fields) + separator).encode() + event.body
