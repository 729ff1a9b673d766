"""How well a detector's flags agree with the labels."""

from dataclasses import dataclass
from datetime import datetime

from benchmarks.anomalies.recordings import LabelledSet

Flagged = dict[str, set[datetime]]
"""By asset: when any of its tags was flagged."""


@dataclass(frozen=True)
class Score:
    """Readings flagged rightly, flagged wrongly, and missed."""

    hits: int
    false_alarms: int
    missed: int

    @property
    def precision(self) -> float:
        return self.hits / (self.hits + self.false_alarms) if self.hits else 0.0

    @property
    def recall(self) -> float:
        return self.hits / (self.hits + self.missed) if self.hits else 0.0

    @property
    def f1(self) -> float:
        return 2 * self.hits / (2 * self.hits + self.false_alarms + self.missed) if self.hits else 0.0


def score(labelled: LabelledSet, flagged: Flagged) -> Score:
    """Over all readings of the set: an asset's reading counts once, however many tags it has."""
    hits = false_alarms = missed = 0
    for recording in labelled.recordings:
        found = flagged.get(recording.asset, set()) & set(recording.times)
        hits += len(found & recording.labels)
        false_alarms += len(found - recording.labels)
        missed += len(recording.labels - found)
    return Score(hits, false_alarms, missed)
