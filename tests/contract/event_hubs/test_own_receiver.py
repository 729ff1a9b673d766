"""Our own receiver, which the local Functions host and Data Explorer read hubs with, on the real local server."""

import asyncio
import contextlib
import math
import ssl
import time
from collections.abc import AsyncIterator, Callable, Iterator
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx
import pytest
import pytest_asyncio
from azure.core.credentials import AccessToken
from azure.core.exceptions import ClientAuthenticationError
from azure.eventhub import EventData
from azure.eventhub.aio import EventHubProducerClient

from local.amqp import connection as client_side
from local.amqp.claims import Claim, Claims, Identity, SharedAccessKey
from local.amqp.connection import Endpoint
from local.amqp.errors import ARGUMENT_ERROR, LINK_STOLEN, NOT_FOUND, UNAUTHORIZED, Disconnected
from local.amqp.events import ReceivedEvent
from local.amqp.namespaces import Namespace, namespace_by_key
from local.amqp.receiver import Position, Receiver, Retries, Subscription
from local.certificates import ensure_trust
from local.launch import ServerProcess
from tests.contract.event_hubs.clients import (
    Reading,
    connection_string,
    consumers_attached,
    port_of,
    shared_access_signature,
    signed_connection_string,
    soon,
)
from tests.contract.event_hubs.conftest import MANY
from tests.contract.event_hubs.own_hub import send_each

Read = Callable[..., Reading]
Receive = Callable[..., Receiver]
PATIENCE = 60.0
QUICK = Retries(most=3, delay=0.02, longest=0.1)
PERSISTENT = Retries(most=500, delay=0.02, longest=0.05, is_growing=False)
ONCE = Retries(most=0)
START = Position("-1")


@pytest.fixture
def receive(connection: str) -> Iterator[Receive]:
    """Makes receivers: `receive(partition, source=, position=, retries=, **of the subscription)`."""
    receivers: list[Receiver] = []

    def start(
        partition: str,
        *,
        source: str | Namespace = connection,
        position: Position = START,
        retries: Retries = QUICK,
        **wanted: Any,
    ) -> Receiver:
        namespace = source if isinstance(source, Namespace) else namespace_by_key(source)
        subscription = replace(Subscription(MANY, "$Default", partition, prefetch=300), **wanted)
        receivers.append(Receiver(namespace, subscription, position, retries))
        return receivers[-1]

    yield start
    for receiver in receivers:
        receiver.close()


async def _take(receiver: Receiver, count: int) -> list[ReceivedEvent]:
    events: list[ReceivedEvent] = []
    async with asyncio.timeout(PATIENCE):
        while len(events) < count:
            events += await receiver.receive(count - len(events))
    return events


def _bodies(events: list[ReceivedEvent]) -> list[str]:
    return [event.body.decode() for event in events]


async def _failure(receiver: Receiver) -> Disconnected:
    async with asyncio.timeout(PATIENCE):
        while True:
            try:
                await receiver.receive(100)
            except Disconnected as failure:
                return failure


async def _send(producer: EventHubProducerClient, partition: str, *bodies: str) -> None:
    await producer.send_batch([EventData(body) for body in bodies], partition_id=partition)


async def test_events_arrive_as_azure_eventhub_shows_them(
    producer: EventHubProducerClient, read: Read, receive: Receive, partition: str
) -> None:
    sent = EventData(b"\x00\xff")
    sent.properties = {"asset": "site/1", "level": -7, "ok": True, "real": 0.5, "raw": b"\xff"}
    sent.message_id, sent.content_type = "m-1", "application/json"
    await producer.send_batch([sent], partition_id=partition)
    await _send(producer, partition, "second")

    ours, second = await _take(receive(partition), 2)
    (theirs, _) = await read(partition).take(2)
    assert ours.body == b"\x00\xff" == b"".join(theirs.body)  # type: ignore[arg-type]
    assert ours.application_properties == sent.properties
    assert ours.properties == {"message-id": "m-1", "content-type": "application/json"}
    assert (ours.sequence_number, ours.offset) == (theirs.sequence_number, theirs.offset) == (0, "0")
    enqueued = theirs.enqueued_time
    assert enqueued is not None
    assert ours.enqueued_ms == round(enqueued.timestamp() * 1000)
    assert (second.body, second.sequence_number) == (b"second", 1)
    assert int(second.offset or "") > 0


async def test_a_position_says_where_to_start(
    producer: EventHubProducerClient, receive: Receive, partition: str
) -> None:
    await _send(producer, partition, "a", "b", "c")
    a, b, c = await _take(receive(partition), 3)
    assert b.offset is not None

    for position, expected in (
        (Position(b.offset), ["c"]),
        (Position(b.offset, is_inclusive=True), ["b", "c"]),
        (Position(0), ["b", "c"]),
        (Position(1, is_inclusive=True), ["b", "c"]),
        (Position(datetime(2020, 1, 1, tzinfo=UTC)), ["a", "b", "c"]),
        (Position(datetime(2020, 1, 1)), ["a", "b", "c"]),
    ):
        receiver = receive(partition, position=position)
        assert _bodies(await _take(receiver, len(expected))) == expected
        receiver.close()
    assert [event.sequence_number for event in (a, b, c)] == [0, 1, 2]


async def test_latest_gives_only_what_comes_after(
    producer: EventHubProducerClient, receive: Receive, server: ServerProcess, partition: str
) -> None:
    await _send(producer, partition, "before")
    receiving = asyncio.create_task(_take(receive(partition, position=Position("@latest")), 1))
    await consumers_attached(server, MANY, partition, 1)
    await _send(producer, partition, "after")
    assert _bodies(await receiving) == ["after"]


async def test_messages_larger_than_a_frame_arrive_whole(
    producer: EventHubProducerClient, receive: Receive, partition: str
) -> None:
    large = "x" * 900_000
    for body in ("small", large, "small again"):
        await _send(producer, partition, body)
    assert _bodies(await _take(receive(partition, prefetch=2), 3)) == ["small", large, "small again"]


async def test_events_gather_up_to_the_window_while_their_reader_is_busy(
    producer: EventHubProducerClient, receive: Receive, partition: str
) -> None:
    numbers = [str(number) for number in range(1000)]
    await _send(producer, partition, *numbers)
    receiver = receive(partition, prefetch=150)
    first = await receiver.receive(10)
    assert len(first) == 10
    gathered: list[ReceivedEvent] = []
    async with asyncio.timeout(PATIENCE):
        while len(gathered) + len(first) < 1000:
            found = await receiver.receive(1000)
            assert len(found) <= 150
            gathered += found
    assert _bodies(first + gathered) == numbers


async def test_receiving_may_be_cancelled_and_called_again_without_losing_an_event(
    producer: EventHubProducerClient, receive: Receive, partition: str
) -> None:
    receiver = receive(partition)
    taken: list[ReceivedEvent] = []
    for number in range(20):
        await _send(producer, partition, str(number))
        waiting = asyncio.create_task(receiver.receive(100))
        for _ in range(number):
            await asyncio.sleep(0)
        waiting.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            taken += await waiting
    taken += await _take(receiver, 20 - len(taken)) if len(taken) < 20 else []
    assert _bodies(taken) == [str(number) for number in range(20)]


async def test_a_newer_owner_of_the_same_level_takes_the_partition_at_once(
    producer: EventHubProducerClient, receive: Receive, partition: str
) -> None:
    await _send(producer, partition, "a")
    loser = receive(partition, owner_level=0, name="first")
    assert _bodies(await _take(loser, 1)) == ["a"]
    waiting = asyncio.create_task(_failure(loser))
    winner = receive(partition, owner_level=0, name="second")
    assert _bodies(await _take(winner, 1)) == ["a"]

    assert (await waiting).condition == LINK_STOLEN
    await _send(producer, partition, "b")
    assert _bodies(await _take(winner, 1)) == ["b"]


async def test_what_can_not_be_had_is_told_at_once(receive: Receive, partition: str) -> None:
    assert (await _failure(receive(partition, hub="nowhere"))).condition == NOT_FOUND
    assert (await _failure(receive(partition, group="nobody"))).condition == NOT_FOUND
    assert (await _failure(receive(partition, position=Position("999999")))).condition == ARGUMENT_ERROR


async def test_wrong_keys_and_expired_signatures_are_refused(
    server: ServerProcess, receive: Receive, partition: str
) -> None:
    wrong = receive(partition, source=connection_string(server, key="wrong"))
    expired = shared_access_signature(MANY, expires=time.time() - 10)
    late = receive(partition, source=signed_connection_string(server, expired))
    for refused in (await _failure(wrong), await _failure(late)):
        assert refused.condition == UNAUTHORIZED
        assert "401" in str(refused)


async def test_a_signature_made_elsewhere_opens_what_it_says(
    producer: EventHubProducerClient, server: ServerProcess, receive: Receive, partition: str
) -> None:
    await _send(producer, partition, "a")
    token = shared_access_signature(MANY, expires=soon())
    assert _bodies(await _take(receive(partition, source=signed_connection_string(server, token)), 1)) == ["a"]


@dataclass
class _Counted:
    """Claims that count how often they were asked."""

    claims: Claims
    asked: int = 0
    enough: asyncio.Event = field(default_factory=asyncio.Event)

    async def claim(self, resource: str) -> Claim:
        self.asked += 1
        if self.asked == 3:
            self.enough.set()
        return await self.claims.claim(resource)


async def test_tokens_are_renewed_before_they_run_out(
    producer: EventHubProducerClient, server: ServerProcess, receive: Receive, partition: str
) -> None:
    class ShortLived(SharedAccessKey):
        async def claim(self, resource: str) -> Claim:
            return replace(await super().claim(resource), expires=time.time() + 0.2)

    key = _Counted(ShortLived("RootManageSharedAccessKey", "SAS_KEY_VALUE"))
    receiver = receive(partition, source=Namespace(_endpoint(server), key), retries=ONCE)
    await _send(producer, partition, "a")
    assert _bodies(await _take(receiver, 1)) == ["a"]
    async with asyncio.timeout(PATIENCE):
        await key.enough.wait()
    await _send(producer, partition, "b")
    assert _bodies(await _take(receiver, 1)) == ["b"]


async def test_a_link_whose_token_ran_out_is_opened_again_with_a_new_one(
    producer: EventHubProducerClient, server: ServerProcess, receive: Receive, partition: str
) -> None:
    class Unrenewed(SharedAccessKey):
        async def claim(self, resource: str) -> Claim:
            return replace(await super().claim(resource), expires=math.inf)

    key = _Counted(Unrenewed("RootManageSharedAccessKey", "SAS_KEY_VALUE", seconds=1))
    receiver = receive(partition, source=Namespace(_endpoint(server), key), retries=PERSISTENT)
    receiving = asyncio.create_task(_take(receiver, 1))
    async with asyncio.timeout(PATIENCE):
        await key.enough.wait()
    await _send(producer, partition, "a")
    assert _bodies(await receiving) == ["a"]


class _Credential:
    """A token credential whose tokens nobody takes."""

    async def get_token(self, *scopes: str, **options: Any) -> AccessToken:
        assert scopes == ("https://eventhubs.azure.net//.default",)
        return AccessToken("a.jwt.token", int(soon()))

    async def close(self) -> None: ...

    async def __aenter__(self) -> "_Credential":
        return self

    async def __aexit__(self, *error: object) -> None: ...


class _NoCredential(_Credential):
    async def get_token(self, *scopes: str, **options: Any) -> AccessToken:
        raise ClientAuthenticationError("no identity here")


async def test_an_identity_puts_its_own_kind_of_token(server: ServerProcess, receive: Receive, partition: str) -> None:
    refused = await _failure(receive(partition, source=Namespace(_endpoint(server), Identity(_Credential()))))
    assert "'jwt' are not taken here" in str(refused)
    assert refused.condition == UNAUTHORIZED
    without = await _failure(receive(partition, source=Namespace(_endpoint(server), Identity(_NoCredential()))))
    assert "no identity here" in str(without)


def _endpoint(server: ServerProcess) -> Endpoint:
    return Endpoint("127.0.0.1", port_of(server), is_secure=False)


@pytest_asyncio.fixture(loop_scope="session")
async def secured(server: ServerProcess, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Endpoint]:
    """The server behind TLS with the stack's own certificate, which SSL_CERT_FILE makes known."""
    trust = ensure_trust(tmp_path / "trust")
    monkeypatch.setenv("SSL_CERT_FILE", str(trust.bundle))
    client_side.trusted.cache_clear()
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(*trust.server)

    async def pour(source: asyncio.StreamReader, target: asyncio.StreamWriter) -> None:
        with contextlib.suppress(OSError):
            while data := await source.read(1 << 16):
                target.write(data)
        target.close()

    async def forward(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        inner_reader, inner_writer = await asyncio.open_connection("127.0.0.1", port_of(server))
        await asyncio.gather(pour(reader, inner_writer), pour(inner_reader, writer))

    listener = await asyncio.start_server(forward, "127.0.0.1", 0, ssl=context)
    async with listener:
        yield Endpoint("localhost", listener.sockets[0].getsockname()[1], is_secure=True)
    client_side.trusted.cache_clear()


async def test_tls_with_the_stacks_own_authority(
    producer: EventHubProducerClient, secured: Endpoint, receive: Receive, partition: str
) -> None:
    await _send(producer, partition, "secret", "x" * 200_000)
    key = SharedAccessKey("RootManageSharedAccessKey", "SAS_KEY_VALUE")
    receiver = receive(partition, source=Namespace(secured, key))
    assert [len(event.body) for event in await _take(receiver, 2)] == [6, 200_000]


async def test_tls_with_an_unknown_authority_is_refused(
    secured: Endpoint, receive: Receive, partition: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("SSL_CERT_FILE")
    client_side.trusted.cache_clear()
    key = SharedAccessKey("RootManageSharedAccessKey", "SAS_KEY_VALUE")
    refused = await _failure(receive(partition, source=Namespace(secured, key), retries=ONCE))
    assert "CERTIFICATE_VERIFY_FAILED" in str(refused)


async def test_a_broker_killed_while_events_flow_costs_none_of_them(
    own_server: Callable[..., ServerProcess], receive: Receive
) -> None:
    server = own_server("--hub", "h:1")
    for first in range(0, 300, 50):
        send_each(server, *[f"first {number}".encode() for number in range(first, first + 50)])
    receiver = receive("0", source=connection_string(server), hub="h", prefetch=40, retries=PERSISTENT)
    taken = await _take(receiver, 100)
    receiving = asyncio.create_task(_take(receiver, 300))
    await asyncio.to_thread(server.restart)
    await asyncio.to_thread(send_each, server, *[f"second {number}".encode() for number in range(100)])

    taken += await receiving
    expected = [f"first {number}" for number in range(300)] + [f"second {number}" for number in range(100)]
    assert _bodies(taken) == expected


async def _set_faults(server: ServerProcess, *rules: dict[str, Any]) -> None:
    async with httpx.AsyncClient() as http:
        (await http.put(f"{server.admin}/_local/faults", json={"rules": rules})).raise_for_status()


async def test_faults_that_pass_are_ridden_out_and_others_told(
    own_server: Callable[..., ServerProcess], receive: Receive
) -> None:
    server = own_server("--hub", "h:1:store")
    rules = [
        {"match": "attach:h/*", "action": "detach", "condition": "amqp:internal-error", "count": 1},
        {"match": "attach:h/*", "action": "delay", "delayMs": 50, "count": 1},
        {"match": "receive:h/*", "action": "reset", "count": 1},
        {"match": "receive:h/*", "action": "detach", "condition": "amqp:link:detach-forced", "count": 1},
        {"match": "cbs", "action": "reset", "count": 1},
    ]
    send_each(server, b"a")
    await _set_faults(server, *rules)
    source = connection_string(server)
    assert _bodies(await _take(receive("0", source=source, hub="h", retries=PERSISTENT), 1)) == ["a"]

    await _set_faults(server, {"match": "attach:h/*", "action": "detach", "condition": "amqp:internal-error"})
    assert (await _failure(receive("0", source=source, hub="h"))).condition == "amqp:internal-error"


async def test_a_broker_that_is_gone_or_silent_is_told_once_the_retries_are_through(
    own_server: Callable[..., ServerProcess], receive: Receive
) -> None:
    server = own_server("--hub", "h:1")
    source = connection_string(server)
    await _set_faults(server, {"match": "cbs", "action": "delay", "delayMs": 60_000})
    impatient = replace(QUICK, most=1, timeout=0.2)
    assert "no answer within 0.2 seconds" in str(
        await _failure(receive("0", source=source, hub="h", retries=impatient))
    )
    await asyncio.to_thread(server.close)
    assert "can't be reached" in str(await _failure(receive("0", source=source, hub="h")))
