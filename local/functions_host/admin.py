"""The host's admin endpoints: status, the functions, keys, and invocations by hand.

Source: azure-functions-host, HostController.cs and FunctionsController.cs; Microsoft Learn, "Manually run a
non HTTP-triggered function".
"""

import json
import time
from asyncio import Task, create_task
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from local.functions_host.functions import Function, FunctionInError
from local.functions_host.keys import Keys
from local.functions_host.listeners import Listener

HOST_VERSION = "4.local"


@dataclass(frozen=True)
class AppState:
    """What the admin endpoints tell of."""

    host_id: str
    functions: Sequence[Function]
    in_error: Sequence[FunctionInError]
    disabled: frozenset[str]
    listeners: Mapping[str, Listener]
    keys: Keys
    started: float


def admin_app(state: AppState) -> Starlette:
    """`/admin/…`."""
    admin = _Admin(state)
    return Starlette(
        routes=[
            Route("/admin/host/status", admin.status),
            Route("/admin/host/ping", lambda request: Response(), methods=["GET", "POST"]),
            Route("/admin/functions", admin.functions, methods=["GET"]),
            Route("/admin/functions/{name}", admin.function, methods=["GET"], name="function"),
            Route("/admin/functions/{name}", admin.invoke, methods=["POST"]),
            Route("/admin/functions/{name}/status", admin.function_status, methods=["GET"]),
            Route("/admin/functions/{name}/keys", admin.keys, methods=["GET"]),
        ]
    )


class _Admin:
    """The endpoints, over what the host knows of itself."""

    def __init__(self, state: AppState) -> None:
        self._state = state
        self._running: set[Task[None]] = set()

    async def status(self, request: Request) -> Response:
        uptime = round((time.monotonic() - self._state.started) * 1000)
        return JSONResponse(
            {
                "id": self._state.host_id,
                "state": "Running",
                "version": HOST_VERSION,
                "versionDetails": HOST_VERSION,
                "processUptime": uptime,
                "errors": [f"The '{one.name}' function is in error: {one.reason}" for one in self._state.in_error],
            }
        )

    async def functions(self, request: Request) -> Response:
        return JSONResponse([_described(function, self._state, request) for function in self._state.functions])

    async def function(self, request: Request) -> Response:
        found = _find(self._state, request)
        return JSONResponse(_described(found, self._state, request)) if found else Response(status_code=404)

    async def function_status(self, request: Request) -> Response:
        name = request.path_params["name"].lower()
        errors = [one.reason for one in self._state.in_error if one.name.lower() == name]
        if _find(self._state, request) is None and not errors:
            return Response(status_code=404)
        return JSONResponse({"errors": errors} if errors else {})

    async def invoke(self, request: Request) -> Response:
        found = _find(self._state, request)
        if found is None:
            return Response(status_code=404)
        listener = self._state.listeners.get(found.name)
        if listener is None:
            return JSONResponse({"error": f"{found.name} can't be invoked by hand."}, status_code=400)
        try:
            body = json.loads(await request.body() or b"{}")
            text = str((body.get("input") if isinstance(body, dict) else "") or "")
        except ValueError:
            return JSONResponse({"error": 'the body must be JSON: {"input": "…"}'}, status_code=400)
        task = create_task(listener.invoke(text))
        self._running.add(task)
        task.add_done_callback(self._running.discard)
        return Response(status_code=202)

    async def keys(self, request: Request) -> Response:
        found = _find(self._state, request)
        if found is None:
            return Response(status_code=404)
        named = [{"name": "default", "value": self._state.keys.of_function(found.name.lower())}]
        return JSONResponse({"keys": named, "links": []})


def _find(state: AppState, request: Request) -> Function | None:
    name = request.path_params["name"].lower()
    return next((function for function in state.functions if function.name.lower() == name), None)


def _described(function: Function, state: AppState, request: Request) -> dict[str, object]:
    bindings = [dict(binding.properties) for binding in (function.trigger, *function.outputs)]
    return {
        "name": function.name,
        "href": str(request.url_for("function", name=function.name)),
        "config": {"name": function.name, "language": "python", "bindings": bindings},
        "isDisabled": function.name in state.disabled,
        "language": "python",
    }
