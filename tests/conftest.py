"""Real servers for the tests: each local server once a session, on ports of its own."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from local.certificates import Trust, ensure_trust
from local.launch import ServerProcess

TESTS = Path(__file__).resolve().parent


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


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Tests that share servers run in one process: a folder of contract or end-to-end tests, else a file."""
    for item in items:
        parts = item.path.relative_to(TESTS).parts
        group = "/".join(parts[:2]) if parts[0] in ("contract", "golden") else parts[0]
        if parts[0] == "unit":
            group = "/".join(parts)
        item.add_marker(pytest.mark.xdist_group(group))
