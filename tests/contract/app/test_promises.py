"""The promises of store and forward, on the real Functions programming model: stored = sent − lettered, exactly."""

import gc
import gzip
import json
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from tests.contract.app.places import Place, faults
from tests.contract.app.traffic import Message, assert_nothing_lost, eventually, plain, send
from tests.unit.shared.test_decoding import EXACT_VALUES

pytestmark = pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
"""The sender's SDK leaves sockets of a killed broker to the garbage collector, which complains of them."""
TIME = "2026-11-22T09:00:00.1234567Z"


def reading(value: str, tag: str = "temperature", time_text: str = TIME) -> str:
    return f'{{"{tag}":{{"SourceTimestamp":"{time_text}","Value":{value}}}}}'


def all_shapes() -> list[Message]:
    """Exact values, gateways, reused message ids, wrong clocks, every shape, and what is none."""
    iot_hub: dict[str | bytes, str] = {"iothub-connection-device-id": "gateway1"}
    messages = [
        Message(reading(value, f"exact{number}").encode(), "exact", [("exact", reading(value, f"exact{number}"))])
        for number, value in enumerate(EXACT_VALUES)
    ]
    same = reading("21.5")
    for number in range(4):
        asset = f"site/freezer{number}"
        messages.append(
            Message(same.encode(), "gateway1", [(asset, same)], properties={"asset": asset}, annotations=iot_hub)
        )
    for second in range(3):
        time_text = f"2026-11-22T09:00:0{second}.000Z"
        messages.append(
            Message(
                b'{"t":{"Value":1}}',
                "gateway1",
                [("gateway1", f'{{"t":{{"SourceTimestamp":"{time_text}","Value":1}}}}')],
                annotations=iot_hub | {"iothub-enqueuedtime": time_text},
                message_id="1",
            )
        )
    future = reading("1", "clock", "2099-01-01T00:00:00Z")
    packed = reading("2", "packed")
    array = [reading("3", "a"), '{"broken":NaN}', reading("4", "b"), reading("3", "a")]
    event = reading("5", "ce")
    return [
        *messages,
        Message(future.encode(), "clock", [("clock", future)]),
        Message(gzip.compress(packed.encode()), "packed", [("packed", packed)], content_encoding="gzip"),
        Message(f"[{','.join(array)}]".encode(), "array", [("array", array[0]), ("array", array[2])], bad=1),
        Message(
            f'{{"specversion":"1.0","id":"1","source":"s","subject":"cell/7","data":{event}}}'.encode(),
            "events",
            [("cell/7", event)],
        ),
        Message(b'{"broken', "bad", bad=1),
        Message(b"\xff\x00\xfe", "bad", bad=1),
        Message(b"", "bad", bad=1),
        Message(reading("8").encode(), "bad", bad=1, content_encoding="gzip"),
        Message(reading("9").encode(), "bad", bad=1, properties={"asset": "a" * 200}),
    ]


@contextmanager
def sending(place: Place, messages: list[Message], pause: float = 0.05) -> Iterator[None]:
    """Sends in the background, a few at a time, and has sent them all when the block ends."""
    sender = threading.Thread(target=_send_slowly, args=(place, messages, pause))
    sender.start()
    try:
        yield
    finally:
        sender.join()


def _send_slowly(place: Place, messages: list[Message], pause: float) -> None:
    for start in range(0, len(messages), 50):
        send(place, messages[start : start + 50])
        time.sleep(pause)


def wait_until_stored(place: Place, count: float) -> None:
    """Returns once so many documents are there: then some messages are behind, and others still to come."""
    eventually(lambda: len(place.documents()) >= count, lambda: f"{len(place.documents())} of {count} are stored")


def fleet(count: int, devices: int = 5) -> list[Message]:
    messages = [plain(f"device{number % devices}", number) for number in range(count)]
    messages[::40] = [Message(b"{bad%d" % number, "device0", bad=1) for number in range(0, count, 40)]
    return messages


@pytest.fixture(autouse=True)
def _no_sockets_left_to_other_tests() -> Iterator[None]:
    yield
    gc.collect()


def test_every_shape_is_stored_and_forwarded_exactly_or_lettered(place: Place) -> None:
    messages = all_shapes()
    with place.host().start():
        send(place, messages)
        send(place, messages)
        at_hub = assert_nothing_lost(place, messages)

    clock = next(each for each in place.documents() if each["asset"] == "clock")
    assert (clock["clock"], clock["day"]) == ("ahead", "2099-01-01")
    assert next(each for each in at_hub if each.key == "clock").members["_clock"] == "ahead"
    reasons = sorted(json.loads(letter)["reason"] for letter in place.letters().values())
    assert reasons == sorted([*["not-json"] * 4, "encoding", "source"] * 2)


@pytest.mark.parametrize("victim", ["host", "broker", "cosmos"])
def test_nothing_is_lost_when_a_process_is_killed_mid_flow(place: Place, victim: str) -> None:
    messages = fleet(800)
    with place.host().start() as host:
        processes = {"host": host, "broker": place.servers.broker, "cosmos": place.servers.cosmos}
        with sending(place, messages):
            for share in (0.2, 0.5):
                wait_until_stored(place, share * len(messages))
                processes[victim].restart()
        assert_nothing_lost(place, messages)


def test_throttling_and_outages_only_delay(place: Place) -> None:
    messages = fleet(500)
    cosmos = [
        {"match": "batch", "action": "status", "status": 429, "retryAfterMs": 50, "rate": 0.3, "count": 20},
        {"match": "batch", "action": "status", "status": 449, "rate": 0.2, "count": 3},
        {"match": "batch", "action": "status", "status": 503, "rate": 0.3, "count": 3},
        {"match": "batch", "action": "status", "status": 401, "rate": 0.3, "count": 2},
        {"match": "batch", "action": "reset", "rate": 0.3, "count": 3},
        {"match": "changefeed.read", "action": "status", "status": 503, "rate": 0.3, "count": 3},
    ]
    hub = f"send:{place.analytics_hub}"
    broker = [
        {"match": hub, "action": "busy", "rate": 0.3, "count": 6},
        {"match": hub, "action": "detach", "rate": 0.3, "count": 3},
        {"match": hub, "action": "reset", "rate": 0.3, "count": 2},
    ]
    with (
        place.host().start(),
        faults(place.servers.cosmos, *cosmos),
        faults(place.servers.broker, *broker),
    ):
        send(place, messages)
        assert_nothing_lost(place, messages)


def test_ownership_stolen_mid_batch_stores_and_forwards_once(place: Place) -> None:
    messages = fleet(600)
    slow = {"match": "batch", "action": "delay", "delayMs": 700, "count": 12}
    with place.host().start() as first:
        with sending(place, messages), faults(place.servers.cosmos, slow):
            wait_until_stored(place, 1)
            second = place.host().start()
            wait_until_stored(place, len(messages) / 2)
        first.kill()
        with second:
            assert_nothing_lost(place, messages)


def test_switching_the_route_mid_flow_loses_and_doubles_nothing(place: Place) -> None:
    messages = fleet(600)
    with sending(place, messages, pause=0.3):
        for number, route in enumerate(("change-feed", "parallel", "change-feed"), 1):
            with place.host(ANALYTICS_ROUTE=route).start() as host:
                wait_until_stored(place, number * len(messages) / 4)
                assert host.terminate() == 0
    with place.host(ANALYTICS_ROUTE="parallel").start():
        assert_nothing_lost(place, messages)
