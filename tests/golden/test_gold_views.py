"""Gold: each reading once, the newest value, and rollups, whatever is delivered again, late or with a wrong clock."""

from typing import Any

from tests.golden.iot_database import IotDatabase, Row, event

GOLD = {
    "readings": "Readings | order by EventId asc, TagName asc, SourceTimestamp asc "
    "| project EventId, TagName, SourceTimestamp, DeviceId, Asset, EnqueuedTime, "
    "ValueLong, ValueReal, ValueString, ValueBool",
    "latest": "LatestPerTag | order by Asset asc, TagName asc "
    "| project Asset, TagName, SourceTimestamp, EventId, DeviceId, EnqueuedTime, "
    "ValueLong, ValueReal, ValueString, ValueBool",
    "per minute": "ReadingsPerMinute | order by Asset asc, TagName asc, Timestamp asc "
    "| project Asset, TagName, Timestamp, Count, Sum, Min, Max",
    "per hour": "ReadingsPerHour | order by Asset asc, TagName asc, Timestamp asc "
    "| project Asset, TagName, Timestamp, Count, Sum, Min, Max",
    "latest readings": "LatestReadings() | order by Asset asc, TagName asc",
    "series": "TagSeries('freezer', 'temperature', datetime(2026-01-05 10:00), datetime(2026-01-05 12:00), 30m)",
    "health": "FleetHealth(at = datetime(2026-01-05 12:00))",
}


def gold(database: IotDatabase) -> dict[str, list[Row]]:
    return {name: database.rows(query) for name, query in GOLD.items()}


def temperature(number: int, time: str, value: Any, *, enqueued: str | None = None) -> dict[str, Any]:
    """One reading of the freezer, at a time of 2026-01-05."""
    at = f"2026-01-05T{time}Z"
    return event(f"e{number}", "freezer", {"temperature": (at, value)}, at=f"2026-01-05T{enqueued or time}Z")


def test_an_event_ingested_three_times_changes_no_gold_figure(database: IotDatabase) -> None:
    mixed = event(
        "e9",
        "freezer",
        {
            "temperature": ("2026-01-05T11:30:00Z", -3.5),
            "door": ("2026-01-05T11:30:00Z", True),
            "setpoint": ("2026-01-05T11:30:00Z", -4),
            "state": ("2026-01-05T11:30:00Z", "defrost"),
        },
        at="2026-01-05T11:30:01Z",
    )
    events = [temperature(1, "10:05:00", -4.0), temperature(2, "10:40:00", -5), mixed]
    database.ingest(*events)
    once = gold(database)

    database.ingest(*events, *events)
    assert gold(database) == once

    database.ingest(mixed)
    assert gold(database) == once
    assert database.rows("Silver | count") == [(3 * 6 + 4,)]
    assert len(once["readings"]) == 6
    assert once["series"] == [
        ("2026-01-05T10:00:00Z", 1, -4.0, -4.0, -4.0),
        ("2026-01-05T10:30:00Z", 1, -5.0, -5.0, -5.0),
        ("2026-01-05T11:00:00Z", 0, None, None, None),
        ("2026-01-05T11:30:00Z", 1, -3.5, -3.5, -3.5),
    ]


def test_rollups_count_sum_and_bound_integers_and_reals_alike(database: IotDatabase) -> None:
    database.ingest(
        temperature(1, "10:00:00", 1),
        temperature(2, "10:00:59.9999999", 2.5),
        temperature(3, "10:01:00", -4),
        temperature(4, "11:00:00", 8.0),
        temperature(5, "10:00:30", "no number"),
        temperature(6, "10:00:30", True),
    )

    found = gold(database)

    assert found["per minute"] == [
        ("freezer", "temperature", "2026-01-05T10:00:00Z", 2, 3.5, 1.0, 2.5),
        ("freezer", "temperature", "2026-01-05T10:01:00Z", 1, -4.0, -4.0, -4.0),
        ("freezer", "temperature", "2026-01-05T11:00:00Z", 1, 8.0, 8.0, 8.0),
    ]
    assert found["per hour"] == [
        ("freezer", "temperature", "2026-01-05T10:00:00Z", 3, -0.5, -4.0, 2.5),
        ("freezer", "temperature", "2026-01-05T11:00:00Z", 1, 8.0, 8.0, 8.0),
    ]


def test_rollups_go_on_over_many_ingestions(database: IotDatabase) -> None:
    for number in range(6):
        database.ingest(temperature(number, f"10:{number * 10:02}:00", number))

    assert gold(database)["per hour"] == [("freezer", "temperature", "2026-01-05T10:00:00Z", 6, 15.0, 0.0, 5.0)]


def test_the_newest_source_timestamp_is_latest_whatever_the_order_of_arrival(database: IotDatabase) -> None:
    database.ingest(temperature(2, "10:10:00", 2))
    database.ingest(temperature(3, "10:20:00", 3), temperature(1, "10:00:00", 1, enqueued="10:30:00"))
    database.ingest(temperature(4, "10:15:00", 4, enqueued="10:40:00"))

    assert [row[:4] for row in gold(database)["latest"]] == [
        ("freezer", "temperature", "2026-01-05T10:20:00Z", "e3"),
    ]


def test_a_clock_more_than_five_minutes_ahead_does_not_freeze_the_latest_value(database: IotDatabase) -> None:
    database.ingest(
        event(
            "wrong", "freezer", {"temperature": ("2099-01-01T00:00:00Z", 99)}, at="2026-01-05T10:00:00Z", _clock="ahead"
        ),
        temperature(1, "10:05:00.0000001", 1, enqueued="10:00:00"),
        temperature(2, "10:05:00", 2, enqueued="10:00:00"),
    )
    assert [row[3] for row in gold(database)["latest"]] == ["e2"]

    database.ingest(temperature(3, "10:10:00", 3))
    assert [row[3] for row in gold(database)["latest"]] == ["e3"]
    assert len(gold(database)["readings"]) == 4


def test_only_the_wrong_reading_of_an_event_is_kept_from_latest(database: IotDatabase) -> None:
    readings = {"fast": ("2099-01-01T00:00:00Z", 1), "right": ("2026-01-05T10:00:00Z", 2)}
    database.ingest(event("e1", "gateway", readings, at="2026-01-05T10:00:00Z", _clock="ahead"))

    assert [row[:2] for row in gold(database)["latest"]] == [("gateway", "right")]


def test_equal_readings_of_several_assets_in_one_event_time_stay_apart(database: IotDatabase) -> None:
    time = "2026-01-05T10:00:00Z"
    database.ingest(*(event(f"e-{asset}", asset, {"t": (time, 1)}, at=time) for asset in ("a", "b", "c")))

    assert [row[:4] for row in gold(database)["per hour"]] == [(asset, "t", time, 1) for asset in ("a", "b", "c")]
