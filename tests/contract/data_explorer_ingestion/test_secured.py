"""Ingestion over HTTPS with the stack's own tokens, as in the cloud."""

import io
from pathlib import Path

import pytest
from azure.kusto.data import DataFormat, KustoConnectionStringBuilder
from azure.kusto.data.exceptions import KustoServiceError
from azure.kusto.ingest import (
    IngestionProperties,
    KustoStreamingIngestClient,
    ManagedStreamingIngestClient,
    QueuedIngestClient,
)

from local.certificates import Trust
from local.identity.tokens import Tokens
from local.launch import ServerProcess
from tests.contract.data_explorer_ingestion.cluster import DATABASE, Cluster

LINES = b'{"Id": 1}\n{"Id": 2}'


@pytest.fixture(autouse=True)
def trusting(trust: Trust, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(trust.bundle))


@pytest.fixture
def secured(data_explorer: ServerProcess, trust_directory: Path) -> KustoConnectionStringBuilder:
    token = Tokens(trust_directory).issue("https://kusto.kusto.windows.net", "app")
    return KustoConnectionStringBuilder.with_token_provider(data_explorer.url, lambda: token.text)


def test_each_way_in_takes_a_token(secured: KustoConnectionStringBuilder, cluster: Cluster, table: str) -> None:
    properties = IngestionProperties(DATABASE, table, DataFormat.JSON, flush_immediately=True)
    with (
        KustoStreamingIngestClient(secured) as streaming,
        QueuedIngestClient(secured) as queued,
        ManagedStreamingIngestClient(secured, secured) as managed,
    ):
        for client in (streaming, queued, managed):
            client.ingest_from_stream(io.BytesIO(LINES), properties)

    cluster.wait_for(f"{table} | count", 6)


def test_without_a_good_token_nothing_comes_in(data_explorer: ServerProcess, cluster: Cluster, table: str) -> None:
    forged = KustoConnectionStringBuilder.with_token_provider(data_explorer.url, lambda: "forged")
    with KustoStreamingIngestClient(forged) as client, pytest.raises(KustoServiceError, match="401"):
        client.ingest_from_stream(io.BytesIO(LINES), IngestionProperties(DATABASE, table, DataFormat.JSON))

    assert cluster.count(table) == 0
