"""HTTP triggers: request → function → response.

Sources: azure-functions-host, GrpcMessageConversionExtensions.cs (what the worker is sent); azure-functions, http.py.
"""

from collections.abc import Callable, Mapping, Sequence
from http.cookies import SimpleCookie
from typing import Any

from azure.functions.meta import Datum
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response
from starlette.types import ASGIApp, Receive, Scope, Send

from local.functions_host.contexts import TraceContext
from local.functions_host.functions import Binding
from local.functions_host.invocations import BY_HOST_API, Call, Invoker
from local.functions_host.keys import Keys
from local.functions_host.routes import InvalidRoute, Route, find_route, make_route

HTTP = "httpTrigger"
_RESERVED = ("admin", "runtime")
_HOME = "<!DOCTYPE html><title>Functions</title><p>Your Functions app is up and running (local host).</p>"


def route_of(function: str, trigger: Binding, prefix: str) -> Route:
    """The route of an HTTP function under the app's route prefix. Raises InvalidRoute."""
    own = (trigger.text("route") or function).strip("/")
    template = "/".join(part for part in (prefix.strip("/"), own) if part)
    if template.split("/")[0].lower() in _RESERVED:
        raise InvalidRoute(f"The specified route {own!r} conflicts with one or more built in routes (admin, runtime).")
    return make_route(function, template, trigger.properties.get("methods") or ())


class HttpTriggers:
    """The ASGI app of all HTTP functions. `keys` None: access keys are not asked for, as in the Core Tools."""

    def __init__(self, invokers: Mapping[str, Invoker], routes: Sequence[Route], keys: Keys | None) -> None:
        self._invokers = invokers
        self._routes = routes
        self._keys = keys

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        request = Request(scope, receive)
        response = await self._answer(request)
        await response(scope, receive, send)

    async def _answer(self, request: Request) -> Response:
        found = find_route(self._routes, request.method, request.url.path)
        if found is None:
            is_home = request.url.path == "/" and request.method == "GET"
            return HTMLResponse(_HOME) if is_home else Response(status_code=404)
        route, parameters = found
        invoker = self._invokers[route.function]
        if self._keys is not None and not self._is_allowed(request, invoker, self._keys):
            return Response(status_code=401)
        outcome = await invoker.run(await _call(request, parameters))
        if not outcome.succeeded:
            return Response(status_code=500)
        return _response(outcome.result)

    def _is_allowed(self, request: Request, invoker: Invoker, keys: Keys) -> bool:
        level = invoker.function.trigger.text("authLevel") or "function"
        given = request.headers.get("x-functions-key") or request.query_params.get("code") or ""
        return keys.opens(level, route_key(invoker), given)


def route_key(invoker: Invoker) -> str:
    """The name under which a function's key is kept."""
    return invoker.function.name.lower()


def operation_of(routes: Sequence[Route]) -> Callable[[Scope], str]:
    """Names a request for the fault rules: `http:<function>`, or `http:` when no function takes it."""

    def operation(scope: Scope) -> str:
        found = find_route(routes, scope["method"], scope["path"])
        return f"http:{found[0].function if found else ''}"

    return operation


async def _call(request: Request, parameters: Mapping[str, str]) -> Call:
    body = await request.body()
    query = request.query_params
    value = {
        "method": Datum(request.method, "string"),
        "url": Datum(str(request.url), "string"),
        "headers": {name: Datum(", ".join(request.headers.getlist(name)), "string") for name in request.headers},
        "query": {name: Datum(",".join(query.getlist(name)), "string") for name in query if query[name]},
        "params": {name: Datum(text, "string") for name, text in parameters.items()},
        "body": Datum(body, "bytes"),
    }
    trace = TraceContext(request.headers.get("traceparent"), request.headers.get("tracestate"))
    return Call(Datum(value, "http"), reason=BY_HOST_API, trace=trace, names={**query, **parameters})


def _response(datum: Datum | None) -> Response:
    if datum is None or datum.type is None:
        return Response(status_code=204)
    if datum.type != "http":
        body = datum.value if isinstance(datum.value, bytes) else str(datum.value).encode()
        return Response(body, media_type="text/plain; charset=utf-8")
    value: dict[str, Any] = datum.value
    response = Response(value["body"].value, status_code=int(value["status_code"].value))
    for name, header in value["headers"].items():
        response.headers[name] = header.value
    for cookie in value.get("cookies") or ():
        _add_cookies(response, cookie)
    return response


def _add_cookies(response: Response, cookie: "SimpleCookie") -> None:
    for morsel in cookie.values():
        response.raw_headers.append((b"set-cookie", morsel.OutputString().encode("latin-1")))


def guarded(app: ASGIApp, keys: Keys | None, is_admin: Callable[[str], bool]) -> ASGIApp:
    """`app`, with the admin paths closed to those without the master key when keys are asked for."""

    async def dispatch(scope: Scope, receive: Receive, send: Send) -> None:
        if keys is not None and is_admin(scope["path"]):
            request = Request(scope)
            given = request.headers.get("x-functions-key") or request.query_params.get("code") or ""
            if not keys.opens("admin", "", given):
                await Response(status_code=401)(scope, receive, send)
                return
        await app(scope, receive, send)

    return dispatch
