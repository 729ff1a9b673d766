"""The operator's commands on the whole stack: gaps are found and mended, layers are made anew, gold stays as it was.

The first test speaks for every test before it: whatever they did to the stack, no gap is left.
"""

import os
import subprocess
import sys

import pytest

from local.launch import PROJECT
from local.stack.servers import Servers
from tests.e2e.pipeline import Pipeline, readings_of

pytestmark = pytest.mark.timeout(240)


class Operations:
    """`python -m operations` with the stack's settings."""

    def __init__(self, servers: Servers) -> None:
        self._servers = servers

    def __call__(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        settings = str(self._servers.settings)
        return subprocess.run(
            [sys.executable, "-m", "operations", *arguments, "--settings", settings],
            cwd=PROJECT,
            capture_output=True,
            text=True,
            timeout=100,
            env={**os.environ, "COLUMNS": "200"},
            check=False,
        )


@pytest.fixture
def operations(stack: Servers) -> Operations:
    return Operations(stack)


@pytest.fixture
def settled(pipeline: Pipeline) -> Pipeline:
    """A pipeline through which some messages have gone to the end."""
    messages = pipeline.fleet(200, malformed=0.01)
    pipeline.send(messages)
    pipeline.wait_until_settled(messages)
    assert pipeline.readings() == readings_of(messages)
    return pipeline


def gold(pipeline: Pipeline) -> dict[str, object]:
    """What this fleet has in each view, sums to 6 places: adding up in another order rounds otherwise."""
    views = ("Readings", "LatestReadings", "ReadingsPerMinute", "ReadingsPerHour")
    return {
        view: sorted(_rounded(row) for row in pipeline.query(f"{view} | where Asset startswith '{pipeline.name}'"))
        for view in views
    }


def _rounded(row: list[object]) -> str:
    return repr([round(value, 6) if isinstance(value, float) else value for value in row])


def test_no_gap_is_left_by_whatever_broke_before(settled: Pipeline, operations: Operations) -> None:
    reconciled = operations("reconcile")

    assert reconciled.returncode == 0, reconciled.stdout + reconciled.stderr
    assert "no gap" in reconciled.stdout


def test_documents_that_are_missing_are_found_and_stored_again(settled: Pipeline, operations: Operations) -> None:
    before, stored = settled.readings(), settled.stored()
    settled.lose_documents(7)
    assert settled.stored() == stored - 7

    mended = operations("reconcile", "--fix")

    assert mended.returncode == 1
    assert "neither stored nor dead-lettered" in mended.stdout
    assert "7 messages stored again, 0 events forwarded again." in mended.stdout
    assert settled.stored() == stored
    assert settled.readings() == before
    assert operations("reconcile").returncode == 0


def test_events_that_are_missing_in_analytics_are_found_and_sent_again(
    settled: Pipeline, operations: Operations
) -> None:
    before = gold(settled)
    lost = f"Bronze | where tostring(Data._deviceId) == '{settled.name}freezer0001'"
    count = len(settled.query(lost))
    assert count > 0
    settled.command(f".delete table Bronze records <| {lost}")

    mended = operations("reconcile", "--fix")

    assert mended.returncode == 1
    assert f"{count} not in Bronze" in mended.stdout
    assert f"0 messages stored again, {count} events forwarded again." in mended.stdout
    settled.wait(lambda: len(settled.query(lost)) >= count)
    assert gold(settled) == before
    assert operations("reconcile").returncode == 0


@pytest.mark.parametrize("layer", ["silver", "gold", "adx"])
def test_a_layer_that_is_made_anew_leaves_gold_as_it_was(settled: Pipeline, operations: Operations, layer: str) -> None:
    before = gold(settled)

    rebuilt = operations("rebuild", layer)

    assert rebuilt.returncode == 0, rebuilt.stderr
    assert f"{layer} is rebuilt." in rebuilt.stdout
    settled.wait(lambda: gold(settled) == before)
    assert gold(settled) == before


def test_everything_comes_back_from_the_operational_store(settled: Pipeline, operations: Operations) -> None:
    """Data Explorer emptied: Bronze and Silver cleared, gold made anew without them, then filled from Cosmos DB."""
    before = settled.readings()
    settled.command(".clear table Bronze data")
    settled.command(".clear table Silver data")
    assert operations("rebuild", "gold").returncode == 0
    assert not settled.readings()

    assert operations("rebuild", "adx").returncode == 0

    settled.wait(lambda: settled.readings() == before)
    assert settled.readings() == before
    settled.wait(lambda: operations("reconcile").returncode == 0)
