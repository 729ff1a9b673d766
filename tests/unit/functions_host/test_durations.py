"""TimeSpan texts."""

import contextlib
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from local.functions_host.durations import InvalidDuration, parse_duration


@pytest.mark.parametrize(
    ("text", "length"),
    [
        ("00:00:30", timedelta(seconds=30)),
        ("1.02:03:04", timedelta(days=1, hours=2, minutes=3, seconds=4)),
        ("00:00:00.2500000", timedelta(milliseconds=250)),
        ("00:05", timedelta(minutes=5)),
        ("-00:00:01", timedelta(seconds=-1)),
    ],
)
def test_timespans_are_read(text: str, length: timedelta) -> None:
    assert parse_duration(text) == length


@pytest.mark.parametrize("text", ["", "5", "24:00:00", "00:60:00", "00:00:60", "a:b:c", "00:00:00.12345678"])
def test_what_is_no_timespan_is_refused(text: str) -> None:
    with pytest.raises(InvalidDuration):
        parse_duration(text)


@given(st.text(max_size=20))
def test_any_text_is_a_timespan_or_refused(text: str) -> None:
    with contextlib.suppress(InvalidDuration):
        assert isinstance(parse_duration(text), timedelta)
