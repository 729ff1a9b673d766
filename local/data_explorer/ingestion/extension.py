"""What ingestion adds to the server: its route, its background work, its arguments."""

from argparse import ArgumentParser, Namespace
from collections.abc import Awaitable, Callable
from functools import partial
from pathlib import Path

from local.azurite import ACCOUNT, KEY
from local.data_explorer.cluster import Cluster
from local.data_explorer.extensions import Extension
from local.data_explorer.ingestion.commands import ingestion_commands
from local.data_explorer.ingestion.connection_events import DataConnection, data_connections
from local.data_explorer.ingestion.streaming import streaming_route
from local.event_hubs_namespace import connection_string
from local.launch import PROJECT
from local.process import LOOPBACK

DEFAULT_STORAGE = (
    f"DefaultEndpointsProtocol=http;AccountName={ACCOUNT};AccountKey={KEY};"
    f"BlobEndpoint=http://{LOOPBACK}:10000/{ACCOUNT};QueueEndpoint=http://{LOOPBACK}:10001/{ACCOUNT};"
    f"TableEndpoint=http://{LOOPBACK}:10002/{ACCOUNT}"
)
"""Azurite on its usual ports."""


def add_arguments(parser: ArgumentParser) -> None:
    parser.add_argument(
        "--connection-string",
        default=connection_string(),
        metavar="TEXT",
        help="of the Event Hubs namespace that the data connections read (default: the emulator's, on this machine)",
    )
    parser.add_argument("--no-data-connections", action="store_true", help="read no hub, whatever topology.json says")
    parser.add_argument(
        "--topology",
        type=Path,
        default=PROJECT / "topology.json",
        metavar="FILE",
        help="where the data connections are named (default topology.json)",
    )

    parser.add_argument(
        "--storage",
        default=DEFAULT_STORAGE,
        metavar="TEXT",
        help="connection string of the storage account for queued ingestion (default: Azurite's, on this machine)",
    )
    parser.add_argument("--no-queued-ingestion", action="store_true", help="read no ingestion queue")


def ingestion_extension(cluster: Cluster, arguments: Namespace) -> Extension:
    background: list[Callable[[], Awaitable[None]]] = []
    if not arguments.no_data_connections:
        background += [
            partial(read_hub, cluster, connection, arguments.connection_string)
            for connection in data_connections(arguments.topology)
            if connection.database in cluster.databases
        ]
    if not arguments.no_queued_ingestion:
        background.append(partial(read_queue, cluster, arguments.storage))
    return Extension(
        commands=ingestion_commands(arguments.storage),
        routes=(streaming_route(cluster),),
        background=tuple(background),
    )


async def read_queue(cluster: Cluster, storage: str) -> None:
    """Reads the ingestion queue until it is cancelled."""
    from local.data_explorer.ingestion.queued_reader import QueueReader  # azure-storage takes long to import
    from local.data_explorer.ingestion.resources import StorageAccount

    await QueueReader(cluster, StorageAccount(storage)).run()


async def read_hub(cluster: Cluster, connection: DataConnection, connection_string: str) -> None:
    """Runs one data connection until it is cancelled."""
    from local.data_explorer.ingestion.hub_reader import HubReader  # azure-eventhub takes long to import

    await HubReader(cluster.database(connection.database), connection, connection_string, cluster.faults).run()
