"""The services once a session, a place on them for each test, and the app's own gateways for direct calls."""

import asyncio
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.contract.app.places import Place, Servers, make_place, serving
from tests.contract.workers import worker_with


@pytest.fixture(scope="session")
def servers(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Servers]:
    with serving(tmp_path_factory.mktemp("app")) as servers:
        yield servers


@pytest.fixture
def place(servers: Servers, tmp_path: Path) -> Place:
    return make_place(servers, tmp_path)


@pytest.fixture
def worker(place: Place) -> Iterator[asyncio.Runner]:
    with worker_with(place.settings()) as runner:
        yield runner
