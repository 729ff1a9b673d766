"""Starting a local server as a process and waiting until it accepts: for the stack, the tests and the benchmarks."""

import os
import selectors
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import IO, Self

PROJECT = Path(__file__).resolve().parent.parent


class NotReady(Exception):
    """The process ended, or said nothing in time, instead of printing its ready line; holds what it wrote."""


class ServerProcess:
    """One `python -m local.<package>` process. After `start`, `url` (and `admin`, if the server has one) are set.

    The same object can be killed and started again: its arguments, and so its data, stay, and it takes the
    port again that its first start was given.
    """

    def __init__(
        self,
        package: str,
        arguments: Sequence[str],
        *,
        port: int = 0,
        has_admin: bool = False,
        log: Path | None = None,
        environment: Mapping[str, str] | None = None,
    ) -> None:
        self.package = package
        self.url = ""
        self.admin: str | None = None
        self._arguments = list(arguments)
        self._port = port
        self._has_admin = has_admin
        self._log = log
        self._environment = dict(environment or {})
        self._process: subprocess.Popen[bytes] | None = None
        self._errors: IO[bytes] | None = None

    @property
    def pid(self) -> int:
        return self._running.pid

    @property
    def _running(self) -> subprocess.Popen[bytes]:
        if self._process is None:
            raise RuntimeError(f"local.{self.package} was not started")
        return self._process

    def start(self, *, timeout: float = 30) -> Self:
        """Starts the process and returns once it accepts. Raises NotReady."""
        self._errors = self._log.open("ab") if self._log else tempfile.TemporaryFile()  # noqa: SIM115 - close() does
        self._process = subprocess.Popen(
            self._command(),
            cwd=PROJECT,
            stdout=subprocess.PIPE,
            stderr=self._errors,
            env={**os.environ, **self._environment},
        )
        try:
            self._read_announcement(self._lines(time.monotonic() + timeout))
        except NotReady:
            self.close()
            raise
        return self

    def _command(self) -> list[str]:
        return [sys.executable, "-m", f"local.{self.package}", "--port", str(self._port), *self._arguments]

    def _read_announcement(self, lines: Iterator[str]) -> None:
        """Reads, from the lines the process prints, where it listens. Returns once it accepts."""
        self.url = next(lines).removeprefix("ready ")
        self._port = int(self.url.rsplit(":", 1)[1].split("/")[0])
        if self._has_admin:
            self.admin = next(lines).removeprefix("admin ")

    def _lines(self, deadline: float) -> Iterator[str]:
        """Lines of the process's stdout, read unbuffered so that nothing waits behind them."""
        pipe = self._running.stdout
        assert pipe is not None
        pending = b""
        with selectors.DefaultSelector() as selector:
            selector.register(pipe, selectors.EVENT_READ)
            while True:
                while b"\n" not in pending:
                    if not selector.select(max(0.0, deadline - time.monotonic())):
                        self.kill()
                        raise NotReady(f"local.{self.package} printed no ready line in time")
                    chunk = os.read(pipe.fileno(), 4096)
                    if not chunk:
                        raise NotReady(f"local.{self.package} ended with {self.wait()}: {self._complaint()}")
                    pending += chunk
                line, _, pending = pending.partition(b"\n")
                yield line.decode()

    def _complaint(self) -> str:
        if self._log or self._errors is None:
            return f"see {self._log}"
        self._errors.seek(0)
        return self._errors.read().decode(errors="replace").strip()

    def kill(self) -> None:
        """kill -9, and waits until the process is gone."""
        self._running.send_signal(signal.SIGKILL)
        self.wait()

    def terminate(self, *, timeout: float = 20) -> int:
        """Asks the process to drain; its exit status. Raises subprocess.TimeoutExpired."""
        self._running.send_signal(signal.SIGTERM)
        return self.wait(timeout=timeout)

    def wait(self, *, timeout: float = 20) -> int:
        return self._running.wait(timeout)

    def restart(self) -> None:
        """kill -9, then a start on the same port and data."""
        self.kill()
        self.close()
        self.start()

    def close(self) -> None:
        """Ends the process if it still runs, and lets go of its pipes."""
        if self._process is None:
            return
        if self._process.poll() is None:
            self.kill()
        for stream in (self._process.stdout, self._errors):
            if stream is not None:
                stream.close()
        self._process = None

    def __enter__(self) -> Self:
        return self.start() if self._process is None else self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()
