"""The functions over time series, each with readings whose answer is evident."""

import math
from collections.abc import Iterable
from typing import Any

import pytest

from tests.golden.iot_database import IotDatabase

DAYS = 14
HOURS = DAYS * 24
DAILY = "10 + 5 * sin(2 * pi() * i / 24)"
NOISE = "(i * 7919 % 100) / 100.0"
RANDOM = "i * i * i * 7919 % 997"
SPIKES = f"{DAILY} + {NOISE} + case(i == 100, 20, i == 200, -20, 0)"


@pytest.fixture
def series(empty_database: IotDatabase) -> IotDatabase:
    """Gold, and the functions over its time series."""
    empty_database.build("bronze", "silver", "gold", "time-series")
    return empty_database


def fill(database: IotDatabase, asset: str, tag: str, value: str, *, count: int = HOURS, step: str = "1h") -> None:
    """A reading of `value`, an expression over its number `i`, at each step from 2026-01-05; none where it is null."""
    database.command(
        f"""
.set-or-append Silver <|
    range i from 0 to {count - 1} step 1
    | extend Time = datetime(2026-01-05) + i * {step}, Value = toreal({value})
    | where isnotnull(Value)
    | project EventId = strcat("{asset}/{tag}/", i), DeviceId = "device", Asset = "{asset}", TagName = "{tag}",
        SourceTimestamp = Time, EnqueuedTime = Time + 1s,
        ValueLong = long(null), ValueReal = Value, ValueString = "", ValueBool = bool(null)
"""
    )


def hour(number: int) -> str:
    return f"2026-01-{5 + number // 24:02}T{number % 24:02}:00:00Z"


def daily(number: int) -> float:
    return 10 + 5 * math.sin(2 * math.pi * number / 24)


def column(rows: Iterable[tuple[Any, ...]], place: int) -> list[Any]:
    return [row[place] for row in rows]


def test_numeric_readings_are_reals_whatever_they_were_and_nothing_else(series: IotDatabase) -> None:
    fill(series, "a", "t", "i", count=3)
    series.command(
        ".set-or-append Silver <| print EventId = 'text', DeviceId = 'd', Asset = 'a', TagName = 'door', "
        "SourceTimestamp = datetime(2026-01-05 00:30), EnqueuedTime = datetime(2026-01-05), ValueLong = long(null), "
        "ValueReal = real(null), ValueString = 'open', ValueBool = bool(null)"
    )
    series.command(
        ".set-or-append Silver <| print EventId = 'long', DeviceId = 'd', Asset = 'a', TagName = 'n', "
        "SourceTimestamp = datetime(2026-01-05 01:30), EnqueuedTime = datetime(2026-01-05), ValueLong = 7, "
        "ValueReal = real(null), ValueString = '', ValueBool = bool(null)"
    )

    found = series.rows(
        "NumericReadings(datetime(2026-01-05), datetime(2026-01-05 02:00)) | order by SourceTimestamp asc"
    )

    assert found == [("a", "t", hour(0), 0.0), ("a", "t", hour(1), 1.0), ("a", "n", "2026-01-05T01:30:00Z", 7.0)]


def test_anomalies_are_the_spikes_and_not_the_daily_wave_nor_its_gaps(series: IotDatabase) -> None:
    fill(series, "a", "t", f"iff(i between (50 .. 55), real(null), {SPIKES})")
    fill(series, "a", "other", "1000")

    rows = series.rows("Anomalies('a', 't', datetime(2026-01-05), datetime(2026-01-19), 1h)")

    assert column(rows, 0) == [hour(number) for number in range(HOURS)]
    assert [(row[0], row[4]) for row in rows if row[4] != 0] == [(hour(100), 1), (hour(200), -1)]
    assert [row[0] for row in rows if row[1] is None] == [hour(number) for number in range(50, 56)]
    assert [row[3] for row in rows if row[1] is None] == [0.0] * 6
    assert column(rows, 2) == pytest.approx([daily(number) + 0.5 for number in range(HOURS)], abs=1)


def test_anomalies_take_another_threshold_and_a_tag_never_read_has_none(series: IotDatabase) -> None:
    fill(series, "a", "t", SPIKES)

    assert (
        series.rows("Anomalies('a', 't', datetime(2026-01-05), datetime(2026-01-19), 1h, 1000.0) | where Anomaly != 0")
        == []
    )
    assert series.rows("Anomalies('a', 'never', datetime(2026-01-05), datetime(2026-01-19), 1h)") == []


def test_fleet_anomalies_lists_only_anomalies_of_all_assets_or_of_those_asked_for(series: IotDatabase) -> None:
    fill(series, "site01/a", "t", SPIKES)
    fill(series, "site01/b", "t", f"{DAILY} + {NOISE}")
    fill(series, "site02/c", "h", f"{NOISE} + i * 0.1 + iff(i == 300, 9, 0)")
    fill(series, "site02/d", "still", "5")

    rows = series.rows("FleetAnomalies(datetime(2026-01-05), datetime(2026-01-19), 1h)")

    anomalies = [("site01/a", "t", hour(100)), ("site01/a", "t", hour(200)), ("site02/c", "h", hour(300))]
    assert [row[:3] for row in rows] == anomalies
    assert [score > 3 for score in column(rows, 5)] == [True, False, True]
    assert [value - baseline for _, _, _, value, baseline, _ in rows] == pytest.approx([20, -20, 9], abs=1)
    by_site = series.rows("FleetAnomalies(datetime(2026-01-05), datetime(2026-01-19), 1h, assetPrefix = 'site02/')")
    assert [row[:3] for row in by_site] == anomalies[2:]
    assert [
        row[:3] for row in series.rows("FleetAnomalies(datetime(2026-01-05), datetime(2026-01-19), 1h, tag = 't')")
    ] == anomalies[:2]
    assert series.rows("FleetAnomalies(datetime(2026-01-05), datetime(2026-01-19), 1h, 1000.0)") == []


def test_forecast_goes_on_with_the_daily_wave_and_the_trend(series: IotDatabase) -> None:
    fill(series, "a", "t", f"{DAILY} + i * 0.05")

    rows = series.rows("Forecast('a', 't', datetime(2026-01-05), 1d, 1h, datetime(2026-01-19))")

    future = rows[HOURS:]
    assert column(rows, 0) == [hour(number) for number in range(HOURS + 24)]
    assert column(future, 1) == [None] * 24
    assert column(future, 2) == pytest.approx(
        [daily(number) + number * 0.05 for number in range(HOURS, HOURS + 24)], abs=1
    )
    assert column(rows[:HOURS], 1) == pytest.approx([daily(number) + number * 0.05 for number in range(HOURS)])


def test_forecast_ends_now_unless_told_otherwise(series: IotDatabase) -> None:
    series.command(
        ".set-or-append Silver <| print EventId = 'now', DeviceId = 'd', Asset = 'a', TagName = 't', "
        "SourceTimestamp = now() - 2h, EnqueuedTime = now(), ValueLong = 1, "
        "ValueReal = real(null), ValueString = '', ValueBool = bool(null)"
    )

    [(hours,)] = series.rows(
        "Forecast('a', 't', now() - 10d, 1d, 1h) | summarize Last = max(Timestamp) | project (Last - now()) / 1h"
    )

    assert hours == pytest.approx(23.5, abs=0.6)


def test_seasonality_tells_a_day(series: IotDatabase) -> None:
    fill(series, "a", "t", f"{DAILY} + {NOISE}")
    fill(series, "a", "noise", RANDOM)

    [(period, score)] = series.rows("Seasonality('a', 't', datetime(2026-01-05), datetime(2026-01-19), 1h)")

    assert period == "1.00:00:00"
    assert 0.9 < score <= 1
    assert [
        row
        for row in series.rows("Seasonality('a', 'noise', datetime(2026-01-05), datetime(2026-01-19), 1h)")
        if row[1] > 0.6
    ] == []


def test_correlate_tells_tags_that_go_together_apart_or_later(series: IotDatabase) -> None:
    fill(series, "a", "t", DAILY)
    fill(series, "a", "same", f"iff(i < 10, real(null), 3 * ({DAILY}) - 7)")
    fill(series, "a", "against", f"-({DAILY})")
    fill(series, "a", "later", "10 + 5 * sin(2 * pi() * (i - 3) / 24)")

    def correlated(tag: str, lag: str = "time(0)") -> tuple[Any, ...]:
        [row] = series.rows(
            "declare query_parameters(tag: string, lag: timespan);\n"
            "Correlate('a', 't', tag, datetime(2026-01-05), datetime(2026-01-19), 1h, lag)",
            tag=tag,
            lag=lag,
        )
        return row

    assert correlated("same") == (pytest.approx(1), HOURS - 10)
    assert correlated("against") == (pytest.approx(-1), HOURS)
    assert correlated("later")[0] == pytest.approx(math.cos(math.pi / 4))
    assert correlated("later", "time(3:00:00)") == (pytest.approx(1), HOURS - 3)
    assert correlated("never") == (None, 0)


def test_sensor_drift_tells_a_steady_rise_from_a_wave_and_from_noise(series: IotDatabase) -> None:
    fill(series, "site01/drifts", "t", f"{DAILY} + {NOISE} + i * 0.1")
    fill(series, "site01/waves", "t", f"{DAILY} + {NOISE}")
    fill(series, "site02/jumps", "t", RANDOM)
    fill(series, "site02/still", "t", "5.1")

    rows = series.rows("SensorDrift(datetime(2026-01-05), datetime(2026-01-19), 1h)")

    assert [(row[0], row[5]) for row in rows] == [
        ("site01/drifts", True),
        ("site01/waves", False),
        ("site02/jumps", False),
        ("site02/still", False),
    ]
    assert rows[0][2:4] == (pytest.approx(33.5, abs=0.5), pytest.approx(2.4, abs=0.05))
    assert column(
        series.rows("SensorDrift(datetime(2026-01-05), datetime(2026-01-19), 1h, assetPrefix = 'site02')"), 0
    ) == ["site02/jumps", "site02/still"]
    assert column(
        series.rows("SensorDrift(datetime(2026-01-05), datetime(2026-01-19), 1h, driftAfter = 0.0, tag = 't')"), 5
    ) == [True] * 3 + [False]


def test_stuck_sensors_are_those_that_stay_but_not_those_that_rest(series: IotDatabase) -> None:
    minutes = {"count": 1440, "step": "1m"}
    fill(series, "site01/stuck", "t", "iff(i between (300 .. 400), 7.5, i % 50)", **minutes)  # type: ignore[arg-type]
    fill(series, "site01/stuck", "u", "i % 50", **minutes)  # type: ignore[arg-type]
    fill(series, "site01/rests", "t", "iff(i % 360 < 100, 0, i % 50)", **minutes)  # type: ignore[arg-type]
    fill(series, "site02/short", "t", "iff(i between (300 .. 350), 7.5, i % 50)", **minutes)  # type: ignore[arg-type]
    fill(series, "site02/few", "t", "1", count=5)

    found = series.rows("StuckSensors(datetime(2026-01-05), datetime(2026-01-19))")

    stuck = ("site01/stuck", "t", "2026-01-05T05:00:00Z", "2026-01-05T06:40:00Z", "01:40:00", 101, 7.5)
    assert found == [stuck]
    assert series.rows("StuckSensors(datetime(2026-01-05), datetime(2026-01-19), assetPrefix = 'site02')") == []
    few = series.rows(
        "StuckSensors(datetime(2026-01-05), datetime(2026-01-19), leastReadings = 5, tag = 't', assetPrefix = 'site02')"
    )
    assert [row[0] for row in few] == ["site02/few"]
    resting = series.rows("StuckSensors(datetime(2026-01-05), datetime(2026-01-19), restingRuns = 5)")
    assert [row[0] for row in resting] == ["site01/rests"] * 4 + ["site01/stuck"]
    assert [row[0] for row in series.rows("StuckSensors(datetime(2026-01-05), datetime(2026-01-19), 50m)")] == [
        "site01/stuck",
        "site02/short",
    ]
