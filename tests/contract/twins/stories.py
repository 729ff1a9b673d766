"""Made-up histories of a site: readings, how they arrive, what goes wrong meanwhile, and the graph they must give."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import fsum
from typing import Any

from hypothesis import strategies as st

from shared.twins.identifiers import twin_id
from tests.contract.twins.readings import sent
from tests.unit.functions.trigger_batches import Sent

ASSETS = ("north/mote1", "north/freezer1", "south/mote2", "turbine1")
AREAS = ("north", "south")
TAGS: Mapping[str, tuple[str, ...]] = {
    "mote": ("temperature", "humidity", "status"),
    "freezer": ("door_open", "cycles", "status"),
    "turbine": ("energy", "status"),
}
"""Tags without a deadband: of one with a deadband only its distance from the newest value is promised."""
SEVERITY = ("ok", "maintenance", "offline", "warning", "critical")
HICCUPS: Mapping[str, Mapping[str, Any]] = {
    "throttled": {"match": "*", "action": "status", "status": 429, "retryAfterMs": 10, "rate": 0.3, "count": 2},
    "away": {"match": "*", "action": "status", "status": 503, "rate": 0.3, "count": 4},
    "cut off": {"match": "*", "action": "reset", "rate": 0.3, "count": 4},
    "slow": {"match": "twins.patch", "action": "delay", "delayMs": 40, "rate": 0.5, "count": 10},
}


@dataclass(frozen=True)
class Told:
    """A reading: of the asset and tag, taken so many seconds into the story."""

    second: int
    asset: str
    tag: str
    value: Any

    def in_order(self) -> tuple[int, str, str, Any]:
        return self.second, self.asset, self.tag, self.value

    def message(self, site: str) -> Sent:
        return sent(f"{site}/{self.asset}", self.second, **{self.tag: self.value})


@dataclass(frozen=True)
class Story:
    """`arrivals` holds every reading once or more, in batches by partition.

    The worker is killed so many hundredths of a second after each start.
    """

    readings: Sequence[Told]
    arrivals: Sequence[Sequence[Sequence[Told]]]
    hiccups: Sequence[str]
    worker_kills: Sequence[int]
    is_instance_killed: bool


def _value(tag: str) -> st.SearchStrategy[Any]:
    kinds: Mapping[str, st.SearchStrategy[Any]] = {
        "door_open": st.booleans(),
        "cycles": st.integers(0, 5),
        "status": st.sampled_from(SEVERITY),
    }
    return kinds.get(tag, st.sampled_from([-2.5, 0.0, 1.25, 7.0]))


@st.composite
def _told(draw: st.DrawFn) -> Told:
    asset = draw(st.sampled_from(ASSETS))
    tag = draw(st.sampled_from(TAGS[asset.rpartition("/")[2].rstrip("0123456789")]))
    return Told(draw(st.integers(0, 12)), asset, tag, draw(_value(tag)))


@st.composite
def stories(draw: st.DrawFn) -> Story:
    readings = draw(st.lists(_told(), min_size=1, max_size=24))
    copies = draw(st.lists(st.sampled_from(readings), max_size=8))
    arriving = draw(st.permutations([*readings, *copies]))
    partitions = []
    for number in range(2):
        mine = [each for each in arriving if ASSETS.index(each.asset) % 2 == number]
        size = draw(st.integers(1, 6))
        partitions.append([mine[start : start + size] for start in range(0, len(mine), size)])
    return Story(
        readings,
        partitions,
        draw(st.lists(st.sampled_from(sorted(HICCUPS)), max_size=3, unique=True)),
        draw(st.lists(st.integers(1, 30), max_size=2)),
        draw(st.booleans()),
    )


def expected_values(readings: Sequence[Told]) -> dict[str, dict[str, Any]]:
    """For each asset the newest value of each tag; of two at the same time the greater, as docs/twins.md says."""
    newest: dict[str, dict[str, Any]] = {}
    for told in sorted(readings, key=Told.in_order):
        newest.setdefault(told.asset, {})[told.tag] = told.value
    return newest


def expected_place(assets: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """What a place makes of all assets below it."""
    found: dict[str, Any] = {"assetCount": len(assets)}
    temperatures = [asset["temperature"] for asset in assets if "temperature" in asset]
    if temperatures:
        found["temperatureAverage"] = fsum(temperatures) / len(temperatures)
        found |= {"temperatureMin": min(temperatures), "temperatureMax": max(temperatures)}
        found["temperatureCount"] = len(temperatures)
    humidities = [asset["humidity"] for asset in assets if "humidity" in asset]
    if humidities:
        found |= {"humidityAverage": fsum(humidities) / len(humidities), "humidityCount": len(humidities)}
    doors = [asset["door_open"] for asset in assets if "door_open" in asset]
    if doors:
        found["doorsOpen"] = sum(doors)
    states = [asset["status"] for asset in assets if "status" in asset]
    if states:
        found["status"] = max(states, key=SEVERITY.index)
    return found


def expected_graph(readings: Sequence[Told]) -> dict[str, dict[str, Any]]:
    """Every twin's values but its path, by id within the site; the site's own id is empty."""
    assets = expected_values(readings)
    graph = {twin_id(asset): values for asset, values in assets.items()}
    for area in AREAS:
        below = [values for asset, values in assets.items() if asset.startswith(f"{area}/")]
        if below:
            graph[area] = expected_place(below)
    graph[""] = expected_place(list(assets.values()))
    return graph
