"""Single items through the real SDK: what each operation answers, and what it refuses."""

from typing import Any

import pytest
from azure.core import MatchConditions
from azure.cosmos import ContainerProxy
from azure.cosmos.aio import CosmosClient as AsyncCosmosClient
from azure.cosmos.exceptions import (
    CosmosAccessConditionFailedError,
    CosmosHttpResponseError,
    CosmosResourceExistsError,
    CosmosResourceNotFoundError,
)

from tests.contract.cosmos.conftest import MakeContainer
from tests.contract.cosmos.raw import RawClient

SYSTEM = {"_rid", "_self", "_etag", "_attachments", "_ts"}


def item(name: str = "a", **properties: Any) -> dict[str, Any]:
    return {"id": name, "device": "d", **properties}


def without_system(document: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in document.items() if name not in SYSTEM}


def test_created_item_is_read_back_with_system_properties(container: ContainerProxy) -> None:
    given = item(text='with "quotes", \\ and ü €', nested={"a": [1, {"b": None}]}, yes=True)

    created = container.create_item(given)
    read = container.read_item("a", "d")

    assert without_system(read) == given
    assert set(read) - set(given) == SYSTEM
    assert read == created
    assert read["_self"].startswith(container.read()["_self"])


def test_create_of_an_existing_id_conflicts_and_changes_nothing(container: ContainerProxy) -> None:
    container.create_item(item(value=1))

    with pytest.raises(CosmosResourceExistsError) as refused:
        container.create_item(item(value=2))

    assert refused.value.status_code == 409
    assert "already exists" in str(refused.value)
    assert container.read_item("a", "d")["value"] == 1


def test_same_id_in_another_partition_is_another_item(container: ContainerProxy) -> None:
    container.create_item({"id": "a", "device": "one"})
    container.create_item({"id": "a", "device": "two"})

    assert container.read_item("a", "one")["_rid"] != container.read_item("a", "two")["_rid"]


def test_upsert_creates_then_updates_and_keeps_the_resource_id(container: ContainerProxy) -> None:
    first = container.upsert_item(item(value=1))
    second = container.upsert_item(item(value=2))

    assert second["_rid"] == first["_rid"]
    assert second["_etag"] != first["_etag"]
    assert container.read_item("a", "d")["value"] == 2


def test_replace_needs_the_item(container: ContainerProxy) -> None:
    with pytest.raises(CosmosResourceNotFoundError):
        container.replace_item("a", item())
    container.create_item(item(value=1))

    replaced = container.replace_item("a", item(value=2))

    assert without_system(container.read_item("a", "d")) == item(value=2)
    assert replaced["_etag"] == container.read_item("a", "d")["_etag"]


def test_replace_with_another_id_is_refused(container: ContainerProxy) -> None:
    container.create_item(item())

    with pytest.raises(CosmosHttpResponseError, match="can't be changed") as refused:
        container.replace_item("a", item("b"))

    assert refused.value.status_code == 400


def test_deleted_item_is_gone(container: ContainerProxy) -> None:
    container.create_item(item())

    container.delete_item("a", "d")

    with pytest.raises(CosmosResourceNotFoundError):
        container.read_item("a", "d")
    with pytest.raises(CosmosResourceNotFoundError):
        container.delete_item("a", "d")


def test_etag_guards_against_lost_updates(container: ContainerProxy) -> None:
    old = container.create_item(item(value=1))
    container.upsert_item(item(value=2))
    guard: dict[str, Any] = {"etag": old["_etag"], "match_condition": MatchConditions.IfNotModified}

    for change in (
        lambda: container.replace_item("a", item(value=3), **guard),
        lambda: container.upsert_item(item(value=3), **guard),
        lambda: container.patch_item("a", "d", [{"op": "set", "path": "/value", "value": 3}], **guard),
        lambda: container.delete_item("a", "d", **guard),
    ):
        with pytest.raises(CosmosAccessConditionFailedError) as refused:
            change()
        assert refused.value.status_code == 412
    assert container.read_item("a", "d")["value"] == 2


def test_matching_etag_lets_an_update_through(container: ContainerProxy) -> None:
    current = container.create_item(item(value=1))

    replaced = container.replace_item(
        "a", item(value=2), etag=current["_etag"], match_condition=MatchConditions.IfNotModified
    )

    assert replaced["value"] == 2


def test_upsert_with_an_etag_of_nothing_is_refused(container: ContainerProxy) -> None:
    with pytest.raises(CosmosAccessConditionFailedError):
        container.upsert_item(item(), etag='"0"', match_condition=MatchConditions.IfNotModified)


def test_unchanged_item_is_not_sent_again(container: ContainerProxy, raw: RawClient) -> None:
    etag = container.create_item(item())["_etag"]

    path = f"dbs/tests/colls/{container.id}/docs/a"
    answer = raw.send("GET", path, key=["d"], headers={"if-none-match": etag})

    assert (answer.status_code, answer.content, answer.headers["etag"]) == (304, b"", etag)
    container.upsert_item(item(value=2))
    assert raw.send("GET", path, key=["d"], headers={"if-none-match": etag}).status_code == 200


def test_no_response_leaves_the_document_out(container: ContainerProxy) -> None:
    assert not container.create_item(item(value=1), no_response=True)
    assert container.read_item("a", "d")["value"] == 1


def test_id_is_generated_on_request(container: ContainerProxy) -> None:
    created = container.create_item({"device": "d"}, enable_automatic_id_generation=True)

    assert container.read_item(created["id"], "d")["id"] == created["id"]


@pytest.mark.parametrize("name", ["ü€😀", "with space", "a%2Fb", "a+b", "x" * 1023, "@;,:!()*'"])
def test_unusual_ids_work(container: ContainerProxy, name: str) -> None:
    container.create_item(item(name, value=1))

    assert container.read_item(name, "d")["id"] == name
    container.replace_item(name, item(name, value=2))
    container.delete_item(name, "d")


@pytest.mark.parametrize("key", ["text", "", "ü", 42, -1.5, 0, True, False, None])
def test_every_kind_of_partition_key_value_works(container: ContainerProxy, key: Any) -> None:
    container.create_item({"id": "a", "device": key})

    assert container.read_item("a", key)["device"] == key
    container.delete_item("a", key)


def test_item_without_the_partition_key_property_is_undefined_and_not_null(
    container: ContainerProxy, raw: RawClient
) -> None:
    container.create_item({"id": "a"})
    path = f"dbs/tests/colls/{container.id}/docs/a"

    assert raw.send("GET", path, key=[{}]).status_code == 200
    assert raw.send("GET", path, key=[None]).status_code == 404


def test_nested_partition_key_path_works(make_container: MakeContainer) -> None:
    container = make_container("/about/device")

    container.create_item({"id": "a", "about": {"device": "d"}})

    assert container.read_item("a", "d")["about"] == {"device": "d"}


def test_hierarchical_key_places_and_finds_items(telemetry: ContainerProxy) -> None:
    for day in ("1", "2"):
        for device in ("x", "y"):
            telemetry.create_item({"id": "a", "deviceId": device, "day": day, "value": day})

    assert telemetry.read_item("a", ["y", "2"])["value"] == "2"
    with pytest.raises(CosmosResourceNotFoundError):
        telemetry.read_item("a", ["y", "3"])
    with pytest.raises(CosmosHttpResponseError, match="components are expected") as refused:
        telemetry.read_item("a", ["y"])
    assert refused.value.status_code == 400


def test_read_items_finds_those_that_exist_over_partitions(telemetry: ContainerProxy) -> None:
    keys = [(f"item-{number}", [f"device-{number % 7}", str(number % 3)]) for number in range(40)]
    for name, (device, day) in keys[::2]:
        telemetry.create_item({"id": name, "deviceId": device, "day": day})

    found = telemetry.read_items(keys)

    assert sorted(document["id"] for document in found) == sorted(name for name, _ in keys[::2])


def test_numbers_are_doubles_as_in_the_service(container: ContainerProxy, raw: RawClient) -> None:
    path = f"dbs/tests/colls/{container.id}/docs"
    body = (
        b'{"id":"a","device":"d","zero":0.0,"whole":12.0,"long":9007199254740993,"longer":12345678901234567890,'
        b'"exponent":1e3,"negative":-0.0,"fraction":0.1,"text":"0.0 and 12345678901234567890"}'
    )

    assert raw.send("POST", path, content=body, key=["d"]).status_code == 201
    text = raw.send("GET", f"{path}/a", key=["d"]).text

    for expected in (
        '"zero":0,',
        '"whole":12,',
        '"long":9007199254740992,',
        '"longer":12345678901234567000,',
        '"exponent":1000,',
        '"negative":0,',
        '"fraction":0.1,',
        '"text":"0.0 and 12345678901234567890"',
    ):
        assert expected in text


def test_all_items_are_listed_page_by_page(container: ContainerProxy) -> None:
    for number in range(25):
        container.create_item({"id": str(number), "device": str(number % 6)})

    pages = [list(page) for page in container.read_all_items(max_item_count=10).by_page()]

    assert [len(page) for page in pages] == [10, 10, 5]
    assert sorted(int(document["id"]) for page in pages for document in page) == list(range(25))


async def test_aio_client_does_all_item_operations(aio_client: AsyncCosmosClient, telemetry: ContainerProxy) -> None:
    container = aio_client.get_database_client("tests").get_container_client(telemetry.id)
    document = {"id": "a", "deviceId": "d", "day": "1", "value": 1}

    await container.create_item(document)
    with pytest.raises(CosmosResourceExistsError):
        await container.create_item(document)
    await container.upsert_item({**document, "value": 2})
    await container.replace_item("a", {**document, "value": 3})
    await container.patch_item("a", ["d", "1"], [{"op": "incr", "path": "/value", "value": 1}])

    assert (await container.read_item("a", ["d", "1"]))["value"] == 4
    assert [found["id"] async for found in container.read_all_items()] == ["a"]
    assert [found["id"] for found in await container.read_items([("a", ["d", "1"]), ("b", ["e", "1"])])] == ["a"]
    await container.delete_item("a", ["d", "1"])
    with pytest.raises(CosmosResourceNotFoundError):
        await container.read_item("a", ["d", "1"])


def test_deleting_a_whole_partition_is_refused_as_not_done(container: ContainerProxy) -> None:
    container.create_item(item())

    with pytest.raises(CosmosHttpResponseError, match="partitionkeydelete") as refused:
        container.delete_all_items_by_partition_key("d")

    assert refused.value.status_code == 501
    assert container.read_item("a", "d")["id"] == "a"
