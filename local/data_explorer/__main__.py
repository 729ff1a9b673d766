"""`python -m local.data_explorer`: a local Azure Data Explorer cluster, HTTPS with a token check, or plain HTTP."""

import asyncio
from argparse import ArgumentParser, Namespace
from collections.abc import Awaitable, Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from functools import partial

from local.certificates import ensure_trust
from local.data_explorer.app import Authentication, Endpoints, kusto_app
from local.data_explorer.cluster import Cluster
from local.data_explorer.commands.dispatch import Commands
from local.data_explorer.extensions import Extension
from local.data_explorer.external.extension import external_extension
from local.data_explorer.housekeeping import keep_house
from local.data_explorer.ingestion import extension as ingestion
from local.http import local_app, serving, serving_plain, with_local_routes
from local.identity.tokens import Tokens
from local.process import announce, collect_garbage_rarely, run, server_arguments, stop_requested
from local.topology import ANALYTICS_DATABASE

DEFAULT_PORT = 8080
WORKERS = 32
"""Threads for queries and commands: as many can run at once."""


def arguments() -> ArgumentParser:
    parser = server_arguments("data_explorer", description=__doc__ or "", port=DEFAULT_PORT)
    parser.add_argument(
        "--http", type=int, metavar="N", help="also serve plain HTTP without a token check on this port"
    )
    parser.add_argument(
        "--database",
        action="append",
        metavar="NAME",
        help=f"a database to have (repeatable; default: {ANALYTICS_DATABASE})",
    )
    parser.add_argument("--memory", default="1GB", metavar="SIZE", help="what DuckDB may take (default 1GB)")
    ingestion.add_arguments(parser)
    return parser


def extensions(cluster: Cluster, arguments: Namespace) -> list[Extension]:
    """What the sub-packages add to the server."""
    return [ingestion.ingestion_extension(cluster, arguments), external_extension(cluster)]


async def main(arguments: Namespace) -> None:
    asyncio.get_running_loop().set_default_executor(ThreadPoolExecutor(WORKERS))
    cluster = Cluster(arguments.data, arguments.database or [ANALYTICS_DATABASE], memory_limit=arguments.memory)
    added = extensions(cluster, arguments)
    commands = Commands([command for extension in added for command in extension.commands])
    endpoints = Endpoints(cluster, commands)
    app = kusto_app(endpoints, [route for extension in added for route in extension.routes])
    local = local_app(cluster.faults, lambda: _health(cluster, endpoints))
    guarded = Authentication(app, Tokens(arguments.trust))
    background = [task for extension in added for task in extension.background]
    background.append(partial(keep_house, cluster))
    certificate = ensure_trust(arguments.trust).server
    collect_garbage_rarely()
    try:
        async with (
            serving(with_local_routes(guarded, local), arguments.port, certificate=certificate) as url,
            serving_plain(with_local_routes(app, local), arguments.http) as plain,
            asyncio.TaskGroup() as group,
        ):
            running = [group.create_task(_awaited(task)) for task in background]
            announce(url, admin=plain)
            await stop_requested()
            for task in running:
                task.cancel()
    finally:
        cluster.close()


def _health(cluster: Cluster, endpoints: Endpoints) -> Mapping[str, object]:
    return {"databases": sorted(cluster.databases), "runningQueries": endpoints.running_queries}


async def _awaited(task: Callable[[], Awaitable[None]]) -> None:
    await task()


if __name__ == "__main__":
    run(partial(main, arguments().parse_args()))
