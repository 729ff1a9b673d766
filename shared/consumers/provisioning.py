"""Making the twin of an asset that has none, and the places above it.

A twin is made bare, then tied to its place, and given its `path` with its first values. So a twin of its kind's model
without a path is one whose maker was killed half-way, and whoever reads it next ties it.
"""

import asyncio
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from shared.gateways.digital_twins import Link, TwinMissing, TwinRefused
from shared.gateways.errors import Unavailable
from shared.telemetry.events import Reason, Rejected
from shared.twins.identifiers import places_above, twin_id
from shared.twins.registry import Kind, Registry
from shared.twins.twin_events import CONTAINS, IS_PART_OF

if TYPE_CHECKING:
    from shared.gateways.digital_twins import TwinGraph
    from shared.twins.memory import TwinMemory

PATH = "path"
_TRIES = 3


class Provisioner:
    """Makes twins and ties them. Raises Unavailable."""

    def __init__(self, graph: "TwinGraph", registry: Registry, memory: "TwinMemory") -> None:
        self._graph = graph
        self._registry = registry
        self._memory = memory
        self._making = asyncio.Lock()

    async def make(self, asset: str, kind: Kind) -> None:
        """Raises Rejected when Digital Twins does not take the kind's model."""
        try:
            await self._graph.create(twin_id(asset), kind.model, {})
        except TwinRefused as refusal:
            raise Rejected(Reason.TWIN_REFUSED, f"no twin of {kind.model} can be made: {refusal}") from refusal

    def is_loose(self, twin: Mapping[str, Any], kind: Kind | None) -> bool:
        """Whether the twin was made here and not yet tied."""
        return kind is not None and PATH not in twin and twin["$metadata"]["$model"] == kind.model

    async def attach(self, asset: str) -> bool:
        """Ties a twin to its place, and the places to one another. False when Digital Twins refused a part of it."""
        places = places_above(asset)
        for _ in range(_TRIES):
            try:
                async with self._making:
                    await self._make_places(places)
                if places:
                    await self._tie(places[-1], asset)
            except TwinRefused:
                return False
            except TwinMissing:  # a place that this worker knew was deleted
                self._memory.places.clear()
            else:
                return True
        raise Unavailable("Digital Twins", TimeoutError(f"the places above {asset!r} are deleted time and again"))

    async def _make_places(self, places: list[str]) -> None:
        models = self._registry.places
        for depth, place in enumerate(places):
            if place in self._memory.places:
                continue
            await self._graph.create(twin_id(place), models.area if depth else models.site, {PATH: place})
            if depth:
                await self._tie(places[depth - 1], place)
            self._memory.places.add(place)

    async def _tie(self, place: str, below: str) -> None:
        await self._graph.relate(Link(twin_id(place), CONTAINS, twin_id(below)))
        await self._graph.relate(Link(twin_id(below), IS_PART_OF, twin_id(place)))
