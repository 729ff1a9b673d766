"""The stored functions over gold, each with readings whose answer is evident."""

from collections.abc import Mapping
from typing import Any

from tests.golden.iot_database import IotDatabase, event

DAY = "2026-01-05"


def readings(asset: str, values: Mapping[str, Any], *, tag: str = "t", minutes_late: int = 0) -> list[dict[str, Any]]:
    """One event for each HH:MM and value, which came that many minutes after its source timestamp."""
    found = []
    for time, value in values.items():
        hour, minute = map(int, time.split(":"))
        arrived = hour * 60 + minute + minutes_late
        at = f"{DAY}T{arrived // 60:02}:{arrived % 60:02}:00Z"
        found.append(event(f"{asset}-{tag}-{time}", asset, {tag: (f"{DAY}T{time}:00Z", value)}, at=at))
    return found


TEN_TO_NOON = [f"{hour}:{minute}0" for hour in (10, 11) for minute in range(6)]


def test_latest_readings_of_all_of_an_asset_and_of_a_tag(database: IotDatabase) -> None:
    database.ingest(
        *readings("a", {"10:00": 1, "10:10": 2}),
        *readings("a", {"10:05": "open"}, tag="door"),
        *readings("b", {"10:00": True}),
    )
    a_door = ("a", "door", f"{DAY}T10:05:00Z", f"{DAY}T10:05:00Z", "a-device", None, None, "open", None)
    a_t = ("a", "t", f"{DAY}T10:10:00Z", f"{DAY}T10:10:00Z", "a-device", 2, None, "", None)
    b_t = ("b", "t", f"{DAY}T10:00:00Z", f"{DAY}T10:00:00Z", "b-device", None, None, "", True)

    assert database.rows("LatestReadings() | order by Asset asc, TagName asc") == [a_door, a_t, b_t]
    assert database.rows("LatestReadings('a') | order by TagName asc") == [a_door, a_t]
    assert database.rows("LatestReadings(tag = 't') | order by Asset asc") == [a_t, b_t]
    assert database.rows("LatestReadings('a', 't')") == [a_t]
    assert database.rows("LatestReadings('c')") == []


def test_tag_series_has_a_row_for_each_step_from_its_start(database: IotDatabase) -> None:
    database.ingest(
        *readings("a", {"10:04": 100, "10:05": 1, "10:19": 2.5, "10:20": 4, "10:50": 8, "10:55": 100}),
        *readings("a", {"10:06": 50}, tag="other"),
        *readings("b", {"10:06": 50}),
        *readings("a", {"10:07": "text"}),
    )

    found = database.rows(
        "declare query_parameters(asset: string, start: datetime, end: datetime, step: timespan);\n"
        "TagSeries(asset, 't', start, end, step)",
        asset="a",
        start=f"datetime({DAY} 10:05)",
        end=f"datetime({DAY} 10:55)",
        step="time(00:15:00)",
    )

    assert found == [
        (f"{DAY}T10:05:00Z", 2, 1.75, 1.0, 2.5),
        (f"{DAY}T10:20:00Z", 1, 4.0, 4.0, 4.0),
        (f"{DAY}T10:35:00Z", 0, None, None, None),
        (f"{DAY}T10:50:00Z", 1, 8.0, 8.0, 8.0),
    ]


def test_tag_series_of_what_was_never_read_is_empty_steps(database: IotDatabase) -> None:
    found = database.rows("TagSeries('a', 't', datetime(2026-01-05), datetime(2026-01-07), 1d)")

    assert found == [(f"{DAY}T00:00:00Z", 0, None, None, None), ("2026-01-06T00:00:00Z", 0, None, None, None)]


def test_fleet_health_tells_well_silent_stuck_late_and_wrong_clocks_apart(database: IotDatabase) -> None:
    long_ago = event("old", "gone", {"t": ("2026-01-01T09:00:00Z", 1)}, at="2026-01-01T09:00:00Z")
    ahead = event("fast", "wrong clock", {"t": ("2099-01-01T00:00:00Z", 1)}, at=f"{DAY}T11:55:00Z")
    database.ingest(
        *readings("well", {time: number for number, time in enumerate(TEN_TO_NOON)}),
        *readings("silent", {"11:30": 1, "11:44": 2}),
        *readings("stuck", {"09:50": 4} | dict.fromkeys(TEN_TO_NOON, 5)),
        *readings("late", {"10:00": 1, "11:30": 2}, minutes_late=20),
        *readings("still", dict.fromkeys(TEN_TO_NOON, "closed"), tag="door"),
        ahead,
        long_ago,
    )

    found = database.rows(
        "FleetHealth(at = datetime(2026-01-05 12:00)) "
        "| project Asset, LastSeen, LastReading, Silent, Stuck, Late, Unchanged, Readings, LateReadings, AheadReadings"
    )

    last = f"{DAY}T11:50:00Z"
    old = "2026-01-01T09:00:00Z"
    assert found == [
        ("gone", old, old, True, False, False, None, 0, 0, 0),
        ("late", last, f"{DAY}T11:30:00Z", False, False, True, "00:00:00", 2, 2, 0),
        ("silent", f"{DAY}T11:44:00Z", f"{DAY}T11:44:00Z", True, False, False, "00:00:00", 2, 0, 0),
        ("still", last, last, False, False, False, None, 12, 0, 0),
        ("stuck", last, last, False, True, False, "01:50:00", 13, 0, 0),
        ("well", last, last, False, False, False, "00:00:00", 12, 0, 0),
        ("wrong clock", f"{DAY}T11:55:00Z", None, False, False, False, None, 1, 0, 1),
    ]


def test_fleet_health_takes_other_limits_and_looks_back_from_its_moment(database: IotDatabase) -> None:
    database.ingest(*readings("a", {"10:00": 1, "10:10": 1, "10:20": 1}), *readings("a", {"11:00": 1}))

    assert database.rows(
        "FleetHealth(datetime(2026-01-05 10:25), stuckAfter = 20m) | project Silent, Stuck, Late, Readings"
    ) == [(False, True, False, 3)]
    assert database.rows("FleetHealth(datetime(2026-01-05 10:25), 4m) | project Silent, Stuck, Late, Readings") == [
        (True, False, False, 3)
    ]
    assert database.rows(
        "FleetHealth(datetime(2026-01-05 11:01), window = 10m) | project Silent, Stuck, Late, Readings"
    ) == [(False, False, False, 1)]
    assert database.rows(
        "FleetHealth(datetime(2026-01-05 11:01), lateAfter = 0s) | project Silent, Stuck, Late, Readings"
    ) == [(False, True, True, 4)]


def test_late_and_duplicate_counts_what_came_late_and_what_came_again(database: IotDatabase) -> None:
    on_time = readings("a", {"10:00": 1, "10:10": 2})
    late = readings("a", {"09:00": 3}, minutes_late=70)
    ahead = event("fast", "a", {"t": ("2026-01-05T10:35:00Z", 4)}, at=f"{DAY}T10:20:00Z")
    database.ingest(*on_time, *late, ahead, *readings("b", {"10:00": 1}), *readings("b", {"12:00": 1}))
    database.ingest(*on_time, on_time[0])

    found = database.rows("LateAndDuplicate(datetime(2026-01-05 10:00), datetime(2026-01-05 12:00))")

    assert found == [
        ("a", "a-device", "t", 4, 1, 1, "01:10:00", 3),
        ("b", "b-device", "t", 1, 0, 0, "00:00:00", 0),
    ]
