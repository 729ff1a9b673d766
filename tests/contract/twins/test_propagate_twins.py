"""propagate_twins, fed with the graph's own events: places hold what they contain."""

import asyncio
import json
import logging
from collections.abc import Callable, Sequence
from datetime import timedelta
from typing import Any

import pytest

from functions.propagate_twins import propagate_twins
from functions.update_twins import update_twins
from shared.gateways.errors import Unavailable
from shared.telemetry.events import HubEvent
from tests.contract.twins.readings import sent
from tests.contract.twins.twin_events import TwinEvents, as_batch
from tests.contract.twins.world import PARTITIONS, Counter, World, faults
from tests.unit.functions.trigger_batches import Sent, trigger_batch

Propagate = Callable[[], int]


@pytest.fixture
def propagate(worker: asyncio.Runner, events: TwinEvents) -> Propagate:
    """Gives propagate_twins what the graph has told since last time; how many events that were."""

    async def give(partitions: Sequence[Sequence[HubEvent]]) -> None:
        await asyncio.gather(*(propagate_twins(as_batch(each)) for each in partitions))

    def waiting() -> int:
        partitions = events.new()
        worker.run(give(partitions))
        return sum(map(len, partitions))

    return waiting


def update(worker: asyncio.Runner, *messages: Sent) -> None:
    worker.run(update_twins(trigger_batch(messages)))


def aggregates(world: World, twin: str) -> dict[str, Any]:
    return {name: value for name, value in world.values(twin).items() if name != "path"}


def test_places_aggregate_all_that_they_contain(
    world: World, worker: asyncio.Runner, site: str, propagate: Propagate
) -> None:
    update(
        worker,
        sent(f"{site}/north/freezer1", 1, temperature=-4.0, humidity=10.0, door_open=True, status="warning"),
        sent(f"{site}/north/freezer2", 1, temperature=-6.0, door_open=True, status="ok"),
        sent(f"{site}/north/turbine1", 1, power=250.5),
        sent(f"{site}/south/mote1", 1, temperature=20.0, humidity=40.0),
        sent(f"{site}/turbine2", 1, power=100.25, status="critical"),
    )

    propagate()

    north: dict[str, Any] = {
        "temperatureAverage": -5,
        "temperatureMin": -6,
        "temperatureMax": -4,
        "temperatureCount": 2,
    }
    north |= {"humidityAverage": 10, "humidityCount": 1, "doorsOpen": 2, "powerSum": 250.5, "assetCount": 3}
    assert aggregates(world, f"{site}!north") == north | {"status": "warning"}
    whole = {"temperatureAverage": 10 / 3, "temperatureMin": -6, "temperatureMax": 20, "temperatureCount": 3}
    whole |= {"humidityAverage": 25, "humidityCount": 2, "doorsOpen": 2, "powerSum": 350.75, "assetCount": 5}
    assert aggregates(world, site) == whole | {"status": "critical"}


def test_own_updates_ask_for_nothing_more(
    world: World, worker: asyncio.Runner, site: str, propagate: Propagate
) -> None:
    update(worker, sent(f"{site}/a/b/c/mote1", 1, temperature=1.0))
    propagate()

    with Counter(world.instance, ["twins.*", "relationships.*"]) as requests:
        assert propagate() > 0, "the places' own updates are told as well"
        assert (requests["twins.*"], requests["relationships.*"]) == (0, 0)
    assert propagate() == 0
    assert aggregates(world, site)["temperatureMax"] == 1


def test_many_updates_of_one_place_are_one_patch(
    world: World, worker: asyncio.Runner, site: str, propagate: Propagate
) -> None:
    update(worker, *(sent(f"{site}/a/mote{number}", 1, temperature=1.0) for number in range(20)))

    with Counter(world.instance, ["twins.patch"]) as requests:
        propagate()
        assert requests["twins.patch"] <= 2 * PARTITIONS, "the site's and the area's, by each partition's worker"

    assert aggregates(world, site)["assetCount"] == 20


def test_backlog_of_children_seen_since_costs_no_request(
    world: World, worker: asyncio.Runner, site: str, propagate: Propagate, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("shared.consumers.propagation.MARGIN", timedelta(hours=-1))
    update(worker, sent(f"{site}/mote1", 1, temperature=1.0))
    propagate()
    update(worker, sent(f"{site}/mote1", 2, temperature=2.0))

    with Counter(world.instance, ["twins.*"]) as requests:
        propagate()
        assert requests["twins.*"] == 0


def test_place_forgets_a_child_that_is_taken_away(
    world: World, worker: asyncio.Runner, site: str, propagate: Propagate
) -> None:
    update(worker, sent(f"{site}/mote1", 1, temperature=1.0), sent(f"{site}/freezer1", 1, temperature=9.0, cycles=1))
    propagate()

    for source, target in ((site, f"{site}!freezer1"), (f"{site}!freezer1", site)):
        world.request("DELETE", f"digitaltwins/{source}/relationships/{target}").raise_for_status()
    world.request("DELETE", f"digitaltwins/{site}!freezer1").raise_for_status()
    propagate()

    assert aggregates(world, site)["temperatureMax"] == 1
    assert aggregates(world, site)["assetCount"] == 1


def test_relationships_in_one_direction_are_enough(
    world: World, worker: asyncio.Runner, site: str, propagate: Propagate
) -> None:
    world.make(site, "dtmi:iot:Site;1")
    for name, temperature in (("one", 3.0), ("two", 5.0)):
        world.make(f"{site}-{name}", "dtmi:iot:Mote;1", temperature=temperature)
    world.relate(site, "contains", f"{site}-one")
    world.relate(f"{site}-two", "isPartOf", site)

    propagate()

    assert aggregates(world, site)["temperatureAverage"] == 4


def test_circle_of_places_ends(
    world: World, worker: asyncio.Runner, site: str, propagate: Propagate, caplog: pytest.LogCaptureFixture
) -> None:
    for name in ("one", "two"):
        world.make(f"{site}-{name}", "dtmi:iot:Area;1")
    world.make(f"{site}-mote", "dtmi:iot:Mote;1", temperature=1.0)
    world.relate(f"{site}-one", "contains", f"{site}-two")
    world.relate(f"{site}-two", "contains", f"{site}-one")
    world.relate(f"{site}-two", "contains", f"{site}-mote")

    with caplog.at_level(logging.INFO, "iot-telemetry"):
        for _ in range(3):
            propagate()

    assert propagate() == 0, "nothing goes on by itself"
    fates = [json.loads(record.getMessage())["fates"] for record in caplog.records if record.name == "iot-telemetry"]
    assert any("in-a-circle" in each for each in fates)


def test_place_without_the_properties_keeps_the_others_going(
    world: World, worker: asyncio.Runner, site: str, propagate: Propagate
) -> None:
    """A place of a model that lacks some of what the registry aggregates."""
    world.make(site, "dtmi:iot:Mote;1")
    world.make(f"{site}-area", "dtmi:iot:Area;1")
    world.make(f"{site}-mote", "dtmi:iot:Mote;1", temperature=1.0)
    world.relate(f"{site}-area", "contains", f"{site}-mote")
    world.relate(f"{site}-mote", "isPartOf", f"{site}-area")

    propagate()

    assert aggregates(world, f"{site}-area") == {
        "assetCount": 1,
        "temperatureAverage": 1,
        "temperatureMin": 1,
        "temperatureMax": 1,
        "temperatureCount": 1,
    }


@pytest.mark.parametrize("status", [401, 404, 503])
def test_outage_raises_and_the_same_batch_then_does_it(
    world: World,
    worker: asyncio.Runner,
    events: TwinEvents,
    site: str,
    status: int,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("shared.gateways.digital_twins.RETRIES", {"retry_total": 0})
    update(worker, sent(f"{site}/mote1", 1, temperature=1.0))
    batches = [as_batch(each) for each in events.new()]
    rule = {"match": "twins.patch", "action": "status", "status": status}

    async def all_at_once() -> None:
        await asyncio.gather(*map(propagate_twins, batches))

    with faults(world.instance, rule), pytest.raises(Unavailable):
        worker.run(all_at_once())
    worker.run(all_at_once())

    assert aggregates(world, site)["temperatureMax"] == 1


def test_event_that_is_no_twins_is_dead_lettered(world: World, worker: asyncio.Runner, site: str) -> None:
    kind = {"cloudEvents:type": "Microsoft.DigitalTwins.Twin.Update", "cloudEvents:subject": site}
    other = {"cloudEvents:type": "microsoft.iot.telemetry", "cloudEvents:subject": site}
    worker.run(
        propagate_twins(trigger_batch([Sent(b"{", None, kind), Sent(b"[]", None, kind), Sent(b"{", None, other)]))
    )

    letters = [letter for letter in world.letters_of("propagate").values() if site in str(letter["properties"])]
    assert [letter["reason"] for letter in letters] == ["not-twin-event"] * 2
