"""Pure: elements of the hub against what each stage holds, by hour and device."""

from collections.abc import Collection, Iterable
from dataclasses import dataclass, field
from datetime import datetime

from shared.dead_letters.letters import STORE, letter_of_rejection
from shared.telemetry.decoding import Decoded
from shared.telemetry.events import HubEvent, Reason, Rejection

Partition = tuple[str, str]


@dataclass(frozen=True, slots=True)
class Element:
    """One element that the hub has accepted. No `event_id`: it could not be decoded."""

    hour: datetime
    device: str
    event: HubEvent
    event_id: str | None
    partition: Partition | None
    letter: str
    """The name its dead letter has, if there is one."""


@dataclass(frozen=True, slots=True)
class Held:
    """What the stages hold: event ids, and names of dead letters."""

    stored: Collection[str]
    letters: Collection[str]
    bronze: Collection[str]
    readings: Collection[str]


@dataclass
class Row:
    """One hour of one device (counts of distinct elements), and the elements with which something is wrong."""

    hour: datetime
    device: str
    accepted: int = 0
    stored: int = 0
    lettered: int = 0
    bronze: int = 0
    readings: int = 0
    lost: list[Element] = field(default_factory=list)
    """Neither stored nor dead-lettered."""
    doubled: list[Element] = field(default_factory=list)
    """Stored and dead-lettered, and the letter was not replayed."""
    not_in_bronze: list[Element] = field(default_factory=list)
    not_in_readings: list[Element] = field(default_factory=list)

    @property
    def has_gap(self) -> bool:
        return bool(self.lost or self.doubled or self.not_in_bronze or self.not_in_readings)


def elements_of(decoded: Decoded) -> list[Element]:
    """Every element once: what has the same id is the same element, delivered or sent again."""
    found: dict[str, Element] = {}
    for each in decoded.telemetry:
        refused = Rejection(
            each.event, each.element, Reason.STORE_REFUSED, "", each.device, each.asset, each.event_id, False
        )
        partition = (each.device, each.day)
        found.setdefault(each.event_id, _element(each.event, each.device, each.event_id, partition, refused))
    for rejection in decoded.rejections:
        element = _element(rejection.event, rejection.device or "(unknown)", None, None, rejection)
        found[element.letter] = element
    return list(found.values())


def compare(elements: Iterable[Element], held: Held) -> list[Row]:
    """A row for each hour and device, in order."""
    rows: dict[tuple[datetime, str], Row] = {}
    for element in elements:
        row = rows.setdefault((element.hour, element.device), Row(element.hour, element.device))
        _count(row, element, held)
    return [rows[key] for key in sorted(rows)]


def _count(row: Row, element: Element, held: Held) -> None:
    event_id = element.event_id
    stored = event_id is not None and event_id in held.stored
    lettered = element.letter in held.letters
    row.accepted += 1
    row.stored += stored
    row.lettered += lettered
    if not stored and not lettered:
        row.lost.append(element)
    if stored and lettered:
        row.doubled.append(element)
    if not stored:
        return
    row.bronze += event_id in held.bronze
    row.readings += event_id in held.readings
    if event_id not in held.bronze:
        row.not_in_bronze.append(element)
    elif event_id not in held.readings:
        row.not_in_readings.append(element)


def _element(
    event: HubEvent, device: str, event_id: str | None, partition: Partition | None, as_rejection: Rejection
) -> Element:
    hour = event.enqueued_time.replace(minute=0, second=0, microsecond=0)
    return Element(hour, device, event, event_id, partition, letter_of_rejection(STORE, as_rejection).name)
