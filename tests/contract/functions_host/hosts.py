"""Hosts under test, and the record that the sample apps' handlers write."""

import json
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from local.launch import ServerProcess

APPS = Path(__file__).parent / "apps"
PATIENCE = 40.0
"""Seconds until something that must happen is taken not to happen; a machine with two cores may be slow."""


class Record:
    """The lines that handlers wrote, oldest first."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def lines(self) -> list[dict[str, Any]]:
        if not self.path.exists():
            return []
        whole, _, _ = self.path.read_text().rpartition("\n")
        return [json.loads(line) for line in whole.splitlines()]

    def bodies(self, *, ends: str = "succeeded") -> list[str]:
        """The bodies of all events whose invocation ended so."""
        return [event["body"] for line in self.lines() if line["ends"] == ends for event in line["events"]]

    def wait(self, is_there: Callable[[list[dict[str, Any]]], bool]) -> list[dict[str, Any]]:
        """The lines, once they are as wanted."""
        eventually(lambda: is_there(self.lines()), lambda: f"the record holds {self.lines()}")
        return self.lines()

    def wait_for_bodies(self, wanted: Sequence[str], *, ends: str = "succeeded") -> None:
        """Until each of these bodies was in an invocation that ended so."""
        eventually(
            lambda: set(wanted) <= set(self.bodies(ends=ends)),
            lambda: f"missing: {sorted(set(wanted) - set(self.bodies(ends=ends)))[:20]}",
        )


def eventually(is_so: Callable[[], bool], complaint: Callable[[], str]) -> None:
    """Waits until something is so; fails with the complaint when it never is."""
    deadline = time.monotonic() + PATIENCE
    while not is_so():
        assert time.monotonic() < deadline, complaint()
        time.sleep(0.05)


def host_of(app: str | Path, data: Path, environment: Mapping[str, str], *arguments: str) -> ServerProcess:
    """A host of one of the sample apps, or of an app in a folder; not started yet."""
    folder = APPS / app if isinstance(app, str) else app
    given = ["--app", str(folder), "--data", str(data), *arguments]
    return ServerProcess("functions_host", given, environment={"PYTHONDONTWRITEBYTECODE": "1", **environment})
