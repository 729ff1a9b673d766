"""The Kusto REST endpoints: queries, management commands, and what extensions add."""

import asyncio
import uuid
from collections.abc import AsyncIterator, Callable, Coroutine, Iterable, Iterator
from typing import Any

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse
from starlette.routing import BaseRoute, Route
from starlette.types import ASGIApp, Receive, Scope, Send

from local.data_explorer.cluster import Cluster
from local.data_explorer.commands.dispatch import Commands
from local.data_explorer.errors import InternalError, KustoError, NotServed, Unauthorized
from local.data_explorer.extensions import CommandContext
from local.data_explorer.queries import Cancellation, run_query
from local.data_explorer.requests import KustoRequest, parse_request
from local.data_explorer.responses import Answer, encode, error_document, v1_command, v1_query, v2_frames
from local.data_explorer.results import ResultTable
from local.data_explorer.striking import strike
from local.identity.tokens import InvalidToken, Tokens

RESOURCE = "https://kusto.kusto.windows.net"
"""The App ID URI of Data Explorer in the public cloud: what the SDKs ask a token for."""
METADATA_PATH = "/v1/rest/auth/metadata"
_METADATA = {
    "AzureAD": {
        "LoginEndpoint": "https://login.microsoftonline.com",
        "LoginMfaRequired": False,
        "KustoClientAppId": "db662dc1-0cfe-4e1c-a843-19a68e65be58",
        "KustoClientRedirectUri": "https://microsoft/kustoclient",
        "KustoServiceResourceId": RESOURCE,
        "FirstPartyAuthorityUrl": "https://login.microsoftonline.com/f8cdef31-a31e-4b4a-93e4-5f571e91255a",
    },
    "dSTS": {"CloudEndpointSuffix": "", "DstsRealm": "", "DstsInstance": "", "KustoDnsHostName": "", "ServiceName": ""},
}


def kusto_app(endpoints: "Endpoints", extra_routes: Iterable[BaseRoute]) -> ASGIApp:
    """The service without a token check (see Authentication)."""
    return Starlette(
        routes=[
            Route(METADATA_PATH, _metadata),
            Route("/v1/rest/ping", _ping),
            Route("/v1/rest/query", endpoints.query_v1, methods=["POST"]),
            Route("/v2/rest/query", endpoints.query_v2, methods=["POST"]),
            Route("/v1/rest/mgmt", endpoints.manage, methods=["POST"]),
            *extra_routes,
        ],
        exception_handlers={KustoError: _refused, 404: _not_served, 405: _not_served, Exception: _broken},
    )


class Endpoints:
    """The endpoints' handlers. Work runs in threads; it ends when the client hangs up."""

    def __init__(self, cluster: Cluster, commands: Commands) -> None:
        self._cluster = cluster
        self._commands = commands
        self.running_queries = 0

    async def query_v1(self, request: Request) -> Response:
        return await self._query(request, lambda kusto, answer: _json(v1_query(answer), request))

    async def query_v2(self, request: Request) -> Response:
        def answered(kusto: KustoRequest, answer: Answer) -> Response:
            progressive = kusto.is_set("results_progressive_enabled")
            frames = (encode(frame) for frame in v2_frames(answer, progressive=progressive))
            return StreamingResponse(_array(frames), headers=_headers(request), media_type="application/json")

        return await self._query(request, answered)

    async def _query(self, request: Request, respond: Callable[[KustoRequest, Answer], Response]) -> Response:
        kusto = parse_request(await request.body(), client_request_id(request))
        database = self._cluster.database(kusto.database)
        await strike(self._cluster.faults, "query", request)
        if kusto.csl.lstrip().startswith("."):
            table = await asyncio.to_thread(self._command, kusto)
            return respond(kusto, Answer(table, {}, kusto.client_request_id, str(uuid.uuid4())))
        cancellation = Cancellation()
        work = asyncio.to_thread(run_query, database, kusto, cancellation)
        self.running_queries += 1
        try:
            return respond(kusto, await _until_hung_up(work, request, cancellation))
        finally:
            self.running_queries -= 1

    async def manage(self, request: Request) -> Response:
        kusto = parse_request(await request.body(), client_request_id(request))
        await strike(self._cluster.faults, "mgmt", request)
        return _json(v1_command([await asyncio.to_thread(self._command, kusto)]), request)

    def _command(self, kusto: KustoRequest) -> ResultTable:
        database = self._cluster.database(kusto.database)
        return self._commands.run(CommandContext(self._cluster, database, kusto.client_request_id), kusto.csl)


class Authentication:
    """ASGI middleware: only requests with a token of the stack's for Data Explorer come in.

    A token for the cluster's own URL will do too, as for the service.
    """

    def __init__(self, app: ASGIApp, tokens: Tokens) -> None:
        self._app = app
        self._tokens = tokens

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http" and scope["path"] != METADATA_PATH:
            request = Request(scope)
            own = f"{request.url.scheme}://{request.headers.get('host', '')}"
            try:
                self._tokens.check(request.headers.get("authorization"), [RESOURCE, own])
            except InvalidToken as error:
                await _refused(request, Unauthorized(f"Authentication failed: {error}"))(scope, receive, send)
                return
        await self._app(scope, receive, send)


def client_request_id(request: Request) -> str:
    """The client's own id of a request, made up when it sent none."""
    return request.headers.get("x-ms-client-request-id") or f"unspecified;{uuid.uuid4()}"


async def _until_hung_up(work: Coroutine[Any, Any, Answer], request: Request, cancellation: Cancellation) -> Answer:
    """Waits for a query; a client that hangs up cancels it."""
    task = asyncio.create_task(work)
    hung_up = asyncio.create_task(_disconnected(request))
    try:
        await asyncio.wait({task, hung_up}, return_when=asyncio.FIRST_COMPLETED)
        if not task.done():
            cancellation.cancel(KustoError("The request was cancelled: the client hung up.", code="Request aborted"))
        return await task
    finally:
        hung_up.cancel()


async def _disconnected(request: Request) -> None:
    while (await request.receive())["type"] != "http.disconnect":
        pass


async def _metadata(request: Request) -> Response:
    return _json(_METADATA, request)


async def _ping(request: Request) -> Response:
    return _json("Pong!", request)


def _headers(request: Request) -> dict[str, str]:
    return {"x-ms-client-request-id": client_request_id(request), "x-ms-activity-id": str(uuid.uuid4())}


def _json(document: object, request: Request, status: int = 200) -> Response:
    return Response(encode(document), status, headers=_headers(request), media_type="application/json")


async def _array(items: Iterator[bytes]) -> AsyncIterator[bytes]:
    """A JSON array of encoded items, one line each, as the service writes frames."""
    separator = b"["
    for item in items:
        yield separator + item
        separator = b"\r\n,"
    yield b"]"


def _refused(request: Request, error: Exception) -> Response:
    assert isinstance(error, KustoError)
    response = _json(error_document(error, client_request_id(request), str(uuid.uuid4())), request, error.status)
    retry_after = getattr(error, "retry_after", 0)
    if retry_after:
        response.headers["Retry-After"] = str(retry_after)
    return response


def _not_served(request: Request, error: Exception) -> Response:
    return _refused(request, NotServed(f"The local Data Explorer does not serve {request.method} {request.url.path}."))


def _broken(request: Request, error: Exception) -> Response:
    return _refused(request, InternalError(f"{type(error).__name__}: {error}"))
