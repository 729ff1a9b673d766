"""MATCH over plain lists: every way through a graph that walks no relationship twice."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from tests.unit.digital_twins_query.graph import Document


@dataclass(frozen=True)
class Hop:
    """`count` is its text, and how many relationships at least and at most."""

    direction: str
    names: tuple[str, ...]
    count: tuple[str, int, int]

    @property
    def text(self) -> str:
        inside = (":" if self.names else "") + "|".join(self.names) + self.count[0]
        return f"{'<-' if self.direction == '<-' else '-'}[{inside}]{'->' if self.direction == '->' else '-'}"


def ways(relationships: list[Document], ids: Iterable[str], hops: list[Hop]) -> set[tuple[str, ...]]:
    """The different combinations of twins at the nodes of the pattern."""
    return {nodes for start in ids for nodes, _ in _ways(relationships, start, hops, frozenset())}


def _ways(
    relationships: list[Document], here: str, hops: list[Hop], walked: frozenset[int]
) -> Iterator[tuple[tuple[str, ...], frozenset[int]]]:
    if not hops:
        yield (here,), walked
        return
    for there, after in _stretches(relationships, here, hops[0], walked, 0):
        for nodes, end in _ways(relationships, there, hops[1:], after):
            yield (here, *nodes), end


def _stretches(
    relationships: list[Document], here: str, hop: Hop, walked: frozenset[int], length: int
) -> Iterator[tuple[str, frozenset[int]]]:
    _, fewest, most = hop.count
    if fewest <= length:
        yield here, walked
    if length == most:
        return
    for index, each in enumerate(relationships):
        if index in walked or (hop.names and each["$relationshipName"] not in hop.names):
            continue
        ends = (each["$sourceId"], each["$targetId"])
        if hop.direction != "<-" and ends[0] == here:
            yield from _stretches(relationships, ends[1], hop, walked | {index}, length + 1)
        if hop.direction != "->" and ends[1] == here:
            yield from _stretches(relationships, ends[0], hop, walked | {index}, length + 1)
