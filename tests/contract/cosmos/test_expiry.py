"""Time to live: of the container, of the item, and what becomes of expired items."""

import sqlite3
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from azure.cosmos import ContainerProxy, CosmosClient, DatabaseProxy, PartitionKey
from azure.cosmos.exceptions import CosmosHttpResponseError, CosmosResourceNotFoundError

from local.cosmos.authorization import EMULATOR_KEY
from local.launch import ServerProcess
from tests.contract.cosmos.conftest import MakeContainer

COUNT = "SELECT VALUE COUNT(1) FROM c"


def document(name: str, **properties: Any) -> dict[str, Any]:
    return {"id": name, "device": "d", **properties}


def until(condition: Callable[[], bool], *, seconds: float = 10) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "it did not come about in time"
        time.sleep(0.02)


def is_gone(container: ContainerProxy, name: str) -> bool:
    try:
        container.read_item(name, "d")
    except CosmosResourceNotFoundError:
        return True
    return False


def test_expired_item_is_invisible_everywhere(make_container: MakeContainer) -> None:
    container = make_container(default_ttl=1000)
    container.create_item(document("short", ttl=1))
    container.create_item(document("long"))

    until(lambda: is_gone(container, "short"))

    assert [item["id"] for item in container.read_all_items()] == ["long"]
    assert list[Any](container.query_items(COUNT, partition_key="d")) == [1]
    assert [item["id"] for item in container.query_items_change_feed(start_time="Beginning")] == ["long"]
    with pytest.raises(CosmosResourceNotFoundError):
        container.replace_item("short", document("short"))
    with pytest.raises(CosmosResourceNotFoundError):
        container.patch_item("short", "d", [{"op": "set", "path": "/a", "value": 1}])


def test_id_of_an_expired_item_is_free_at_once(make_container: MakeContainer) -> None:
    container = make_container(default_ttl=1)
    old = container.create_item(document("a"))

    until(lambda: is_gone(container, "a"))
    new = container.create_item(document("a", ttl=-1))

    assert new["_rid"] != old["_rid"]
    assert container.read_item("a", "d")["_rid"] == new["_rid"]


def test_item_outlives_the_default_when_it_says_so(make_container: MakeContainer) -> None:
    container = make_container(default_ttl=1)
    container.create_item(document("never", ttl=-1))
    container.create_item(document("later", ttl=1000))
    container.create_item(document("default"))

    until(lambda: is_gone(container, "default"))

    assert not is_gone(container, "never")
    assert not is_gone(container, "later")


def test_default_of_minus_one_only_expires_items_that_ask(make_container: MakeContainer) -> None:
    container = make_container(default_ttl=-1)
    container.create_item(document("kept"))
    container.create_item(document("short", ttl=1))

    until(lambda: is_gone(container, "short"))

    assert not is_gone(container, "kept")


def test_without_a_default_nothing_expires(database: DatabaseProxy, make_container: MakeContainer) -> None:
    container = make_container()
    container.create_item(document("a", ttl=1))
    written = container.create_item(document("b", ttl=1))["_ts"]

    until(lambda: time.time() > written + 1.2)

    assert not is_gone(container, "a")
    database.replace_container(container.id, PartitionKey("/device"), default_ttl=-1)
    assert is_gone(container, "a")


def test_update_starts_the_time_anew(make_container: MakeContainer) -> None:
    container = make_container(default_ttl=1000)
    container.create_item(document("a", ttl=1))
    container.upsert_item(document("a"))
    container.create_item(document("b", ttl=1))

    until(lambda: is_gone(container, "b"))

    assert not is_gone(container, "a")


def test_new_default_counts_for_items_that_are_there(database: DatabaseProxy, make_container: MakeContainer) -> None:
    container = make_container(default_ttl=1000)
    container.create_item(document("default"))
    container.create_item(document("own", ttl=500))

    database.replace_container(container.id, PartitionKey("/device"), default_ttl=1)
    until(lambda: is_gone(container, "default"))

    assert not is_gone(container, "own")


@pytest.mark.parametrize("ttl", [0, -2, "10", 1.5, True, None, 2**31])
def test_time_to_live_that_makes_no_sense_is_refused(container: ContainerProxy, ttl: Any) -> None:
    with pytest.raises(CosmosHttpResponseError, match="ttl") as refused:
        container.create_item(document("a", ttl=ttl))

    assert refused.value.status_code == 400
    assert list(container.read_all_items()) == []


def test_expired_items_are_removed_from_disk_and_the_feed_position_stays(tmp_path: Path) -> None:
    with ServerProcess("cosmos", ["--data", str(tmp_path)]).start() as server:
        database = CosmosClient(server.url, EMULATOR_KEY).create_database("d")
        container = database.create_container("c", PartitionKey("/device"), default_ttl=1)
        for first in range(0, 1200, 100):
            container.execute_item_batch(
                [("create", (document(str(number)),)) for number in range(first, first + 100)], "d"
            )
        with sqlite3.connect(tmp_path / "cosmos.sqlite3") as file:
            until(lambda: file.execute("SELECT count(*) FROM items_1").fetchone() == (0,))
        file.close()
        list(container.query_items_change_feed(start_time="Beginning"))
        token = container.client_connection.last_response_headers["etag"]
        server.restart()
        container.create_item(document("after"))

        assert [item["id"] for item in container.query_items_change_feed(continuation=token)] == ["after"]
