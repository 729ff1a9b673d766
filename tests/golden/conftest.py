"""A database of its own for each test, built by the project's scripts."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from local.launch import ServerProcess
from tests.golden.iot_database import IotDatabase


@pytest.fixture(scope="package")
def database_names(request: pytest.FixtureRequest) -> list[str]:
    """One for each test of this folder that runs."""
    here = Path(__file__).parent
    tests = [item for item in request.session.items if item.path.is_relative_to(here)]
    return [f"golden{number}" for number in range(len(tests))]


@pytest.fixture(scope="package")
def data_explorer_url(
    trust_directory: Path, tmp_path_factory: pytest.TempPathFactory, database_names: list[str]
) -> Iterator[str]:
    """A server with these databases that reads no hub or queue that may run here."""
    arguments = ["--data", str(tmp_path_factory.mktemp("data-explorer")), "--trust", str(trust_directory)]
    arguments += ["--http", "0", "--no-data-connections", "--no-queued-ingestion"]
    arguments += [f"--database={name}" for name in database_names]
    with ServerProcess("data_explorer", arguments, has_admin=True).start(timeout=90) as server:
        assert server.admin is not None
        yield server.admin


@pytest.fixture
def empty_database(data_explorer_url: str, database_names: list[str]) -> Iterator[IotDatabase]:
    database = IotDatabase(data_explorer_url, database_names.pop())
    yield database
    database.close()


@pytest.fixture
def database(empty_database: IotDatabase) -> IotDatabase:
    """Bronze, silver, gold and the functions over it."""
    empty_database.build("bronze", "silver", "gold", "functions")
    return empty_database
