"""NCRONTAB and constant schedules, and what counts as past due."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from local.functions_host.schedules import (
    InvalidSchedule,
    ScheduleStatus,
    check_past_due,
    parse_schedule,
    zone_of,
)
from local.functions_host.settings import Settings

MOMENT = datetime(2025, 2, 4, 11, 24, 52, tzinfo=UTC)


@pytest.mark.parametrize(
    ("expression", "following"),
    [
        ("*/10 * * * * *", datetime(2025, 2, 4, 11, 25, tzinfo=UTC)),
        ("0 */5 * * * *", datetime(2025, 2, 4, 11, 25, tzinfo=UTC)),
        ("*/5 * * * *", datetime(2025, 2, 4, 11, 25, tzinfo=UTC)),
        ("0 30 9-17/2 * * mon-fri", datetime(2025, 2, 4, 11, 30, tzinfo=UTC)),
        ("0 0 0 1 jan *", datetime(2026, 1, 1, tzinfo=UTC)),
        ("0 0 0 13 * 5", datetime(2025, 6, 13, tzinfo=UTC)),
        ("30 24 11 4 2 *", datetime(2026, 2, 4, 11, 24, 30, tzinfo=UTC)),
        ("00:10:00", datetime(2025, 2, 4, 11, 34, 52, tzinfo=UTC)),
    ],
)
def test_schedule_knows_what_follows(expression: str, following: datetime) -> None:
    assert parse_schedule(expression).following(MOMENT) == following


@pytest.mark.parametrize(
    "expression",
    [
        "",
        "* * *",
        "60 * * * * *",
        "0 0 0 0 * *",
        "0 0 0 * * 7",
        "@daily",
        "L * * * * *",
        "*/0 * * * * *",
        "0 0 0 31 2 *",
        "-00:00:01",
        "00:00:00",
        "H * * * * *",
        "1-x * * * * *",
        "0 0 12 ? * *",
    ],
)
def test_what_is_no_schedule_is_refused_in_the_hosts_words(expression: str) -> None:
    with pytest.raises(InvalidSchedule, match="was not recognized as a valid cron expression or timespan string"):
        parse_schedule(expression)


@pytest.mark.parametrize(
    ("expression", "is_frequent"),
    [
        ("*/10 * * * * *", True),
        ("0,30 * * * * *", True),
        ("0 * * * * *", False),
        ("*/10 0 * * * *", False),
        ("00:00:59", True),
        ("00:01:00", False),
    ],
)
def test_schedules_below_a_minute_are_told_apart(expression: str, is_frequent: bool) -> None:
    assert parse_schedule(expression).is_frequent is is_frequent


def test_zone_of_schedules_is_a_setting() -> None:
    assert zone_of(Settings({})) is UTC
    berlin = zone_of(Settings({"WEBSITE_TIME_ZONE": "Europe/Berlin"}))
    assert parse_schedule("0 0 12 * * *").following(MOMENT.astimezone(berlin)).astimezone(UTC).hour == 11
    with pytest.raises(InvalidSchedule):
        zone_of(Settings({"WEBSITE_TIME_ZONE": "Nowhere/At all"}))


HOURLY = parse_schedule("0 0 * * * *")


def test_new_timer_is_never_past_due() -> None:
    status, is_past_due = check_past_due(HOURLY, None, MOMENT)
    assert (status.last, status.next, is_past_due) == (None, datetime(2025, 2, 4, 12, tzinfo=UTC), False)


@given(st.integers(0, 10_000))
def test_timer_is_past_due_once_its_next_occurrence_has_gone_by(minutes: int) -> None:
    fired = datetime(2025, 2, 4, 11, tzinfo=UTC)
    kept = ScheduleStatus(fired, HOURLY.following(fired), fired)
    status, is_past_due = check_past_due(HOURLY, kept, fired + timedelta(minutes=minutes))
    assert status == kept
    assert is_past_due is (minutes > 60)


def test_changed_schedule_in_the_past_is_not_past_due() -> None:
    kept = ScheduleStatus(MOMENT, MOMENT + timedelta(minutes=1), MOMENT)
    status, is_past_due = check_past_due(HOURLY, kept, MOMENT + timedelta(days=1))
    assert (status.last, is_past_due) == (None, False)
    assert status.next > MOMENT + timedelta(days=1)
