"""IoT Hub's MQTT endpoint: sockets with TLS, and the acknowledgment that waits for durability."""

import asyncio
import contextlib
import ssl
from collections.abc import AsyncIterator
from pathlib import Path
from typing import cast

from local.iot_hub.forwarding import HubUnavailable
from local.iot_hub.front_door import FrontDoor, MessageTooLarge
from local.iot_hub.mqtt_packets import MalformedPacket
from local.iot_hub.mqtt_session import MqttSession, SessionEnded, Telemetry
from local.process import listen

CONNECT_SECONDS = 30
"""How long a peer may take to send its CONNECT."""
MOST_UNACKNOWLEDGED = 1_000
"""Messages of one device that may wait for the hub; beyond it, nothing more is read from its socket."""


class MqttConnection(asyncio.Protocol):
    """One device's socket."""

    def __init__(self, door: FrontDoor, connections: "set[MqttConnection]") -> None:
        self._door = door
        self._connections = connections
        self._session = MqttSession(door.access, self._write)
        self._loop = asyncio.get_running_loop()
        self._transport: asyncio.Transport | None = None
        self._queue: asyncio.Queue[Telemetry] = asyncio.Queue()
        self._forwarding: asyncio.Task[None] | None = None
        self._deadline: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)
        self._connections.add(self)
        self._forwarding = self._loop.create_task(self._forward())
        self._wait_at_most(CONNECT_SECONDS)

    def data_received(self, data: bytes) -> None:
        try:
            for telemetry in self._session.receive(data):
                self._queue.put_nowait(telemetry)
        except (SessionEnded, MalformedPacket):
            self.close()
            return
        if self._queue.qsize() > MOST_UNACKNOWLEDGED and self._transport is not None:
            self._transport.pause_reading()
        self._wait_at_most(self._session.keep_alive * 1.5)

    def connection_lost(self, error: Exception | None) -> None:
        self._connections.discard(self)
        self._transport = None
        if self._deadline is not None:
            self._deadline.cancel()
        if self._forwarding is not None:
            self._forwarding.cancel()

    def close(self) -> None:
        if self._transport is not None:
            self._transport.close()

    async def _forward(self) -> None:
        """Passes messages on in groups, so that those which wait together share the hub's batches."""
        while True:
            group = [await self._queue.get()]
            while not self._queue.empty():
                group.append(self._queue.get_nowait())
            if self._transport is not None and self._queue.qsize() <= MOST_UNACKNOWLEDGED:
                self._transport.resume_reading()
            results = await asyncio.gather(*(self._accept(each) for each in group), return_exceptions=True)
            for telemetry, result in zip(group, results, strict=True):
                if isinstance(result, (HubUnavailable, MessageTooLarge)):
                    # IoT Hub closes the connection; the device connects again and sends what was not acknowledged.
                    self.close()
                    return
                if result is not None:
                    raise result
                self._session.acknowledge(telemetry.packet_id)

    async def _accept(self, telemetry: Telemetry) -> None:
        sender = self._session.sender
        assert sender is not None
        rule = self._door.faults.strike(f"mqtt.publish:{sender.device.id}")
        if rule is not None and rule.delay_ms:
            await asyncio.sleep(rule.delay_ms / 1000)
        if rule is not None and rule.action != "delay":
            raise HubUnavailable("injected fault")
        await self._door.accept(sender, [telemetry.message])

    def _write(self, data: bytes) -> None:
        if self._transport is not None:
            self._transport.write(data)

    def _wait_at_most(self, seconds: float) -> None:
        if self._deadline is not None:
            self._deadline.cancel()
        self._deadline = self._loop.call_later(seconds, self.close) if seconds else None


@contextlib.asynccontextmanager
async def serving_mqtt(door: FrontDoor, port: int, certificate: tuple[Path, Path]) -> AsyncIterator[int]:
    """Serves devices while the block runs; yields the port. Raises UserMistake when the port is taken."""
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(*certificate)
    listening = listen(port)
    connections: set[MqttConnection] = set()
    server = await asyncio.get_running_loop().create_server(
        lambda: MqttConnection(door, connections), sock=listening, ssl=context
    )
    try:
        yield listening.getsockname()[1]
    finally:
        server.close()
        for connection in list(connections):
            connection.close()
