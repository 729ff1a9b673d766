"""The sockets: moves bytes between peers and their connections' state machines, and runs the flushes."""

import asyncio
import os
import socket
import sys
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import cast

from local.amqp.performatives import HEARTBEAT
from local.event_hubs.clients import Namespace, connected
from local.event_hubs.connection import OUTPUT_HIGH_WATER
from local.event_hubs.log import FlushPoint
from local.http import RESET_ON_CLOSE

HANDSHAKE_SECONDS = 30
"""How long a peer may take to send its open frame."""
SWEEP_SECONDS = 1
MOST_UNREAD = 64 << 20
"""Bytes of answers that wait for a peer which sends and never reads, before its connection is dropped."""
FLUSH_SECONDS, GOODBYE_SECONDS = 10, 1
"""How long a stop waits for the flushes that run, and for peers that don't close."""


class Peer(asyncio.Protocol):
    """One socket."""

    def __init__(self, server: "Server") -> None:
        self._server = server
        self.client, self._connection = connected(server.namespace, self)
        self._connection.on_output = self._schedule
        self._loop = asyncio.get_running_loop()
        self._transport: asyncio.Transport | None = None
        self._is_scheduled = False
        self._is_paused = False
        self._held_input: list[bytes] | None = None
        self._connected_at = self._last_sent = self._loop.time()

    # ---- asyncio.Protocol

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)
        self._transport.get_extra_info("socket").setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._transport.set_write_buffer_limits(high=OUTPUT_HIGH_WATER)
        self._server.peers.add(self)
        self.client.faults_changed()

    def data_received(self, data: bytes) -> None:
        if self._held_input is not None:
            self._held_input.append(data)
            return
        self._connection.receive(data)
        self._flush()

    def connection_lost(self, error: Exception | None) -> None:
        self._server.peers.discard(self)
        self._connection.lost()
        self._transport = None

    def pause_writing(self) -> None:
        self._is_paused = True
        self._connection.is_congested = True

    def resume_writing(self) -> None:
        self._is_paused = False
        self._resume()

    # ---- Wire: what faults do

    def hold(self, seconds: float) -> None:
        if self._held_input is None:
            self._held_input = []
            self._loop.call_later(seconds, self._release)

    def reset(self) -> None:
        if self._transport is not None:
            peer = self._transport.get_extra_info("socket")
            peer.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET_ON_CLOSE)
            self._transport.abort()
        self._connection.take_output()
        self._connection.lost()

    # ---- the server's

    def mute(self) -> None:
        """Takes no more from the peer; what it sent before is still answered."""
        if self._transport is not None and not self._transport.is_closing():
            self._transport.pause_reading()

    def drain(self) -> None:
        self._connection.drain()
        self._flush()

    def sweep(self, now: float) -> None:
        """Heartbeats, handshakes that never end, tokens that ran out."""
        if not self._connection.is_open:
            if now - self._connected_at > HANDSHAKE_SECONDS and self._transport is not None:
                self._transport.abort()
            return
        self.client.expire()
        idle = self._connection.peer_idle_timeout
        if idle and now - self._last_sent >= min(idle / 2, max(idle - 2 * SWEEP_SECONDS, 0)):
            self._connection.write(HEARTBEAT)

    def _schedule(self) -> None:
        if not self._is_scheduled:
            self._is_scheduled = True
            self._loop.call_soon(self._flush)

    def _flush(self) -> None:
        self._is_scheduled = False
        if self._held_input is not None or self._transport is None:
            return
        output = self._connection.take_output()
        if output:
            self._last_sent = self._loop.time()
            self._transport.write(output)
            if self._transport.get_write_buffer_size() > MOST_UNREAD:
                self._transport.abort()
                return
        if self._connection.is_closed:
            self._transport.close()
        elif self._connection.is_congested and not self._is_paused:
            self._loop.call_soon(self._resume)

    def _resume(self) -> None:
        """Lets the consumers go on where the socket, or the size of one flush, stopped them."""
        if self._connection.is_closed or self._is_paused:
            return
        self._connection.is_congested = False
        self.client.resume()

    def _release(self) -> None:
        held, self._held_input = self._held_input or [], None
        self._flush()
        for data in held:
            if not self._connection.is_closed:
                self.data_received(data)


class Server:
    """Listens, and keeps its peers."""

    def __init__(self, namespace: Namespace) -> None:
        self.namespace = namespace
        self.peers: set[Peer] = set()
        self._sweeper: asyncio.Task[None] | None = None
        self._listener: asyncio.Server | None = None

    async def start(self, listening: socket.socket) -> None:
        loop = asyncio.get_running_loop()
        self._listener = await loop.create_server(lambda: Peer(self), sock=listening)
        self._sweeper = loop.create_task(self._sweep())
        self.namespace.faults.on_change = self._faults_changed

    async def stop(self) -> None:
        """Takes no more, accepts what it took, says goodbye, and returns when the sockets are closed."""
        assert self._listener is not None
        assert self._sweeper is not None
        self._sweeper.cancel()
        self._listener.close()
        for peer in self.peers:
            peer.mute()
        await _until(lambda: not self.namespace.hubs.are_flushing, FLUSH_SECONDS)
        for peer in list(self.peers):
            peer.drain()
        await _until(lambda: not self.peers, GOODBYE_SECONDS)

    async def _sweep(self) -> None:
        while True:
            await asyncio.sleep(SWEEP_SECONDS)
            now = asyncio.get_running_loop().time()
            for peer in list(self.peers):
                peer.sweep(now)

    def _faults_changed(self) -> None:
        for peer in list(self.peers):
            peer.client.faults_changed()


async def _until(condition: Callable[[], bool], seconds: float) -> None:
    """Returns once the condition holds, or when the time is over."""
    end = asyncio.get_running_loop().time() + seconds
    while not condition() and asyncio.get_running_loop().time() < end:  # noqa: ASYNC110 - polled once, at the very end
        await asyncio.sleep(0.005)


class ThreadFlusher:
    """Flushes in threads: fdatasync blocks, but not the loop."""

    THREADS = 8

    def __init__(self) -> None:
        self._pool = ThreadPoolExecutor(self.THREADS, thread_name_prefix="flush")
        self._loop = asyncio.get_running_loop()

    def flush(self, point: FlushPoint, done: Callable[[], None]) -> None:
        self._pool.submit(point.sync).add_done_callback(lambda future: self._synced(future, done))

    def close(self) -> None:
        """Returns when every flush that was asked for is done."""
        self._pool.shutdown(wait=True)

    def _synced(self, future: "Future[None]", done: Callable[[], None]) -> None:
        if future.exception() is not None:
            # What is durable is no longer known (fsync may not be tried again): better to die than to promise.
            print(f"A flush failed, so the server stops: {future.exception()}", file=sys.stderr, flush=True)
            os._exit(1)
        self._loop.call_soon_threadsafe(done)


class NoFlusher:
    """Takes what is written to the page cache for durable: a power failure loses it, a kill -9 does not."""

    def flush(self, point: FlushPoint, done: Callable[[], None]) -> None:
        done()

    def close(self) -> None:
        """Nothing to wait for."""
