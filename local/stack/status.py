"""How the servers of a running stack are."""

import ssl
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import psutil

from local.stack.supervisor import is_running, read_state

_PATIENCE = 2.0


@dataclass(frozen=True, slots=True)
class ServerState:
    """A server: its address and process, and whether it answers."""

    name: str
    url: str
    pid: int | None
    is_well: bool


def server_states(data: Path) -> list[ServerState]:
    """Every server of the stack that keeps its state in `data`; none when no stack runs."""
    state = read_state(data)
    if state is None or not is_running(data):
        return []
    return [
        ServerState(name, server["url"], server["pid"], _is_well(server, data / "trust" / "ca.pem"))
        for name, server in state["servers"].items()
    ]


def _is_well(server: Mapping[str, Any], authority: Path) -> bool:
    """A process that is there, and answers its health route if it speaks HTTP."""
    if server["pid"] is None or not psutil.pid_exists(server["pid"]):
        return False
    if not server["url"].startswith("http") or "devstoreaccount" in server["url"]:
        return True
    origin = httpx.URL(server["url"]).copy_with(raw_path=b"/_local/health")
    try:
        return httpx.get(origin, verify=_context(authority), timeout=_PATIENCE).is_success
    except httpx.HTTPError:
        return False


def _context(authority: Path) -> ssl.SSLContext:
    return ssl.create_default_context(cafile=str(authority))
