"""A local Data Explorer for the contract tests, and unmodified clients of it."""

from collections.abc import Callable, Iterator
from pathlib import Path
from uuid import uuid4

import pytest
from azure.kusto.data import KustoClient, KustoConnectionStringBuilder

from local.launch import ServerProcess

DATABASE = "iot"


@pytest.fixture(scope="session")
def data_explorer(tmp_path_factory: pytest.TempPathFactory, trust_directory: Path) -> Iterator[ServerProcess]:
    """`url` is HTTPS with a token check, `admin` plain HTTP without."""
    arguments = ["--data", str(tmp_path_factory.mktemp("data_explorer")), "--trust", str(trust_directory)]
    arguments += ["--http", "0", "--database", DATABASE, "--database", "other"]
    with ServerProcess("data_explorer", arguments, has_admin=True).start() as server:
        yield server


@pytest.fixture(scope="session")
def kusto(data_explorer: ServerProcess) -> Iterator[KustoClient]:
    with client_of(data_explorer) as client:
        yield client


def client_of(server: ServerProcess) -> KustoClient:
    """A client over plain HTTP, whose default database is DATABASE."""
    assert server.admin is not None
    kcsb = KustoConnectionStringBuilder.with_no_authentication(server.admin)
    kcsb.initial_catalog = DATABASE
    return KustoClient(kcsb)


@pytest.fixture
def named() -> Callable[[str], str]:
    """Names of entities that no other test has."""
    suffix = uuid4().hex[:8]
    return lambda name: f"{name}_{suffix}"
