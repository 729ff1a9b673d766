"""update_twins, called as the worker calls it, on the real SDK and the local Digital Twins."""

import asyncio
import itertools
import json
import logging
from collections.abc import Mapping
from typing import Any

import pytest
from typer.testing import CliRunner

from functions.update_twins import update_twins
from operations.__main__ import app as operations
from shared.gateways.errors import Unavailable
from shared.settings import settings as app_settings
from tests.contract.twins.readings import at, sent
from tests.contract.twins.world import Counter, World, faults
from tests.unit.functions.trigger_batches import Sent, trigger_batch

command = CliRunner()
_sequence = itertools.count(10_000)


def test_twin_is_made_from_its_kind_with_the_places_above_it(world: World, worker: asyncio.Runner, site: str) -> None:
    worker.run(update_twins(trigger_batch([sent(f"{site}/north/freezer1", 1, temperature=-4.4, door_open=False)])))

    twin = world.twin(f"{site}!north!freezer1")
    assert twin is not None
    assert (twin["temperature"], twin["door_open"]) == (-4.4, False)
    assert (twin["path"], twin["$metadata"]["$model"]) == (f"{site}/north/freezer1", "dtmi:iot:Freezer;1")
    assert twin["$metadata"]["temperature"]["sourceTime"] == at(1)[:19] + ".1230000Z"
    assert world.relationships(site) == {("contains", f"{site}!north")}
    assert world.relationships(f"{site}!north") == {("contains", f"{site}!north!freezer1"), ("isPartOf", site)}
    assert world.relationships(f"{site}!north!freezer1") == {("isPartOf", f"{site}!north")}
    models = [(world.twin(each) or {})["$metadata"]["$model"] for each in (site, f"{site}!north")]
    assert models == ["dtmi:iot:Site;1", "dtmi:iot:Area;1"]


def outcome(caplog: pytest.LogCaptureFixture) -> dict[str, Any]:
    """The last invocation's line in the log."""
    lines = [record.getMessage() for record in caplog.records if record.name == "iot-telemetry"]
    found: dict[str, Any] = json.loads(lines[-1])
    return found


@pytest.fixture(autouse=True)
def log(caplog: pytest.LogCaptureFixture) -> pytest.LogCaptureFixture:
    caplog.set_level(logging.INFO, "iot-telemetry")
    return caplog


def test_one_patch_for_a_twin_holds_the_newest_value_of_each_tag(
    world: World, worker: asyncio.Runner, site: str, log: pytest.LogCaptureFixture
) -> None:
    mote, freezer = f"{site}/mote1", f"{site}/freezer1"
    batch = [sent(mote, second, temperature=second, humidity=second / 2) for second in (3, 9, 5)]
    batch += [sent(mote, 20, humidity=7.5), sent(freezer, 1, temperature=1.0)]

    with Counter(world.instance, ["twins.patch"]) as requests:
        worker.run(update_twins(trigger_batch(batch)))
        assert requests["twins.patch"] == 2

    assert world.values(f"{site}!mote1") == {"path": mote, "temperature": 9, "humidity": 7.5}
    assert outcome(log)["fates"] == {"coalesced": 5, "sent": 3}
    assert (outcome(log)["received"], outcome(log)["updated"], outcome(log)["deadLettered"]) == (5, 5, {})


def test_batch_given_again_sends_nothing(
    world: World, worker: asyncio.Runner, site: str, log: pytest.LogCaptureFixture
) -> None:
    batch = trigger_batch([sent(f"{site}/mote1", 3, temperature=1.5)])
    worker.run(update_twins(batch))

    with Counter(world.instance, ["twins.patch", "twins.put"]) as requests:
        worker.run(update_twins(batch))
        assert (requests["twins.patch"], requests["twins.put"]) == (0, 0)

    assert outcome(log)["fates"] == {"already-held": 1}


def test_older_and_clock_ahead_values_are_dropped_and_counted(
    world: World, worker: asyncio.Runner, site: str, log: pytest.LogCaptureFixture
) -> None:
    mote = f"{site}/mote1"
    worker.run(update_twins(trigger_batch([sent(mote, 50, temperature=1.5)])))

    ahead = sent(mote, 3600 + 301, temperature=99.0)
    worker.run(update_twins(trigger_batch([sent(mote, 40, temperature=7.0), ahead])))
    assert outcome(log)["fates"] == {"clock-ahead": 1, "older": 1}
    almost = sent(mote, 3600 + 299, temperature=2.5)
    worker.run(update_twins(trigger_batch([almost])))

    assert world.values(f"{site}!mote1")["temperature"] == 2.5


def test_only_the_readings_that_are_ahead_are_dropped(world: World, worker: asyncio.Runner, site: str) -> None:
    body = {
        "temperature": {"SourceTimestamp": "2099-01-01T00:00:00Z", "Value": 99.0},
        "humidity": {"SourceTimestamp": at(1), "Value": 40.0},
    }
    worker.run(update_twins(trigger_batch([Sent(json.dumps(body).encode(), f"{site}/mote1")])))

    assert world.values(f"{site}!mote1") == {"path": f"{site}/mote1", "humidity": 40}


def test_values_within_the_deadband_are_not_sent(
    world: World, worker: asyncio.Runner, site: str, log: pytest.LogCaptureFixture
) -> None:
    freezer = f"{site}/freezer1"
    worker.run(update_twins(trigger_batch([sent(freezer, 1, temperature=-4.0, cycles=1)])))

    worker.run(update_twins(trigger_batch([sent(freezer, 2, temperature=-4.04, cycles=2)])))
    assert outcome(log)["fates"] == {"sent": 1, "within-deadband": 1}
    assert world.values(f"{site}!freezer1")["temperature"] == -4
    worker.run(update_twins(trigger_batch([sent(freezer, 3, temperature=-4.06)])))

    assert world.values(f"{site}!freezer1")["temperature"] == -4.06


def test_nothing_older_follows_a_value_within_the_deadband(world: World, worker: asyncio.Runner, site: str) -> None:
    for second, value in ((1, -4.0), (9, -4.01), (5, 20.0)):
        worker.run(update_twins(trigger_batch([sent(f"{site}/freezer1", second, temperature=value)])))

    assert world.values(f"{site}!freezer1")["temperature"] == -4


def test_unknown_tags_and_mismatches_are_skipped_and_the_rest_is_sent(
    world: World, worker: asyncio.Runner, site: str, log: pytest.LogCaptureFixture
) -> None:
    values: Mapping[str, Any] = {
        "temperature": "warm",
        "humidity": 10**300,
        "cycles": 2**63,
        "door_open": 1,
        "status": "exploded",
        "x" * 600: 1,
        "temp °C/~1$metadata": 2,
        "$dtId": "other",
        "_": True,
    }
    huge = sent(f"{site}/freezer1", 2, status="x" * 100_000)

    worker.run(update_twins(trigger_batch([sent(f"{site}/freezer1", 1, **values), huge])))

    assert world.values(f"{site}!freezer1") == {"path": f"{site}/freezer1", "humidity": 1e300}
    assert outcome(log)["fates"] == {"schema-mismatch": 5, "sent": 1, "unknown-tag": 4}
    assert outcome(log)["updated"] == 2


def test_nan_and_rubbish_are_left_to_store(
    world: World, worker: asyncio.Runner, site: str, log: pytest.LogCaptureFixture
) -> None:
    bad = [Sent(b'{"temperature": NaN}', f"{site}/mote1"), Sent(b"{", f"{site}/mote1")]

    worker.run(update_twins(trigger_batch([*bad, sent(f"{site}/mote1", 1, temperature=1.0)])))

    assert (outcome(log)["passed"], outcome(log)["updated"]) == (2, 1)
    assert world.letters(f"{site}/mote1") == []


def test_property_that_the_model_lacks_is_refused_alone(
    world: World, worker: asyncio.Runner, site: str, log: pytest.LogCaptureFixture
) -> None:
    """The registry may know more than the model that is there."""
    world.make(f"{site}!freezer1", "dtmi:iot:Mote;1")
    batch = [sent(f"{site}/freezer1", 1, temperature=1.5, cycles=4, humidity=3.5, door_open=True)]

    worker.run(update_twins(trigger_batch(batch)))

    assert world.values(f"{site}!freezer1") == {"temperature": 1.5, "humidity": 3.5}
    assert outcome(log)["fates"] == {"refused": 2, "sent": 2}
    assert outcome(log)["deadLettered"] == {}


def test_missing_twin_is_dead_lettered_when_none_is_to_be_made(
    world: World, site: str, worker: asyncio.Runner, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TWIN_AUTO_PROVISION", "false")
    app_settings.cache_clear()
    world.make(f"{site}!mote2", "dtmi:iot:Mote;1")
    batch = [sent(f"{site}/mote1", 1, temperature=1.0), sent(f"{site}/mote2", 1, temperature=2.0)]

    worker.run(update_twins(trigger_batch(batch)))

    assert world.twin(f"{site}!mote1") is None
    assert world.values(f"{site}!mote2") == {"temperature": 2}
    (letter,) = world.letters(f"{site}/mote1")
    assert (letter["consumer"], letter["reason"]) == ("twins", "no-twin")
    assert letter["eventId"]


def test_twin_whose_model_was_deleted_is_dead_lettered_and_the_others_go_on(
    world: World, worker: asyncio.Runner, site: str
) -> None:
    model = f"dtmi:iot:Passing{site};1"
    schema = {
        "@context": "dtmi:dtdl:context;3",
        "@id": model,
        "@type": "Interface",
        "contents": [{"@type": "Property", "name": "temperature", "schema": "double"}],
    }
    world.request("POST", "models", [schema]).raise_for_status()
    world.make(f"{site}!mote1", model)
    world.request("DELETE", f"models/{model}").raise_for_status()
    batch = [sent(f"{site}/mote1", 1, temperature=1.0), sent(f"{site}/mote2", 1, temperature=2.0)]

    worker.run(update_twins(trigger_batch(batch)))

    assert [letter["reason"] for letter in world.letters(f"{site}/mote1")] == ["twin-refused"]
    assert world.values(f"{site}!mote2")["temperature"] == 2


@pytest.mark.parametrize("operation", ["twins.get", "twins.patch", "twins.put", "relationships.put"])
def test_throttled_requests_wait_as_asked_and_are_tried_again(
    world: World, worker: asyncio.Runner, site: str, operation: str
) -> None:
    rule = {"match": operation, "action": "status", "status": 429, "retryAfterMs": 50, "count": 1}

    with faults(world.instance, rule):
        worker.run(update_twins(trigger_batch([sent(f"{site}/mote1", 1, temperature=1.0)])))

    assert world.values(f"{site}!mote1")["temperature"] == 1


@pytest.mark.parametrize("status", [401, 403, 404, 500, 503])
@pytest.mark.parametrize("operation", ["twins.get", "twins.patch", "twins.put", "relationships.put"])
def test_what_is_not_the_datas_fault_raises_and_nothing_is_dead_lettered(
    world: World, worker: asyncio.Runner, site: str, operation: str, status: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("shared.gateways.digital_twins.RETRIES", {"retry_total": 0})
    batch = trigger_batch([sent(f"{site}/mote1", 1, temperature=1.0)])
    rule = {"match": operation, "action": "status", "status": status, "retryAfterMs": 1}

    with faults(world.instance, rule), pytest.raises(Unavailable):
        worker.run(update_twins(batch))
    worker.run(update_twins(batch))

    assert world.values(f"{site}!mote1") == {"path": f"{site}/mote1", "temperature": 1}
    assert world.relationships(f"{site}!mote1") == {("isPartOf", site)}
    assert world.letters(f"{site}/mote1") == []


def test_twin_that_others_change_meanwhile_is_read_again(world: World, worker: asyncio.Runner, site: str) -> None:
    """Two workers with the same twin: neither loses what the other writes, and the newest stays."""
    mote = f"{site}/mote1"
    batches = [
        trigger_batch(
            [sent(mote, second, temperature=float(second), humidity=float(100 - second))], partition=str(lane)
        )
        for lane, second in enumerate((4, 2, 5, 1, 3))
    ]

    async def all_at_once() -> None:
        await asyncio.gather(*map(update_twins, batches))

    worker.run(all_at_once())

    assert world.values(f"{site}!mote1") == {"path": mote, "temperature": 5, "humidity": 95}


def test_twin_that_only_this_worker_writes_is_read_once(world: World, worker: asyncio.Runner, site: str) -> None:
    worker.run(update_twins(trigger_batch([sent(f"{site}/mote1", 0, temperature=0.0)])))

    with Counter(world.instance, ["twins.get", "twins.patch"]) as requests:
        for second in (1, 2, 3):
            worker.run(update_twins(trigger_batch([sent(f"{site}/mote1", second, temperature=float(second))])))
        assert (requests["twins.get"], requests["twins.patch"]) == (0, 3)

    assert world.values(f"{site}!mote1")["temperature"] == 3


def test_what_others_have_done_to_a_known_twin_is_seen(world: World, worker: asyncio.Runner, site: str) -> None:
    """Another worker has sent something newer, or the twin was deleted and made again, since this one knew it."""
    mote = f"{site}!mote1"
    worker.run(update_twins(trigger_batch([sent(f"{site}/mote1", 1, temperature=1.0)])))
    newer = [
        {"op": "add", "path": "/temperature", "value": 9.0},
        {"op": "add", "path": "/$metadata/temperature/sourceTime", "value": at(9)},
    ]
    world.request("PATCH", f"digitaltwins/{mote}", newer).raise_for_status()
    worker.run(update_twins(trigger_batch([sent(f"{site}/mote1", 5, temperature=5.0)])))
    assert world.values(mote)["temperature"] == 9

    for source, target in ((site, mote), (mote, site)):
        world.request("DELETE", f"digitaltwins/{source}/relationships/{target}").raise_for_status()
    world.request("DELETE", f"digitaltwins/{mote}").raise_for_status()
    worker.run(update_twins(trigger_batch([sent(f"{site}/mote1", 5, temperature=5.0)])))
    assert world.values(mote) == {"path": f"{site}/mote1", "temperature": 5}
    assert world.relationships(site) == {("contains", mote)}


def test_half_made_twin_is_tied_by_the_next_batch(
    world: World, worker: asyncio.Runner, site: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("shared.gateways.digital_twins.RETRIES", {"retry_total": 0})
    batch = trigger_batch([sent(f"{site}/north/mote1", 1, temperature=1.0)])
    for operation in ("twins.put", "relationships.put", "twins.patch"):
        for left in range(3):
            skipping = {"match": operation, "action": "delay", "delayMs": 0, "count": left}
            with faults(world.instance, skipping, {"match": operation, "action": "reset"}):
                try:
                    worker.run(update_twins(batch))
                except Unavailable:
                    continue

    worker.run(update_twins(batch))

    assert world.relationships(site) == {("contains", f"{site}!north")}
    assert world.relationships(f"{site}!north") == {("contains", f"{site}!north!mote1"), ("isPartOf", site)}
    assert world.relationships(f"{site}!north!mote1") == {("isPartOf", f"{site}!north")}


def test_place_that_was_deleted_is_made_again_for_the_next_asset(
    world: World, worker: asyncio.Runner, site: str
) -> None:
    worker.run(update_twins(trigger_batch([sent(f"{site}/mote1", 1, temperature=1.0)])))
    world.request("DELETE", f"digitaltwins/{site}/relationships/{site}!mote1").raise_for_status()
    world.request("DELETE", f"digitaltwins/{site}!mote1/relationships/{site}").raise_for_status()
    world.request("DELETE", f"digitaltwins/{site}").raise_for_status()

    worker.run(update_twins(trigger_batch([sent(f"{site}/mote2", 1, temperature=1.0)])))

    assert world.relationships(site) == {("contains", f"{site}!mote2")}


def test_asset_whose_path_is_also_a_place_keeps_its_own_values(
    world: World, worker: asyncio.Runner, site: str, log: pytest.LogCaptureFixture
) -> None:
    """An asset is no place: what seems to lie in it gets its values, and no place."""
    worker.run(update_twins(trigger_batch([sent(f"{site}/mote1", 1, temperature=1.0)])))
    worker.run(update_twins(trigger_batch([sent(f"{site}/mote1/mote2", 1, temperature=2.0)])))

    assert world.values(f"{site}!mote1!mote2") == {"temperature": 2}
    assert outcome(log)["unattached"] == 1


def test_letter_is_replayed_into_the_twin_once_there_may_be_one(
    world: World, worker: asyncio.Runner, site: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TWIN_AUTO_PROVISION", "false")
    app_settings.cache_clear()
    worker.run(update_twins(trigger_batch([sent(f"{site}/mote1", 1, temperature=1.0)], first=next(_sequence))))
    name = world.letter_names(f"{site}/mote1")[0]

    assert command.invoke(operations, ["dead-letters", "replay", name]).exit_code == 1
    monkeypatch.setenv("TWIN_AUTO_PROVISION", "true")
    result = command.invoke(operations, ["dead-letters", "replay", name])

    assert "1 replayed, 0 still dead" in result.output
    assert world.values(f"{site}!mote1")["temperature"] == 1
    assert world.letters(f"{site}/mote1")[0]["replayedAt"]
