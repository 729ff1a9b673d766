"""The host's output: func-like lines with a time, coloured only on a terminal, filtered by host.json's log levels.

Categories are the real host's: `Host.General`, `Function.<name>` for executions, `Function.<name>.User` for what a
handler logs. Source: Microsoft Learn, "How to configure monitoring for Azure Functions", Categories.
"""

import logging
import sys
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import TextIO

from local.functions_host.contexts import CURRENT_INVOCATION

HOST = "Host.General"
_LEVELS = {
    "trace": logging.DEBUG,
    "debug": logging.DEBUG,
    "information": logging.INFO,
    "warning": logging.WARNING,
    "error": logging.ERROR,
    "critical": logging.CRITICAL,
    "none": logging.CRITICAL + 1,
}
_COLOURS = {logging.WARNING: "\x1b[33m", logging.ERROR: "\x1b[31m", logging.CRITICAL: "\x1b[31m"}
_PLAIN = "\x1b[0m"


class Console:
    """Writes lines of the host and of the functions; until it is opened it holds them back, for the ready line."""

    def __init__(self, log_levels: Mapping[str, str], stream: TextIO | None = None) -> None:
        self._levels = {
            name.lower(): _LEVELS.get(str(level).lower(), logging.INFO) for name, level in log_levels.items()
        }
        self._stream = stream or sys.stdout
        self._coloured = self._stream.isatty()
        self._known: dict[str, int] = {}
        self._held: list[str] | None = []

    def open(self) -> None:
        """Writes what was held back, and from now on writes at once."""
        held, self._held = self._held or [], None
        for text in held:
            self.write(text)

    def level(self, category: str) -> int:
        """The lowest level that a category writes: the longest prefix that host.json names, else `default`."""
        if category not in self._known:
            name = category.lower()
            matching = [key for key in self._levels if name == key or name.startswith(f"{key}.")]
            longest = max(matching, key=len) if matching else "default"
            self._known[category] = self._levels.get(longest, logging.INFO)
        return self._known[category]

    def show(self, category: str, text: str, level: int = logging.INFO) -> None:
        """One line, or several, of a category, with the time."""
        if level < self.level(category):
            return
        now = datetime.now(UTC).isoformat(timespec="milliseconds").removesuffix("+00:00")
        self.write(f"[{now}Z] {self._coloured_text(text, level)}")

    def write(self, text: str) -> None:
        """Text as it is: the banner and the list of functions."""
        if self._held is not None:
            self._held.append(text)
            return
        self._stream.write(f"{text}\n")
        self._stream.flush()

    def emphasis(self, text: str) -> str:
        return f"\x1b[33m{text}{_PLAIN}" if self._coloured else text

    def _coloured_text(self, text: str, level: int) -> str:
        colour = _COLOURS.get(level) if self._coloured else None
        return f"{colour}{text}{_PLAIN}" if colour else text


class ConsoleHandler(logging.Handler):
    """Python's logging → the console: a handler's logs as its function's, others only from WARNING on."""

    def __init__(self, console: Console) -> None:
        super().__init__()
        self._console = console

    def emit(self, record: logging.LogRecord) -> None:
        invocation = CURRENT_INVOCATION.get()
        if invocation is None and record.levelno < logging.WARNING:
            return
        category = f"Function.{invocation.function}.User" if invocation else HOST
        if record.levelno >= self._console.level(category):
            self._console.show(category, self.format(record), record.levelno)


def route_logging(console: Console) -> None:
    """Sends the process's logging to the console, as the worker sends it to the host: from INFO on."""
    root = logging.getLogger()
    root.handlers = [ConsoleHandler(console)]
    root.setLevel(min(logging.INFO, console.level("Function")))
    logging.captureWarnings(True)
