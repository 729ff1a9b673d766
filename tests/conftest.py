"""Real servers for the tests: each local server once a session, on ports of its own."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings
from xdist.remote import Producer
from xdist.scheduler import LoadScopeScheduling

from local.certificates import Trust, ensure_trust
from local.launch import ServerProcess

settings.register_profile("exploring", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.register_profile("steady", settings.get_profile("exploring"), derandomize=True)
settings.load_profile("steady")
"""The same examples each time, however slow the machine: a test fails for what was changed, or not at all. New ones
are looked for with `pytest --hypothesis-profile exploring`."""


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


@pytest.fixture(autouse=True)
def environment_as_it_was() -> Iterator[None]:
    """What a test, or an operator's command that it runs, puts into the environment ends with it."""
    before = dict(os.environ)
    yield
    for name in os.environ.keys() - before.keys() - {"PYTEST_CURRENT_TEST"}:
        del os.environ[name]
    os.environ.update({name: value for name, value in before.items() if os.environ.get(name) != value})


LONGEST_FIRST = ("e2e", "contract", "golden", "unit")
"""The folders of tests: what takes longest begins first, so that no process is left with it at the end."""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    items.sort(key=lambda item: LONGEST_FIRST.index(item.nodeid.split("/")[1]))


def pytest_xdist_make_scheduler(config: pytest.Config, log: Producer) -> LoadScopeScheduling:
    return SharingServers(config, log)


class SharingServers(LoadScopeScheduling):  # type: ignore[misc]
    """Has tests that share servers run in one process: a folder of contract tests, else a file.

    An end-to-end test mostly waits, for outages to end: so its files run side by side, each on a stack of its own.
    """

    def _split_scope(self, nodeid: str) -> str:
        _, kind, *rest = nodeid.split("::")[0].split("/")
        return kind if kind == "golden" else f"{kind}/{rest[0]}" if kind == "contract" else "/".join((kind, *rest))


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Why a test needed its second try: that it passed then hides what it found."""
    for report in terminalreporter.getreports("rerun"):
        terminalreporter.section(f"first try of {report.nodeid}", sep="_")
        terminalreporter.write_line(report.longreprtext[-4_000:])
