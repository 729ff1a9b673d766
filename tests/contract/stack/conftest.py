"""A running stack for the tests that leave it as it is, and a maker of stacks for those that don't."""

import json
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.contract.stack.stacks import Stack

OWN_SETTINGS = {
    "IsEncrypted": False,
    "Host": {"CORS": "*"},
    "Values": {"MINE": "1", "ANALYTICS_ROUTE": "parallel", "CosmosDB": "of another stack"},
}
"""What the user had in local.settings.json before."""
Start = Callable[..., Stack]


@pytest.fixture(scope="session")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    folder = tmp_path_factory.mktemp("stack")
    (folder / "local.settings.json").write_text(json.dumps(OWN_SETTINGS))
    stack = Stack(folder)
    yield stack.wait_until_up()
    stack.stop()


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Start]:
    started: list[Stack] = []

    def start(*arguments: str) -> Stack:
        started.append(Stack(tmp_path, *arguments))
        return started[-1]

    yield start
    for stack in started:
        stack.stop()
