"""A stack for a while: on free ports, with state that goes with it."""

import signal
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from local.stack.ports import FREE
from local.stack.servers import Servers, StackOptions

_STOP_SIGNALS = (signal.SIGINT, signal.SIGTERM)


@contextmanager
def temporary_stack(*host_arguments: str) -> Iterator[Servers]:
    """A running stack; SIGTERM ends the block as Ctrl-C does, and neither interrupts the stopping. Main thread only."""
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    with tempfile.TemporaryDirectory() as folder:
        data = Path(folder)
        servers = Servers(StackOptions(data, FREE, data / "local.settings.json", host_arguments))
        try:
            list(servers.start())
            yield servers
        finally:
            for number in _STOP_SIGNALS:
                signal.signal(number, signal.SIG_IGN)
            list(servers.stop())
            for number in _STOP_SIGNALS:
                signal.signal(number, signal.default_int_handler)
