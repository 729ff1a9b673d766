"""The recordings in the local Data Explorer, and what its functions say of them, all with their defaults."""

import io
import json
from collections import defaultdict
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

from azure.kusto.data import ClientRequestProperties, KustoClient, KustoConnectionStringBuilder
from azure.kusto.data.data_format import DataFormat
from azure.kusto.ingest import IngestionProperties, KustoStreamingIngestClient

from benchmarks.anomalies.recordings import LabelledSet, Recording
from benchmarks.anomalies.scores import Flagged
from benchmarks.gold import DATABASE

EVENTS_IN_A_REQUEST = 5_000
FLEET_ANOMALIES = """
declare query_parameters(start: datetime, end: datetime, width: timespan, prefix: string);
FleetAnomalies(start, end, width, assetPrefix = prefix)
"""
ANOMALIES_BEYOND = """
declare query_parameters(start: datetime, end: datetime, width: timespan, prefix: string, threshold: real);
FleetAnomalies(start, end, width, threshold, prefix)
"""
STUCK_SENSORS = """
declare query_parameters(start: datetime, end: datetime, width: timespan, prefix: string);
StuckSensors(start, end, assetPrefix = prefix)
"""


def ingest(url: str, sets: list[LabelledSet]) -> None:
    """Streams every reading in as an analytics event, the way the app's readings come."""
    properties = IngestionProperties(
        DATABASE, "Bronze", data_format=DataFormat.MULTIJSON, ingestion_mapping_reference="BronzeMapping"
    )
    client = KustoStreamingIngestClient(KustoConnectionStringBuilder.with_no_authentication(url))
    events = [event for each in sets for recording in each.recordings for event in _events(recording)]
    for start in range(0, len(events), EVENTS_IN_A_REQUEST):
        lines = "\n".join(map(json.dumps, events[start : start + EVENTS_IN_A_REQUEST]))
        client.ingest_from_stream(io.BytesIO(lines.encode()), properties)
    client.close()  # type: ignore[no-untyped-call]


def _events(recording: Recording) -> Iterator[dict[str, Any]]:
    for time in recording.times:
        at = time.isoformat()
        readings = {
            tag: {"SourceTimestamp": at, "Value": values[time]}
            for tag, values in recording.tags.items()
            if time in values
        }
        yield {
            **readings,
            "_eventId": f"{recording.asset}-{at}",
            "_deviceId": recording.asset,
            "_asset": recording.asset,
            "_enqueuedTime": at,
        }


def fleet_anomalies(client: KustoClient, labelled: LabelledSet, threshold: float | None = None) -> Flagged:
    """With the default threshold unless told otherwise."""
    query, more = (
        (FLEET_ANOMALIES, {}) if threshold is None else (ANOMALIES_BEYOND, {"threshold": f"real({threshold})"})
    )
    flagged: Flagged = defaultdict(set)
    for row in _rows(client, query, labelled, **more):
        flagged[row["Asset"]].add(row["Timestamp"].astimezone(UTC))
    return flagged


def stuck_sensors(client: KustoClient, labelled: LabelledSet) -> Flagged:
    """Every reading within a time that a tag was stuck."""
    flagged: Flagged = defaultdict(set)
    times = {recording.asset: recording.times for recording in labelled.recordings}
    for row in _rows(client, STUCK_SENSORS, labelled):
        first, last = row["Start"].astimezone(UTC), row["End"].astimezone(UTC)
        flagged[row["Asset"]] |= {time for time in times[row["Asset"]] if first <= time <= last}
    return flagged


def _rows(client: KustoClient, query: str, labelled: LabelledSet, **more: str) -> Iterator[Any]:
    start, end = labelled.span
    properties = ClientRequestProperties()  # type: ignore[no-untyped-call]
    properties.set_parameter("start", _datetime(start))
    properties.set_parameter("end", _datetime(end))
    properties.set_parameter("width", f"time({labelled.step})")
    properties.set_parameter("prefix", labelled.prefix)
    for name, value in more.items():
        properties.set_parameter(name, value)
    yield from client.execute_query(DATABASE, query, properties).primary_results[0]


def _datetime(time: datetime) -> str:
    return f"datetime({time.isoformat()})"
