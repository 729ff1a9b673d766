"""Many connections, one for each consumer of each partition, that mostly do nothing."""

import contextlib
import resource
from collections.abc import Callable, Iterator

import httpx
import pytest
from azure.eventhub import EventData
from azure.eventhub.aio import EventHubProducerClient

from local.amqp import performatives as frames
from local.amqp.codec import NULL, string, uint
from local.launch import ServerProcess
from tests.contract.event_hubs.clients import Reading, bodies, connection_string, port_of
from tests.contract.event_hubs.wire import Wire

IDLE = 1200
Read = Callable[..., Reading]


@pytest.fixture
def _many_files() -> Iterator[None]:
    before = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (before[1], before[1]))
    yield
    resource.setrlimit(resource.RLIMIT_NOFILE, before)


@pytest.mark.usefixtures("_many_files")
async def test_1200_idle_connections_are_held_while_a_client_works(
    own_server: Callable[..., ServerProcess], read: Read
) -> None:
    server = own_server("--hub", "h:1")
    source = connection_string(server)
    with contextlib.ExitStack() as idle:
        peers = [idle.enter_context(Wire(port_of(server)).handshake()) for _ in range(IDLE)]
        async with EventHubProducerClient.from_connection_string(source, eventhub_name="h") as producer:
            await producer.send_event(EventData("x"), partition_id="0")
        assert bodies(await read("0", hub="h", source=source).take(1)) == ["x"]
        for peer in peers[:: IDLE // 100]:
            peer.authorize()
        async with httpx.AsyncClient() as http:
            health = (await http.get(f"{server.admin}/_local/health")).json()
    assert health["connections"] >= IDLE


def test_peer_that_asks_for_heartbeats_gets_them_in_time(server: ServerProcess) -> None:
    idle_timeout_ms = 1500
    asks = frames.performative(frames.OPEN, string("peer"), string("host"), NULL, NULL, uint(idle_timeout_ms))
    with Wire(port_of(server), timeout=idle_timeout_ms / 1000) as wire:
        wire.write(frames.AMQP_HEADER + frames.frame(0, asks))
        for _ in range(2):
            wire.read_through(frames.HEARTBEAT)
