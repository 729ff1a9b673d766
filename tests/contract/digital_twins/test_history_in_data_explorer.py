"""Data history arrives in the product's Data Explorer tables by its data connection, and nothing fails on the way."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from azure.kusto.data import KustoClient, KustoConnectionStringBuilder

from local.event_hubs_namespace import connection_string
from local.launch import PROJECT, ServerProcess
from tests.contract.digital_twins.conftest import room
from tests.contract.digital_twins.hub import eventually
from tests.contract.digital_twins.models import ROOM

TABLES = PROJECT / "kql" / "050-twin-history.kql"


@pytest.fixture
def kusto(tmp_path: Path, trust_directory: Path, event_hubs: ServerProcess) -> Iterator[KustoClient]:
    arguments = ["--data", str(tmp_path), "--trust", str(trust_directory), "--http", "0", "--no-queued-ingestion"]
    arguments += ["--connection-string", connection_string(event_hubs.port)]
    with ServerProcess("data_explorer", arguments, has_admin=True).start() as server:
        assert server.admin is not None
        with KustoClient(KustoConnectionStringBuilder.with_no_authentication(server.admin)) as client:
            client.execute_mgmt("iot", f".execute database script <|\n{TABLES.read_text()}")
            yield client


def rows(kusto: KustoClient, query: str) -> list[tuple[Any, ...]]:
    return [tuple(row) for row in kusto.execute("iot", query).primary_results[0].raw_rows]


def test_history_is_ingested_as_it_was_written(kusto: KustoClient, raw: httpx.Client, name: str) -> None:
    source_time = "2026-11-22T10:00:00.1234567Z"
    raw.put(f"/digitaltwins/{name}", json=room(temperature=1.5)).raise_for_status()
    patch = [
        {"op": "add", "path": "/temperature", "value": 2.5},
        {"op": "add", "path": "/$metadata/temperature/sourceTime", "value": source_time},
        {"op": "add", "path": "/pose", "value": {"roll": 1}},
    ]
    raw.patch(f"/digitaltwins/{name}", json=patch).raise_for_status()
    raw.delete(f"/digitaltwins/{name}").raise_for_status()

    lives = f"AdtTwinLifecycleEvents | where TwinId == '{name}' | order by TimeStamp asc | project Action, ModelId"
    eventually(lambda: len(rows(kusto, lives)) == 2)

    assert rows(kusto, lives) == [("Create", ROOM), ("Delete", ROOM)]
    updates = (
        f"AdtPropertyEvents | where Id == '{name}' | order by TimeStamp asc, Key asc"
        " | project Key, Value = tostring(Value), SourceTimeStamp, ServiceId"
    )
    eventually(lambda: len(rows(kusto, updates)) == 3)
    assert [(row[0], row[2], row[3]) for row in rows(kusto, updates)] == [
        ("temperature", None, "localhost"),
        ("pose", None, "localhost"),
        ("temperature", source_time, "localhost"),
    ]
    assert rows(kusto, updates)[2][1] == "2.5"
    assert kusto.execute_mgmt("iot", ".show ingestion failures").primary_results[0].raw_rows == []
