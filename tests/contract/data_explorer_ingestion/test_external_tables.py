"""External tables over folders and Azurite's blobs, and exports into them, through azure-kusto-data."""

import io
import json
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from azure.kusto.data.exceptions import KustoApiError
from azure.storage.blob import BlobServiceClient, ContainerClient

from local.azurite import KEY, Azurite
from tests.contract.data_explorer_ingestion.cluster import Cluster

ROWS = """datatable(At: datetime, Who: string, N: long, R: real, Data: dynamic) [
    datetime(2025-02-04T11:24:52.9911021Z), "a/b", 1, 1.5, dynamic({"x": [1, "é"]}),
    datetime(2025-02-05T00:00:00Z), "", 2, real(null), dynamic(null),
    datetime(null), "quote \\", and comma", 3, -0.25, dynamic("text") ]"""
COLUMNS = "At: datetime, Who: string, N: long, R: real, Data: dynamic"


@pytest.fixture
def container(azurite: Azurite, table: str) -> ContainerClient:
    blobs = BlobServiceClient.from_connection_string(azurite.connection_string)
    return blobs.create_container(f"x-{table.lower()}")


@pytest.mark.parametrize("format", ["csv", "tsv", "json", "parquet"])
@pytest.mark.parametrize("place", ["folder", "blobs"])
def test_what_is_exported_to_a_table_is_what_is_read_from_it(
    cluster: Cluster, table: str, tmp_path: Path, container: ContainerClient, format: str, place: str
) -> None:
    connection = str(tmp_path) if place == "folder" else f"{container.url};{KEY}"
    cluster.manage(
        f"""
        .create external table E{table} ({COLUMNS}) kind=storage
        partition by (Who: string = Who, Day: datetime = startofday(At))
        pathformat = ("who=" Who "/day=" datetime_pattern("yyyy-MM-dd", Day))
        dataformat = {format} (h@'{connection}') with (folder = "f", includeHeaders = "All", compressed = true)
        """
    )

    written = cluster.manage(f".export to table E{table} <| {ROWS}")

    assert sum(row["NumRecords"] for row in written) == 3
    folders = {row["Path"].split("who=")[1].rpartition("/")[0] for row in written}
    default = "__DEFAULT_PARTITION__"
    assert folders == {"a_b/day=2025-02-04", f"{default}/day=2025-02-05", f"quote _, and comma/day={default}"}
    exported = cluster.query(f"external_table('E{table}') | order by N asc")
    assert [[str(value) for value in row] for row in exported] == [
        [str(value) for value in row] for row in cluster.query(f"{ROWS} | order by N asc")
    ]


def test_files_of_others_are_read_with_virtual_columns_of_their_path(
    cluster: Cluster, table: str, container: ContainerClient
) -> None:
    for day, who in (("20250204", "ann"), ("20250205", "bob")):
        body = io.BytesIO()
        pq.write_table(pa.table({"N": [1, 2]}), body)
        container.upload_blob(f"data/customer={who}/date={day}/part-0.parquet", body.getvalue())
        container.upload_blob(f"data/customer={who}/date={day}/_SUCCESS", b"")
    cluster.manage(
        f"""
        .create external table E{table} (N: long) kind=storage
        partition by (Customer: string, Date: datetime)
        pathformat = ("customer=" Customer "/date=" datetime_pattern("yyyyMMdd", Date))
        dataformat = parquet (h@'{container.url}/data;{KEY}') with (fileExtension = ".parquet")
        """
    )

    rows = cluster.query(
        f"external_table('E{table}') | where Date > datetime(2025-02-04) | project N, Customer, tostring(Date)"
    )

    assert sorted(rows) == [[1, "bob", "2025-02-05T00:00:00.0000000Z"], [2, "bob", "2025-02-05T00:00:00.0000000Z"]]


def test_external_tables_are_shown_altered_and_dropped(cluster: Cluster, table: str, tmp_path: Path) -> None:
    name = f"E{table}"
    create = f"external table {name} (A: long) kind=storage dataformat=csv (h@'{tmp_path};secret')"
    cluster.manage(f".create {create} with (docString = 'd', folder = 'f')")
    with pytest.raises(KustoApiError, match="already exists"):
        cluster.manage(f".create {create}")
    cluster.manage(
        f".create-or-alter external table {name} (A: long, B: string) kind=storage dataformat=csv ('{tmp_path}')"
    )

    shown = next(row for row in cluster.manage(".show external tables") if row["TableName"] == name)
    assert "secret" not in json.dumps(shown)
    assert cluster.manage(f".show external table {name} cslschema")[0]["Schema"] == "A:long,B:string"
    cluster.manage(f".drop external table {name}")
    with pytest.raises(KustoApiError, match=name):
        cluster.query(f"external_table('{name}')")


def test_an_external_table_that_cannot_be_read_says_which_file(cluster: Cluster, table: str, tmp_path: Path) -> None:
    (tmp_path / "bad.json").write_text("{")
    (tmp_path / "bad.parquet").write_text("no")
    for format in ("multijson", "parquet"):
        cluster.manage(
            f".create-or-alter external table E{table} (A: long) kind=storage dataformat={format} ('{tmp_path}')"
        )
        with pytest.raises(KustoApiError, match="bad"):
            cluster.query(f"external_table('E{table}')")


def test_exports_to_storage_write_files_that_others_can_read(
    cluster: Cluster, tmp_path: Path, container: ContainerClient
) -> None:
    parquet = cluster.manage(f".export to parquet (h@'{container.url};{KEY}') with (namePrefix = 'p') <| {ROWS}")
    csv = cluster.manage(f".export compressed to csv ('{tmp_path}') with (includeHeaders = 'all') <| {ROWS} | take 0")
    text = cluster.manage(f".export to csv ('{tmp_path}') with (includeHeaders = 'all') <| {ROWS} | where N == 1")

    name = parquet[0]["Path"].rpartition("/")[2]
    assert name.startswith("p_")
    read = pq.read_table(io.BytesIO(container.download_blob(name).readall()))
    assert read.column("At").cast(pa.int64()).to_pylist()[0] == 1738668292991102100
    assert read.column("N").to_pylist() == [1, 2, 3]
    assert csv == []
    assert Path(text[0]["Path"].removeprefix("file://")).read_text().splitlines() == [
        "At,Who,N,R,Data",
        '2025-02-04T11:24:52.9911021Z,a/b,1,1.5,"{""x"":[1,""é""]}"',
    ]


def test_async_export_tells_its_files_by_its_operation(cluster: Cluster, tmp_path: Path) -> None:
    started = cluster.manage(f".export async to json ('{tmp_path}') <| {ROWS}")

    rows = cluster.manage(f".show operation {started[0]['OperationId']} details")

    assert [row["NumRecords"] for row in rows] == [3]
    lines = Path(rows[0]["Path"].removeprefix("file://")).read_text().splitlines()
    assert [json.loads(line)["Data"] for line in lines] == [{"x": [1, "é"]}, None, "text"]


def test_an_export_of_another_schema_is_refused(cluster: Cluster, table: str, tmp_path: Path) -> None:
    cluster.manage(f".create external table E{table} (A: long) kind=storage dataformat=csv ('{tmp_path}')")

    with pytest.raises(KustoApiError, match="schema"):
        cluster.manage(f".export to table E{table} <| print B = 'x'")
    assert list(tmp_path.iterdir()) == []
