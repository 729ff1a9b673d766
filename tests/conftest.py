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


LONGEST_FIRST = ("e2e", "contract", "golden", "unit")


@pytest.hookimpl(tryfirst=True)  # xdist reads the groups in the same hook
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Tests that share servers run in one process: a folder of contract tests, all end-to-end tests, else a file.

    What takes longest begins first, so that no process is left with it at the end.
    """
    items.sort(key=lambda item: LONGEST_FIRST.index(_place(item)[0]))
    for item in items:
        kind, *rest = _place(item)
        shared = {"e2e": kind, "golden": kind, "contract": f"{kind}/{rest[0]}"}
        item.add_marker(pytest.mark.xdist_group(shared.get(kind, "/".join((kind, *rest)))))


def _place(item: pytest.Item) -> tuple[str, ...]:
    """Where under tests/ a test stands; a test at the top counts as a unit test."""
    parts = item.path.relative_to(TESTS).parts
    return parts if parts[0] in LONGEST_FIRST else ("unit", *parts)
