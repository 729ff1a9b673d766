"""A stack as the user has it: a process of its own that is typed at, and the processes it has started."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import psutil

from local.launch import PROJECT

PATIENCE_SECONDS = 60
ALL = ("identity", "event_hubs", "cosmos", "azurite", "data_explorer", "iot_hub", "digital_twins", "functions_host")


class Stack:
    """`python -m local up` on free ports, with data and settings under `folder`."""

    def __init__(self, folder: Path, *arguments: str) -> None:
        self.data = folder / "state"
        self.settings = folder / "local.settings.json"
        self._log = folder / "up.log"
        with self._log.open("wb") as log:
            self.process = subprocess.Popen(
                command("up", "--free-ports", "--data", self.data, "--settings", self.settings, *arguments),
                cwd=PROJECT,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )

    @property
    def output(self) -> str:
        return self._log.read_text()

    @property
    def state(self) -> dict[str, Any]:
        known: dict[str, Any] = json.loads((self.data / "stack.json").read_text())
        return known["servers"]  # type: ignore[no-any-return]

    def wait_until_up(self) -> "Stack":
        wait_for(lambda: "Press Ctrl-C" in self.output or self.process.poll() is not None)
        assert self.process.poll() is None, self.output
        return self

    def press_ctrl_c(self) -> int:
        return self.send(signal.SIGINT)

    def send(self, number: signal.Signals) -> int:
        """The exit status after a signal."""
        self.process.send_signal(number)
        return self.process.wait(PATIENCE_SECONDS)

    def kill_supervisor(self) -> None:
        self.process.kill()
        self.process.wait(PATIENCE_SECONDS)

    def servers(self) -> list[psutil.Process]:
        """Every process that was started on this stack's data, its supervisor excepted."""
        return [each for each in _processes_on(self.data) if each.pid != self.process.pid]

    def stop(self) -> None:
        if self.process.poll() is None:
            self.press_ctrl_c()
        for left in self.servers():
            left.kill()


def _processes_on(data: Path) -> list[psutil.Process]:
    found = []
    for process in psutil.process_iter():
        try:
            if process.status() != psutil.STATUS_ZOMBIE and any(str(data) in each for each in process.cmdline()):
                found.append(process)
        except (psutil.NoSuchProcess, psutil.AccessDenied):
            continue
    return found


def command(*arguments: object) -> list[str]:
    return [sys.executable, "-m", "local", *map(str, arguments)]


def run(module: str, *arguments: object) -> subprocess.CompletedProcess[str]:
    """A command to its end."""
    return subprocess.run(
        [sys.executable, "-m", module, *map(str, arguments)],
        cwd=PROJECT,
        capture_output=True,
        text=True,
        timeout=PATIENCE_SECONDS,
        env={**os.environ, "COLUMNS": "200"},
        check=False,
    )


def wait_for(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + PATIENCE_SECONDS
    while not condition():
        assert time.monotonic() < deadline, "not in time"
        time.sleep(0.05)
