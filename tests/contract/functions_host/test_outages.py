"""Servers that die and come back while hosts run: nothing is lost, and the hosts go on by themselves."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from azure.cosmos import CosmosClient, PartitionKey

from local.azurite import Azurite
from local.launch import ServerProcess
from tests.contract.functions_host.conftest import COSMOS_KEY, Hosts, Hub, connection_to
from tests.contract.functions_host.hosts import Record, eventually
from tests.contract.functions_host.sending import send


@pytest.fixture
def own_broker(tmp_path: Path) -> Iterator[ServerProcess]:
    arguments = ["--data", str(tmp_path / "hubs"), "--hub", "hub:4:store"]
    with ServerProcess("event_hubs", arguments, has_admin=True) as server:
        yield server


@pytest.fixture
def own_cosmos(tmp_path: Path) -> Iterator[ServerProcess]:
    with ServerProcess("cosmos", ["--data", str(tmp_path / "cosmos")]) as server:
        yield server


def test_events_before_and_after_a_killed_broker_all_arrive(
    hosts: Hosts, own_broker: ServerProcess, record: Record
) -> None:
    hub = Hub("hub", connection_to(own_broker))
    first = [f"first-{number}" for number in range(40)]
    second = [f"second-{number}" for number in range(40)]
    send(hub, first, partition_id="0")
    hosts("events", EventHubs=hub.connection, HUB=hub.name, GROUP="store")
    record.wait_for_bodies(first[:1])

    own_broker.restart()
    send(hub, second, partition_id="0")
    record.wait_for_bodies(first + second)


def test_host_started_before_the_broker_waits_for_it(hosts: Hosts, own_broker: ServerProcess, record: Record) -> None:
    hub = Hub("hub", connection_to(own_broker))
    own_broker.kill()
    own_broker.close()
    impatience = {"AzureFunctionsJobHost__extensions__eventHubs__clientRetryOptions__maximumRetries": "0"}
    host = hosts("events", EventHubs=hub.connection, HUB=hub.name, GROUP="store", **impatience)
    told = "The listener for function 'Functions.batches' was unable to start or broke off"
    eventually(lambda: told in host.output, lambda: host.output)

    own_broker.start()
    send(hub, ["patience"], partition_id="1")
    record.wait_for_bodies(["patience"])
    assert "Traceback" not in host.output


def test_lost_storage_delays_checkpoints_but_not_events(hosts: Hosts, hub: Hub, record: Record, tmp_path: Path) -> None:
    with Azurite(data=tmp_path / "azurite") as azurite:
        settings = {"EventHubs": hub.connection, "HUB": hub.name, "GROUP": "store"}
        host = hosts("events", **settings, AzureWebJobsStorage=azurite.connection_string)
        send(hub, ["before"], partition_id="0")
        record.wait_for_bodies(["before"])
        azurite.kill()
        azurite.close()
        send(hub, ["during"], partition_id="0")
        record.wait_for_bodies(["during"])
        azurite.start()
        send(hub, ["after"], partition_id="0")
        record.wait_for_bodies(["after"])
        assert "Traceback" not in host.output
        assert host.terminate() == 0


def test_changes_before_and_after_a_killed_cosmos_all_arrive(
    hosts: Hosts, own_cosmos: ServerProcess, record: Record
) -> None:
    connection = f"AccountEndpoint={own_cosmos.url};AccountKey={COSMOS_KEY};"
    with CosmosClient.from_connection_string(connection) as client:
        container = client.create_database("d").create_container("telemetry", PartitionKey("/device"))
        for number in range(30):
            container.create_item({"id": f"first-{number}", "device": str(number)})
        host = hosts("changes", CosmosDB=connection, DATABASE="d", FROM_BEGINNING="true")
        record.wait(lambda lines: len(lines) >= 1)

        own_cosmos.restart()
        for number in range(30):
            container.create_item({"id": f"second-{number}", "device": str(number)})
    wanted = {f"{part}-{number}" for part in ("first", "second") for number in range(30)}
    record.wait(lambda lines: wanted <= {document["id"] for line in lines for document in line["documents"]})
    assert "Traceback" not in host.output
