"""`make anomalies`: precision, recall and F1 on every labelled set, in one table; pictures go to docs/images."""

from datetime import datetime

import numpy as np
from azure.kusto.data import KustoClient
from rich.console import Console
from rich.table import Table

from benchmarks.anomalies import fleet, pictures
from benchmarks.anomalies.detectors import DETECTORS, Detector
from benchmarks.anomalies.recordings import LabelledSet, Recording, labelled_sets
from benchmarks.anomalies.scores import Flagged, Score, score
from benchmarks.gold import build, data_explorer

THRESHOLDS = (1.5, 2.0, 2.5, 3.0, 3.5, 4.0, 5.0)


def main() -> None:
    sets = labelled_sets()
    with data_explorer() as (server, client):
        assert server.admin is not None
        build(client)
        fleet.ingest(server.admin, sets)
        found = {labelled.name: _found(client, labelled) for labelled in sets}
        by_threshold = {
            labelled.name: [score(labelled, fleet.fleet_anomalies(client, labelled, limit)) for limit in THRESHOLDS]
            for labelled in sets
        }
    for labelled in sets:
        pictures.draw(labelled, found[labelled.name])
    _print(_compared(sets, found))
    _print(_thresholds(by_threshold))


def _found(client: KustoClient, labelled: LabelledSet) -> dict[str, Flagged]:
    """What each detector flagged, the functions first."""
    return {
        "FleetAnomalies": fleet.fleet_anomalies(client, labelled),
        "StuckSensors": fleet.stuck_sensors(client, labelled),
        **{name: _flagged(detector, labelled) for name, detector in DETECTORS.items()},
    }


def _flagged(detector: Detector, labelled: LabelledSet) -> Flagged:
    flagged: Flagged = {}
    for recording in labelled.recordings:
        times = even_times(recording)
        flagged[recording.asset] = set()
        for readings in recording.tags.values():
            values = np.array([readings.get(time, np.nan) for time in times])
            flags = detector(values, recording.step) & ~np.isnan(values)
            flagged[recording.asset] |= {times[place] for place in np.flatnonzero(flags)}
    return flagged


def even_times(recording: Recording) -> list[datetime]:
    """From the first reading to the last, by the recording's step."""
    times = recording.times
    count = (times[-1] - times[0]) // recording.step + 1
    return [times[0] + place * recording.step for place in range(count)]


def _compared(sets: list[LabelledSet], found: dict[str, dict[str, Flagged]]) -> Table:
    table = Table(title="Anomalies found in labelled recordings, one set of defaults for all", title_justify="left")
    for name in ("set", "detector"):
        table.add_column(name)
    for name in ("flagged", "precision", "recall", "F1"):
        table.add_column(name, justify="right")
    for labelled in sets:
        count = sum(len(recording.labels) for recording in labelled.recordings)
        readings = sum(len(recording.times) for recording in labelled.recordings)
        title = f"{labelled.name}: {count} of {readings:,} labelled"
        for name, flagged in found[labelled.name].items():
            result = score(labelled, flagged)
            numbers = (f"{number:.2f}" for number in (result.precision, result.recall, result.f1))
            table.add_row(title, name, f"{result.hits + result.false_alarms:,}", *numbers)
            title = ""
        table.add_section()
    return table


def _thresholds(scores: dict[str, list[Score]]) -> Table:
    table = Table(title="F1 of FleetAnomalies with other thresholds than its default, 3", title_justify="left")
    table.add_column("set")
    for threshold in THRESHOLDS:
        table.add_column(f"{threshold:g}", justify="right")
    for name, results in scores.items():
        table.add_row(name, *(f"{result.f1:.2f}" for result in results))
    return table


def _print(table: Table) -> None:
    console = Console()
    Console(width=None if console.is_terminal else 120).print(table)


if __name__ == "__main__":
    main()
