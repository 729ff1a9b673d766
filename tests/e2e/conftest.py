"""The whole stack, once for all end-to-end tests, on free ports."""

from collections.abc import Iterator
from uuid import uuid4

import pytest

from local.stack.ports import FREE
from local.stack.servers import Servers, StackOptions
from tests.e2e.pipeline import Pipeline

TAKEOVER_SECONDS = "3"
"""How soon a restarted Functions host takes over from the killed one; the real one's takes a minute or two."""


@pytest.fixture(scope="session")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Servers]:
    data = tmp_path_factory.mktemp("stack")
    options = StackOptions(
        data=data,
        ports=FREE,
        settings=data / "local.settings.json",
        host_arguments=("--takeover", TAKEOVER_SECONDS),
    )
    servers = Servers(options)
    try:
        list(servers.start())
        yield servers
    finally:
        list(servers.stop())


@pytest.fixture
def pipeline(stack: Servers, request: pytest.FixtureRequest) -> Iterator[Pipeline]:
    """The stack as one test sees it, each time it is tried: under a name of its own, so that none counts another's."""
    name = "".join(letter for letter in request.node.name if letter.isalnum())[-30:].lower()
    pipeline = Pipeline(stack, f"{name}-{uuid4().hex[:6]}-")
    yield pipeline
    pipeline.close()
