"""Kusto's coercion of fields to typed columns: what fits is kept to the last digit, the rest is null."""

from datetime import UTC, datetime, timedelta, timezone
from decimal import Decimal
from math import isnan

import pytest
from hypothesis import given
from hypothesis import strategies as st

from local.data_explorer.ingestion.times import TICKS_PER_SECOND, datetime_ticks, timespan_ticks
from local.data_explorer.ingestion.values import FROM_TEXT, LARGEST_VALUE, Number, from_json, from_text

FIRST = datetime(1, 1, 1, tzinfo=UTC)


def ticks(moment: datetime) -> int:
    return (moment - FIRST) // timedelta(microseconds=1) * 10


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("2025-02-04T11:24:52.9911021Z", ticks(datetime(2025, 2, 4, 11, 24, 52, tzinfo=UTC)) + 9911021),
        ("2025-02-04 11:24:52.9911021", ticks(datetime(2025, 2, 4, 11, 24, 52, tzinfo=UTC)) + 9911021),
        ("2025-02-04T11:24", ticks(datetime(2025, 2, 4, 11, 24, tzinfo=UTC))),
        ("2025-02-04", ticks(datetime(2025, 2, 4, tzinfo=UTC))),
        ("2025-02-04T11:24:52+02:00", ticks(datetime(2025, 2, 4, 9, 24, 52, tzinfo=UTC))),
        ("2014-11-08 15:55:55 GMT", ticks(datetime(2014, 11, 8, 15, 55, 55, tzinfo=UTC))),
        ("Sat, 8 Nov 14 15:05:02 GMT", ticks(datetime(2014, 11, 8, 15, 5, 2, tzinfo=UTC))),
        ("Saturday, 08-Nov-14 15:05 UTC", ticks(datetime(2014, 11, 8, 15, 5, tzinfo=UTC))),
        ("0001-01-01T00:00:00Z", 0),
        ("9999-12-31T23:59:59.9999999Z", ticks(datetime(9999, 12, 31, 23, 59, 59, tzinfo=UTC)) + 9999999),
        ("0001-01-01T00:00:00+01:00", None),
        ("2025-02-30", None),
        ("2025-02-04T25:00", None),
        ("Sat, 8 Xyz 14 15:05:02 GMT", None),
        ("1738668292", None),
        ("", None),
    ],
)
def test_datetime_keeps_100_ns_and_what_is_none_is_null(text: str, expected: int | None) -> None:
    assert datetime_ticks(text) == expected


@given(st.datetimes(datetime(1, 1, 2), timezones=st.sampled_from([UTC, timezone(timedelta(hours=5, minutes=30))])))
def test_every_iso_datetime_is_the_same_instant(moment: datetime) -> None:
    assert datetime_ticks(moment.isoformat()) == ticks(moment)


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("00:01:02", 62),
        ("1.02:03:04.5", 93784.5),
        ("-00:00:01", -1),
        ("2", 172800),
        ("1.5h", 5400),
        ("100ms", 0.1),
        ("24:00:00", None),
        ("soon", None),
    ],
)
def test_timespan_takes_clock_and_literal(text: str, seconds: float | None) -> None:
    assert timespan_ticks(text) == (None if seconds is None else round(seconds * TICKS_PER_SECOND))


@pytest.mark.parametrize(
    ("kind", "text", "expected"),
    [
        ("long", "9223372036854775807", 2**63 - 1),
        ("long", "9223372036854775808", None),
        ("long", "-9223372036854775808", -(2**63)),
        ("long", "1.5", None),
        ("long", "12abc", None),
        ("int", "2147483648", None),
        ("int", "-1", -1),
        ("real", "-4.4", -4.4),
        ("real", "1e3", 1000.0),
        ("real", "1e999", None),
        ("real", "inf", float("inf")),
        ("real", "warm", None),
        ("bool", "TRUE", True),
        ("bool", "0", False),
        ("bool", "yes", None),
        ("guid", "74BE27DE1E4E49D9B579FE0B331D3642", "74be27de-1e4e-49d9-b579-fe0b331d3642"),
        ("guid", "74be", None),
        ("decimal", "0.1234567890123456789012345678901234", Decimal("0.1234567890123456789012345678901234")),
        ("decimal", "NaN", None),
        ("string", "", ""),
        ("dynamic", '{"a": 1.0}', '{"a": 1.0}'),
        ("dynamic", "plain", '"plain"'),
        ("dynamic", " ", None),
    ],
)
def test_text_that_does_not_fit_its_column_is_null(kind: str, text: str, expected: object) -> None:
    assert FROM_TEXT[kind](text) == expected


def test_nan_is_a_real_but_no_other_number() -> None:
    value = FROM_TEXT["real"]("NaN")

    assert isinstance(value, float)
    assert isnan(value)
    assert FROM_TEXT["long"]("NaN") is None


def test_json_numbers_keep_their_digits_in_strings_and_dynamics() -> None:
    assert from_json("string")(Number("1.10")) == "1.10"
    assert from_json("dynamic")([Number("12345678901234567890123"), Number("0.0")]) == "[12345678901234567890123,0.0]"
    assert from_json("long")(Number("7")) == 7
    assert from_json("string")({"b": True, "a": None}) == '{"b":true,"a":null}'
    assert from_json("dynamic")("text") == '"text"'
    assert from_json("dynamic")(None) is None


@pytest.mark.parametrize(
    ("transform", "number"),
    [
        ("DateTimeFromUnixSeconds", "1738668292.5"),
        ("DateTimeFromUnixMilliseconds", "1738668292500"),
        ("DateTimeFromUnixMicroseconds", "1738668292500000"),
        ("DateTimeFromUnixNanoseconds", "1738668292500000000"),
    ],
)
def test_unix_times_become_datetimes(transform: str, number: str) -> None:
    expected = ticks(datetime(2025, 2, 4, 11, 24, 52, 500000, tzinfo=UTC))

    assert from_text("datetime", transform)(number) == expected
    assert from_json("datetime", transform)(Number(number)) == expected
    assert from_json("datetime", transform)("soon") is None


def test_a_string_over_one_megabyte_is_cut_and_such_a_dynamic_is_null() -> None:
    assert FROM_TEXT["string"]("é" * LARGEST_VALUE) == "é" * (LARGEST_VALUE // 2)
    assert from_json("dynamic")("x" * LARGEST_VALUE) is None


@given(st.sampled_from(sorted(FROM_TEXT)), st.text())
def test_no_text_breaks_a_conversion(kind: str, text: str) -> None:
    value = FROM_TEXT[kind](text)

    assert value is None or isinstance(value, str | int | float | Decimal)
