"""Shared access signatures are really checked, at the start and for as long as a link is open."""

import asyncio
import time
from collections.abc import Callable

import pytest
from azure.core.credentials import AzureSasCredential
from azure.eventhub import EventData
from azure.eventhub import EventHubProducerClient as SyncProducer
from azure.eventhub.aio import EventHubProducerClient, EventHubSharedKeyCredential
from azure.eventhub.exceptions import AuthenticationError, EventHubError

from local.amqp import performatives as frames
from local.launch import ServerProcess
from tests.contract.event_hubs.clients import (
    KEY,
    KEY_NAME,
    Reading,
    bodies,
    connection_string,
    port_of,
    shared_access_signature,
    signed_connection_string,
    soon,
)
from tests.contract.event_hubs.conftest import MANY
from tests.contract.event_hubs.wire import Wire, data_section, put_token

Read = Callable[..., Reading]
SIGNATURE = "SharedAccessSignature"


def _producer(source: str) -> EventHubProducerClient:
    return EventHubProducerClient.from_connection_string(source, eventhub_name=MANY, retry_total=0)


async def _refusal(source: str) -> EventHubError:
    """What the client raises when it sends by this connection string."""
    async with _producer(source) as client:
        with pytest.raises(EventHubError) as caught:
            await client.send_event(EventData("x"), partition_id="0")
    return caught.value


async def test_wrong_keys_and_tokens_are_authentication_errors(server: ServerProcess) -> None:
    token = shared_access_signature(MANY, expires=soon())
    refused = {
        "wrong key": connection_string(server, key="guessed"),
        "unknown key name": connection_string(server, key_name="Nobody"),
        "expired": signed_connection_string(server, shared_access_signature(MANY, expires=time.time() - 5)),
        "tampered": signed_connection_string(server, token.replace("&se=", "&se=9")),
        "other hub": signed_connection_string(server, shared_access_signature("all", expires=soon())),
        "name that begins alike": signed_connection_string(server, shared_access_signature("man", expires=soon())),
    }
    errors = await asyncio.gather(*(_refusal(source) for source in refused.values()))
    for case, error in zip(refused, errors, strict=True):
        assert isinstance(error, AuthenticationError), (case, error)


async def test_tokens_and_credentials_open_what_is_at_or_below_their_path(
    server: ServerProcess, read: Read, partition: str
) -> None:
    address = f"127.0.0.1:{port_of(server)}"
    tokens = [shared_access_signature(path, expires=soon()) for path in ("", MANY, "MANY/")]
    clients = [
        *(_producer(signed_connection_string(server, token)) for token in tokens),
        EventHubProducerClient(address, MANY, AzureSasCredential(tokens[1]), use_tls=False),
        EventHubProducerClient(address, MANY, EventHubSharedKeyCredential(KEY_NAME, KEY), use_tls=False),
    ]

    async def send(client: EventHubProducerClient) -> None:
        async with client:
            await client.send_event(EventData("x"), partition_id=partition)

    await asyncio.gather(*(send(client) for client in clients))
    assert bodies(await read(partition).take(len(clients))) == ["x"] * len(clients)


def test_token_of_one_partition_or_group_opens_only_that(server: ServerProcess, partition: str) -> None:
    with Wire(port_of(server)) as wire:
        wire.handshake().authorize(f"{MANY}/Partitions/{partition}")
        wire.attach_sender(f"{MANY}/Partitions/{partition}")
        for address in (MANY, f"{MANY}/Partitions/{partition}0", f"all/Partitions/{partition}"):
            with pytest.raises(ConnectionError, match="amqp:unauthorized-access"):
                wire.attach_sender(address)
        with pytest.raises(ConnectionError, match="amqp:unauthorized-access"):
            wire.attach_receiver(f"{MANY}/ConsumerGroups/$Default/Partitions/{partition}")


def test_sync_client_with_a_wrong_key_gets_an_authentication_error(server: ServerProcess) -> None:
    with SyncProducer.from_connection_string(
        connection_string(server, key="guessed"), eventhub_name=MANY, retry_total=0
    ) as client:
        with pytest.raises(AuthenticationError):
            client.get_eventhub_properties()
        with pytest.raises(AuthenticationError):
            client.send_batch([EventData("x")])


def test_without_any_token_nothing_is_allowed(server: ServerProcess) -> None:
    with Wire(port_of(server)) as wire:
        wire.handshake()
        with pytest.raises(ConnectionError, match="amqp:unauthorized-access"):
            wire.attach_receiver(f"{MANY}/ConsumerGroups/$Default/Partitions/0")
    with Wire(port_of(server)) as wire:
        wire.handshake()
        with pytest.raises(ConnectionError, match="amqp:unauthorized-access"):
            wire.attach_receiver("nobody-knows-this-hub/ConsumerGroups/$Default/Partitions/0")


def test_links_are_detached_when_their_token_runs_out(server: ServerProcess, partition: str) -> None:
    with Wire(port_of(server)) as wire:
        wire.handshake().authorize(MANY, expires=time.time() + 2)
        sender = wire.attach_sender(f"{MANY}/Partitions/{partition}")
        receiver = wire.attach_receiver(f"{MANY}/ConsumerGroups/$Default/Partitions/{partition}")
        wire.transfer(sender, data_section(b"in time"), message_format=0)
        wire.until_accepted()
        detached = [wire.until(frames.DETACH) for _ in range(2)]
        assert {frame.fields[0] for frame in detached} == {sender, receiver}
        assert {frame.condition for frame in detached} == {"amqp:unauthorized-access"}


def test_renewed_token_keeps_links_open(server: ServerProcess, partition: str) -> None:
    with Wire(port_of(server)) as wire:
        wire.handshake().authorize(MANY, expires=time.time() + 2)
        sender = wire.attach_sender(f"{MANY}/Partitions/{partition}")
        assert wire.put(put_token(shared_access_signature(MANY, expires=soon()))) == 202
        for _ in range(5):
            time.sleep(0.5)
            wire.transfer(sender, data_section(b"x"), message_format=0)
            wire.until_accepted()


def test_bad_token_later_does_not_take_away_a_good_one(server: ServerProcess, partition: str) -> None:
    with Wire(port_of(server)) as wire:
        wire.handshake().authorize(MANY)
        sender = wire.attach_sender(f"{MANY}/Partitions/{partition}")
        for token in ("", "nonsense", f"{SIGNATURE} sr=&sig=&se=&skn=", f"{SIGNATURE} sr=a&sig=%&se=x&skn=%"):
            assert wire.put(put_token(token)) == 401
        wire.transfer(sender, data_section(b"x"), message_format=0)
        wire.until_accepted()
