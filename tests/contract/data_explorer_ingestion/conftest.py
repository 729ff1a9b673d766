"""A Data Explorer with a hub and a storage account of its own, and real clients for all of them."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from local.azurite import Azurite
from local.launch import ServerProcess
from tests.contract.data_explorer_ingestion.cluster import Cluster


@pytest.fixture(scope="session")
def azurite() -> Iterator[Azurite]:
    with Azurite().start() as server:
        yield server


@pytest.fixture(scope="session")
def data_explorer(
    azurite: Azurite, trust_directory: Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[ServerProcess]:
    arguments = [
        *("--data", str(tmp_path_factory.mktemp("adx")), "--trust", str(trust_directory), "--http", "0"),
        *("--storage", azurite.connection_string, "--no-data-connections"),
    ]
    with ServerProcess("data_explorer", arguments, has_admin=True).start() as server:
        yield server


@pytest.fixture(scope="session")
def cluster(data_explorer: ServerProcess) -> Iterator[Cluster]:
    assert data_explorer.admin is not None
    with Cluster(data_explorer.admin) as cluster:
        yield cluster


@pytest.fixture
def table(cluster: Cluster, request: pytest.FixtureRequest) -> str:
    """A table of the test's own that takes streaming ingestion: Id, Name, Data."""
    name = f"T{abs(hash(request.node.nodeid))}"
    cluster.manage(f".create table {name} (Id: long, Name: string, At: datetime, Data: dynamic)")
    cluster.manage(f".alter table {name} policy streamingingestion enable")
    return name
