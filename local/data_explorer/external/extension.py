"""What external tables and exports add to the server."""

import asyncio
import logging
import time
from functools import partial

import duckdb

from local.data_explorer.cluster import Cluster
from local.data_explorer.database import Database
from local.data_explorer.errors import KustoError
from local.data_explorer.extensions import Extension
from local.data_explorer.external import continuous_commands, definition_commands, export_commands
from local.data_explorer.external.continuous import ContinuousExport, continuous_exports, is_due, run_once
from local.data_explorer.external.reading import FileTables
from local.data_explorer.ingestion.background import in_thread

_LOOK_SECONDS = 0.5
_log = logging.getLogger(__name__)


def external_extension(cluster: Cluster) -> Extension:
    _attach(cluster)
    return Extension(
        commands=(*definition_commands.COMMANDS, *export_commands.COMMANDS, *continuous_commands.COMMANDS),
        background=(partial(export_continuously, cluster),),
    )


def _attach(cluster: Cluster) -> None:
    """Lets the queries of every database read its external tables; databases may be made later."""
    for database in cluster.databases.values():
        if database.external_tables is None:
            database.external_tables = FileTables(database)


async def export_continuously(cluster: Cluster) -> None:
    """Runs continuous exports as they fall due, until it is cancelled."""
    while True:
        _attach(cluster)
        for database in cluster.databases.values():
            for export in continuous_exports(database):
                if is_due(database, export, time.time()):
                    await in_thread(_run, database, export)
        await asyncio.sleep(_LOOK_SECONDS)


def _run(database: Database, export: ContinuousExport) -> None:
    try:
        run_once(database, export)
    except (KustoError, duckdb.Error) as error:
        _log.warning("continuous export %s failed and is tried again: %s", export.name, error)
        time.sleep(_LOOK_SECONDS)
