"""What a supervisor that was killed has left behind: servers without anybody to stop them."""

from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import psutil

_DRAIN_SECONDS = 20


def stop_leftovers(data: Path) -> list[int]:
    """Stops every server that keeps its state under `data`; their process ids. Only for who has `data` to itself."""
    leftovers = list(_servers_on(data))
    for process in leftovers:
        with suppress(psutil.NoSuchProcess):
            process.terminate()
    _, unwilling = psutil.wait_procs(leftovers, timeout=_DRAIN_SECONDS)
    for process in unwilling:
        with suppress(psutil.NoSuchProcess):
            process.kill()
    psutil.wait_procs(unwilling, timeout=_DRAIN_SECONDS)
    return [process.pid for process in leftovers]


def _servers_on(data: Path) -> Iterator[psutil.Process]:
    """They are told by what they were started with: one of our servers, and a folder of this stack's."""
    for process in psutil.process_iter():
        try:
            arguments = process.cmdline()
        except (psutil.NoSuchProcess, psutil.AccessDenied):
            continue
        is_server = any(each.startswith("local.") or each.endswith("/azurite") for each in arguments[:3])
        if is_server and any(each.startswith(f"{data}/") for each in arguments):
            yield process
