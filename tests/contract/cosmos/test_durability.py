"""kill -9 at any moment: nothing acknowledged is lost, and the change feed goes on where it was."""

import random
import threading
from pathlib import Path
from typing import Any

import pytest
from azure.core.exceptions import AzureError
from azure.cosmos import ContainerProxy, CosmosClient, PartitionKey
from azure.cosmos.exceptions import CosmosHttpResponseError

from local.cosmos.authorization import EMULATOR_KEY
from local.launch import NotReady, ServerProcess

KILLS = 10


class Store:
    """A server that can be killed, and one container of it."""

    def __init__(self, data: Path) -> None:
        self.server = ServerProcess("cosmos", ["--data", str(data)]).start()
        database = self.client().create_database("d")
        database.create_container("c", PartitionKey(["/device", "/day"]), default_ttl=3600)

    def client(self) -> CosmosClient:
        return CosmosClient(self.server.url, EMULATOR_KEY, retry_total=0, retry_connect=0, retry_read=0)

    def container(self) -> ContainerProxy:
        return self.client().get_database_client("d").get_container_client("c")


@pytest.fixture
def store(tmp_path: Path) -> Any:
    store = Store(tmp_path)
    yield store
    store.server.close()


class BatchWriter(threading.Thread):
    """Stores batches, one after the other, until told to stop; remembers what was acknowledged."""

    def __init__(self, store: Store, name: str) -> None:
        super().__init__()
        self.acknowledged: dict[str, int] = {}
        """Ids, and the version that was acknowledged last."""
        self.failures = 0
        self._store = store
        self._device = name
        self._stop_asked = threading.Event()

    def stop(self) -> None:
        self._stop_asked.set()
        self.join()

    def run(self) -> None:
        container = None
        number = 0
        while not self._stop_asked.wait(0.005):
            number += 1
            try:
                container = container or self._store.container()
                self._write(container, number)
            except (AzureError, CosmosHttpResponseError):
                self.failures += 1
                container = None

    def _write(self, container: ContainerProxy, number: int) -> None:
        names = [f"{self._device}-{number}-{place}" for place in range(10)]
        key = [self._device, str(number % 5)]
        documents = [{"id": name, "device": key[0], "day": key[1], "version": 1} for name in names]
        container.execute_item_batch([("create", (document,)) for document in documents], key)
        self.acknowledged.update(dict.fromkeys(names, 1))
        container.upsert_item({**documents[0], "version": 2})
        self.acknowledged[names[0]] = 2
        container.delete_item(names[9], key)
        del self.acknowledged[names[9]]


def test_two_writers_lose_nothing_however_often_the_server_is_killed(store: Store) -> None:
    writers = [BatchWriter(store, name) for name in ("one", "two")]
    for writer in writers:
        writer.start()
    pause = threading.Event()
    chance = random.Random(7)
    for _ in range(KILLS):
        pause.wait(chance.uniform(0.05, 0.3))
        store.server.restart()
    for writer in writers:
        writer.stop()
    store.server.restart()

    container = store.container()
    stored = {item["id"]: item["version"] for item in container.read_all_items()}
    feed = list(container.query_items_change_feed(start_time="Beginning"))
    acknowledged = {name: version for writer in writers for name, version in writer.acknowledged.items()}

    assert sum(writer.failures for writer in writers) > 0
    assert len(acknowledged) > 100
    # The update of the first and the deletion of the last item of a batch were under way when the server died.
    unclear = {name for name, version in acknowledged.items() if name.endswith(("-0", "-9")) and version == 1}
    assert {name: stored.get(name) for name in acknowledged.keys() - unclear} == {
        name: version for name, version in acknowledged.items() if name not in unclear
    }
    assert sorted(item["id"] for item in feed) == sorted(stored)
    batches: dict[str, int] = {}
    for name in stored:
        batches[name.rsplit("-", 1)[0]] = batches.get(name.rsplit("-", 1)[0], 0) + 1
    assert set(batches.values()) <= {9, 10}


def test_follower_of_the_feed_misses_nothing_over_kills(store: Store) -> None:
    writer = BatchWriter(store, "one")
    writer.start()
    ranges = list(store.container().read_feed_ranges())
    positions: dict[int, dict[str, Any]] = {
        index: {"feed_range": feed_range, "start_time": "Beginning"} for index, feed_range in enumerate(ranges)
    }
    seen: dict[str, int] = {}

    def follow() -> None:
        container = store.container()
        for index, options in positions.items():
            for page in container.query_items_change_feed(max_item_count=50, **options).by_page():
                for item in page:
                    assert item["_lsn"] > seen.get(item["id"], 0), "a change came twice or went back"
                    seen[item["id"]] = item["_lsn"]
            positions[index] = {"continuation": container.client_connection.last_response_headers["etag"]}

    for _ in range(KILLS // 2):
        follow()
        store.server.restart()
    writer.stop()
    follow()

    stored = {item["id"] for item in store.container().read_all_items()}
    assert stored <= seen.keys()
    assert len(stored) > 50


def test_sequence_number_does_not_go_back_when_the_newest_is_deleted_and_the_server_killed(store: Store) -> None:
    container = store.container()
    for name in ("a", "b"):
        container.create_item({"id": name, "device": "d", "day": "1"})
    options: dict[str, Any] = {"partition_key": ["d", "1"], "start_time": "Beginning"}
    last = list(container.query_items_change_feed(**options))[-1]["_lsn"]
    token = container.client_connection.last_response_headers["etag"]
    container.delete_item("b", ["d", "1"])
    store.server.restart()

    container = store.container()
    assert list(container.query_items_change_feed(continuation=token)) == []
    container.create_item({"id": "c", "device": "d", "day": "1"})
    changes = list(container.query_items_change_feed(continuation=token))

    assert [change["id"] for change in changes] == ["c"]
    assert changes[0]["_lsn"] > last


def test_databases_containers_and_throughput_are_there_after_a_kill(store: Store) -> None:
    store.container().replace_throughput(900)
    before = store.container().read()
    store.server.restart()

    assert store.container().read() == before
    assert store.container().get_throughput().offer_throughput == 900


def test_stopped_server_ends_well_and_keeps_everything(store: Store) -> None:
    store.container().create_item({"id": "a", "device": "d", "day": "1"})

    assert store.server.terminate() == 0
    store.server.close()
    store.server.start()

    assert store.container().read_item("a", ["d", "1"])["id"] == "a"


def test_two_servers_never_serve_the_same_data(store: Store, tmp_path: Path) -> None:
    with pytest.raises(NotReady, match="is served by another process"):
        ServerProcess("cosmos", ["--data", str(tmp_path)]).start()
