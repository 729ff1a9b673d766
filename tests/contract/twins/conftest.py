"""The world once a session, and for each test a worker and a site of its own."""

import asyncio
import itertools
from collections.abc import Iterator
from pathlib import Path

import pytest

from local.certificates import Trust
from local.launch import ServerProcess
from tests.contract.twins.twin_events import TwinEvents
from tests.contract.twins.world import World, serving
from tests.contract.workers import worker_with

_numbers = itertools.count()


@pytest.fixture(scope="session")
def world(
    tmp_path_factory: pytest.TempPathFactory, trust_directory: Path, trust: Trust, identity: ServerProcess
) -> Iterator[World]:
    with serving(tmp_path_factory.mktemp("twins"), trust_directory, trust, identity) as world:
        yield world


@pytest.fixture(scope="session")
def all_events(world: World) -> Iterator[TwinEvents]:
    with TwinEvents(world) as events:
        yield events


@pytest.fixture
def events(all_events: TwinEvents) -> TwinEvents:
    """What the graph tells from now on."""
    all_events.new()
    return all_events


@pytest.fixture
def site() -> str:
    """The first step of the paths of a test's assets: nobody else's."""
    return f"site{next(_numbers)}"


@pytest.fixture
def worker(world: World) -> Iterator[asyncio.Runner]:
    with worker_with(world.settings()) as runner:
        yield runner
