"""What a trigger's listener is to the host, and how the host keeps listeners running until it stops."""

import asyncio
import logging
from typing import Protocol

from local.functions_host.console import HOST, Console

_FIRST_WAIT = 1.0
_LONGEST_WAIT = 30.0


class Listener(Protocol):
    """Turns what happens at a service into calls of one function."""

    @property
    def function(self) -> str:
        """The function's name."""

    async def run(self, stop: asyncio.Event) -> None:
        """Listens until `stop` is set, lets the running invocations finish, and gives back what it owns.

        Raises when the service can't be used; the host then runs it again after a while.
        """

    async def invoke(self, text: str) -> None:
        """One invocation by hand, through POST /admin/functions/<name>."""


async def keep_running(listener: Listener, stop: asyncio.Event, console: Console) -> None:
    """Runs a listener until the host stops, starting it again when its service fails."""
    wait = _FIRST_WAIT
    loop = asyncio.get_running_loop()
    while not stop.is_set():
        started = loop.time()
        try:
            await listener.run(stop)
        except Exception as error:  # noqa: BLE001 - a service that fails in any way must not end the host
            text = f"The listener for function 'Functions.{listener.function}' was unable to start or broke off"
            console.show(HOST, f"{text}: {type(error).__name__}: {error}", logging.ERROR)
        if loop.time() - started > _LONGEST_WAIT:
            wait = _FIRST_WAIT
        await wait_until(stop, wait)
        wait = min(wait * 2, _LONGEST_WAIT)


async def wait_until(stop: asyncio.Event, seconds: float) -> bool:
    """Waits, but not beyond `stop`; whether it is set."""
    try:
        await asyncio.wait_for(stop.wait(), max(0.0, seconds))
    except TimeoutError:
        return stop.is_set()
    return True
