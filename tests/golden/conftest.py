"""A database of its own for each test, built by the project's scripts."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from local.launch import ServerProcess
from tests.golden.iot_database import IotDatabase

MOST_TESTS = 40


@pytest.fixture(scope="package")
def data_explorer_url(trust_directory: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A server with a database for each test, as many as there may be."""
    arguments = [
        "--data",
        str(tmp_path_factory.mktemp("data-explorer")),
        "--trust",
        str(trust_directory),
        "--http",
        "0",
    ]
    arguments += ["--no-data-connections", "--no-queued-ingestion"]
    arguments += [f"--database=golden{number}" for number in range(MOST_TESTS)]
    with ServerProcess("data_explorer", arguments, has_admin=True).start(timeout=90) as server:
        assert server.admin is not None
        yield server.admin


@pytest.fixture(scope="package")
def database_names() -> Iterator[str]:
    return (f"golden{number}" for number in range(MOST_TESTS))


@pytest.fixture
def empty_database(data_explorer_url: str, database_names: Iterator[str]) -> Iterator[IotDatabase]:
    database = IotDatabase(data_explorer_url, next(database_names))
    yield database
    database.close()


@pytest.fixture
def database(empty_database: IotDatabase) -> IotDatabase:
    """Bronze, silver, gold and the functions over it."""
    empty_database.build("bronze", "silver", "gold", "functions")
    return empty_database
