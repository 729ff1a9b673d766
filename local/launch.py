"""Starting a local server as a process and waiting until it accepts: for the stack, the tests and the benchmarks."""

import os
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
_POLL_SECONDS = 0.01


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
        self._output: IO[bytes] | None = None
        self._read_from = 0

    @property
    def port(self) -> int:
        """Where it listens, once it was started; before, what was asked for."""
        return self._port

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
        self.spawn()
        return self.await_ready(timeout=timeout)

    def spawn(self) -> Self:
        """Starts the process and returns at once; `await_ready` has to follow.

        What it prints goes to a file, not to a pipe: nobody has to read it for the process to go on. A key pressed in
        the terminal does not reach it: it has a session of its own, and is stopped by whoever started it.
        """
        self._output = self._log.open("a+b") if self._log else tempfile.TemporaryFile()  # noqa: SIM115 - close() does
        self._read_from = self._output.seek(0, os.SEEK_END)
        self._process = subprocess.Popen(
            self._command(),
            cwd=PROJECT,
            stdin=subprocess.DEVNULL,
            stdout=self._output,
            stderr=subprocess.STDOUT,
            env={**os.environ, **self._environment},
            start_new_session=True,
        )
        return self

    def await_ready(self, *, timeout: float = 30) -> Self:
        """Returns once the spawned process accepts. Raises NotReady."""
        try:
            self._read_announcement(self._lines(time.monotonic() + timeout))
        except NotReady:
            self.close()
            raise
        return self

    @property
    def is_running(self) -> bool:
        return self._process is not None and self._process.poll() is None

    @property
    def output(self) -> str:
        """What the process has printed since it was started, errors included."""
        assert self._output is not None
        size = os.fstat(self._output.fileno()).st_size
        return os.pread(self._output.fileno(), size - self._read_from, self._read_from).decode(errors="replace")

    def _command(self) -> list[str]:
        return [sys.executable, "-m", f"local.{self.package}", "--port", str(self._port), *self._arguments]

    def _read_announcement(self, lines: Iterator[str]) -> None:
        """Reads, from the lines the process prints, where it listens. Returns once it accepts."""
        self.url = _value_of("ready", lines)
        self._port = int(self.url.rsplit(":", 1)[1].split("/")[0])
        if self._has_admin:
            self.admin = _value_of("admin", lines)

    def _lines(self, deadline: float) -> Iterator[str]:
        """The lines that the process prints, as they come. Raises NotReady when it ends, or is silent for too long."""
        given = 0
        while True:
            has_ended = self._running.poll() is not None
            whole = self.output.split("\n")[:-1]
            yield from whole[given:]
            given = len(whole)
            if has_ended:
                raise NotReady(f"local.{self.package} ended with {self.wait()}: {self.output.strip()}")
            if time.monotonic() > deadline:
                raise NotReady(f"local.{self.package} was not ready in time; it said: {self.output.strip()}")
            time.sleep(_POLL_SECONDS)

    def kill(self) -> None:
        """kill -9, and waits until the process is gone."""
        self._running.send_signal(signal.SIGKILL)
        self.wait()

    def terminate(self, *, timeout: float = 20) -> int:
        """Asks the process to drain; its exit status. Raises subprocess.TimeoutExpired."""
        self._running.send_signal(signal.SIGTERM)
        return self.wait(timeout=timeout)

    def stop(self, *, timeout: float = 20) -> None:
        """Asks the process to drain, and kills it when it takes too long; nothing when it is gone already."""
        if self._process is None:
            return
        if self._process.poll() is None:
            try:
                self.terminate(timeout=timeout)
            except subprocess.TimeoutExpired:
                self.kill()
        self.close()

    def wait(self, *, timeout: float = 20) -> int:
        return self._running.wait(timeout)

    def restart(self) -> None:
        """kill -9, then a start on the same port and data."""
        self.kill()
        self.close()
        self.start()

    def close(self) -> None:
        """Ends the process if it still runs, and lets go of its output."""
        if self._process is None or self._output is None:
            return
        if self._process.poll() is None:
            self.kill()
        self._output.close()
        self._process = self._output = None

    def __enter__(self) -> Self:
        return self.start() if self._process is None else self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def _value_of(name: str, lines: Iterator[str]) -> str:
    """The rest of the first line that starts with this word: `ready URL`, `admin URL`."""
    return next(line for line in lines if line.startswith(f"{name} ")).removeprefix(f"{name} ")
