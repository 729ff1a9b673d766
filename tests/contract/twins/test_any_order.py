"""Whatever the order and number of arrivals, and whatever is throttled, cut off or killed: the graph is the same.

The second graph of each story is built from the sorted readings, once, with nothing in the way.
"""

import asyncio
import itertools
import random
from collections.abc import Sequence
from typing import Any

import pytest
from azure.functions import EventHubEvent
from hypothesis import HealthCheck, Phase, given, settings

import shared.gateways.worker
from functions.propagate_twins import propagate_twins
from functions.update_twins import update_twins
from shared.gateways.errors import Unavailable
from shared.telemetry.events import HubEvent
from shared.twins.identifiers import twin_id
from shared.twins.memory import memory_of
from tests.contract.twins.stories import ASSETS, HICCUPS, Story, Told, expected_graph, stories
from tests.contract.twins.twin_events import TwinEvents, as_batch
from tests.contract.twins.world import World, faults
from tests.unit.functions.trigger_batches import trigger_batch

_numbers = itertools.count()


class Lane:
    """One partition's batches for one function, delivered as the host does: the next one after this one is done."""

    def __init__(self, function: Any, batches: Sequence[list[EventHubEvent]]) -> None:
        self._function = function
        self._left = list(batches)

    async def deliver(self) -> None:
        while self._left:
            try:
                await self._function(self._left[0])
            except Unavailable:
                continue
            del self._left[0]


async def kill_worker() -> None:
    """What a worker knows ends with it; only its connections are closed, so that nothing leaks into other tests."""
    await shared.gateways.worker.gateways().close()
    shared.gateways.worker._of_loop.clear()
    memory_of.cache_clear()


async def deliver_all(lanes: Sequence[Lane], kills: Sequence[int]) -> None:
    """Delivers everything, side by side; the worker is killed so many hundredths of a second after each start."""
    for kill in kills:
        delivering = asyncio.gather(*(lane.deliver() for lane in lanes))
        done, _ = await asyncio.wait([delivering], timeout=kill / 100)
        if not done:
            delivering.cancel()
            await asyncio.gather(delivering, return_exceptions=True)
            await kill_worker()
    await asyncio.gather(*(lane.deliver() for lane in lanes))


def lanes_of(site: str, arrivals: Sequence[Sequence[Sequence[Told]]]) -> list[Lane]:
    lanes = []
    for number, batches in enumerate(arrivals):
        messages = [[told.message(site) for told in batch] for batch in batches]
        lanes.append(Lane(update_twins, [trigger_batch(batch, partition=str(number)) for batch in messages]))
    return lanes


def propagating(partitions: Sequence[Sequence[HubEvent]]) -> list[Lane]:
    """The graph's events in batches of a few."""
    return [
        Lane(propagate_twins, [as_batch(events[start : start + 5]) for start in range(0, len(events), 5)])
        for events in partitions
    ]


async def play(world: World, events: TwinEvents, site: str, story: Story) -> None:
    """The story as it arrives: in the middle of the updates the places are made anew for what has come by then."""
    rules = [HICCUPS[name] for name in story.hiccups]
    halves = [[batches[: len(batches) // 2], batches[len(batches) // 2 :]] for batches in story.arrivals]
    with faults(world.instance, *rules):
        await deliver_all(lanes_of(site, [first for first, _ in halves]), story.worker_kills)
    early = await asyncio.to_thread(events.new)
    with faults(world.instance, *rules):
        later = [*lanes_of(site, [second for _, second in halves]), *propagating(early)]
        if story.is_instance_killed:
            await asyncio.gather(deliver_all(later, story.worker_kills), asyncio.to_thread(world.instance.restart))
        else:
            await deliver_all(later, story.worker_kills)
    late = await asyncio.to_thread(events.new)
    again = [random.Random(site).sample(partition, len(partition)) for partition in early]
    await deliver_all(propagating([*late, *again]), story.worker_kills)
    assert not [event for batch in await asyncio.to_thread(events.new) for event in batch if _asks(event)]


def _asks(event: HubEvent) -> bool:
    """Whether propagate_twins has something to do for it: for the updates of places it has not."""
    return b'"dtmi:iot:Site;1"' not in event.body and b'"dtmi:iot:Area;1"' not in event.body


async def play_sorted(events: TwinEvents, site: str, readings: Sequence[Told]) -> None:
    await deliver_all(lanes_of(site, [[sorted(readings, key=Told.in_order)]]), [])
    await deliver_all(propagating(await asyncio.to_thread(events.new)), [])


def graph(world: World, site: str) -> dict[str, Any]:
    """Every twin of a site: values, source times and relationships, without what names the site or a moment."""
    found: dict[str, Any] = {}
    for twin in ("", "north", "south", *map(twin_id, ASSETS)):
        name = f"{site}!{twin}" if twin else site
        document = world.twin(name)
        if document is None:
            continue
        metadata = {
            key: value.get("sourceTime") for key, value in document["$metadata"].items() if isinstance(value, dict)
        }
        values = {key: value for key, value in document.items() if not key.startswith("$") and key != "path"}
        metadata.pop("path", None)
        links = {(kind, target.removeprefix(site)) for kind, target in world.relationships(name)}
        found[twin] = values, metadata, links
    return found


@pytest.mark.timeout(600)
@settings(
    max_examples=6,
    phases=[Phase.reuse, Phase.generate],
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(stories())
def test_graph_is_that_of_the_sorted_readings(
    world: World, worker: asyncio.Runner, events: TwinEvents, story: Story
) -> None:
    site, quiet = (f"story{next(_numbers)}" for _ in range(2))

    worker.run(play(world, events, site, story))
    worker.run(play_sorted(events, quiet, story.readings))

    assert graph(world, site) == graph(world, quiet)
    wanted = expected_graph(story.readings)
    assert {name: pytest.approx(values) for name, values in wanted.items()} == {
        name: values for name, (values, _, _) in graph(world, site).items()
    }
