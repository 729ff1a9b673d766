"""Real servers for the tests: each local server once a session, on ports of its own."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from local.certificates import Trust, ensure_trust
from local.launch import ServerProcess


@pytest.fixture(scope="session")
def trust_directory(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("trust")


@pytest.fixture(scope="session")
def trust(trust_directory: Path) -> Trust:
    return ensure_trust(trust_directory)


@pytest.fixture(scope="session")
def identity(trust_directory: Path) -> Iterator[ServerProcess]:
    with ServerProcess("identity", ["--trust", str(trust_directory)]).start() as server:
        yield server
