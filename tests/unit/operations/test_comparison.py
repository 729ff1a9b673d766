"""Reconciling finds every gap, and nothing where there is none."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from operations.reconciliation.comparison import Element, Held, compare, elements_of
from shared.telemetry.decoding import decode
from shared.telemetry.events import HubEvent

START = datetime(2026, 1, 1, 12, 30, tzinfo=UTC)
GOOD = b'{"t":{"SourceTimestamp":"2026-01-01T12:00:00.0000000Z","Value":%d}}'


def event(body: bytes, *, device: str = "d1", sequence: int = 0, minutes: int = 0) -> HubEvent:
    system = {"iothub-connection-device-id": device}
    return HubEvent(body, "telemetry", "0", sequence, START + timedelta(minutes=minutes), device, {}, system)


def elements(*events: HubEvent) -> list[Element]:
    return elements_of(decode(events))


def held(of: list[Element], **without: Any) -> Held:
    """Everything in its place, but for what is taken away or added."""
    ids = {each.event_id for each in of if each.event_id}
    letters = {each.letter for each in of if each.event_id is None}
    stages = {"stored": ids, "letters": letters, "bronze": set(ids), "readings": set(ids), **without}
    return Held(**stages)


def test_what_is_all_there_has_no_gap() -> None:
    made = elements(event(GOOD % 1), event(GOOD % 2, sequence=1), event(b"broken", sequence=2))

    (row,) = compare(made, held(made))

    assert (row.accepted, row.stored, row.lettered, row.bronze, row.readings) == (3, 2, 1, 2, 2)
    assert not row.has_gap


def test_what_was_delivered_or_sent_again_is_one_element() -> None:
    made = elements(event(GOOD % 1), event(GOOD % 1, sequence=9, minutes=5))

    assert len(made) == 1


def test_rows_are_by_hour_and_device() -> None:
    made = elements(event(GOOD % 1), event(GOOD % 2, minutes=45), event(GOOD % 1, device="d2"))

    assert [(row.hour.hour, row.device) for row in compare(made, held(made))] == [(12, "d1"), (12, "d2"), (13, "d1")]


@pytest.mark.parametrize(
    ("missing", "gap"),
    [("stored", "lost"), ("letters", "lost"), ("bronze", "not_in_bronze"), ("readings", "not_in_readings")],
)
def test_what_a_stage_lacks_is_a_gap(missing: str, gap: str) -> None:
    made = elements(event(GOOD % 1), event(b"broken", sequence=1))

    (row,) = compare(made, held(made, **{missing: set()}))

    assert row.has_gap
    assert len(getattr(row, gap)) == 1


def test_what_is_stored_and_dead_lettered_is_a_gap() -> None:
    made = elements(event(GOOD % 1))

    (row,) = compare(made, held(made, letters={made[0].letter}))

    assert (row.has_gap, len(row.doubled)) == (True, 1)
