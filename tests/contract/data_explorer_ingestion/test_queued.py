"""Queued ingestion through azure-kusto-ingest, Azurite's blobs and queues, and the status queues."""

import gzip
import io
import json
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from azure.kusto.data import DataFormat
from azure.kusto.ingest import (
    BlobDescriptor,
    ColumnMapping,
    IngestionProperties,
    IngestionStatus,
    QueuedIngestClient,
    ReportLevel,
)
from azure.kusto.ingest._status_q import StatusQueue
from azure.kusto.ingest.status import KustoIngestStatusQueues
from azure.storage.blob import BlobServiceClient
from azure.storage.queue import QueueServiceClient

from local.azurite import KEY, Azurite
from local.launch import ServerProcess
from tests.contract.data_explorer_ingestion.cluster import DATABASE, Cluster

LINES = b'{"Id": 1, "Name": "a"}\n{"Id": 2, "Name": "b"}'


@pytest.fixture
def queued(cluster: Cluster) -> Iterator[QueuedIngestClient]:
    with QueuedIngestClient(cluster.connection()) as client:
        yield client


def properties(table: str, **more: object) -> IngestionProperties:
    given: dict[str, object] = {"data_format": DataFormat.JSON, "report_level": ReportLevel.FailuresAndSuccesses}
    return IngestionProperties(DATABASE, table, **{**given, **more})  # type: ignore[arg-type]


def failures_of(client: QueuedIngestClient, *tables: str) -> dict[str, Any]:
    """The FailureMessage of each table, from the failed-ingestions queue."""
    return reports_of(KustoIngestStatusQueues(client).failure, tables)  # type: ignore[no-untyped-call]


def success_of(client: QueuedIngestClient, table: str) -> Any:
    """The SuccessMessage of a table, from the successful-ingestions queue."""
    return reports_of(KustoIngestStatusQueues(client).success, (table,))[table]  # type: ignore[no-untyped-call]


def reports_of(queue: StatusQueue, tables: tuple[str, ...]) -> dict[str, Any]:
    deadline = time.monotonic() + 30
    found: dict[str, Any] = {}
    while not found.keys() >= set(tables):
        found |= {str(message.Table): message for message in queue.pop(16)}
        assert time.monotonic() < deadline, f"reports only for {found.keys()}"
        time.sleep(0.05)
    return found


def test_stream_is_ingested_from_the_queue_and_its_success_is_reported(
    queued: QueuedIngestClient, cluster: Cluster, table: str
) -> None:
    result = queued.ingest_from_stream(io.BytesIO(LINES), properties(table))

    assert result.status is IngestionStatus.QUEUED
    cluster.wait_for(f"{table} | count", 2)
    success = success_of(queued, table)
    assert success.IngestionSourceId == str(result.source_id)
    assert success.Database == DATABASE


def test_file_is_ingested_without_its_header(
    queued: QueuedIngestClient, cluster: Cluster, table: str, tmp_path: Path
) -> None:
    file = tmp_path / "rows.csv"
    file.write_text('Id,Name\n7,"a ""b"""\n')

    queued.ingest_from_file(str(file), properties(table, data_format=DataFormat.CSV, ignore_first_record=True))

    cluster.wait_for(f"{table} | count", 1)
    assert cluster.query(f"{table} | project Id, Name") == [[7, 'a "b"']]


def test_blob_is_ingested_with_a_mapping_of_its_own(
    queued: QueuedIngestClient, cluster: Cluster, table: str, azurite: Azurite
) -> None:
    with BlobServiceClient.from_connection_string(azurite.connection_string) as blobs:
        container = blobs.create_container(f"c-{table.lower()}")
        blob = container.upload_blob("a b/rows.json.gz", gzip.compress(b'{"who": "me"}'))
    column = ColumnMapping("Name", "string", path="$.who")

    queued.ingest_from_blob(BlobDescriptor(blob.url), properties(table, column_mappings=[column]))

    cluster.wait_for(f"{table} | project Name", "me")


@pytest.mark.parametrize(
    ("body", "more", "code"),
    [
        (b"nonsense", {}, "BadRequest_NoRecordsOrWrongFormat"),
        (b"{", {"data_format": DataFormat.MULTIJSON}, "BadRequest_InvalidBlob"),
        (LINES, {"ingestion_mapping_reference": "none"}, "BadRequest_MappingReferenceWasNotFound"),
    ],
)
def test_failures_are_reported_for_good_with_their_code(
    queued: QueuedIngestClient, cluster: Cluster, table: str, body: bytes, more: dict[str, object], code: str
) -> None:
    result = queued.ingest_from_stream(io.BytesIO(body), properties(table, **more))

    failure = failures_of(queued, table)[table]
    assert (failure.ErrorCode, failure.FailureStatus, failure.ShouldRetry) == (code, "Permanent", False)
    assert failure.IngestionSourceId == str(result.source_id)
    assert cluster.count(table) == 0
    assert [kept["ErrorCode"] for kept in cluster.failures(table)] == [code]


def test_an_unknown_table_or_blob_is_reported(queued: QueuedIngestClient, table: str, azurite: Azurite) -> None:
    queued.ingest_from_stream(io.BytesIO(LINES), properties(f"{table}x"))
    queued.ingest_from_blob(BlobDescriptor(f"{azurite.url}/adx-ingest-temp/missing", size=1), properties(table))

    failures = failures_of(queued, table, f"{table}x")
    assert failures[f"{table}x"].ErrorCode == "BadRequest_TableNotExist"
    assert failures[table].ErrorCode == "Download_SourceNotFound"


def test_data_with_a_known_ingest_by_tag_is_ingested_once(
    queued: QueuedIngestClient, cluster: Cluster, table: str
) -> None:
    for _ in range(3):
        queued.ingest_from_stream(
            io.BytesIO(LINES),
            properties(table, ingest_by_tags=["day-1"], ingest_if_not_exists=["day-1"], flush_immediately=True),
        )
        success_of(queued, table)

    assert cluster.count(table) == 2


def test_a_batch_waits_as_long_as_its_policy_says(queued: QueuedIngestClient, cluster: Cluster, table: str) -> None:
    policy = json.dumps({"MaximumBatchingTimeSpan": "00:10:00", "MaximumNumberOfItems": 3, "MaximumRawDataSizeMB": 100})
    cluster.manage(f".alter table {table} policy ingestionbatching '{policy}'")
    for _ in range(2):
        queued.ingest_from_stream(io.BytesIO(LINES), properties(table))
    probe = f"{table}probe"
    cluster.manage(f".create table {probe} (Id: long)")
    queued.ingest_from_stream(io.BytesIO(LINES), properties(probe))
    cluster.wait_for(f"{probe} | count", 2)
    assert cluster.count(table) == 0

    queued.ingest_from_stream(io.BytesIO(LINES), properties(table))

    cluster.wait_for(f"{table} | count", 6)


def test_faults_make_queued_ingestion_fail_and_then_go_on(
    queued: QueuedIngestClient, cluster: Cluster, table: str
) -> None:
    rules = {"rules": [{"match": "ingest.queued", "action": "status", "status": 400, "count": 1}]}
    httpx.put(f"{cluster.url}/_local/faults", json=rules).raise_for_status()

    queued.ingest_from_stream(io.BytesIO(LINES), properties(table, flush_immediately=True))

    assert failures_of(queued, table)[table].FailureStatus == "Permanent"
    queued.ingest_from_stream(io.BytesIO(LINES), properties(table))
    cluster.wait_for(f"{table} | count", 2)


def test_ingest_into_pulls_blobs_and_local_files(
    cluster: Cluster, table: str, azurite: Azurite, tmp_path: Path
) -> None:
    with BlobServiceClient.from_connection_string(azurite.connection_string) as blobs:
        container = blobs.create_container(f"i-{table.lower()}")
        url = container.upload_blob("rows.json", LINES).url
    (tmp_path / "rows.json").write_bytes(LINES)

    sources = f"(h'{url};{KEY}', h@'{tmp_path}/rows.json')"

    rows = cluster.manage(f""".ingest into table {table} {sources} with (format = 'json', tags = '["t"]')""")

    assert [row["ItemLoaded"] for row in rows] == [url, f"{tmp_path}/rows.json"]
    assert cluster.count(table) == 4


def test_messages_left_by_a_killed_server_are_ingested_once(trust_directory: Path, tmp_path: Path, table: str) -> None:
    """Kills the server at any moment between receiving, committing and deleting, with reader and data kept."""
    with Azurite().start() as storage:
        arguments = ["--data", str(tmp_path), "--trust", str(trust_directory), "--http", "0", "--no-data-connections"]
        arguments += ["--storage", storage.connection_string]
        server = ServerProcess("data_explorer", arguments, has_admin=True).start()
        with server:
            assert server.admin is not None
            with Cluster(server.admin) as cluster, QueuedIngestClient(cluster.connection()) as client:
                cluster.manage(".create table K (Id: long, Name: string)")
                for _ in range(60):
                    client.ingest_from_stream(io.BytesIO(LINES), properties("K", flush_immediately=True))
            server.restart()
            assert server.admin is not None
            with Cluster(server.admin) as cluster:
                cluster.wait_for("K | count", 120, seconds=40)
            with QueueServiceClient.from_connection_string(storage.connection_string) as queues:
                deadline = time.monotonic() + 30
                ready = queues.get_queue_client("adx-ready")
                while ready.get_queue_properties().approximate_message_count:
                    assert time.monotonic() < deadline
                    time.sleep(0.1)
            with Cluster(server.admin) as cluster:
                assert cluster.count("K") == 120
