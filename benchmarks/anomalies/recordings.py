"""The labelled recordings: four motes, an inverter with outliers, an inverter with stale data, a water pipe.

Motes: "Labelled data collection for anomaly detection in wireless sensor networks" (Suthaharan et al., 2010), from npm.
Inverters: the data sets of pvanalytics' gallery, labelled by its authors. Water: river's WaterFlow, whose description
names four anomalous segments in words; WATER_SEGMENTS says which hours we take these words to mean.
"""

import csv
import importlib.util
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from simulator.recordings import INTERVAL, MOTES, motes

START = datetime(2026, 1, 5, tzinfo=UTC)
"""When the motes' recordings, which have no times, are taken to begin."""
WATER_SEGMENTS = (
    ("2022-03-24T08:00:00+00:00", "2022-03-24T23:00:00+00:00"),
    ("2022-03-29T07:00:00+00:00", "2022-03-29T18:00:00+00:00"),
    ("2022-04-03T04:00:00+00:00", "2022-04-03T04:00:00+00:00"),
    ("2022-04-27T14:00:00+00:00", "2022-04-28T03:00:00+00:00"),
)
"""Three times of little water (below 85 l/s) and one of a small peak (109.68 l/s), first and last hour."""


@dataclass(frozen=True)
class Recording:
    """One asset's readings, at even times but for gaps. `labels` holds the times of the readings that are anomalous."""

    asset: str
    step: timedelta
    tags: dict[str, dict[datetime, float]]
    labels: frozenset[datetime]

    @property
    def times(self) -> list[datetime]:
        """When anything was read."""
        return sorted(set().union(*self.tags.values()))


@dataclass(frozen=True)
class LabelledSet:
    """`prefix` begins the names of its assets, and of no others."""

    name: str
    prefix: str
    recordings: tuple[Recording, ...]

    @property
    def step(self) -> timedelta:
        return self.recordings[0].step

    @property
    def span(self) -> tuple[datetime, datetime]:
        """From the first reading to one step after the last."""
        times = [time for recording in self.recordings for time in recording.times]
        return min(times), max(times) + self.step


def labelled_sets() -> list[LabelledSet]:
    return [
        LabelledSet("motes", "motes/", tuple(_motes())),
        LabelledSet(
            "inverter outliers", "outliers/", (_inverter("ac_power_inv_7539_outliers", "outliers", "outlier"),)
        ),
        LabelledSet(
            "inverter stale data", "stale/", (_inverter("ac_power_inv_2173_stale_data", "stale", "stale_data_mask"),)
        ),
        LabelledSet("water flow", "water/", (_water(),)),
    ]


def _motes() -> Iterator[Recording]:
    """Readings of humidity and temperature; a label is of both."""
    numbers: dict[str, list[bool]] = defaultdict(list)
    with MOTES.open(newline="") as file:
        for row in csv.DictReader(file):
            numbers[f"mote{row['mote_id']}"].append(row["label"] == "1")
    readings: dict[str, dict[str, dict[datetime, float]]] = defaultdict(lambda: defaultdict(dict))
    for sample in motes(START):
        for tag, value in sample.tags.items():
            readings[sample.device][tag][sample.time] = float(value)
    for mote, tags in sorted(readings.items()):
        labels = frozenset(START + INTERVAL * place for place, is_odd in enumerate(numbers[mote]) if is_odd)
        yield Recording(f"motes/{mote}", INTERVAL, dict(tags), labels)


def _inverter(file: str, name: str, label: str) -> Recording:
    rows = _rows("pvanalytics", f"data/{file}.csv")
    readings = {_time(row["timestamp"]): float(row["value_normalized"]) for row in rows if row["value_normalized"]}
    labels = frozenset(_time(row["timestamp"]) for row in rows if row[label].lower() == "true")
    return Recording(f"{name}/inverter", timedelta(minutes=15), {"ac_power": readings}, labels & readings.keys())


def _water() -> Recording:
    readings = {_time(row["Time"]): float(row["Water flow [l/s]"]) for row in _rows("river", "datasets/water-flow.csv")}
    segments = [(datetime.fromisoformat(first), datetime.fromisoformat(last)) for first, last in WATER_SEGMENTS]
    labels = frozenset(time for time in readings if any(first <= time <= last for first, last in segments))
    return Recording("water/pipe", timedelta(hours=1), {"flow": readings}, labels)


def _rows(package: str, path: str) -> list[dict[str, str]]:
    """A CSV file that an installed package brings; the package is not imported."""
    found = importlib.util.find_spec(package)
    if found is None or not found.submodule_search_locations:
        raise SystemExit(f"{package} is not installed: run `make anomalies`.")
    with (Path(found.submodule_search_locations[0]) / path).open(newline="") as file:
        return list(csv.DictReader(file))


def _time(text: str) -> datetime:
    return datetime.fromisoformat(text).astimezone(UTC)
