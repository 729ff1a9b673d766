"""Databases, containers, throughput and physical partitions, through the real SDK."""

import itertools

import pytest
from azure.cosmos import ContainerProxy, CosmosClient, DatabaseProxy, PartitionKey, ThroughputProperties
from azure.cosmos.aio import CosmosClient as AsyncCosmosClient
from azure.cosmos.exceptions import CosmosHttpResponseError, CosmosResourceExistsError, CosmosResourceNotFoundError

from local.cosmos.authorization import EMULATOR_KEY
from local.launch import ServerProcess
from tests.contract.cosmos.conftest import MakeContainer
from tests.contract.cosmos.raw import RawClient


def test_account_names_the_address_the_client_used(client: CosmosClient, cosmos: ServerProcess) -> None:
    account = client.get_database_account()

    assert account.WritableLocations[0]["databaseAccountEndpoint"] == f"{cosmos.url}/"
    assert account.ConsistencyPolicy == {"defaultConsistencyLevel": "Session"}


def test_database_is_created_once_read_listed_queried_and_deleted(client: CosmosClient) -> None:
    created = client.create_database("shop")

    assert client.create_database_if_not_exists("shop").id == "shop"
    with pytest.raises(CosmosResourceExistsError):
        client.create_database("shop")
    assert created.read()["_rid"]
    assert "shop" in [database["id"] for database in client.list_databases()]
    found = client.query_databases("SELECT * FROM r WHERE r.id = @id", parameters=[{"name": "@id", "value": "shop"}])
    assert [database["id"] for database in found] == ["shop"]
    client.delete_database("shop")
    with pytest.raises(CosmosResourceNotFoundError):
        created.read()


def test_deleted_database_takes_its_containers_along(client: CosmosClient) -> None:
    database = client.create_database("gone")
    container = database.create_container("items", PartitionKey("/id"))
    container.create_item({"id": "a"})

    client.delete_database("gone")
    client.create_database("gone")

    with pytest.raises(CosmosResourceNotFoundError):
        container.read_item("a", "a")


def test_container_keeps_and_returns_its_properties(telemetry: ContainerProxy) -> None:
    properties = telemetry.read()

    assert properties["partitionKey"] == {"paths": ["/deviceId", "/day"], "kind": "MultiHash", "version": 2}
    assert properties["defaultTtl"] == 3600
    policy = properties["indexingPolicy"]
    assert policy["indexingMode"] == "consistent"
    assert policy["includedPaths"] == [{"path": "/deviceId/?"}, {"path": "/value/?"}]
    assert {"path": "/*"} in policy["excludedPaths"]
    assert policy["compositeIndexes"] == [[{"path": "/deviceId"}, {"path": "/value", "order": "descending"}]]
    assert properties["_self"].startswith("dbs/")


def test_container_without_a_policy_indexes_everything(container: ContainerProxy) -> None:
    policy = container.read()["indexingPolicy"]

    assert policy["includedPaths"] == [{"path": "/*"}]
    assert policy["excludedPaths"] == [{"path": '/"_etag"/?'}]


def test_container_is_created_once_listed_queried_and_deleted(database: DatabaseProxy) -> None:
    database.create_container("orders", PartitionKey("/id"))

    assert database.create_container_if_not_exists("orders", PartitionKey("/id")).id == "orders"
    with pytest.raises(CosmosResourceExistsError):
        database.create_container("orders", PartitionKey("/id"))
    assert "orders" in [container["id"] for container in database.list_containers()]
    found = database.query_containers("SELECT * FROM r WHERE r.id = 'orders'")
    assert [container["id"] for container in found] == ["orders"]
    database.delete_container("orders")
    with pytest.raises(CosmosResourceNotFoundError):
        database.get_container_client("orders").read()


async def test_aio_client_creates_and_deletes_databases_and_containers(aio_client: AsyncCosmosClient) -> None:
    database = await aio_client.create_database_if_not_exists("aio-resources")
    container = await database.create_container_if_not_exists("items", PartitionKey(["/a", "/b"]), default_ttl=60)

    assert (await container.read())["defaultTtl"] == 60
    assert [item["id"] async for item in database.list_containers()] == ["items"]
    await database.delete_container("items")
    await aio_client.delete_database("aio-resources")
    assert "aio-resources" not in [item["id"] async for item in aio_client.list_databases()]


def test_replaced_container_has_its_new_policy_and_keeps_its_items(
    database: DatabaseProxy, telemetry: ContainerProxy
) -> None:
    telemetry.create_item({"id": "a", "deviceId": "d", "day": "1", "value": 1})

    database.replace_container(
        telemetry.id,
        PartitionKey(["/deviceId", "/day"]),
        default_ttl=-1,
        indexing_policy={"includedPaths": [{"path": "/*"}], "excludedPaths": []},
    )

    assert telemetry.read()["defaultTtl"] == -1
    assert telemetry.read()["indexingPolicy"]["includedPaths"] == [{"path": "/*"}]
    assert telemetry.read_item("a", ["d", "1"])["value"] == 1


def test_partition_key_of_a_container_cannot_be_changed(database: DatabaseProxy, container: ContainerProxy) -> None:
    with pytest.raises(CosmosHttpResponseError, match="partition key cannot be changed") as refused:
        database.replace_container(container.id, PartitionKey("/other"))
    assert refused.value.status_code == 400


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"partitionKey": None}, "partition key definition"),
        ({"partitionKey": {"paths": ["device"]}}, "could not be accepted"),
        ({"partitionKey": {"paths": ["/a", "/b", "/c", "/d"], "kind": "MultiHash"}}, "1 to 3 paths"),
        ({"defaultTtl": 0}, "defaultTtl"),
        ({"defaultTtl": "day"}, "defaultTtl"),
        ({"id": "a/b"}, "must not contain"),
        ({"id": 7}, "must be a string"),
        ({"indexingPolicy": {"includedPaths": [{"path": "/a/?"}], "excludedPaths": []}}, "mandatory indexing path"),
        ({"indexingPolicy": {"includedPaths": [{"path": "a"}]}}, "could not be accepted"),
        ({"indexingPolicy": {"compositeIndexes": [[{"path": "/a"}]]}}, "at least two paths"),
        ({"indexingPolicy": []}, "indexing policy"),
    ],
)
def test_container_that_makes_no_sense_is_refused(
    database: DatabaseProxy, raw: RawClient, change: dict[str, object], reason: str
) -> None:
    body = {"id": "refused", "partitionKey": {"paths": ["/id"], "kind": "Hash", "version": 2}, **change}

    answer = raw.send("POST", f"dbs/{database.id}/colls", body)

    assert answer.status_code == 400
    assert reason in answer.json()["message"]
    assert "refused" not in [container["id"] for container in database.list_containers()]


def test_throughput_is_read_and_replaced(make_container: MakeContainer) -> None:
    container = make_container(offer_throughput=500)

    assert container.get_throughput().offer_throughput == 500
    assert container.replace_throughput(700).offer_throughput == 700
    assert container.get_throughput().offer_throughput == 700
    with pytest.raises(CosmosHttpResponseError, match="increments of 100") as refused:
        container.replace_throughput(750)
    assert refused.value.status_code == 400
    assert container.get_throughput().offer_throughput == 700


def test_throughput_of_one_container_among_many_is_changed_alone(make_container: MakeContainer) -> None:
    """Resource ids are told apart by case, too."""
    containers = [make_container(offer_throughput=400) for _ in range(60)]

    for index, container in enumerate(containers[::20]):
        container.replace_throughput(500 + index * 100)

    throughputs = [container.get_throughput().offer_throughput for container in containers]
    assert throughputs[::20] == [500, 600, 700]
    assert throughputs.count(400) == 57


def test_container_gets_the_default_throughput_and_autoscale_is_kept(make_container: MakeContainer) -> None:
    assert make_container().get_throughput().offer_throughput == 400

    autoscale = make_container(offer_throughput=ThroughputProperties(auto_scale_max_throughput=5000))

    assert autoscale.get_throughput().auto_scale_max_throughput == 5000


def test_containers_share_the_throughput_of_their_database(client: CosmosClient, raw: RawClient) -> None:
    database = client.create_database("shared", offer_throughput=1000)
    sharing = database.create_container("sharing", PartitionKey("/id"))
    dedicated = database.create_container("dedicated", PartitionKey("/id"), offer_throughput=600)

    assert database.get_throughput().offer_throughput == 1000
    assert database.replace_throughput(1200).offer_throughput == 1200
    assert dedicated.get_throughput().offer_throughput == 600
    offers = raw.send("GET", "offers").json()["Offers"]
    assert sharing.read()["_self"] not in [offer["resource"] for offer in offers]
    client.delete_database("shared")


def test_feed_ranges_cover_the_key_space_without_overlap(container: ContainerProxy, raw: RawClient) -> None:
    answer = raw.send("GET", f"dbs/tests/colls/{container.id}/pkranges").json()

    bounds = [(part["minInclusive"], part["maxExclusive"]) for part in answer["PartitionKeyRanges"]]
    assert len(bounds) == len(list(container.read_feed_ranges())) == 4
    assert bounds[0][0] == ""
    assert bounds[-1][1] == "FF"
    assert all(left[1] == right[0] for left, right in itertools.pairwise(bounds))


def test_client_of_a_recreated_container_finds_the_new_one(cosmos: ServerProcess, database: DatabaseProxy) -> None:
    stale = database.create_container("recreated", PartitionKey("/id"))
    stale.create_item({"id": "a"})
    other = CosmosClient(cosmos.url, EMULATOR_KEY).get_database_client(database.id)
    other.delete_container("recreated")
    other.create_container("recreated", PartitionKey("/id"))

    stale.create_item({"id": "b"})

    assert [item["id"] for item in other.get_container_client("recreated").read_all_items()] == ["b"]


@pytest.mark.parametrize("kind", ["sprocs", "triggers", "udfs", "conflicts"])
def test_feeds_of_what_there_is_none_of_are_empty(container: ContainerProxy, raw: RawClient, kind: str) -> None:
    answer = raw.send("GET", f"dbs/tests/colls/{container.id}/{kind}")

    assert answer.status_code == 200
    assert answer.json()["_count"] == 0
