"""One picture for each set: the readings, what is labelled, and what each detector flagged."""

from pathlib import Path

import matplotlib as mpl  # type: ignore[import-not-found]

mpl.use("Agg")

import matplotlib.pyplot as plt  # type: ignore[import-not-found]
from matplotlib.axes import Axes  # type: ignore[import-not-found]

from benchmarks.anomalies.recordings import LabelledSet, Recording
from benchmarks.anomalies.scores import Flagged

FOLDER = Path(__file__).resolve().parents[2] / "docs" / "images"
SHOWN = 2
"""So many assets of a set are drawn, those with the most labels."""


def draw(labelled: LabelledSet, found: dict[str, Flagged]) -> Path:
    """Saves the set's picture in FOLDER; `found` is what each detector flagged."""
    recordings = sorted(labelled.recordings, key=lambda each: -len(each.labels))[:SHOWN]
    recordings = [recording for recording in recordings if recording.labels]
    figure, axes = plt.subplots(
        2 * len(recordings), 1, figsize=(11, 4.2 * len(recordings)), squeeze=False, sharex=False,
        gridspec_kw={"height_ratios": [3, 1.6] * len(recordings)},
    )  # fmt: skip
    for place, recording in enumerate(recordings):
        _readings(axes[2 * place][0], recording)
        _flags(axes[2 * place + 1][0], recording, found)
    figure.tight_layout()
    FOLDER.mkdir(exist_ok=True)
    path = FOLDER / f"anomalies-{labelled.name.replace(' ', '-')}.png"
    figure.savefig(path, dpi=80, metadata={"Software": None})
    plt.close(figure)
    return path


def _readings(axes: Axes, recording: Recording) -> None:
    for tag, values in recording.tags.items():
        axes.plot(list(values), list(values.values()), linewidth=0.7, label=tag)
        labelled = [time for time in values if time in recording.labels]
        axes.plot(labelled, [values[time] for time in labelled], "r.", markersize=4)
    axes.set_xlim(recording.times[0], recording.times[-1])
    axes.set_title(f"{recording.asset} (red: labelled)", fontsize=10, loc="left")
    axes.legend(fontsize=8, loc="upper right")


def _flags(axes: Axes, recording: Recording, found: dict[str, Flagged]) -> None:
    names = [*reversed(found), "labelled"]
    marks = {name: found[name].get(recording.asset, set()) for name in found} | {"labelled": recording.labels}
    for height, name in enumerate(names):
        axes.plot(sorted(marks[name]), [height] * len(marks[name]), "|", color="red" if name == "labelled" else "black")
    times = recording.times
    axes.set_xlim(times[0], times[-1])
    axes.set_ylim(-0.7, len(names) - 0.3)
    axes.set_yticks(range(len(names)), names, fontsize=7)
