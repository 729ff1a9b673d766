"""The service as an ASGI application: reads requests, checks tokens, strikes by the fault rules, and answers."""

import sqlite3
import urllib.parse
import uuid
from time import monotonic

from starlette.requests import ClientDisconnect
from starlette.responses import Response as PlainResponse
from starlette.types import Receive, Scope, Send

from local.digital_twins.errors import ServiceError, too_large
from local.digital_twins.limits import check_body, check_strings
from local.digital_twins.messages import MAX_BODY, Request, Response, refusal
from local.digital_twins.operations import Operation, operation_of
from local.digital_twins.service import Service
from local.faults import FaultRule, Faults
from local.http import BodyTooLarge, inject, whole_body
from local.identity.tokens import InvalidToken, Tokens

RESOURCE = "https://digitaltwins.azure.net"
"""The App ID URI of Digital Twins in the public cloud: what the SDKs ask a token for."""
_AUDIENCES = (RESOURCE, "0b07f429-9f4b-4714-9392-cc5e8e80c8b0")
"""The resource's URI, and its application id (Learn, "APIs and SDKs")."""
API_VERSIONS = frozenset(
    (
        "2020-10-31",
        "2021-06-30-preview",
        "2022-05-31",
        "2023-02-27-preview",
        "2023-06-30",
        "2023-07-31-preview",
        "2023-10-31",
    )
)
MAX_MODELS_BODY = 4 * 1024 * 1024
_TRUSTED_SECONDS = 60
_TRUSTED_TOKENS = 1000


class DigitalTwinsApp:
    """The data plane, without a token check (see Authentication)."""

    def __init__(self, service: Service, faults: Faults) -> None:
        self._service = service
        self._faults = faults

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        try:
            request = await _received(scope, receive)
            operation = operation_of(request)
            _check_version(request)
            rule = self._faults.strike(operation.name)
            if rule is not None and await inject(rule, _injected, scope, receive, send):
                return
            self._admit(operation, request)
            response = await operation.handler(self._service, request)
        except ClientDisconnect:
            return
        except ServiceError as error:
            response = refusal(error)
        except sqlite3.Error as error:
            response = refusal(ServiceError(503, "ServiceUnavailable", f"Data can't be read or written: {error}."))
        await _send(send, response)

    def _admit(self, operation: Operation, request: Request) -> None:
        """Keeps to the service's limits, when they are switched on. Raises ServiceError."""
        limits = self._service.limits
        if limits is None:
            return
        limits.admit(operation.counted, request.path[1] if operation.changes_twin else None)
        if request.body and operation.counted in ("create", "patch"):
            check_body(request.body)
            check_strings(request.json())


class Authentication:
    """ASGI middleware: only requests with a token of the stack's for Digital Twins come in."""

    def __init__(self, app: DigitalTwinsApp, tokens: Tokens) -> None:
        self._app = app
        self._tokens = tokens
        self._trusted: dict[str, float] = {}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http":
            authorization = next((value for name, value in scope["headers"] if name == b"authorization"), b"")
            try:
                self._check(authorization.decode("latin-1"))
            except InvalidToken as error:
                await _send(send, _unauthorized(error))
                return
        await self._app(scope, receive, send)

    def _check(self, authorization: str) -> None:
        """Raises InvalidToken. A signature costs more than a request: one that was good is good for a minute."""
        now = monotonic()
        if self._trusted.get(authorization, 0) > now:
            return
        self._tokens.check(authorization, _AUDIENCES)
        if len(self._trusted) > _TRUSTED_TOKENS:
            self._trusted.clear()
        self._trusted[authorization] = now + _TRUSTED_SECONDS


def _check_version(request: Request) -> None:
    version = request.query.get("api-version", [""])[-1]
    if not version:
        raise ServiceError(400, "MissingApiVersionParameter", "The parameter api-version is required.")
    if version not in API_VERSIONS:
        raise ServiceError(
            400,
            "UnsupportedApiVersion",
            f"The api-version {version!r} is not supported. Supported: {', '.join(sorted(API_VERSIONS))}.",
        )


async def _received(scope: Scope, receive: Receive) -> Request:
    headers = {name.decode("latin-1"): value.decode("latin-1") for name, value in scope["headers"]}
    raw_path = scope["raw_path"].decode("latin-1").partition("?")[0]
    path = tuple(urllib.parse.unquote(part) for part in raw_path.split("/") if part)
    query = urllib.parse.parse_qs(scope["query_string"].decode("latin-1"), keep_blank_values=True)
    origin = f"{scope['scheme']}://{headers.get('host', '')}"
    body = await _body(receive, MAX_MODELS_BODY if path[:1] == ("models",) else MAX_BODY)
    return Request(scope["method"], path, query, headers, body, origin)


async def _body(receive: Receive, limit: int) -> bytes:
    try:
        return await whole_body(receive, limit)
    except BodyTooLarge:
        raise too_large(limit) from None


def _unauthorized(error: InvalidToken) -> Response:
    refused = ServiceError(
        401,
        "Unauthorized",
        f"Authentication failed: {error}.",
        headers={"WWW-Authenticate": f'Bearer resource_id="{RESOURCE}", error="invalid_token"'},
    )
    return refusal(refused)


def _injected(rule: FaultRule) -> PlainResponse:
    status = 503 if rule.action == "busy" else rule.status
    code = {429: "TooManyRequests", 503: "ServiceUnavailable", 500: "InternalServerError"}.get(status, str(status))
    headers = {"Retry-After": str(-(-rule.retry_after_ms // 1000))} if rule.retry_after_ms else {}
    response = refusal(ServiceError(status, code, "Injected fault."))
    return PlainResponse(response.body, status, headers, media_type="application/json")


async def _send(send: Send, response: Response) -> None:
    headers = [(b"x-ms-request-id", str(uuid.uuid4()).encode()), *response.raw_headers()]
    await send({"type": "http.response.start", "status": response.status, "headers": headers})
    await send({"type": "http.response.body", "body": response.body})
