"""The twin graph after a replay: whether each twin, and its history, holds its asset's newest readings."""

import time
from collections.abc import Callable, Iterable, Mapping, Sequence

from local.stack.counts import Counting
from local.stack.supervisor import Supervisor
from local.stack.twin_graph import TwinGraph
from simulator.samples import Sample, Value

_SAMPLE_SECONDS = 0.5
_SETTLED_SAMPLES = 4
_MOST_SAMPLES = 40

Newest = Mapping[tuple[str, str], Value]
"""The newest value of each asset and tag."""


def newest_of(samples: Iterable[Sample]) -> Newest:
    """Samples in the order of their times."""
    return {(sample.asset, tag): value for sample in samples for tag, value in sample.tags.items()}


def wait_until_held(held: Callable[[], int], wanted: int, supervisor: Supervisor, patience: float) -> int:
    """How many values are held, once all are, or once nothing has moved for so long."""
    most, moved = -1, time.monotonic()
    while True:
        supervisor.mend()
        count = held()
        if count > most:
            most, moved = count, time.monotonic()
        if count == wanted or time.monotonic() - moved > patience or supervisor.is_stopping:
            return count
        time.sleep(_SAMPLE_SECONDS)


def wait_until_settled(graph: TwinGraph, places: Sequence[str]) -> None:
    """Returns once these places have stayed as they are for a while: what they aggregate comes after their assets."""
    seen: object = None
    same = 0
    for _ in range(_MOST_SAMPLES):
        found = graph.with_paths(places)
        same = same + 1 if found == seen else 0
        if same == _SETTLED_SAMPLES:
            return
        seen = found
        time.sleep(_SAMPLE_SECONDS)


def held_by_twins(graph: TwinGraph, newest: Newest) -> int:
    """How many of these values the twins of their assets hold."""
    twins = {twin["path"]: twin for twin in graph.with_paths(sorted({asset for asset, _ in newest}))}
    return sum(twins.get(asset, {}).get(tag) == value for (asset, tag), value in newest.items())


def held_by_history(counting: Counting, newest: Newest) -> int:
    """How many of them the history in Data Explorer has as the twins' last ones."""
    _, rows = counting.query("TwinAsOf() | project Id, Key, Value")
    last = {(twin, key): value for twin, key, value in rows}
    twins = {str(value): twin for (twin, key), value in last.items() if key == "path"}
    return sum(last.get((twins.get(asset, ""), tag)) == value for (asset, tag), value in newest.items())
