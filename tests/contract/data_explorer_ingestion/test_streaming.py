"""Streaming ingestion through the unmodified azure-kusto-ingest and azure-kusto-data clients."""

import gzip
import io
import json
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from azure.kusto.data import DataFormat, KustoClient
from azure.kusto.data.aio import KustoClient as AsyncKustoClient
from azure.kusto.data.exceptions import KustoApiError, OneApiError
from azure.kusto.ingest import (
    IngestionProperties,
    IngestionStatus,
    KustoStreamingIngestClient,
    ManagedStreamingIngestClient,
    StreamDescriptor,
)

from tests.contract.data_explorer_ingestion.cluster import DATABASE, Cluster

ROWS = [{"Id": 1, "Name": "a", "At": "2025-02-04T11:24:52.9911021Z", "Data": {"x": 1.5}}, {"Id": 2, "Name": "b"}]
LINES = "\n".join(json.dumps(row) for row in ROWS).encode()


@pytest.fixture
def streaming(cluster: Cluster) -> Iterator[KustoStreamingIngestClient]:
    with KustoStreamingIngestClient(cluster.connection()) as client:
        yield client


def properties(table: str, format: DataFormat = DataFormat.JSON, mapping: str | None = None) -> IngestionProperties:
    return IngestionProperties(DATABASE, table, format, ingestion_mapping_reference=mapping)


@pytest.mark.parametrize("is_compressed", [False, True])
def test_json_lines_are_queryable_once_the_client_returns(
    streaming: KustoStreamingIngestClient, cluster: Cluster, table: str, is_compressed: bool
) -> None:
    body = io.BytesIO(gzip.compress(LINES) if is_compressed else LINES)

    result = streaming.ingest_from_stream(StreamDescriptor(body, is_compressed=is_compressed), properties(table))

    assert result.status is IngestionStatus.SUCCESS
    assert cluster.query(f"{table} | order by Id asc | project Id, Name, tostring(At), tostring(Data.x)") == [
        [1, "a", "2025-02-04T11:24:52.9911021Z", "1.5"],
        [2, "b", "", ""],
    ]


@pytest.mark.parametrize(
    ("format", "body"),
    [
        (DataFormat.MULTIJSON, json.dumps(ROWS, indent=2).encode()),
        (DataFormat.SINGLEJSON, b'{"Id": 1,\n "Name": "a"}{"Id": 2, "Name": "b"}'),
        (DataFormat.CSV, b'1,"a",2025-02-04T11:24:52.9911021Z,"{""x"": 1.5}"\n2,"b",,\n'),
        (DataFormat.PSV, b"1|a||\n2|b||\n"),
    ],
)
def test_every_format_fills_the_table(
    streaming: KustoStreamingIngestClient, cluster: Cluster, table: str, format: DataFormat, body: bytes
) -> None:
    streaming.ingest_from_stream(io.BytesIO(body), properties(table, format))

    assert cluster.query(f"{table} | order by Id asc | project Id, Name") == [[1, "a"], [2, "b"]]


def test_file_is_ingested_by_a_mapping_of_the_table(
    streaming: KustoStreamingIngestClient, cluster: Cluster, table: str, tmp_path: Path
) -> None:
    cluster.manage(
        f""".create table {table} ingestion json mapping "m" '[{{"column": "Name", "path": "$.who"}},"""
        """{"column": "Data", "path": "$"}]'"""
    )
    file = tmp_path / "rows.json"
    file.write_text('{"who": "me", "big": 12345678901234567890123}')

    streaming.ingest_from_file(str(file), properties(table, mapping="m"))

    assert cluster.query(f"{table} | project Name, tostring(Data)") == [
        ["me", '{"who":"me","big":12345678901234567890123}']
    ]


def test_compressed_file_as_ingest_from_dataframe_writes_it(
    streaming: KustoStreamingIngestClient, cluster: Cluster, table: str, tmp_path: Path
) -> None:
    file = tmp_path / "df_1_2_3.json.gz"
    file.write_bytes(gzip.compress(LINES))

    streaming.ingest_from_file(str(file), properties(table))

    assert cluster.count(table) == 2


async def test_aio_client_streams(cluster: Cluster, table: str) -> None:
    async with AsyncKustoClient(cluster.connection()) as client:
        await client.execute_streaming_ingest(DATABASE, table, io.BytesIO(LINES), None, "json")

    assert cluster.count(table) == 2


def test_managed_client_streams_what_is_small(cluster: Cluster, table: str) -> None:
    with ManagedStreamingIngestClient(cluster.connection(), cluster.connection()) as client:
        result = client.ingest_from_stream(io.BytesIO(LINES), properties(table))

    assert result.status is IngestionStatus.SUCCESS
    assert cluster.count(table) == 2


def test_managed_client_queues_what_is_too_large_to_stream(cluster: Cluster, table: str) -> None:
    rows = b"\n".join(b'{"Id": %d, "Name": "%s"}' % (number, b"x" * 1000) for number in range(5000))
    with ManagedStreamingIngestClient(cluster.connection(), cluster.connection()) as client:
        descriptor = StreamDescriptor(io.BytesIO(gzip.compress(rows, compresslevel=0)), is_compressed=True)
        result = client.ingest_from_stream(descriptor, properties(table))

    assert result.status is IngestionStatus.QUEUED
    cluster.wait_for(f"{table} | count", 5000)


def refusal(cluster: Cluster, table: str, body: bytes, format: str = "json", mapping: str | None = None) -> OneApiError:
    with KustoClient(cluster.connection()) as client, pytest.raises(KustoApiError) as caught:
        client.execute_streaming_ingest(DATABASE, table, io.BytesIO(body), None, format, mapping_name=mapping)
    return caught.value.get_api_error()


def test_a_table_without_the_streaming_policy_is_refused(cluster: Cluster, table: str) -> None:
    cluster.manage(f".alter table {table} policy streamingingestion disable")

    error = refusal(cluster, table, LINES)

    assert error.code == "BadRequest_StreamingIngestionPolicyNotEnabled"
    assert error.permanent is True


@pytest.mark.parametrize(
    ("body", "format", "mapping", "code"),
    [
        (LINES, "json", "none", "BadRequest_MappingReferenceWasNotFound"),
        (b"not json", "json", None, "BadRequest_NoRecordsOrWrongFormat"),
        (b'[{"Id": 1}, {"Id":', "multijson", None, "BadRequest_InvalidBlob"),
        (b"1,2\n3", "csv", None, "Stream_WrongNumberOfFields"),
        (b'"open', "csv", None, "Stream_ClosingQuoteMissing"),
        (b"x", "avro", None, "BadRequest_FormatNotSupported"),
        (b"x" * (4 * 1024 * 1024 + 1), "csv", None, "Stream_InputStreamTooLarge"),
    ],
)
def test_bad_data_is_refused_for_good_with_its_code_and_counted(
    cluster: Cluster, table: str, body: bytes, format: str, mapping: str | None, code: str
) -> None:
    error = refusal(cluster, table, body, format, mapping)

    assert (error.code, error.permanent) == (code, True)
    assert [failure["ErrorCode"] for failure in cluster.failures(table)] == [code]
    assert cluster.count(table) == 0


def test_an_unknown_table_is_refused(cluster: Cluster) -> None:
    error = refusal(cluster, "NoSuchTable", LINES)

    assert error.permanent is True
    assert "NoSuchTable" in (error.description or "")


def test_malformed_lines_are_left_out_and_counted_and_the_rest_is_kept(cluster: Cluster, table: str) -> None:
    body = b'{"Id": 1}\n{"Id": \n{"Id": "many"}\nnull'
    with KustoClient(cluster.connection()) as client:
        client.execute_streaming_ingest(DATABASE, table, io.BytesIO(body), None, "json")

    assert sorted(cluster.query(f"{table} | project Id"), key=str) == [[1], [None]]
    assert ["2 malformed records" in failure["Details"] for failure in cluster.failures(table)] == [True]


@pytest.mark.parametrize(("status", "permanent"), [(503, False), (400, True)])
def test_faults_strike_streaming(cluster: Cluster, table: str, status: int, permanent: bool) -> None:
    rules = {"rules": [{"match": "ingest.streaming", "action": "status", "status": status, "count": 1}]}
    httpx.put(f"{cluster.url}/_local/faults", json=rules).raise_for_status()

    assert refusal(cluster, table, LINES).permanent is permanent
    with KustoClient(cluster.connection()) as client:
        client.execute_streaming_ingest(DATABASE, table, io.BytesIO(LINES), None, "json")
    assert cluster.count(table) == 2


def test_managed_client_queues_what_is_throttled(cluster: Cluster, table: str) -> None:
    rules = {"rules": [{"match": "ingest.streaming", "action": "status", "status": 429, "count": 3}]}
    httpx.put(f"{cluster.url}/_local/faults", json=rules).raise_for_status()
    with ManagedStreamingIngestClient(cluster.connection(), cluster.connection()) as client:
        client._set_retry_settings(max_seconds_per_retry=0.1)
        result = client.ingest_from_stream(io.BytesIO(LINES), properties(table))

    assert result.status is IngestionStatus.QUEUED
    cluster.wait_for(f"{table} | count", 2)
