"""The services once a session, a place on them for each test, and the app's own gateways for direct calls."""

import asyncio
from collections.abc import Iterator
from pathlib import Path

import pytest

from shared.gateways.worker import gateways
from shared.settings import settings
from tests.contract.app.places import Place, Servers, make_place, serving


@pytest.fixture(scope="session")
def servers(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Servers]:
    with serving(tmp_path_factory.mktemp("app")) as servers:
        yield servers


@pytest.fixture
def place(servers: Servers, tmp_path: Path) -> Place:
    return make_place(servers, tmp_path)


@pytest.fixture
def worker(place: Place, monkeypatch: pytest.MonkeyPatch) -> Iterator[asyncio.Runner]:
    """Runs coroutines as one worker does, in one event loop, with the place's settings."""
    for name, value in place.settings().items():
        monkeypatch.setenv(name, value)
    settings.cache_clear()
    with asyncio.Runner() as runner:
        yield runner
        runner.run(_close())
    settings.cache_clear()


async def _close() -> None:
    await gateways().close()
