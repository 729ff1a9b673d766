"""Running handlers: retries, what they see of them, and what they raise."""

import asyncio
import io
import sys
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any

import azure.functions as func
import pytest
from azure.functions.meta import Datum

from local.faults import Faults
from local.functions_host.console import Console
from local.functions_host.functions import Binding, Function, Parameter, RetryPolicy
from local.functions_host.invocations import Call, Invoker, Workplace
from local.functions_host.outputs import Outputs
from local.functions_host.settings import Settings

TEXT = Call(Datum("hello", "string"))


class _Stage:
    """A handler with its invoker, and what the host said."""

    def __init__(
        self, handler: Callable[..., Any], *, retries: int | None = None, timeout: float | None = None
    ) -> None:
        self.output = io.StringIO()
        console = Console({}, self.output)
        console.open()
        moment = timedelta(milliseconds=1)
        function = Function(
            name="f",
            handler=handler,
            directory="",
            is_async=asyncio.iscoroutinefunction(handler),
            takes_context=True,
            trigger=Binding("data", "customTrigger", "in", {}),
            outputs=(),
            inputs={"data": Parameter("generic", str)},
            out_parameters={},
            returns=None,
            retry=None if retries is None else RetryPolicy("fixed_delay", retries, moment, moment),
        )
        limit = timedelta(seconds=timeout) if timeout else None
        place = Workplace(console, ThreadPoolExecutor(2), Outputs(Settings({}), "base64"), Faults(), limit)
        self.invoker = Invoker(function, place)


async def test_each_attempt_knows_how_many_went_before_and_why() -> None:
    seen: list[tuple[int, int, str | None]] = []

    async def handler(data: str, context: func.Context) -> None:
        retry = context.retry_context
        before = retry.exception.message if retry.exception else None
        seen.append((retry.retry_count, retry.max_retry_count, str(before) if before else None))
        if len(seen) < 3:
            raise ValueError(f"attempt {len(seen)}")

    outcome = await _Stage(handler, retries=5).invoker.run(TEXT)

    assert outcome.succeeded
    assert seen == [(0, 5, None), (1, 5, "ValueError: attempt 1"), (2, 5, "ValueError: attempt 2")]


async def test_stop_ends_endless_retries_and_says_so() -> None:
    stop = asyncio.Event()
    attempts: list[int] = []

    def handler(data: str, context: func.Context) -> None:
        attempts.append(1)
        if len(attempts) == 3:
            loop.call_soon_threadsafe(stop.set)
            time.sleep(0.05)
        raise ConnectionError("down")

    loop = asyncio.get_running_loop()
    outcome = await _Stage(handler, retries=-1).invoker.run(TEXT, stop)

    assert (outcome.succeeded, outcome.was_cut, len(attempts)) == (False, True, 3)


def _exits(data: str, context: func.Context) -> None:
    sys.exit(3)


async def _exits_on_the_loop(data: str, context: func.Context) -> None:
    sys.exit(3)


async def _is_cancelled(data: str, context: func.Context) -> None:
    raise asyncio.CancelledError


async def _times_out_itself(data: str, context: func.Context) -> None:
    raise TimeoutError("the service did not answer")


async def _returns_something(data: str, context: func.Context) -> str:
    return "nobody wants it"


@pytest.mark.parametrize(
    ("handler", "told"),
    [
        (_exits, "HandlerGaveUp: the handler called sys.exit(3)"),
        (_exits_on_the_loop, "HandlerGaveUp: the handler called sys.exit(3)"),
        (_is_cancelled, "HandlerGaveUp: the handler raised CancelledError"),
        (_times_out_itself, "TimeoutError: the service did not answer"),
        (_returns_something, "function 'f' without a $return binding returned a non-None value"),
    ],
)
async def test_whatever_a_handler_does_ends_its_own_invocation_alone(handler: Callable[..., Any], told: str) -> None:
    stage = _Stage(handler, timeout=60)
    outcome = await stage.invoker.run(TEXT)

    assert not outcome.succeeded
    assert told in stage.output.getvalue()
    assert "Executed 'Functions.f' (Failed, Id=" in stage.output.getvalue()


async def test_cancelled_host_task_is_not_taken_for_a_failing_handler() -> None:
    async def handler(data: str, context: func.Context) -> None:
        await asyncio.sleep(60)

    running = asyncio.create_task(_Stage(handler, retries=-1).invoker.run(TEXT))
    await asyncio.sleep(0.01)
    running.cancel()
    with pytest.raises(asyncio.CancelledError):
        await running


async def test_slow_handler_is_timed_out() -> None:
    async def handler(data: str, context: func.Context) -> None:
        await asyncio.sleep(60)

    stage = _Stage(handler, timeout=0.02)
    assert not (await stage.invoker.run(TEXT)).succeeded
    assert "was exceeded by function: Functions.f" in stage.output.getvalue()
