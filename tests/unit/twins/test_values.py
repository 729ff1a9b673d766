"""Times and values as twins hold them."""

from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.telemetry.timestamps import moment
from shared.twins.registry import Tag
from shared.twins.values import fitted, source_time


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("2026-11-22T09:00:00Z", "2026-11-22T09:00:00.0000000Z"),
        ("2026-11-22T09:00:00.5Z", "2026-11-22T09:00:00.5000000Z"),
        ("2026-11-22T09:00:00.123456789Z", "2026-11-22T09:00:00.1234567Z"),
        ("2026-11-22T09:00:00.1234567+01:00", "2026-11-22T08:00:00.1234567Z"),
        ("2026-11-22T23:30:00-05:30", "2026-11-23T05:00:00.0000000Z"),
        ("2026-11-22T09:00:00", "2026-11-22T09:00:00.0000000Z"),
        ("2026-11-22T09:00:00.25", "2026-11-22T09:00:00.2500000Z"),
    ],
)
def test_source_time(text: str, expected: str) -> None:
    assert source_time(text) == expected


times = st.datetimes(datetime(1900, 1, 1), datetime(2100, 1, 1))
zones = st.integers(-14 * 60, 14 * 60).map(lambda minutes: timezone(timedelta(minutes=minutes)))


@given(times, zones, times, zones)
def test_texts_sort_as_their_times_do(one: datetime, its: timezone, other: datetime, others: timezone) -> None:
    first, second = (
        time.replace(tzinfo=UTC).astimezone(zone).isoformat() for time, zone in ((one, its), (other, others))
    )

    assert (source_time(first) < source_time(second)) == (moment(first) < moment(second))


@pytest.mark.parametrize(
    ("schema", "value", "expected"),
    [
        ("double", 5, 5.0),
        ("double", 10**300, 1e300),
        ("double", True, None),
        ("double", "5", None),
        ("long", 2**63 - 1, 2**63 - 1),
        ("long", 2**63, None),
        ("long", 5.0, None),
        ("integer", -(2**31), -(2**31)),
        ("integer", 2**31, None),
        ("integer", True, None),
        ("boolean", True, True),
        ("boolean", 1, None),
        ("string", "ü" * 2048, "ü" * 2048),
        ("string", "ü" * 2049, None),
        ("string", 1, None),
        ("enum", "a", "a"),
        ("enum", "c", None),
    ],
)
def test_values_fit_their_schema_or_not(schema: str, value: Any, expected: Any) -> None:
    found = fitted(value, Tag.model_validate({"schema": schema, "values": ["a", "b"]}))

    assert found == expected
    assert type(found) is type(expected)
