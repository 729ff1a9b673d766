"""`python -m local.functions_host`: runs a Functions app on this machine."""

import asyncio
import contextlib
import os
import sys
from argparse import ArgumentParser, Namespace
from datetime import timedelta
from functools import partial
from pathlib import Path

from local.functions_host.banner import show_app
from local.functions_host.console import Console, route_logging
from local.functions_host.host import DRAIN_SECONDS, App, Host
from local.functions_host.host_json import read_host_options
from local.functions_host.indexing import index
from local.functions_host.loading import load_app
from local.functions_host.settings import Settings, put_into_environment, read_local_settings
from local.functions_host.surroundings import Surroundings, host_id_of
from local.http import serving
from local.process import announce, run, server_arguments, stop_requested

DEFAULT_PORT = 7071


def parser() -> ArgumentParser:
    arguments = server_arguments("functions_host", description=__doc__ or "", port=DEFAULT_PORT)
    arguments.set_defaults(port=None)
    arguments.add_argument("--app", type=Path, default=Path(), metavar="DIR", help="the app's folder (default .)")
    arguments.add_argument(
        "--settings",
        type=Path,
        default=Path("local.settings.json"),
        metavar="FILE",
        help="settings for the app, under the environment (default local.settings.json in the app's folder)",
    )
    arguments.add_argument(
        "--enable-auth", action="store_true", help="ask for access keys, which func does not locally"
    )
    arguments.add_argument(
        "--takeover",
        type=float,
        metavar="SECONDS",
        help="take over from a killed host after this time, not after the real one to two minutes",
    )
    arguments.add_argument(
        "--drain",
        type=float,
        default=DRAIN_SECONDS,
        metavar="SECONDS",
        help=f"how long running invocations may take to finish at SIGTERM (default {DRAIN_SECONDS:.0f})",
    )
    return arguments


async def main(arguments: Namespace) -> None:
    data = arguments.data.resolve()
    app, console = _load(arguments)
    takeover = timedelta(seconds=arguments.takeover) if arguments.takeover else None
    surroundings = Surroundings(app.settings, app.options, console, host_id_of(app.folder, app.settings), takeover)
    host = Host(app, surroundings, console, data, asks_keys=arguments.enable_auth)
    port = arguments.port if arguments.port is not None else app.local_settings.port or DEFAULT_PORT
    stop = asyncio.Event()
    async with serving(host.web_app(), port, drain_seconds=round(arguments.drain)) as url:
        announce(url)
        console.open()
        show_app(host, console, url)
        running = asyncio.create_task(host.run(stop, arguments.drain))
        await stop_requested()
        stop.set()
    is_drained = await running
    has_ended = await host.close()
    if not (is_drained and has_ended):
        sys.stdout.flush()
        os._exit(0)  # a handler still hangs, and would keep the interpreter from ending


def _load(arguments: Namespace) -> tuple[App, Console]:
    """The app, and the console that its host.json configures; what the app prints must not precede `ready`."""
    folder = arguments.app.resolve()
    local_settings = read_local_settings(folder / arguments.settings)
    put_into_environment(local_settings.values, os.environ)
    options = read_host_options(folder, os.environ)
    settings = Settings()
    console = Console(options.logging.log_level)
    route_logging(console)
    with contextlib.redirect_stdout(sys.stderr):
        declared, functions = load_app(folder, settings.get("PYTHON_SCRIPT_FILE_NAME") or "function_app.py")
    indexed, in_error = index(functions, options.retry)
    return App(folder, declared, indexed, in_error, settings, local_settings, options), console


if __name__ == "__main__":
    run(partial(main, parser().parse_args()))
