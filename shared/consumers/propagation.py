"""propagate: twin-events hub → the places above the twins that have changed."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from datetime import timedelta
from typing import TYPE_CHECKING

from shared.consumers.concurrency import with_each
from shared.consumers.outcomes import lag
from shared.consumers.twin_outcomes import TwinOutcome
from shared.dead_letters.letters import PROPAGATE, letter_of_rejection
from shared.gateways.digital_twins import Link, TwinChanged, TwinMissing, TwinRefused
from shared.gateways.errors import Unavailable
from shared.telemetry.events import HubEvent, Rejected, Rejection
from shared.telemetry.timestamps import canonical, moment
from shared.twins.aggregation import aggregates, children_first, place_operations
from shared.twins.registry import registry
from shared.twins.twin_events import CONTAINS, IS_PART_OF, ChildChanged, PlaceChanged, read_event
from shared.twins.values import source_time

if TYPE_CHECKING:
    from shared.gateways.digital_twins import Document
    from shared.gateways.worker import Gateways

MAX_TRIES = 50
MARGIN = timedelta(seconds=1)
"""How far an event's time may be before that of the update it tells of."""


async def propagate_twins(events: Sequence[HubEvent], at: "Gateways") -> TwinOutcome:
    """Makes the places anew that a batch of the twin graph's own events asks for.

    Raises Unavailable, and then the same batch is to be given again.
    """
    outcome = TwinOutcome("propagate_twins", messages=len(events), received=len(events))
    outcome.lag_seconds = lag(event.enqueued_time for event in events)
    changes: list[ChildChanged | PlaceChanged] = []
    rejections: list[Rejection] = []
    for event in events:
        try:
            change = read_event(event, registry())
        except Rejected as why:
            rejections.append(Rejection(event, 0, why.reason, why.detail, None, None, None, whole=True))
            continue
        if change is None:
            outcome.passed += 1
        else:
            changes.append(change)
    partition = events[0].partition if events else ""
    outcome.fates.update(await Propagation(at, partition).run(changes))
    await at.letter_box.put([letter_of_rejection(PROPAGATE, rejection) for rejection in rejections])
    outcome.updated = len(changes)
    outcome.dead_lettered.update(rejection.reason for rejection in rejections)
    return outcome


class Propagation:
    """One batch's way up the graph: every place above a change is made anew, once, after those below it."""

    def __init__(self, at: "Gateways", partition: str) -> None:
        self._graph = at.twins
        self._memory = at.twin_memory
        self._lane = ("propagate", partition)
        self._seen: dict[tuple[str, str], str] = {}
        """When a child was last changed, as its place saw it: (place, child) → time."""

    async def run(self, changes: Iterable[ChildChanged | PlaceChanged]) -> Counter[str]:
        """What became of the places. A child that this worker has seen since its event is not looked at again."""
        given = list(changes)
        children = {each.twin for each in given if isinstance(each, ChildChanged) and not self._has_seen(each)}
        above = await self._above(children)
        places = {each.place for each in given if isinstance(each, PlaceChanged)}.union(*above.values())
        steps, circling = children_first(await self._closure(places))
        fates = Counter({"in-a-circle": len(circling)} if circling else {})
        for step in steps:
            for result in await with_each(step, self._make_anew):
                fates.update(result)
        self._remember(above)
        return fates

    def _has_seen(self, change: ChildChanged) -> bool:
        """Whether the places above hold what the twin was after this change. Of events before its time it can't say."""
        return self._memory.since < change.time < self._memory.aggregated.of(change.twin)

    async def _above(self, twins: Iterable[str]) -> dict[str, set[str]]:
        """For each twin the places that contain it."""
        ordered = sorted(twins)
        return dict(zip(ordered, await with_each(ordered, self._places_of), strict=True))

    async def _places_of(self, twin: str) -> set[str]:
        links = await self._links(twin)
        found = {link.source for link in links if link.name == CONTAINS and link.target == twin}
        found |= {link.target for link in links if link.name == IS_PART_OF and link.source == twin}
        return found - {twin}

    async def _links(self, twin: str) -> list[Link]:
        """None of a twin that Digital Twins does not even look for."""
        try:
            return await self._graph.links(twin, (CONTAINS, IS_PART_OF))
        except TwinRefused:
            return []

    async def _closure(self, places: set[str]) -> Mapping[str, set[str]]:
        """These places and all above them, each with those right above it."""
        known: dict[str, set[str]] = {}
        new = places
        while new:
            known |= await self._above(new)
            new = set().union(*(known[place] for place in new)) - known.keys()
        return known

    async def _make_anew(self, place: str) -> Counter[str]:
        """Makes a place's properties those of its children, read by id, until nothing is left to change.

        It is looked at once more after each patch: another worker that saw it right before the patch, and later
        children than this one, had nothing to do.
        """
        fates: Counter[str] = Counter()
        names = list(registry().aggregates)
        for _ in range(MAX_TRIES):
            try:
                twin = await self._graph.get(place)
                if twin["$metadata"]["$model"] not in registry().place_models:
                    return Counter({"no-place": 1})
                wanted = aggregates(await self._children(place), registry())
                operations = place_operations(twin, wanted, names)
                if not operations:
                    return fates or Counter({"unchanged": 1})
                names = await self._patch(twin, operations, names, fates)
            except (TwinMissing, TwinRefused):
                return Counter({"gone": 1})
            except TwinChanged:
                continue
        raise Unavailable("Digital Twins", TimeoutError(f"others change twin {place} time and again"))

    async def _patch(
        self, twin: "Document", operations: list[dict[str, str]], names: list[str], fates: Counter[str]
    ) -> list[str]:
        """The names that are still to be looked at: a property that the place's model does not have is let go."""
        try:
            await self._graph.patch(twin, operations, self._lane)
        except TwinRefused:
            if len(operations) > 1:
                return await self._patch(twin, operations[: len(operations) // 2], names, fates)
            fates["refused"] += 1
            refused = operations[0]["path"].removeprefix("/")
            return [name for name in names if name != refused]
        fates["sent"] += len(operations)
        return names

    async def _children(self, place: str) -> list["Document"]:
        links = await self._links(place)
        ids = {link.target for link in links if link.name == CONTAINS and link.source == place}
        ids |= {link.source for link in links if link.name == IS_PART_OF and link.target == place}
        found = [child for child in await with_each(sorted(ids - {place}), self._child) if child is not None]
        for child in found:
            self._seen[place, child["$dtId"]] = str(child["$metadata"].get("$lastUpdateTime", ""))
        return found

    async def _child(self, twin: str) -> "Document | None":
        try:
            return await self._graph.get(twin)
        except (TwinMissing, TwinRefused):
            return None

    def _remember(self, above: Mapping[str, set[str]]) -> None:
        """Up to when each child's changes are in all places above it."""
        for twin, places in above.items():
            times = [self._seen.get((place, twin), "") for place in places]
            if times and all(times):
                until = moment(min(map(source_time, times))) - MARGIN
                self._memory.aggregated.note(twin, source_time(canonical(until)))
