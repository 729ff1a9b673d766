"""How fast a worker may patch: its lanes' shares of the instance's rate, and ten patches a second for one twin."""

from functools import lru_cache

from shared.topology import TELEMETRY_PARTITIONS, TWIN_EVENTS_PARTITIONS

PATCHES_OF_A_TWIN = 10
"""A second, of one twin (learn.microsoft.com, "Azure Digital Twins service limits")."""
OF_READINGS, OF_PLACES = 0.9, 0.1
"""Shares of the instance's rate that update_twins and propagate_twins take."""
_SPARE = 1.05
"""Turns are given a little further apart than they must be: requests don't arrive as evenly as they are sent."""
_MANY = 10_000


class Rates:
    """Gives each patch its turn. A lane is a partition of one of the two hubs that the functions read.

    Partitions are read one batch after the other, wherever: so the lanes of all workers together keep to
    `patches_per_second`. Times are seconds of any clock that only goes forward.
    """

    def __init__(self, patches_per_second: float, telemetry_partitions: int = TELEMETRY_PARTITIONS) -> None:
        self._intervals = {
            "update": _SPARE * telemetry_partitions / (OF_READINGS * patches_per_second),
            "propagate": _SPARE * TWIN_EVENTS_PARTITIONS / (OF_PLACES * patches_per_second),
        }
        self._lanes: dict[tuple[str, str], float] = {}
        self._twins: dict[str, float] = {}

    def reserve(self, twin: str, lane: tuple[str, str], now: float) -> float:
        """Seconds until this twin may be patched; nobody else gets that turn. A lane is (who, partition)."""
        turn = max(now, self._lanes.get(lane, now), self._twins.get(twin, now))
        self._lanes[lane] = turn + self._intervals[lane[0]]
        self._twins[twin] = turn + _SPARE / PATCHES_OF_A_TWIN
        if len(self._twins) > _MANY:
            self._twins = {each: until for each, until in self._twins.items() if until > now}
        return turn - now


@lru_cache(maxsize=16)
def rates_of(instance: str, patches_per_second: int) -> Rates:
    """The process's turns at the instance at this URL."""
    return Rates(patches_per_second)
