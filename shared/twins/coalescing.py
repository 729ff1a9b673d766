"""A batch's telemetry → for each asset the newest value of each tag."""

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import NamedTuple

from shared.telemetry.decoding import Telemetry, arrival
from shared.telemetry.models import Reading
from shared.telemetry.timestamps import CLOCK_TOLERANCE, moment
from shared.twins.identifiers import twin_id
from shared.twins.registry import Kind, Registry, Tag
from shared.twins.values import Value, fitted, rank, source_time


class Fate(StrEnum):
    """What came of a reading; counted, each reading under one of them."""

    SENT = "sent"
    COALESCED = "coalesced"
    """A newer one of its tag was in the same batch."""
    OLDER = "older"
    """The twin holds a newer one."""
    HELD = "already-held"
    """The twin holds this very one."""
    WITHIN_DEADBAND = "within-deadband"
    AHEAD = "clock-ahead"
    """More than five minutes ahead of its arrival."""
    UNKNOWN = "unknown-tag"
    """The asset's kind has no such tag."""
    MISMATCH = "schema-mismatch"
    """No value of the tag's schema: another type, too large, too long, not among an enum's values."""
    REFUSED = "refused"
    """Digital Twins answered 400 to this one property."""


class Newest(NamedTuple):
    """A tag's newest value; `time` as `sourceTime` holds it."""

    time: str
    value: Value
    deadband: float | None


@dataclass
class AssetBatch:
    """All that a batch holds of one asset."""

    asset: str
    twin_id: str
    kind: Kind | None
    elements: list[Telemetry] = field(default_factory=list)
    newest: dict[str, Newest] = field(default_factory=dict)
    """By the twin's property."""
    fates: Counter[Fate] = field(default_factory=Counter)
    """Of the readings that are not in `newest`."""


def coalesce(telemetry: Iterable[Telemetry], registry: Registry) -> list[AssetBatch]:
    """Groups elements by asset. Which of a tag's values is newest does not depend on their order."""
    assets: dict[str, AssetBatch] = {}
    for element in telemetry:
        batch = assets.get(element.asset)
        if batch is None:
            kind = registry.kind_of(element.asset)
            batch = assets[element.asset] = AssetBatch(element.asset, twin_id(element.asset), kind)
        batch.elements.append(element)
    for batch in assets.values():
        tags: Mapping[str, Tag] = {} if batch.kind is None else registry.tags_of(batch.kind)
        for element in batch.elements:
            _take(element, tags, batch)
    return list(assets.values())


def _take(element: Telemetry, tags: Mapping[str, Tag], batch: AssetBatch) -> None:
    for name, reading in element.tags.items():
        tag = tags.get(name)
        if tag is None:
            batch.fates[Fate.UNKNOWN] += 1
        elif element.ahead and _is_ahead(reading, element):
            batch.fates[Fate.AHEAD] += 1
        else:
            _take_reading(tag.property or name, tag, reading, batch)


def _take_reading(name: str, tag: Tag, reading: Reading, batch: AssetBatch) -> None:
    value = fitted(reading["Value"], tag)
    if value is None:
        batch.fates[Fate.MISMATCH] += 1
        return
    given = Newest(source_time(reading["SourceTimestamp"]), value, tag.deadband)
    known = batch.newest.get(name)
    if known is not None:
        batch.fates[Fate.COALESCED] += 1
    if known is None or (given.time, rank(given.value)) > (known.time, rank(known.value)):
        batch.newest[name] = given


def _is_ahead(reading: Reading, element: Telemetry) -> bool:
    return moment(reading["SourceTimestamp"]) - arrival(element.event) > CLOCK_TOLERANCE
