"""The faults that operators and tests can have the server commit, and that the real client rides through."""

import asyncio
from collections.abc import Callable, Iterator
from typing import Any

import httpx
import pytest
from azure.eventhub import EventData
from azure.eventhub.aio import EventHubProducerClient
from azure.eventhub.exceptions import ConnectError, ConnectionLostError, EventDataSendError, EventHubError

from local.amqp import performatives as frames
from local.launch import ServerProcess
from tests.contract.event_hubs.clients import (
    LEAVES_SOCKETS,
    Reading,
    bodies,
    connection_string,
    consumers_attached,
    port_of,
)
from tests.contract.event_hubs.wire import Wire, data_section

Read = Callable[..., Reading]
SetFaults = Callable[..., dict[str, Any]]
pytestmark = [LEAVES_SOCKETS, pytest.mark.usefixtures("loses_connections")]


@pytest.fixture(scope="module")
def faulty(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServerProcess]:
    """A server of this file's own, as faults strike every client of a server."""
    arguments = ["--data", str(tmp_path_factory.mktemp("faulty")), "--hub", "h:20:store"]
    for number in range(len(RULES)):
        arguments += ["--hub", f"f{number}:1"]
    with ServerProcess("event_hubs", arguments, has_admin=True).start() as server:
        yield server


@pytest.fixture
def set_faults(faulty: ServerProcess) -> Iterator[SetFaults]:
    """`set_faults(rule, …)` puts rules into force until the test ends; returns them as the server shows them."""
    url = f"{faulty.admin}/_local/faults"

    def put(*rules: dict[str, Any]) -> dict[str, Any]:
        shown: dict[str, Any] = httpx.put(url, json={"rules": rules}).raise_for_status().json()
        return shown

    yield put
    httpx.delete(url).raise_for_status()


def _left(server: ServerProcess) -> list[int | None]:
    rules = httpx.get(f"{server.admin}/_local/faults").json()["rules"]
    return [rule["count"] for rule in rules]


def _producer(server: ServerProcess, *, hub: str = "h", **options: Any) -> EventHubProducerClient:
    return EventHubProducerClient.from_connection_string(
        connection_string(server), eventhub_name=hub, retry_backoff_factor=0.02, **options
    )


RULES: list[dict[str, Any]] = [
    {"match": "send:{hub}", "action": "reset", "count": 2},
    {"match": "send:{hub}", "action": "delay", "delayMs": 300, "count": 1},
    {"match": "attach:{hub}/partitions/*", "action": "reset", "count": 2},
    {"match": "attach:{hub}/partitions/0", "action": "detach", "condition": "amqp:internal-error", "count": 2},
    {"match": "attach:{hub}/*", "action": "busy", "count": 1},
    {"match": "attach:{hub}/*", "action": "delay", "delayMs": 100, "count": 1},
]


async def test_client_gets_its_event_through_exactly_once(
    faulty: ServerProcess, set_faults: SetFaults, read: Read
) -> None:
    rules = [{**rule, "match": rule["match"].format(hub=f"f{number}")} for number, rule in enumerate(RULES)]
    set_faults(*rules)

    async def send(hub: str) -> list[str]:
        async with _producer(faulty, hub=hub, retry_total=5) as producer:
            await producer.send_event(EventData("through"), partition_id="0")
            await producer.send_event(EventData("end"), partition_id="0")
        return bodies(await read("0", hub=hub, source=connection_string(faulty)).take(2))

    received = await asyncio.gather(*(send(f"f{number}") for number in range(len(RULES))))
    assert received == [["through", "end"]] * len(RULES)
    assert _left(faulty) == [0] * len(RULES), "each rule has struck as often as it may"


async def test_detach_while_sending_fails_that_send_and_the_next_one_attaches_anew(
    faulty: ServerProcess, set_faults: SetFaults, read: Read
) -> None:
    async with _producer(faulty) as producer:
        await producer.get_partition_ids()
        set_faults({"match": "send:h", "action": "detach", "condition": "amqp:link:detach-forced", "count": 1})
        with pytest.raises(EventDataSendError):
            await producer.send_event(EventData("never stored"), partition_id="0")
        await producer.send_event(EventData("after"), partition_id="0")

    assert bodies(await read("0", hub="h", source=connection_string(faulty)).take(1)) == ["after"]


async def test_busy_rejects_the_send_with_the_services_condition(faulty: ServerProcess, set_faults: SetFaults) -> None:
    with Wire(port_of(faulty)) as wire:
        wire.handshake().authorize()
        link = wire.attach_sender("h/Partitions/10")
        set_faults({"match": "send:*", "action": "busy", "count": 1})
        wire.transfer(link, data_section(b"refused"), message_format=0)
        refused = wire.until(frames.DISPOSITION).fields[4]
        wire.transfer(link, data_section(b"taken"), message_format=0)
        wire.until_accepted()

    assert refused.descriptor == frames.REJECTED
    assert refused.value[0].value[0] == "com.microsoft:server-busy"


async def test_client_without_retries_is_told_of_each_fault(faulty: ServerProcess, set_faults: SetFaults) -> None:
    told: dict[str, tuple[dict[str, Any], type[EventHubError], str]] = {
        "f0": ({"match": "send:f0", "action": "busy"}, EventDataSendError, "server-busy"),
        "f1": ({"match": "attach:f1/*", "action": "busy"}, ConnectError, "server-busy"),
        "f2": (
            {"match": "attach:f2/*", "action": "detach", "condition": "amqp:not-found"},
            ConnectionLostError,
            "not-found",
        ),
    }
    set_faults(*(rule for rule, _, _ in told.values()))

    async def send(hub: str, kind: type[EventHubError], word: str) -> None:
        async with _producer(faulty, hub=hub, retry_total=0) as producer:
            with pytest.raises(kind, match=word):
                await producer.send_event(EventData("x"), partition_id="0")

    await asyncio.gather(*(send(hub, kind, word) for hub, (_, kind, word) in told.items()))


async def test_consumers_resume_where_they_were(faulty: ServerProcess, set_faults: SetFaults, read: Read) -> None:
    source = connection_string(faulty)
    actions = {"12": "reset", "13": "detach", "14": "busy"}

    async def ride_through(producer: EventHubProducerClient, partition: str) -> list[str]:
        await producer.send_batch([EventData(each) for each in "ab"], partition_id=partition)
        reading = read(partition, hub="h", source=source, retries=3)
        assert bodies(await reading.take(2)) == ["a", "b"]
        begun.add(partition)
        if begun == set(actions):
            set_faults(
                *({"match": f"receive:h/$default/{each}", "action": actions[each], "count": 1} for each in actions)
            )
            all_begun.set()
        await all_begun.wait()
        await producer.send_batch([EventData(each) for each in "cd"], partition_id=partition)
        return bodies(await reading.take(2))

    begun: set[str] = set()
    all_begun = asyncio.Event()
    async with _producer(faulty) as producer:
        received = await asyncio.gather(*(ride_through(producer, partition) for partition in actions))
    assert received == [["c", "d"]] * len(actions)
    assert _left(faulty) == [0, 0, 0], "each rule has struck"


async def test_connection_fault_drops_what_is_open_at_once(
    faulty: ServerProcess, set_faults: SetFaults, read: Read
) -> None:
    source = connection_string(faulty)
    reading = read("15", hub="h", source=source, retries=3)
    await consumers_attached(faulty, "h", "15", 1)
    with Wire(port_of(faulty)) as idle:
        idle.handshake()
        set_faults({"match": "connection", "action": "reset"})
        assert idle.read_all() == b""
    set_faults()
    async with _producer(faulty, retry_total=4) as producer:
        await producer.send_event(EventData("after"), partition_id="15")
    assert bodies(await reading.take(1)) == ["after"]


async def test_new_connections_are_dropped_while_the_fault_lasts(faulty: ServerProcess, set_faults: SetFaults) -> None:
    set_faults({"match": "connection", "action": "reset"})
    with pytest.raises(ConnectionError), Wire(port_of(faulty)) as wire:
        wire.handshake()


async def test_idle_consumer_is_detached_as_soon_as_the_rule_is_set(
    faulty: ServerProcess, set_faults: SetFaults
) -> None:
    with Wire(port_of(faulty)) as wire:
        wire.handshake().authorize()
        link = wire.attach_receiver("h/ConsumerGroups/store/Partitions/16")
        wire.grant(link, 10)
        set_faults({"match": "receive:h/store/16", "action": "detach", "condition": "amqp:link:stolen", "count": 1})
        detached = wire.until(frames.DETACH)

    assert (detached.fields[0], detached.condition) == (link, "amqp:link:stolen")


async def test_rate_strikes_a_share_and_nothing_is_lost_or_doubled(
    faulty: ServerProcess, set_faults: SetFaults, read: Read
) -> None:
    set_faults({"match": "send:*", "action": "busy", "rate": 0.4})
    outcomes = []
    with Wire(port_of(faulty)) as wire:
        wire.handshake().authorize()
        link = wire.attach_sender("h/Partitions/17")
        for number in range(200):
            wire.transfer(link, data_section(b"%d" % number), message_format=0)
        for _ in range(200):
            outcome = wire.until(frames.DISPOSITION)
            outcomes.append((outcome.fields[1] - 1, outcome.fields[4].descriptor == frames.ACCEPTED))

    accepted = sorted(number for number, is_accepted in outcomes if is_accepted)
    assert 40 < len(accepted) < 180
    events = await read("17", hub="h", source=connection_string(faulty)).take(len(accepted))
    assert [int(body) for body in bodies(events)] == accepted


def test_delay_holds_one_peer_back_and_no_other(faulty: ServerProcess, set_faults: SetFaults) -> None:
    with Wire(port_of(faulty)) as held, Wire(port_of(faulty)) as other:
        links = [wire.handshake().authorize().attach_sender("h/Partitions/18") for wire in (held, other)]
        set_faults({"match": "send:h", "action": "delay", "delayMs": 1500, "count": 1})
        held.transfer(links[0], data_section(b"slow"), message_format=0)
        while _left(faulty) != [0]:
            pass  # the rule has not struck yet
        other.transfer(links[1], data_section(b"fast"), message_format=0)
        other.until_accepted()
        assert not held.has_something_to_read()
        held.until_accepted()


def test_rules_are_shown_replaced_and_cleared(faulty: ServerProcess, set_faults: SetFaults) -> None:
    url = f"{faulty.admin}/_local/faults"
    shown = set_faults({"match": "send:nobody", "action": "delay", "delayMs": 5})
    assert shown["rules"][0]["match"] == "send:nobody"
    assert httpx.get(url).json() == shown
    assert len(set_faults({"match": "a", "action": "busy"}, {"match": "b", "action": "busy"})["rules"]) == 2
    assert httpx.delete(url).json() == {"rules": []}
    assert httpx.put(url, json={"rules": [{"match": "a", "action": "explode"}]}).status_code == 400
    assert httpx.get(url).json() == {"rules": []}


async def test_health_counts_connections_events_and_consumers(own_server: Callable[..., ServerProcess]) -> None:
    server = own_server("--hub", "h:2")

    def health() -> dict[str, Any]:
        shown: dict[str, Any] = httpx.get(f"{server.admin}/_local/health").raise_for_status().json()
        return shown

    with Wire(port_of(server)) as wire:
        wire.handshake().authorize()
        wire.attach_receiver("h/ConsumerGroups/$Default/Partitions/1")
        link = wire.attach_sender("h/Partitions/1")
        wire.transfer(link, data_section(b"x"), message_format=0)
        wire.until_accepted()
        shown = health()
    assert (shown["status"], shown["connections"]) == ("ok", 1)
    assert shown["hubs"] == {"h": [{"begin": 0, "last": -1, "consumers": 0}, {"begin": 0, "last": 0, "consumers": 1}]}
    await consumers_attached(server, "h", "1", 0)
    assert health()["connections"] == 0
