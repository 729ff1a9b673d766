"""The unmodified azure-eventhub against a local server: connection strings, tokens, consumers in the background."""

import asyncio
import base64
import contextlib
import hashlib
import hmac
import time
from collections.abc import Sequence
from typing import Any
from urllib.parse import quote_plus

import httpx
import pytest
from azure.eventhub import EventData
from azure.eventhub.aio import EventHubConsumerClient, PartitionContext

from local.launch import ServerProcess

KEY_NAME, KEY = "RootManageSharedAccessKey", "SAS_KEY_VALUE"
"""What Microsoft's Event Hubs emulator takes."""
LEAVES_SOCKETS = pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
"""For tests that break connections: azure-eventhub leaves a broken connection's socket to the garbage collector."""
FROM_START = "-1"
NO_RETRIES: dict[str, Any] = {"retry_total": 0}


def port_of(server: ServerProcess) -> int:
    return int(server.url.rsplit(":", 1)[1])


def connection_string(server: ServerProcess, *, key_name: str = KEY_NAME, key: str = KEY) -> str:
    endpoint = f"Endpoint=sb://127.0.0.1:{port_of(server)}"
    return f"{endpoint};SharedAccessKeyName={key_name};SharedAccessKey={key};UseDevelopmentEmulator=true"


def signed_connection_string(server: ServerProcess, token: str) -> str:
    return f"Endpoint=sb://127.0.0.1:{port_of(server)};SharedAccessSignature={token};UseDevelopmentEmulator=true"


def shared_access_signature(path: str, *, expires: float, key_name: str = KEY_NAME, key: str = KEY) -> str:
    """A token made by hand, as "Authenticate access to Event Hubs resources using SAS" (Microsoft Learn) says."""
    resource, expiry = quote_plus(f"sb://localhost/{path}"), str(int(expires))
    digest = hmac.new(key.encode(), f"{resource}\n{expiry}".encode(), hashlib.sha256).digest()
    signature = quote_plus(base64.b64encode(digest))
    return f"SharedAccessSignature sr={resource}&sig={signature}&se={expiry}&skn={key_name}"


class Reading:
    """A consumer of one partition that reads in the background from the moment it is made."""

    def __init__(self, client: EventHubConsumerClient, partition: str, **options: Any) -> None:
        self._client = client
        self._arrived: asyncio.Queue[EventData | None] = asyncio.Queue()
        self._errors: asyncio.Queue[Exception] = asyncio.Queue()
        options = {"starting_position": FROM_START, **options}
        receiving = client.receive_batch(
            self._arrive, partition_id=partition, on_error=self._fail, max_wait_time=0.2, **options
        )
        self._task = asyncio.create_task(receiving)
        self.context: PartitionContext | None = None

    async def _arrive(self, context: PartitionContext, events: Sequence[EventData]) -> None:
        self.context = context
        for event in events:
            self._arrived.put_nowait(event)
        if not events:
            self._arrived.put_nowait(None)

    async def _fail(self, context: PartitionContext | None, error: Exception) -> None:
        self._errors.put_nowait(error)
        self._arrived.put_nowait(None)

    async def take(self, count: int, *, timeout: float = 20) -> list[EventData]:
        """The next `count` events; fails when they don't come in time, or the consumer ends with an error instead."""
        events: list[EventData] = []
        async with asyncio.timeout(timeout):
            while len(events) < count:
                event = await self._arrived.get()
                if event is not None:
                    events.append(event)
                elif not self._errors.empty():
                    raise self._errors.get_nowait()
        return events

    def forget(self) -> None:
        """Lets go of what came and was not taken."""
        while not self._arrived.empty():
            self._arrived.get_nowait()

    async def rest(self) -> list[EventData]:
        """What still comes, after something did, until the consumer has said twice that nothing does."""
        events: list[EventData] = []
        quiet = 0
        while quiet < 2:
            event = await self._arrived.get()
            quiet = quiet + 1 if event is None else 0
            if event is not None:
                events.append(event)
        return events

    async def error(self, *, timeout: float = 15) -> Exception:
        """The error that ends the consumer."""
        async with asyncio.timeout(timeout):
            return await self._errors.get()

    async def close(self) -> None:
        self._task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await self._task
        await self._client.close()


async def consumers_attached(server: ServerProcess, hub: str, partition: str, count: int) -> None:
    """Returns once a partition has so many consumers: the client itself does not tell when it is attached."""
    async with asyncio.timeout(10), httpx.AsyncClient() as http:
        while True:
            health = (await http.get(f"{server.admin}/_local/health")).json()
            if health["hubs"][hub][int(partition)]["consumers"] == count:
                return
            await asyncio.sleep(0.03)


def bodies(events: Sequence[EventData]) -> list[str]:
    return [event.body_as_str() for event in events]


def sequence_numbers(events: Sequence[EventData]) -> list[int | None]:
    return [event.sequence_number for event in events]


def soon() -> float:
    """An hour from now."""
    return time.time() + 3600
