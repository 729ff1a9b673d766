"""Digital Twins: one twin for each device, in areas and sites of so many children as were measured."""

import math
from dataclasses import dataclass

from operations.size.facts import TWINS_MEASURED_BY, Measured, Prices
from operations.size.fleet import HEADROOM, SECONDS_A_MONTH, Load
from operations.size.partitions import FEWEST
from operations.size.parts import Charge, Figure, Part, Use
from shared.twins.pacing import OF_PLACES, OF_READINGS

TWINS = "https://learn.microsoft.com/azure/digital-twins/reference-service-limits"
MOST_TWINS = 2_000_000
INSTANCES_IN_A_REGION = 10
"""Of one subscription; on request 50."""
MOST_PATCHES, MOST_READS = 1_000, 1_000
_CHILD_S_LINKS = 2
"""propagate_twins asks for the relationships of a changed twin, both ways, before it goes up."""


@dataclass(frozen=True, slots=True)
class Work:
    """What the functions ask of the instance, a second. `places` is how often a place is made anew."""

    updates: float
    places: float
    reads: float

    @property
    def patches(self) -> float:
        return self.updates + self.places


def work(load: Load, measured: Measured) -> Work:
    """Each asset in a batch is read, and patched when it has changed; each change goes up to its area and its site.

    A place is made anew at most once a second for each partition of the hub, whatever changes below it.
    """
    if not load.changed:
        return Work(0, 0, 0)
    looked_at = min(load.messages, float(load.devices))
    updates = min(load.messages * load.changed, float(load.devices))
    places, below = 0.0, float(load.devices)
    for _ in range(measured.levels):
        below /= measured.children
        places += min(updates, math.ceil(below) * FEWEST)
    reads = looked_at * measured.update_reads + updates * _CHILD_S_LINKS + places * measured.place_reads(_CHILD_S_LINKS)
    return Work(updates, places, reads)


def digital_twins(load: Load, measured: Measured, prices: Prices) -> Part:
    asked = work(load, measured)
    operations = asked.reads + asked.patches
    messages = asked.patches * (1 + load.readings)
    return Part(
        "Digital Twins",
        (
            Figure("twins", load.devices if load.changed else 0, "operations/size/twins.py"),
            Figure("patches/s", asked.patches, TWINS_MEASURED_BY),
            Figure("reads/s", asked.reads, TWINS_MEASURED_BY),
            Figure("operations/s", operations, TWINS_MEASURED_BY),
        ),
        (
            Charge("operations", operations * SECONDS_A_MONTH / 1e6, prices["twinOperations"]),
            Charge("messages to the hubs", messages * SECONDS_A_MONTH / 1e6, prices["twinMessages"]),
        ),
        (
            Use("twins of an instance", load.devices if load.changed else 0, MOST_TWINS, TWINS),
            Use("patches/s, update_twins' share", asked.updates / HEADROOM, MOST_PATCHES * OF_READINGS, TWINS),
            Use("patches/s, propagate_twins' share", asked.places / HEADROOM, MOST_PATCHES * OF_PLACES, TWINS),
            Use("reads/s of an instance", asked.reads / HEADROOM, MOST_READS, TWINS),
        ),
    )
