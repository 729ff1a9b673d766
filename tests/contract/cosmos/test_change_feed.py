"""The change feed in latest-version mode, through the real SDK."""

import asyncio
import datetime
import email.utils
import time
from typing import Any

import pytest
from azure.cosmos import ContainerProxy
from azure.cosmos.aio import CosmosClient as AsyncCosmosClient
from azure.cosmos.exceptions import CosmosHttpResponseError

from local.cosmos.authorization import EMULATOR_KEY
from local.launch import ServerProcess
from tests.contract.cosmos.conftest import MakeContainer
from tests.contract.cosmos.raw import RawClient


def document(name: str | int, device: str = "d", day: str = "1", **properties: Any) -> dict[str, Any]:
    return {"id": str(name), "deviceId": device, "day": day, **properties}


def store(container: ContainerProxy, *names: str | int, device: str = "d") -> None:
    for name in names:
        container.create_item(document(name, device))


def read(container: ContainerProxy, **options: Any) -> tuple[list[str], str]:
    """The ids of all changes there are, and where to go on."""
    names = [item["id"] for item in container.query_items_change_feed(**options)]
    return names, container.client_connection.last_response_headers["etag"]


def test_feed_from_the_beginning_has_every_item_in_order_of_change(make_container: MakeContainer) -> None:
    container = make_container(["/deviceId", "/day"])
    store(container, *range(30))

    names, _ = read(container, feed_range=container.feed_range_from_partition_key(["d", "1"]), start_time="Beginning")

    assert names == [str(number) for number in range(30)]
    assert sorted(read(container, start_time="Beginning")[0], key=int) == names


def test_updated_item_appears_once_at_its_newest_place(telemetry: ContainerProxy) -> None:
    store(telemetry, "a", "b", "c")
    telemetry.upsert_item(document("a", value=2))
    telemetry.patch_item("a", ["d", "1"], [{"op": "incr", "path": "/value", "value": 1}])

    changes = list(telemetry.query_items_change_feed(start_time="Beginning"))

    assert [change["id"] for change in changes] == ["b", "c", "a"]
    assert changes[-1]["value"] == 3
    assert changes[0]["_lsn"] < changes[1]["_lsn"] < changes[2]["_lsn"]


def test_deleted_item_does_not_appear(telemetry: ContainerProxy) -> None:
    store(telemetry, "a", "b", "c")
    telemetry.delete_item("c", ["d", "1"])

    names, token = read(telemetry, start_time="Beginning")

    assert names == ["a", "b"]
    assert read(telemetry, continuation=token)[0] == []


def test_continuation_brings_only_what_changed_since(telemetry: ContainerProxy) -> None:
    store(telemetry, "a", "b")
    _, token = read(telemetry, start_time="Beginning")

    store(telemetry, "c")
    telemetry.upsert_item(document("a", value=2))
    later, newer = read(telemetry, continuation=token)

    assert sorted(later) == ["a", "c"]
    assert read(telemetry, continuation=newer)[0] == []


def test_continuation_of_an_empty_feed_sees_the_first_item(telemetry: ContainerProxy) -> None:
    names, token = read(telemetry, start_time="Beginning")
    store(telemetry, "a")

    assert names == []
    assert read(telemetry, continuation=token)[0] == ["a"]


def test_feed_from_now_leaves_out_what_was_there(telemetry: ContainerProxy) -> None:
    store(telemetry, "old")
    names, token = read(telemetry, start_time="Now")
    store(telemetry, "new")

    assert names == []
    assert read(telemetry, continuation=token)[0] == ["new"]


def test_feed_from_a_time_has_what_was_changed_since(telemetry: ContainerProxy) -> None:
    store(telemetry, "old-1", "old-2")
    last = telemetry.read_item("old-2", ["d", "1"])["_ts"]
    while time.time() < last + 1.01:
        time.sleep(0.05)
    since = datetime.datetime.fromtimestamp(last + 1, datetime.UTC)
    store(telemetry, "new-1", "new-2")

    assert sorted(read(telemetry, start_time=since)[0]) == ["new-1", "new-2"]
    long_ago = datetime.datetime(2001, 1, 1, tzinfo=datetime.UTC)
    assert len(read(telemetry, start_time=long_ago)[0]) == 4
    tomorrow = datetime.datetime.now(datetime.UTC) + datetime.timedelta(days=1)
    assert read(telemetry, start_time=tomorrow)[0] == []


def test_pages_hold_at_most_what_was_asked_for(telemetry: ContainerProxy) -> None:
    store(telemetry, *range(23))

    pages = telemetry.query_items_change_feed(
        partition_key=["d", "1"], start_time="Beginning", max_item_count=5
    ).by_page()

    assert [len(list(page)) for page in pages] == [5, 5, 5, 5, 3]


def test_feed_goes_on_from_every_page(telemetry: ContainerProxy) -> None:
    store(telemetry, *range(10))
    names: list[str] = []
    options: dict[str, Any] = {"partition_key": ["d", "1"], "start_time": "Beginning"}

    for _ in range(4):
        page = next(telemetry.query_items_change_feed(max_item_count=3, **options).by_page())
        names += [item["id"] for item in page]
        options = {"continuation": telemetry.client_connection.last_response_headers["etag"]}

    assert names == [str(number) for number in range(10)]
    assert read(telemetry, **options)[0] == []


def test_feed_ranges_divide_the_changes_between_readers(telemetry: ContainerProxy) -> None:
    for number in range(60):
        telemetry.create_item(document(number, device=f"device-{number}"))

    shares = [
        read(telemetry, feed_range=feed_range, start_time="Beginning")[0] for feed_range in telemetry.read_feed_ranges()
    ]

    assert len(shares) == 4
    assert all(shares)
    assert sorted((name for share in shares for name in share), key=int) == [str(number) for number in range(60)]


def test_feed_of_a_partition_key_has_only_its_items(telemetry: ContainerProxy) -> None:
    for device in ("x", "y"):
        for day in ("1", "2"):
            telemetry.create_item(document(f"{device}{day}", device, day))

    assert read(telemetry, partition_key=["x", "2"], start_time="Beginning")[0] == ["x2"]
    assert read(telemetry, partition_key=["x"], start_time="Beginning")[0] == ["x1", "x2"]
    assert read(telemetry, partition_key=["z"], start_time="Beginning")[0] == []


def test_feed_of_a_partition_key_range_by_id_works(telemetry: ContainerProxy, raw: RawClient) -> None:
    for number in range(20):
        telemetry.create_item(document(number, device=f"device-{number}"))

    def count(partition: str) -> int:
        headers = {"a-im": "Incremental feed", "x-ms-documentdb-partitionkeyrangeid": partition}
        answer = raw.send("GET", f"dbs/tests/colls/{telemetry.id}/docs", headers=headers)
        return int(answer.json()["_count"]) if answer.status_code == 200 else 0

    assert sum(count(str(number)) for number in range(4)) == 20


def test_nothing_new_is_answered_with_304_and_an_etag(telemetry: ContainerProxy, raw: RawClient) -> None:
    store(telemetry, "a")
    path = f"dbs/tests/colls/{telemetry.id}/docs"
    etag = raw.send("GET", path, headers={"a-im": "Incremental feed"}).headers["etag"]

    answer = raw.send("GET", path, headers={"a-im": "Incremental feed", "if-none-match": etag})

    assert (answer.status_code, answer.content, answer.headers["etag"]) == (304, b"", etag)


def test_position_moves_on_over_changes_of_other_partitions(telemetry: ContainerProxy, raw: RawClient) -> None:
    """A reader of a quiet range must not look again and again at what others wrote."""
    for number in range(20):
        telemetry.create_item(document(number, device="busy"))
    path = f"dbs/tests/colls/{telemetry.id}/docs"
    headers = {"a-im": "Incremental feed", "x-ms-max-item-count": "10"}

    etags = [
        raw.send("GET", path, headers={**headers, "x-ms-documentdb-partitionkeyrangeid": str(number)}).headers["etag"]
        for number in range(4)
    ]

    assert sorted(etags) == ['"10"', '"20"', '"20"', '"20"']


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"if-none-match": '"abc"'}, 400),
        ({"if-none-match": '"-1"'}, 400),
        ({"if-none-match": '"99999999999999999999999"'}, 400),
        ({"if-modified-since": "yesterday"}, 400),
        ({"x-ms-max-item-count": "many"}, 400),
        ({"x-ms-max-item-count": "-2"}, 400),
        ({"x-ms-documentdb-partitionkeyrangeid": "77"}, 410),
        ({"x-ms-documentdb-partitionkeyrangeid": "x"}, 410),
        ({"x-ms-documentdb-partitionkeyrangeid": "1" * 5000}, 410),
        ({"x-ms-start-epk": "nothex", "x-ms-end-epk": "FF"}, 400),
        ({"a-im": "Full-Fidelity Feed"}, 501),
    ],
)
def test_feed_request_that_makes_no_sense_is_refused(
    telemetry: ContainerProxy, raw: RawClient, headers: dict[str, str], status: int
) -> None:
    path = f"dbs/tests/colls/{telemetry.id}/docs"

    answer = raw.send("GET", path, headers={"a-im": "Incremental feed", **headers})

    assert answer.status_code == status
    assert answer.headers.get("x-ms-substatus") == ("1002" if status == 410 else None)


def test_sdk_refuses_all_versions_mode_as_not_done(telemetry: ContainerProxy) -> None:
    with pytest.raises(CosmosHttpResponseError) as refused:
        list(telemetry.query_items_change_feed(mode="AllVersionsAndDeletes"))

    assert refused.value.status_code == 501


def test_time_between_changes_is_found_to_the_second(make_container: MakeContainer, raw: RawClient) -> None:
    container = make_container(["/deviceId", "/day"])
    store(container, *range(40))
    newest = max(item["_ts"] for item in container.read_all_items())

    def since(seconds: int) -> int:
        headers = {"a-im": "Incremental feed", "if-modified-since": email.utils.formatdate(seconds, usegmt=True)}
        answer = raw.send("GET", f"dbs/tests/colls/{container.id}/docs", headers=headers)
        return int(answer.json()["_count"]) if answer.status_code == 200 else 0

    times = [item["_ts"] for item in container.read_all_items()]
    for seconds in range(newest - 5, newest + 2):
        assert since(seconds) == sum(time >= seconds for time in times)


async def test_aio_readers_of_feed_ranges_miss_nothing_while_writers_write(
    cosmos: ServerProcess, aio_client: AsyncCosmosClient, telemetry: ContainerProxy
) -> None:
    container = aio_client.get_database_client("tests").get_container_client(telemetry.id)
    seen: list[str] = []
    writing = True

    async def write(writer: int) -> None:
        for number in range(60):
            await container.create_item(document(f"{writer}-{number}", device=f"device-{number}"))

    async def follow(feed_range: dict[str, Any]) -> None:
        async with AsyncCosmosClient(cosmos.url, EMULATOR_KEY) as client:
            own = client.get_database_client("tests").get_container_client(telemetry.id)
            options: dict[str, Any] = {"feed_range": feed_range, "start_time": "Beginning"}
            is_last = False
            while not is_last:
                is_last = not writing
                seen.extend([item["id"] async for item in own.query_items_change_feed(max_item_count=7, **options)])
                options = {"continuation": own.client_connection.last_response_headers["etag"]}

    readers = [asyncio.create_task(follow(feed_range)) async for feed_range in container.read_feed_ranges()]
    await asyncio.gather(*(write(writer) for writer in range(3)))
    writing = False
    await asyncio.gather(*readers)

    assert sorted(seen) == sorted(f"{writer}-{number}" for writer in range(3) for number in range(60))
