"""A database of the test's own, in this process."""

from collections.abc import Iterator

import pytest

from local.data_explorer.cluster import Cluster
from local.data_explorer.commands.dispatch import Commands
from local.data_explorer.database import Database
from local.data_explorer.extensions import CommandContext

TABLES = (
    ".create table Bronze (Data: dynamic)",
    """.create table Bronze ingestion json mapping "whole" '[{"column": "Data", "path": "$"}]'""",
    ".create table Typed (Id: long, Key: string)",
    ".create table Long (Text: string)",
    """.create function lengthen() {
        Bronze | where isnotempty(Data.times) | project Text = strrep('x', tolong(Data.times)) }""",
)


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    cluster = Cluster(tmp_path_factory.mktemp("cluster"), ["iot"])
    commands = Commands(())
    for command in TABLES:
        commands.run(CommandContext(cluster, cluster.database("iot")), command)
    yield cluster
    cluster.close()


@pytest.fixture(scope="module")
def database(cluster: Cluster) -> Database:
    return cluster.database("iot")
