"""An instance that keeps to the service's limits, and an app that never has to be told to wait."""

import asyncio
from collections.abc import Iterator
from pathlib import Path

import pytest

from functions.update_twins import update_twins
from local.launch import ServerProcess
from shared.settings import settings
from tests.contract.twins.readings import sent
from tests.contract.twins.world import MODELS, World
from tests.unit.functions.trigger_batches import trigger_batch


@pytest.fixture
def limited(world: World, tmp_path: Path) -> Iterator[World]:
    arguments = ["--data", str(tmp_path), "--trust", str(world.trust_directory), "--http", "0", "--limits"]
    with ServerProcess("digital_twins", arguments, has_admin=True) as instance:
        limited = World(instance, world.broker, world.storage, world.identity, world.trust, world.trust_directory)
        limited.request("POST", "models", MODELS).raise_for_status()
        yield limited


def test_hot_twin_is_never_throttled_and_ends_at_the_newest(
    limited: World, worker: asyncio.Runner, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The instance takes ten changes a second of one twin. Nothing is tried again, so a single 429 would raise."""
    monkeypatch.setenv("DIGITAL_TWINS_URL", limited.instance.url)
    monkeypatch.setattr("shared.gateways.digital_twins.RETRIES", {"retry_total": 0})
    settings.cache_clear()
    limited.make("mote1", "dtmi:iot:Mote;1", path="mote1")

    async def hammer() -> None:
        for second in range(24):
            await update_twins(trigger_batch([sent("mote1", second, temperature=float(second))]))

    worker.run(hammer())

    assert limited.values("mote1")["temperature"] == 23


def test_many_new_assets_of_one_place_get_their_twins(
    limited: World, worker: asyncio.Runner, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Fifty creations a second, ten changes a second of the place: 429 tells to wait, and nothing is lost."""
    monkeypatch.setenv("DIGITAL_TWINS_URL", limited.instance.url)
    settings.cache_clear()
    batch = trigger_batch([sent(f"hall/mote{number}", 1, temperature=float(number)) for number in range(16)])

    worker.run(update_twins(batch))

    assert limited.relationships("hall") == {("contains", f"hall!mote{number}") for number in range(16)}
    assert [limited.values(f"hall!mote{number}")["temperature"] for number in range(16)] == list(range(16))
