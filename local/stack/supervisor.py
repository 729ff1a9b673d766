"""Watches over a running stack: starts again what dies, and stops everything when asked."""

import json
import os
import signal
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psutil

from local.certificates import write_whole
from local.launch import NotReady
from local.process import UserMistake
from local.stack.servers import Servers, StackOptions

_WATCH_SECONDS = 0.25
_PATIENCE_SECONDS = 5.0
"""A server that ends sooner than this after its start is not started again at once, but after as long."""


class Supervisor:
    """One stack's life. Use as a context: everything runs inside, nothing afterwards."""

    def __init__(self, options: StackOptions, tell: Callable[[str], None]) -> None:
        self._options = options
        self._tell = tell
        self.servers = Servers(options)
        self._stop = threading.Event()
        self._started: dict[str, float] = {}

    @contextmanager
    def running(self) -> Iterator[Servers]:
        """Starts the stack, and stops it at the end, also after a failure. Raises UserMistake."""
        _refuse_second(self._options.data)
        with self._stopping_on_signals():
            try:
                for name in self.servers.start():
                    self._started[name] = time.monotonic()
                    self._tell(f"{name} is ready")
                self._write_state()
                yield self.servers
            finally:
                for name in self.servers.stop():
                    self._tell(f"{name} stopped")
                _state_path(self._options.data).unlink(missing_ok=True)

    def watch(self) -> None:
        """Starts again whatever dies, until the stack is asked to stop."""
        while not self._stop.wait(_WATCH_SECONDS):
            self.mend()

    def mend(self) -> None:
        """Starts again what has died."""
        for name, server in self.servers.by_name.items():
            if server.is_running or time.monotonic() - self._started.get(name, 0) < _PATIENCE_SECONDS:
                continue
            self._tell(f"{name} has ended: starting it again")
            self._started[name] = time.monotonic()
            server.close()
            try:
                server.start()
                self._write_state()
            except NotReady as error:
                self._tell(f"{name} does not start: {error}")

    @property
    def is_stopping(self) -> bool:
        return self._stop.is_set()

    @contextmanager
    def _stopping_on_signals(self) -> Iterator[None]:
        def stop(number: int, frame: object) -> None:
            self._stop.set()

        kept = {number: signal.signal(number, stop) for number in (signal.SIGINT, signal.SIGTERM)}
        try:
            yield
        finally:
            for number, handler in kept.items():
                signal.signal(number, handler)

    def _write_state(self) -> None:
        """Tells `status` who runs where."""
        state = {
            "supervisor": os.getpid(),
            "servers": {name: {"pid": each.pid, "url": each.url} for name, each in self.servers.by_name.items()},
        }
        write_whole(_state_path(self._options.data), json.dumps(state, indent=2).encode())


def read_state(data: Path) -> Mapping[str, Any] | None:
    """What the running stack has said of itself; None when none runs."""
    path = _state_path(data)
    if not path.exists():
        return None
    state: Mapping[str, Any] = json.loads(path.read_text())
    return state


def _state_path(data: Path) -> Path:
    return data / "stack.json"


def _refuse_second(data: Path) -> None:
    """One stack per data folder. What a killed supervisor has left behind is stopped first. Raises UserMistake."""
    state = read_state(data)
    if state is None:
        return
    if is_running(data):
        raise UserMistake(f"A stack runs on {data} already (process {state['supervisor']}): stop it first.")
    for server in state["servers"].values():
        _stop_leftover(server["pid"])


def _stop_leftover(pid: int) -> None:
    """Stops a server whose supervisor was killed; only if the process is still one of ours."""
    try:
        process = psutil.Process(pid)
        command = " ".join(process.cmdline())
        if "local." in command or "azurite" in command:
            process.terminate()
            process.wait(20)
    except (psutil.NoSuchProcess, psutil.TimeoutExpired):
        return


def is_running(data: Path) -> bool:
    state = read_state(data)
    return state is not None and psutil.pid_exists(state["supervisor"])
