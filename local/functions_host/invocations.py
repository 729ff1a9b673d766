"""Running a function: arguments through the library's converters, the retries of its policy, its outputs.

Source: azure-functions-python-worker, dispatcher.py; azure-webjobs-sdk, FunctionExecutorExtensions.cs.
"""

import asyncio
import concurrent.futures.thread
import contextlib
import logging
import time
import traceback
import uuid
from collections.abc import Mapping
from concurrent.futures import Executor
from contextvars import copy_context
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Any

from azure.functions.meta import Datum

from local.faults import Faults
from local.functions_host.console import Console
from local.functions_host.contexts import (
    CURRENT_INVOCATION,
    Context,
    FailedAttempt,
    Invocation,
    Out,
    RetryContext,
    TraceContext,
)
from local.functions_host.converters import decode, encode
from local.functions_host.functions import Function
from local.functions_host.outputs import Outputs
from local.functions_host.retries import delays

_OWN_FOLDER = str(Path(__file__).parent)
BY_HOST_API = "This function was programmatically called via the host APIs."


class FunctionTimedOut(Exception):
    """An invocation took longer than host.json's functionTimeout."""


class HandlerGaveUp(Exception):
    """A handler raised what would end more than its own invocation."""


class InjectedFault(Exception):
    """The fault rules (`invoke:<function>`) made this attempt fail before the handler ran."""


@dataclass(frozen=True)
class Call:
    """What a trigger hands to one invocation.

    `data` is the trigger's value and `metadata` its trigger metadata, both as the real host sends them to the worker;
    `names` are the values that `{name}` expressions of output bindings may use.
    """

    data: Datum
    metadata: Mapping[str, Datum] = field(default_factory=dict)
    reason: str = "(null)"
    details: str = ""
    trace: TraceContext | None = None
    names: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Outcome:
    """How an invocation ended once its retries were through, or, if `was_cut`, when it was stopped before that."""

    succeeded: bool
    was_cut: bool = False
    result: Datum | None = None


@dataclass(frozen=True)
class Workplace:
    """What all functions of one host share to run."""

    console: Console
    threads: Executor
    outputs: Outputs
    faults: Faults
    timeout: timedelta | None


class Invoker:
    """Runs one function."""

    def __init__(self, function: Function, workplace: Workplace) -> None:
        self.function = function
        self._workplace = workplace
        self._category = f"Function.{function.name}"

    async def run(self, call: Call, stop: asyncio.Event | None = None) -> Outcome:
        """Attempts until one succeeds or the policy is exhausted; once `stop` is set, no more attempts are made."""
        waits = delays(self.function.retry) if self.function.retry else iter(())
        limit = self.function.retry.limit if self.function.retry else 0
        failed: FailedAttempt | None = None
        attempt = 0
        while True:
            try:
                result = await self._attempt(call, RetryContext(attempt, limit, failed))
                return Outcome(succeeded=True, was_cut=_is_set(stop), result=result)
            except Exception as error:  # noqa: BLE001 - the batch boundary: whatever the handler raises is its failure
                failed = FailedAttempt(error, _handler_trace(error))
            delay = next(waits, None)
            if delay is None or _is_set(stop):
                return Outcome(succeeded=False, was_cut=_is_set(stop))
            attempt += 1
            self._show(
                f"Waiting for `{timedelta(seconds=round(delay, 3))}` before retrying function execution. "
                f"Next attempt: '{attempt}'. Max retry count: '{limit}'"
            )
            if await _stopped_within(stop, delay):
                self._show("Invocation cancelled - exiting retry loop.")
                return Outcome(succeeded=False, was_cut=True)

    async def _attempt(self, call: Call, retry: RetryContext) -> Datum | None:
        invocation = Invocation(str(uuid.uuid4()), self.function.name)
        name = f"Functions.{invocation.function}"
        self._show(f"Executing '{name}' (Reason='{call.reason}', Id={invocation.id})")
        if call.details:
            self._show(f"Trigger Details: {call.details}")
        started = time.perf_counter()
        token = CURRENT_INVOCATION.set(invocation)
        status = "Failed"
        try:
            result = await self._executed(call, invocation, retry)
            status = "Succeeded"
            return result
        except Exception as error:
            self._show(_failure(error), logging.ERROR)
            raise
        finally:
            CURRENT_INVOCATION.reset(token)
            took = round((time.perf_counter() - started) * 1000)
            level = logging.INFO if status == "Succeeded" else logging.ERROR
            self._show(f"Executed '{name}' ({status}, Id={invocation.id}, Duration={took}ms)", level)

    async def _executed(self, call: Call, invocation: Invocation, retry: RetryContext) -> Datum | None:
        await self._strike()
        function = self.function
        arguments: dict[str, Any] = {
            name: decode(parameter, call.data, call.metadata) for name, parameter in function.inputs.items()
        }
        outs = {name: Out() for name in function.out_parameters}
        arguments.update(outs)
        if function.takes_context:
            context = Context(invocation, function.directory, call.trace or TraceContext(), retry)
            context.thread_local_storage.invocation_id = invocation.id
            arguments["context"] = context
        value = await self._in_time(arguments)
        if value is not None and function.returns is None:
            raise RuntimeError(f"function {function.name!r} without a $return binding returned a non-None value")
        result = encode(function.returns, value) if function.returns else None
        await self._write(outs, result, call.names)
        return result

    async def _write(self, outs: Mapping[str, Out], result: Datum | None, names: Mapping[str, str]) -> None:
        for binding in self.function.outputs:
            if binding.name == "$return":
                datum = result
            elif (out := outs.get(binding.name)) is not None and out.get() is not None:
                datum = encode(self.function.out_parameters[binding.name], out.get())
            else:
                continue
            if datum is not None and datum.type is not None and binding.type != "http":
                await self._workplace.outputs.write(binding, datum, names)

    async def _in_time(self, arguments: dict[str, Any]) -> Any:
        work = self._call_handler(arguments)
        if self._workplace.timeout is None:
            return await work
        limit = asyncio.timeout(self._workplace.timeout.total_seconds())
        try:
            async with limit:
                return await work
        except TimeoutError as error:
            if not limit.expired():
                raise
            raise FunctionTimedOut(
                f"Timeout value of {self._workplace.timeout} was exceeded by function: Functions.{self.function.name}"
            ) from error

    async def _call_handler(self, arguments: dict[str, Any]) -> Any:
        """The handler's result; what it raises to end a task or the process ends its invocation alone."""
        try:
            if self.function.is_async:
                return await self.function.handler(**arguments)
            context = copy_context()
            loop = asyncio.get_running_loop()
            return await loop.run_in_executor(
                self._workplace.threads, lambda: context.run(self._call_in_thread, arguments)
            )
        except asyncio.CancelledError as error:
            task = asyncio.current_task()
            if task is not None and task.cancelling():
                raise
            raise HandlerGaveUp("the handler raised CancelledError") from error
        except SystemExit as error:
            raise HandlerGaveUp(f"the handler called sys.exit({error.code!r})") from error

    def _call_in_thread(self, arguments: dict[str, Any]) -> Any:
        try:
            return self.function.handler(**arguments)
        except SystemExit as error:
            raise HandlerGaveUp(f"the handler called sys.exit({error.code!r})") from error

    async def _strike(self) -> None:
        rule = self._workplace.faults.strike(f"invoke:{self.function.name}")
        if rule is None:
            return
        await asyncio.sleep(rule.delay_ms / 1000)
        if rule.action != "delay":
            raise InjectedFault("injected fault")

    def _show(self, text: str, level: int = logging.INFO) -> None:
        self._workplace.console.show(self._category, text, level)


def _is_set(stop: asyncio.Event | None) -> bool:
    return stop is not None and stop.is_set()


async def _stopped_within(stop: asyncio.Event | None, seconds: float) -> bool:
    if stop is None:
        await asyncio.sleep(seconds)
        return False
    with contextlib.suppress(TimeoutError):
        await asyncio.wait_for(stop.wait(), seconds)
    return stop.is_set()


def _failure(error: BaseException) -> str:
    return f"Result: Failure\nException: {type(error).__name__}: {error}\nStack: {_handler_trace(error)}"


def _handler_trace(error: BaseException) -> str:
    """The stack from the handler on, without the host's own frames and those of its thread pool."""
    frames = [frame for frame in traceback.extract_tb(error.__traceback__) if not _is_own(frame.filename)]
    return "".join(traceback.format_list(frames)).rstrip()


def _is_own(filename: str) -> bool:
    return filename.startswith(_OWN_FOLDER) or filename == concurrent.futures.thread.__file__
