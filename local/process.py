"""What every local server shares as a process: its arguments, its ready line, its port, its draining.

The contract: `python -m local.<package> [--port N] [--data DIR]`; the first line on stdout is `ready URL` once the
server accepts; a server that speaks no HTTP prints `admin URL` next; SIGTERM and SIGINT drain and exit 0.
"""

import argparse
import asyncio
import contextlib
import fcntl
import gc
import signal
import socket
import sys
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path

import uvloop

LOOPBACK = "127.0.0.1"
USER_MISTAKE = 2
"""Exit status of a process that could not start because of how it was called (argparse's own)."""


class UserMistake(Exception):
    """What the caller got wrong, as one sentence that says what to do: printed without a stack trace."""


def server_arguments(package: str, *, description: str, port: int) -> argparse.ArgumentParser:
    """The arguments that every server takes; a server adds its own.

    `package` is the folder under local/, and so names the default data directory.
    """
    parser = argparse.ArgumentParser(prog=f"python -m local.{package}", description=description)
    parser.add_argument(
        "--port",
        type=int,
        default=port,
        metavar="N",
        help=f"port on loopback; 0 takes a free one (default {port})",
    )
    default_data = Path(".local") / package
    parser.add_argument(
        "--data",
        type=Path,
        default=default_data,
        metavar="DIR",
        help=f"where state is kept (default {default_data})",
    )
    add_trust_argument(parser)
    return parser


def add_trust_argument(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--trust",
        type=Path,
        default=Path(".local/trust"),
        metavar="DIR",
        help="where the stack's certificate authority and token key are kept (default .local/trust)",
    )


def listen(port: int, *, backlog: int = 2048) -> socket.socket:
    """A socket listening on loopback; `port` 0 takes a free one.

    Raises UserMistake when another process has the port.
    """
    listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((LOOPBACK, port))
        listener.listen(backlog)
    except OSError as error:
        listener.close()
        raise UserMistake(
            f"Port {port} on {LOOPBACK} can't be had ({error.strerror}): stop the process that has it, or give --port."
        ) from error
    listener.setblocking(False)
    return listener


@contextlib.contextmanager
def exclusive(directory: Path) -> Iterator[None]:
    """Keeps other processes off a data directory, made if need be, while the block runs; a kill -9 lets go of it too.

    Raises UserMistake when another process has the directory, or when it can't be written.
    """
    try:
        directory.mkdir(parents=True, exist_ok=True)
        lock = (directory / ".lock").open("wb")
    except OSError as error:
        raise UserMistake(f"State can't be kept in {directory} ({error.strerror}): give another --data.") from error
    with lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise UserMistake(
                f"Another process keeps its state in {directory}: stop it, or give another --data."
            ) from error
        yield


def collect_garbage_rarely() -> None:
    """For servers whose requests make thousands of objects and no cycles: looking for some costs a tenth of all."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(100_000, 20, 50)


def announce(url: str, *, admin: str | None = None) -> None:
    """Tells whoever started this process that the server accepts connections."""
    print(f"ready {url}", flush=True)
    if admin is not None:
        print(f"admin {admin}", flush=True)


async def stop_requested() -> None:
    """Returns once the process is asked to stop (SIGTERM, SIGINT)."""
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    await stop.wait()


def run(main: Callable[[], Awaitable[None]]) -> None:
    """Runs a server's main coroutine as the process, and exits: 0 when drained, 2 on the caller's mistake."""

    async def guarded() -> None:
        await main()

    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner, contextlib.suppress(KeyboardInterrupt):
        try:
            runner.run(guarded())
        except UserMistake as mistake:
            print(mistake, file=sys.stderr)
            raise SystemExit(USER_MISTAKE) from None
