"""Cosmos DB triggers on real servers: what a handler gets, when the lease advances, and who holds it."""

from pathlib import Path
from typing import Any

import pytest
from azure.cosmos import ContainerProxy, DatabaseProxy, PartitionKey

from tests.contract.functions_host.conftest import Hosts
from tests.contract.functions_host.hosts import Record, eventually


@pytest.fixture
def telemetry(database: DatabaseProxy) -> ContainerProxy:
    return database.create_container("telemetry", PartitionKey("/device"))


def _settings(database: DatabaseProxy, connection: str, **more: str) -> dict[str, str]:
    return {"CosmosDB": connection, "DATABASE": database.id, "FROM_BEGINNING": "true", **more}


def _store(telemetry: ContainerProxy, prefix: str, count: int, devices: int = 12) -> list[str]:
    names = [f"{prefix}{number}" for number in range(count)]
    for number, name in enumerate(names):
        telemetry.create_item({"id": name, "device": f"device-{number % devices}"})
    return names


def _ids(record: Record, *, ends: str = "succeeded") -> list[str]:
    return [document["id"] for line in record.lines() if line["ends"] == ends for document in line["documents"]]


def _wait_for(record: Record, names: list[str]) -> None:
    eventually(lambda: set(names) <= set(_ids(record)), lambda: f"missing {set(names) - set(_ids(record))}")


def _leases(database: DatabaseProxy) -> list[dict[str, Any]]:
    return [dict(lease) for lease in database.get_container_client("leases").read_all_items()]


def _owners(database: DatabaseProxy) -> list[int]:
    owners = [lease["Owner"] for lease in _leases(database) if lease["Owner"]]
    return sorted(owners.count(owner) for owner in set(owners))


def test_every_document_from_the_beginning_arrives_once_in_pages_of_the_binding(
    hosts: Hosts, database: DatabaseProxy, telemetry: ContainerProxy, record: Record, cosmos_connection: str
) -> None:
    names = _store(telemetry, "a", 60)
    host = hosts("changes", **_settings(database, cosmos_connection))
    _wait_for(record, names)
    more = _store(telemetry, "b", 20)
    _wait_for(record, more)

    assert sorted(_ids(record)) == sorted(names + more)
    assert max(len(line["documents"]) for line in record.lines()) <= 10
    assert "  changes: cosmosDBTrigger" in host.output
    assert "(Reason='New changes on container telemetry at 20" in host.output
    assert len(_leases(database)) == 4
    assert all(lease["id"].startswith("changes127.0.0.1_") for lease in _leases(database))


def test_dates_in_documents_are_rewritten_as_by_the_real_host(
    hosts: Hosts, database: DatabaseProxy, telemetry: ContainerProxy, record: Record, cosmos_connection: str
) -> None:
    body = '{"humidity":{"SourceTimestamp":"2025-02-04T11:24:52.000Z","Value":1.0}}'
    telemetry.create_item(
        {
            "id": "dated",
            "device": "d",
            "exact": "2025-02-04T11:24:52.9911021Z",
            "zeros": "2025-02-04T11:24:52.9900000Z",
            "whole": "2025-02-04T11:24:52.000Z",
            "offset": "2025-02-04T11:24:52.5+01:00",
            "nested": [{"at": "2025-02-04T11:24:52.100Z"}],
            "body": body,
            "none": "2025-02-04 11:24:52Z",
        }
    )
    hosts("changes", **_settings(database, cosmos_connection, TZ="UTC"))
    _wait_for(record, ["dated"])

    document = record.lines()[0]["documents"][0]
    assert document["exact"] == "2025-02-04T11:24:52.9911021Z"
    assert document["zeros"] == "2025-02-04T11:24:52.99Z"
    assert document["whole"] == "2025-02-04T11:24:52Z"
    assert document["offset"] == "2025-02-04T10:24:52.5+00:00"
    assert document["nested"] == [{"at": "2025-02-04T11:24:52.1Z"}]
    assert document["body"] == body, "a string that only holds dates is left alone"
    assert document["none"] == "2025-02-04 11:24:52Z"


def test_lease_advances_only_after_success_when_retries_have_no_end(
    hosts: Hosts,
    database: DatabaseProxy,
    telemetry: ContainerProxy,
    record: Record,
    outage: Path,
    cosmos_connection: str,
) -> None:
    outage.touch()
    names = _store(telemetry, "a", 5, devices=1)
    first = hosts("changes", **_settings(database, cosmos_connection))
    record.wait(lambda lines: any(line["attempt"] >= 1 for line in lines))

    assert first.terminate() == 0
    assert [lease["ContinuationToken"] for lease in _leases(database)] == [None] * 4
    assert [lease["Owner"] for lease in _leases(database)] == [None] * 4
    outage.unlink()
    hosts("changes", **_settings(database, cosmos_connection))
    _wait_for(record, names)
    assert sorted(_ids(record)) == sorted(names)


def test_lease_advances_past_a_page_whose_finite_retries_are_exhausted(
    hosts: Hosts,
    database: DatabaseProxy,
    telemetry: ContainerProxy,
    record: Record,
    outage: Path,
    cosmos_connection: str,
) -> None:
    outage.touch()
    _store(telemetry, "lost", 1, devices=1)
    hosts("changes", **_settings(database, cosmos_connection, RETRIES="2"))
    eventually(
        lambda: any(lease["ContinuationToken"] for lease in _database_leases(database)),
        lambda: f"leases: {_database_leases(database)}",
    )

    assert [line["attempt"] for line in record.lines()] == [0, 1, 2]
    outage.unlink()
    names = _store(telemetry, "later", 1, devices=1)
    _wait_for(record, names)
    assert _ids(record) == names


def _database_leases(database: DatabaseProxy) -> list[dict[str, Any]]:
    """The leases, once the host has made their container."""
    made = {container["id"] for container in database.list_containers()}
    return _leases(database) if "leases" in made else []


def test_restarted_host_goes_on_after_the_last_page(
    hosts: Hosts, database: DatabaseProxy, telemetry: ContainerProxy, record: Record, cosmos_connection: str
) -> None:
    names = _store(telemetry, "a", 20)
    first = hosts("changes", **_settings(database, cosmos_connection))
    _wait_for(record, names)
    eventually(
        lambda: all(lease["ContinuationToken"] for lease in _leases(database)), lambda: f"leases: {_leases(database)}"
    )
    assert first.terminate() == 0
    more = _store(telemetry, "b", 20)
    hosts("changes", **_settings(database, cosmos_connection))
    _wait_for(record, more)

    assert sorted(_ids(record)) == sorted(names + more)


def test_two_hosts_share_the_feed_ranges_and_a_killed_ones_are_taken_over(
    hosts: Hosts, database: DatabaseProxy, telemetry: ContainerProxy, record: Record, cosmos_connection: str
) -> None:
    hosts("changes", **_settings(database, cosmos_connection, HOST_NAME="stays"))
    eventually(lambda: len(_database_leases(database)) == 4, lambda: "no leases")
    killed = hosts("changes", **_settings(database, cosmos_connection, HOST_NAME="killed"))
    eventually(lambda: _owners(database) == [2, 2], lambda: f"owners: {_owners(database)}")
    names = _store(telemetry, "shared", 40)
    _wait_for(record, names)
    assert {line["host"] for line in record.lines()} == {"stays", "killed"}

    killed.kill()
    more = _store(telemetry, "alone", 40)
    _wait_for(record, more)
    assert {line["host"] for line in record.lines()[-1:]} == {"stays"}
    assert set(_ids(record)) == set(names + more)


def test_changes_before_the_first_start_are_left_out_without_start_from_beginning(
    hosts: Hosts, database: DatabaseProxy, telemetry: ContainerProxy, record: Record, cosmos_connection: str
) -> None:
    _store(telemetry, "before", 10)
    first = hosts("changes", **_settings(database, cosmos_connection, FROM_BEGINNING="false"))
    eventually(lambda: len(_database_leases(database)) == 4, lambda: "no leases")
    assert first.terminate() == 0
    names = _store(telemetry, "between", 10)
    hosts("changes", **_settings(database, cosmos_connection, FROM_BEGINNING="false"))
    _wait_for(record, names)

    assert sorted(_ids(record)) == sorted(names), "the start is kept with the lease, not taken anew by each host"


def test_missing_container_is_told_in_the_extensions_words_and_waited_for(
    hosts: Hosts, database: DatabaseProxy, record: Record, cosmos_connection: str
) -> None:
    host = hosts("changes", **_settings(database, cosmos_connection))
    told = f"Either the source container 'telemetry' (in database '{database.id}') or the lease container 'leases'"
    eventually(lambda: told in host.output, lambda: host.output)

    names = _store(database.create_container("telemetry", PartitionKey("/device")), "a", 3)
    _wait_for(record, names)
