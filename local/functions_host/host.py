"""The host of one app: which of its functions can run, their listeners, and the draining at the end."""

import asyncio
import logging
import threading
import time
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path

from azure.functions import FunctionRegister
from starlette.middleware.cors import CORSMiddleware
from starlette.types import ASGIApp, Receive, Scope, Send

from local.faults import Faults
from local.functions_host.admin import AppState, admin_app
from local.functions_host.console import HOST, Console
from local.functions_host.functions import Function, FunctionInError
from local.functions_host.host_json import HostOptions
from local.functions_host.http_trigger import HTTP, HttpTriggers, guarded, operation_of, route_of
from local.functions_host.invocations import Invoker, Workplace
from local.functions_host.keys import Keys
from local.functions_host.listeners import Listener, keep_running
from local.functions_host.loading import shut_down
from local.functions_host.outputs import Outputs, output_refusal
from local.functions_host.routes import InvalidRoute, Route
from local.functions_host.settings import LocalSettings, MissingSetting, Settings
from local.functions_host.surroundings import Surroundings
from local.functions_host.triggers import RETRYING, TRIGGERS
from local.http import FaultInjection, local_app, with_local_routes

DRAIN_SECONDS = 9.0
"""How long running invocations may take to finish once the host is asked to stop."""
_RELEASE_SECONDS = 2.0
_JOIN_SECONDS = 0.5
_THREAD_NAME = "function"


@dataclass(frozen=True)
class App:
    """An app as loaded: its folder, what it declares, its indexed functions, its settings and options."""

    folder: Path
    declared: FunctionRegister
    functions: Sequence[Function]
    in_error: Sequence[FunctionInError]
    settings: Settings
    local_settings: LocalSettings
    options: HostOptions


class Host:
    """Runs one app in this process."""

    def __init__(self, app: App, surroundings: Surroundings, console: Console, data: Path, *, asks_keys: bool) -> None:
        self._app = app
        self._surroundings = surroundings
        self._console = console
        self._keys = Keys(data)
        self._asks_keys = asks_keys
        self._faults = Faults()
        self._in_error = list(app.in_error)
        self._threads = ThreadPoolExecutor(_thread_count(app.settings), thread_name_prefix=_THREAD_NAME)
        self._outputs = Outputs(app.settings, app.options.extensions.queues.message_encoding)
        self._started = time.monotonic()
        self.invokers: dict[str, Invoker] = {}
        self.listeners: dict[str, Listener] = {}
        self.routes: list[Route] = []
        self.disabled = frozenset(f.name for f in app.functions if app.settings.is_disabled(f.name))
        self._prepare()

    @property
    def in_error(self) -> Sequence[FunctionInError]:
        return self._in_error

    def _prepare(self) -> None:
        workplace = Workplace(
            self._console, self._threads, self._outputs, self._faults, self._app.options.function_timeout
        )
        for function in self._app.functions:
            if function.name in self.disabled:
                continue
            invoker = Invoker(self._with_fitting_retry(function), workplace)
            try:
                reason = output_refusal(function, self._app.settings) or self._attach(invoker)
            except (MissingSetting, InvalidRoute) as refusal:
                reason = str(refusal)
            if reason:
                self._in_error.append(FunctionInError(function.name, reason))
            else:
                self.invokers[function.name] = invoker

    def _with_fitting_retry(self, function: Function) -> Function:
        if function.retry is None or function.trigger.type in RETRYING:
            return function
        text = f"The retry policy of Functions.{function.name} is left out: {function.trigger.type} does not take one."
        self._console.show(HOST, text, logging.WARNING)
        return replace(function, retry=None)

    def _attach(self, invoker: Invoker) -> str | None:
        """Gives a function its route or its listener; the reason when this host has none for it."""
        function = invoker.function
        if function.trigger.type == HTTP:
            prefix = self._app.options.extensions.http.route_prefix
            self.routes.append(route_of(function.name, function.trigger, prefix))
            return None
        make = TRIGGERS.get(function.trigger.type)
        if make is None:
            return (
                f"its trigger '{function.trigger.name}' of type {function.trigger.type} is not supported by this "
                f"local host (supported: {', '.join([HTTP, *TRIGGERS])}): use `func start`."
            )
        self.listeners[function.name] = make(invoker, self._surroundings)
        return None

    def web_app(self) -> ASGIApp:
        """What the host answers over HTTP: the functions, /admin and /_local."""
        keys = self._keys if self._asks_keys else None
        functions: ASGIApp = FaultInjection(
            HttpTriggers(self.invokers, self.routes, keys), self._faults, operation_of(self.routes)
        )
        if self._app.local_settings.cors_origins:
            functions = CORSMiddleware(
                functions,
                allow_origins=self._app.local_settings.cors_origins,
                allow_methods=["*"],
                allow_headers=["*"],
                allow_credentials=self._app.local_settings.cors_credentials,
            )
        admin = guarded(admin_app(self._state()), keys, lambda path: True)

        async def dispatch(scope: Scope, receive: Receive, send: Send) -> None:
            is_admin = scope["path"].lower().startswith("/admin/")
            await (admin if is_admin else functions)(scope, receive, send)

        return with_local_routes(dispatch, local_app(self._faults, self._health))

    def _state(self) -> AppState:
        return AppState(
            self._surroundings.host_id,
            self._app.functions,
            self._in_error,
            self.disabled,
            self.listeners,
            self._keys,
            self._started,
        )

    def _health(self) -> Mapping[str, object]:
        return {"functions": sorted(self.invokers), "inError": {one.name: one.reason for one in self._in_error}}

    async def run(self, stop: asyncio.Event, drain_seconds: float) -> bool:
        """Listens until `stop`, then drains; False when invocations still ran at the end of the bounded wait."""
        tasks = [
            asyncio.create_task(keep_running(listener, stop, self._console), name=f"listener {name}")
            for name, listener in self.listeners.items()
        ]
        await stop.wait()
        self._console.show(HOST, "Stopping: running invocations may finish …")
        is_drained = True
        if tasks:
            _, pending = await asyncio.wait(tasks, timeout=drain_seconds)
            is_drained = not pending
            for task in pending:
                self._console.show(HOST, f"The {task.get_name()} did not drain in time.", logging.WARNING)
                task.cancel()
            if pending:
                await asyncio.wait(pending, timeout=_RELEASE_SECONDS)
        return is_drained

    async def close(self) -> bool:
        """Closes what the functions shared; False when a handler's thread still hangs."""
        await self._outputs.close()
        await shut_down(self._app.declared)
        self._threads.shutdown(wait=False, cancel_futures=True)
        threads = [thread for thread in threading.enumerate() if thread.name.startswith(_THREAD_NAME)]
        for thread in threads:
            await asyncio.to_thread(thread.join, _JOIN_SECONDS)
        return not any(thread.is_alive() for thread in threads)


def _thread_count(settings: Settings) -> int | None:
    text = settings.get("PYTHON_THREADPOOL_THREAD_COUNT") or ""
    return int(text) if text.isdecimal() and int(text) >= 1 else None
