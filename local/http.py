"""What the servers that speak HTTP share: listening (TLS or not), draining, the /_local routes, and wire faults."""

import contextlib
import json
import socket
import struct
from asyncio import Task, create_task, sleep
from collections.abc import AsyncIterator, Callable, Generator, Mapping
from pathlib import Path
from typing import Any

import uvicorn
from pydantic import ValidationError
from starlette.applications import Starlette
from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route
from starlette.types import ASGIApp, Receive, Scope, Send
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from local.faults import FaultRule, FaultRules, Faults
from local.process import LOOPBACK, listen

DRAIN_SECONDS = 10
RESET_ON_CLOSE = struct.pack("ii", 1, 0)
"""SO_LINGER's value that makes closing a socket send RST."""
_TRANSPORT = "local.transport"


class _Protocol(HttpToolsProtocol):
    """Leaves the connection's transport in the scope, so that a fault can reset it."""

    def on_headers_complete(self) -> None:
        super().on_headers_complete()
        scope: dict[str, Any] = self.scope  # type: ignore[assignment]
        scope.setdefault("extensions", {})[_TRANSPORT] = self.transport


class _Server(uvicorn.Server):
    """Leaves the signals to the process: several servers may share it."""

    @contextlib.contextmanager
    def capture_signals(self) -> Generator[None, None, None]:
        yield


@contextlib.asynccontextmanager
async def serving(
    app: ASGIApp,
    port: int,
    *,
    certificate: tuple[Path, Path] | None = None,
    backlog: int = 2048,
    drain_seconds: int = DRAIN_SECONDS,
) -> AsyncIterator[str]:
    """Serves an ASGI app on loopback while the block runs, and drains it at the end; yields its URL.

    `certificate` is (chain, key), both PEM files: given, the server speaks HTTPS only.
    Raises UserMistake when the port is taken.
    """
    listener = listen(port, backlog=backlog)
    chain, key = certificate or (None, None)
    config = uvicorn.Config(
        app,
        loop="none",
        http=_Protocol,
        ws="none",
        lifespan="off",
        log_config=None,
        access_log=False,
        server_header=False,
        date_header=False,
        ssl_certfile=chain,
        ssl_keyfile=key,
        timeout_graceful_shutdown=drain_seconds,
        timeout_keep_alive=120,
    )
    server = _Server(config)
    task: Task[None] = create_task(server.serve(sockets=[listener]))
    try:
        while not server.started and not task.done():  # noqa: ASYNC110 - uvicorn tells of its start only so
            await sleep(0.005)
        scheme = "https" if certificate else "http"
        yield f"{scheme}://{LOOPBACK}:{listener.getsockname()[1]}"
    finally:
        server.should_exit = True
        await task
        listener.close()


@contextlib.asynccontextmanager
async def serving_plain(app: ASGIApp, port: int | None) -> AsyncIterator[str | None]:
    """A plain HTTP listener beside an HTTPS one while the block runs, if a port was given; yields its URL, or None."""
    if port is None:
        yield None
        return
    async with serving(app, port) as url:
        yield url


class BodyTooLarge(Exception):
    """A request's body has more bytes than the server takes."""


async def whole_body(receive: Receive, limit: int) -> bytes:
    """A request's body, read to its end even when it is too large, so that the client sees the answer.

    Raises BodyTooLarge, and ClientDisconnect when the client went away before it had sent all.
    """
    chunks: list[bytes] = []
    size = 0
    more = True
    while more:
        message = await receive()
        if message["type"] == "http.disconnect":
            raise ClientDisconnect
        chunk: bytes = message.get("body", b"")
        size += len(chunk)
        if size <= limit:
            chunks.append(chunk)
        more = message.get("more_body", False)
    if size > limit:
        raise BodyTooLarge
    return b"".join(chunks)


def reset_connection(scope: Mapping[str, Any]) -> None:
    """Ends the request's TCP connection with RST: what the client sees when a server dies mid-answer."""
    transport = scope["extensions"][_TRANSPORT]
    peer: socket.socket | None = transport.get_extra_info("socket")
    if peer is not None:
        peer.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET_ON_CLOSE)
    transport.abort()


def local_app(faults: Faults, health: Callable[[], Mapping[str, object]]) -> Starlette:
    """The /_local routes every server has: `GET /_local/health`, and `GET PUT DELETE /_local/faults`."""

    async def show_health(request: Request) -> Response:
        return JSONResponse({"status": "ok", **health()})

    async def show_faults(request: Request) -> Response:
        return JSONResponse(faults.rules.model_dump(mode="json", by_alias=True))

    async def replace_faults(request: Request) -> Response:
        try:
            faults.replace(FaultRules.model_validate_json(await request.body()))
        except ValidationError as error:
            return JSONResponse({"error": json.loads(error.json(include_url=False))}, status_code=400)
        return await show_faults(request)

    async def clear_faults(request: Request) -> Response:
        faults.clear()
        return await show_faults(request)

    return Starlette(
        routes=[
            Route("/_local/health", show_health),
            Route("/_local/faults", show_faults, methods=["GET"]),
            Route("/_local/faults", replace_faults, methods=["PUT"]),
            Route("/_local/faults", clear_faults, methods=["DELETE"]),
        ]
    )


def with_local_routes(app: ASGIApp, local: ASGIApp) -> ASGIApp:
    """`app`, with every path under /_local/ answered by `local` (see local_app) instead."""

    async def dispatch(scope: Scope, receive: Receive, send: Send) -> None:
        is_local = scope["type"] == "http" and scope["path"].startswith("/_local/")
        await (local if is_local else app)(scope, receive, send)

    return dispatch


class FaultInjection:
    """ASGI middleware that strikes requests by the fault rules: `status`, `reset` and `delay`.

    `operation` names a request; `refusal` gives the service's own body for a status (a plain JSON error otherwise).
    A server that knows the operation only after reading the body calls `inject` itself.
    """

    def __init__(
        self,
        app: ASGIApp,
        faults: Faults,
        operation: Callable[[Scope], str],
        refusal: Callable[[FaultRule], Response] | None = None,
    ) -> None:
        self._app = app
        self._faults = faults
        self._operation = operation
        self._refusal = refusal or plain_refusal

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        rule = self._faults.strike(self._operation(scope)) if scope["type"] == "http" else None
        if rule is not None and await inject(rule, self._refusal, scope, receive, send):
            return
        await self._app(scope, receive, send)


async def inject(
    rule: FaultRule, refusal: Callable[[FaultRule], Response], scope: Scope, receive: Receive, send: Send
) -> bool:
    """Does what a rule says to one request; True when the request is thereby answered (or will never be)."""
    if rule.delay_ms:
        await sleep(rule.delay_ms / 1000)
    if rule.action == "delay":
        return False
    if rule.action == "reset":
        reset_connection(scope)
        return True
    await refusal(rule)(scope, receive, send)
    return True


def plain_refusal(rule: FaultRule) -> Response:
    """A fault's status with a JSON error; `busy` is 503. Retry-After is in whole seconds, as HTTP has it."""
    status = 503 if rule.action == "busy" else rule.status
    headers = {"Retry-After": str(-(-rule.retry_after_ms // 1000))} if rule.retry_after_ms else {}
    return JSONResponse({"error": {"code": str(status), "message": "injected fault"}}, status, headers=headers)
