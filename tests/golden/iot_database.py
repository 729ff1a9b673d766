"""The iot database on the local Data Explorer, as a test sees it: events in, rows out, through the unmodified SDKs."""

import io
import json
from collections.abc import Iterable, Mapping
from typing import Any

from azure.kusto.data import ClientRequestProperties, KustoClient, KustoConnectionStringBuilder
from azure.kusto.data.data_format import DataFormat
from azure.kusto.ingest import IngestionProperties, KustoStreamingIngestClient

from checks.kql.sources import scripts

Row = tuple[Any, ...]
ARCHIVE = "{{ARCHIVE_CONNECTION}}"


def event(event_id: str, asset: str, readings: Mapping[str, Any], *, at: str, **more: Any) -> dict[str, Any]:
    """An analytics event that reached the hub at `at`; a reading is (source timestamp, value)."""
    tags = {tag: {"SourceTimestamp": timestamp, "Value": value} for tag, (timestamp, value) in readings.items()}
    return {**tags, "_eventId": event_id, "_deviceId": f"{asset}-device", "_asset": asset, "_enqueuedTime": at, **more}


class IotDatabase:
    """One database of a running server. Not thread safe."""

    def __init__(self, url: str, name: str) -> None:
        self.name = name
        self._client = KustoClient(KustoConnectionStringBuilder.with_no_authentication(url))
        self._streaming = KustoStreamingIngestClient(KustoConnectionStringBuilder.with_no_authentication(url))

    def close(self) -> None:
        self._streaming.close()  # type: ignore[no-untyped-call]
        self._client.close()  # type: ignore[no-untyped-call]

    def build(self, *names: str, archive: str = "") -> None:
        """Runs the scripts of these names (all, when none is given) in order, each as a script resource does.

        `archive` is where the archive goes.
        """
        for script in scripts():
            if names and not script.file.removesuffix(".kql").endswith(names):
                continue
            text = script.text.replace(ARCHIVE, archive)
            self.command(f".execute database script with (ThrowOnErrors = true) <|\n{text}")

    def command(self, text: str) -> list[Row]:
        return [tuple(row) for row in self._client.execute_mgmt(self.name, text).primary_results[0].raw_rows]

    def schema(self) -> dict[str, Any]:
        """Every table and function as the server describes it, without its version."""
        [(text,)] = self.command(".show database schema as json")
        [described] = json.loads(text)["Databases"].values()
        return {name: part for name, part in described.items() if not name.endswith("Version")}

    def rows(self, query: str, **parameters: Any) -> list[Row]:
        """The rows of the answer as they are in its JSON: times as text, a missing value as None."""
        properties = ClientRequestProperties()  # type: ignore[no-untyped-call]
        for name, value in parameters.items():
            properties.set_parameter(name, value)
        return [
            tuple(row) for row in self._client.execute_query(self.name, query, properties).primary_results[0].raw_rows
        ]

    def ingest(self, *events: Mapping[str, Any], table: str = "Bronze", mapping: str = "BronzeMapping") -> None:
        """Streams events in, in one request; they are queryable when it returns."""
        self.ingest_lines(map(json.dumps, events), table=table, mapping=mapping)

    def ingest_lines(self, lines: Iterable[str], *, table: str = "Bronze", mapping: str = "BronzeMapping") -> None:
        """The same, of JSON texts as they are."""
        properties = IngestionProperties(
            self.name, table, data_format=DataFormat.MULTIJSON, ingestion_mapping_reference=mapping
        )
        self._streaming.ingest_from_stream(io.BytesIO("\n".join(lines).encode()), properties)
