"""Watches over a running stack: starts again what dies, and stops everything when asked."""

import json
import os
import signal
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

from local.certificates import write_whole
from local.launch import NotReady
from local.process import UserMistake, exclusive
from local.stack.connections import read_settings
from local.stack.leftovers import stop_leftovers
from local.stack.ports import refuse_ports_in_use
from local.stack.servers import Servers, StackOptions

_WATCH_SECONDS = 0.25
_PATIENCE_SECONDS = 5.0
"""A server that ends sooner than this after its start is not started again at once, but after as long."""
_STOP_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
INTERRUPTED = 130
"""Exit status of a command that Ctrl-C ended early, as shells have it."""


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
        """Starts the stack, and stops it at the end, also after a failure.

        Raises UserMistake when it can't start, and SystemExit when it is asked to stop before it has started.
        """
        options = self._options
        with self._stopping_on_signals(), _having_to_itself(options.data):
            stop_leftovers(options.data)
            read_settings(options.settings)
            refuse_ports_in_use(options.ports if options.runs_host else replace(options.ports, functions=0))
            try:
                self._start()
                yield self.servers
            finally:
                for name in self.servers.stop():
                    self._tell(f"{name} stopped")
                _state_path(options.data).unlink(missing_ok=True)

    def _start(self) -> None:
        for name in self.servers.start():
            self._started[name] = time.monotonic()
            self._tell(f"{name} is ready")
            self._write_state()
            if self.is_stopping:
                raise SystemExit(INTERRUPTED)

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

        kept = {number: signal.signal(number, stop) for number in _STOP_SIGNALS}
        try:
            yield
        finally:
            for number, handler in kept.items():
                signal.signal(number, handler)

    def _write_state(self) -> None:
        """Tells `status` who runs where."""
        servers = {
            name: {"pid": each.pid if each.is_running else None, "url": each.url}
            for name, each in self.servers.by_name.items()
        }
        state = {"supervisor": os.getpid(), "servers": servers}
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


def is_running(data: Path) -> bool:
    """Whether a stack has this folder."""
    if not data.exists():
        return False
    try:
        with exclusive(data):
            return False
    except UserMistake:
        return True


@contextmanager
def _having_to_itself(data: Path) -> Iterator[None]:
    """One stack per data folder. Raises UserMistake."""
    if is_running(data):
        state = read_state(data) or {}
        raise UserMistake(
            f"A stack runs on {data} already (process {state.get('supervisor', 'unknown')}): stop it first."
        )
    with exclusive(data):
        yield
