"""The asset registry against the whole stack."""

import json

import pytest

from simulator.samples import Message
from tests.e2e.pipeline import Pipeline
from tests.e2e.test_reconciliation import Operations
from tests.e2e.twins import assert_twins_hold_the_newest

pytestmark = pytest.mark.timeout(240)


@pytest.fixture
def operations(pipeline: Pipeline) -> Operations:
    return Operations(pipeline.servers)


def test_drift_names_what_is_read_and_not_in_the_registry_and_nothing_else(
    pipeline: Pipeline, operations: Operations
) -> None:
    messages = pipeline.fleet(40)
    asset = messages[0].asset
    colour = {"colour": {"SourceTimestamp": "2026-11-22T09:00:00Z", "Value": "red"}}
    pipeline.send([*messages, Message(messages[0].device, asset, json.dumps(colour).encode())])
    assert_twins_hold_the_newest(pipeline, messages)
    pipeline.wait(lambda: any(tag == "colour" for _, tag, *_ in pipeline.readings()))

    result = operations("assets", "drift")

    assert result.returncode == 1, result.stderr
    mine = [line for line in result.stdout.splitlines() if pipeline.name in line]
    assert len(mine) == 1, mine
    assert all(part in mine[0] for part in (asset, "colour", "has readings, and is not in the registry"))
