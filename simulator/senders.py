"""The three ways to the telemetry hub: straight, over HTTPS, over MQTT. Each returns only what was accepted."""

import asyncio
import base64
import json
import ssl
import time
import zlib
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Protocol, Self
from urllib.parse import quote, urlsplit

import aiohttp
from azure.eventhub.aio import EventHubProducerClient
from azure.eventhub.amqp import AmqpAnnotatedMessage
from azure.iot.device import Message as DeviceMessage
from azure.iot.device.aio import IoTHubDeviceClient

from local.shared_access import sign
from simulator.samples import Message

API = {"api-version": "2021-04-12"}
_TOKEN_SECONDS = 3_600
_AT_ONCE = 64
"""HTTPS requests under way at a time."""
_BATCH_TYPE = "application/vnd.microsoft.iothub.json"
_MOST_TOGETHER = 100
_MOST_BYTES = 128 * 1024
"""Messages and their bytes in one request: with base64 and JSON around them well under IoT Hub's 256 KB."""
_TRIES = 8


class SendingFailed(Exception):
    """A message was not accepted, however often it was sent; says what the other side answered."""


class Sender(Protocol):
    """Sends messages, each device's in order. Use as an async context."""

    async def __aenter__(self) -> Self: ...

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None: ...

    async def send(self, messages: Sequence[Message]) -> None:
        """Returns when every message is accepted. Raises SendingFailed."""


@dataclass(frozen=True, slots=True)
class IotHubAddress:
    """Where the IoT Hub is, whom it trusts, and the owner policy's name and key for registering devices."""

    url: str
    authority: Path
    policy: str
    policy_key: str

    @property
    def host(self) -> str:
        return urlsplit(self.url).hostname or "localhost"

    def context(self) -> ssl.SSLContext:
        return ssl.create_default_context(cafile=str(self.authority))

    def device_token(self, device: str, key: str) -> str:
        return sign(f"{self.host}/devices/{device}", int(time.time()) + _TOKEN_SECONDS, base64.b64decode(key))

    def service_token(self) -> str:
        key = base64.b64decode(self.policy_key)
        return sign(self.host, int(time.time()) + _TOKEN_SECONDS, key, self.policy)


class HubSender:
    """Straight into the hub, as what knows no IoT Hub: the partition key is the device. Batches of one partition."""

    def __init__(self, connection_string: str, hub: str) -> None:
        self._producer = EventHubProducerClient.from_connection_string(connection_string, eventhub_name=hub)
        self._partitions: list[str] = []

    async def __aenter__(self) -> Self:
        self._partitions = await self._producer.get_partition_ids()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._producer.close()

    async def send(self, messages: Sequence[Message]) -> None:
        by_partition: dict[str, list[Message]] = defaultdict(list)
        for message in messages:
            by_partition[self._partitions[zlib.crc32(message.device.encode()) % len(self._partitions)]].append(message)
        await asyncio.gather(*(self._send(partition, each) for partition, each in by_partition.items()))

    async def _send(self, partition: str, messages: list[Message]) -> None:
        batch = await self._producer.create_batch(partition_id=partition)
        for message in messages:
            event = _event(message)
            try:
                batch.add(event)
            except ValueError:
                await self._producer.send_batch(batch)
                batch = await self._producer.create_batch(partition_id=partition)
                batch.add(event)
        await self._producer.send_batch(batch)


def _event(message: Message) -> AmqpAnnotatedMessage:
    """Every annotation costs its sender 5 µs: the client encodes each event twice. So there is the one that counts."""
    return AmqpAnnotatedMessage(
        data_body=message.body,
        annotations={"x-opt-partition-key": message.device},
        application_properties={"asset": message.asset},
    )


class Devices:
    """Registers devices as they are needed, each with its asset as a tag, and knows their keys."""

    def __init__(self, address: IotHubAddress) -> None:
        self._address = address
        self._keys: dict[str, str] = {}

    async def keys(self, session: aiohttp.ClientSession, messages: Iterable[Message]) -> dict[str, str]:
        """The key of every device that sends."""
        for message in messages:
            if message.device not in self._keys:
                self._keys[message.device] = await self._register(session, message)
        return self._keys

    async def _register(self, session: aiohttp.ClientSession, message: Message) -> str:
        headers = {"Authorization": self._address.service_token()}
        path = f"{self._address.url}/devices/{quote(message.device, safe='')}"
        async with session.put(path, params=API, headers=headers, json={"deviceId": message.device}) as answer:
            known = answer.status == 409
            body = await answer.json()
        if known:
            async with session.get(path, params=API, headers=headers) as answer:
                body = await answer.json()
        if "authentication" not in body:
            raise SendingFailed(f"the device {message.device} can't be registered: {body.get('Message')}")
        twin = f"{self._address.url}/twins/{quote(message.device, safe='')}"
        async with session.patch(twin, params=API, headers=headers, json={"tags": {"asset": message.asset}}) as answer:
            await answer.read()
        return str(body["authentication"]["symmetricKey"]["primaryKey"])


class HttpsSender:
    """A device's messages in batches, one request after the other; several devices at a time.

    The body of a request is IoT Hub's own form of several messages (Microsoft Learn, "Device - Send Device Event",
    content type application/vnd.microsoft.iothub.json).
    """

    def __init__(self, address: IotHubAddress) -> None:
        self._address = address
        self._devices = Devices(address)
        self._tokens: dict[str, str] = {}
        self._session: aiohttp.ClientSession | None = None

    async def __aenter__(self) -> Self:
        connector = aiohttp.TCPConnector(limit=_AT_ONCE, ssl=self._address.context())
        self._session = aiohttp.ClientSession(connector=connector)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._session is not None:
            await self._session.close()

    async def send(self, messages: Sequence[Message]) -> None:
        assert self._session is not None
        keys = await self._devices.keys(self._session, messages)
        for device in {message.device for message in messages} - self._tokens.keys():
            self._tokens[device] = self._address.device_token(device, keys[device])
        by_device: dict[str, list[Message]] = defaultdict(list)
        for message in messages:
            by_device[message.device].append(message)
        room = asyncio.Semaphore(_AT_ONCE)
        await asyncio.gather(*(self._send_all(self._session, each, room) for each in by_device.values()))

    async def _send_all(self, session: aiohttp.ClientSession, messages: list[Message], room: asyncio.Semaphore) -> None:
        for batch in _batches(messages):
            async with room:
                await self._send(session, batch)

    async def _send(self, session: aiohttp.ClientSession, batch: list[Message]) -> None:
        device = batch[0].device
        url = f"{self._address.url}/devices/{quote(device, safe='')}/messages/events"
        headers = {"Authorization": self._tokens[device], "Content-Type": _BATCH_TYPE}
        body = json.dumps([{"body": base64.b64encode(message.body).decode()} for message in batch])
        answered = ""
        for attempt in range(_TRIES):
            try:
                async with session.post(url, params=API, headers=headers, data=body) as answer:
                    if answer.status == 204:
                        return
                    answered = f"{answer.status} {await answer.text()}"
                    if answer.status < 429:
                        break
            except aiohttp.ClientError as error:
                answered = str(error)
            await asyncio.sleep(min(0.1 * 2**attempt, 5))
        raise SendingFailed(f"messages of {device} were not accepted: {answered}")


def _batches(messages: list[Message]) -> Iterator[list[Message]]:
    """A device's messages in their order, as many together as a request may hold."""
    batch: list[Message] = []
    size = 0
    for message in messages:
        if batch and (len(batch) == _MOST_TOGETHER or size + len(message.body) > _MOST_BYTES):
            yield batch
            batch, size = [], 0
        batch.append(message)
        size += len(message.body)
    if batch:
        yield batch


class MqttSender:
    """The real azure-iot-device client, one per device."""

    def __init__(self, address: IotHubAddress) -> None:
        self._address = address
        self._devices = Devices(address)
        self._clients: dict[str, IoTHubDeviceClient] = {}
        self._session: aiohttp.ClientSession | None = None

    async def __aenter__(self) -> Self:
        self._session = aiohttp.ClientSession(connector=aiohttp.TCPConnector(ssl=self._address.context()))
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await asyncio.gather(*(client.shutdown() for client in self._clients.values()))
        if self._session is not None:
            await self._session.close()

    async def send(self, messages: Sequence[Message]) -> None:
        assert self._session is not None
        keys = await self._devices.keys(self._session, messages)
        for device in {message.device for message in messages} - self._clients.keys():
            self._clients[device] = await self._connect(device, keys[device])
        await asyncio.gather(*(self._clients[each.device].send_message(_telemetry(each)) for each in messages))

    async def _connect(self, device: str, key: str) -> IoTHubDeviceClient:
        client = IoTHubDeviceClient.create_from_connection_string(
            f"HostName={self._address.host};DeviceId={device};SharedAccessKey={key}",
            server_verification_cert=await asyncio.to_thread(self._address.authority.read_text),
        )
        await client.connect()
        return client


def _telemetry(message: Message) -> DeviceMessage:
    return DeviceMessage(  # type: ignore[no-untyped-call]
        message.body, content_type="application/json", content_encoding="utf-8"
    )
