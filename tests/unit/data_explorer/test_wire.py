"""Values as the service writes them."""

import contextlib
import datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from local.data_explorer.errors import KustoError, SemanticMistake
from local.data_explorer.kql.parameters import python_value
from local.data_explorer.requests import limits
from local.data_explorer.types import UnknownType, kusto_type
from local.data_explorer.wire import datetime_text, timespan_text, type_of

EPOCH = datetime.datetime(1970, 1, 1)


@given(st.datetimes(min_value=datetime.datetime(1, 1, 1)), st.integers(0, 9))
def test_datetime_text_keeps_every_tick(moment: datetime.datetime, tick: int) -> None:
    micros = (moment - EPOCH) // datetime.timedelta(microseconds=1)
    text = datetime_text(micros * 10 + tick)

    whole, _, fraction = text.removesuffix("Z").partition(".")
    assert datetime.datetime.fromisoformat(whole) == moment.replace(microsecond=0)
    assert int(fraction or "0") == moment.microsecond * 10 + tick
    assert len(fraction) in (0, 7)


@given(st.integers(-(10**17), 10**17))
def test_timespan_text_reads_back_to_its_ticks(ticks: int) -> None:
    text = timespan_text(ticks)
    body = text.removeprefix("-")
    days, dot, rest = body.partition(".")
    if not dot or ":" in days:
        days, rest = "0", body
    hours, minutes, seconds = rest.split(":")
    whole, _, fraction = seconds.partition(".")
    total = ((int(days) * 24 + int(hours)) * 60 + int(minutes)) * 60 + int(whole)
    read = total * 10**7 + int(fraction or "0")

    assert (-read if text.startswith("-") else read) == ticks


@pytest.mark.parametrize(
    ("duckdb_type", "kind"),
    [
        ("HUGEINT", "long"),
        ("DECIMAL(38,18)", "decimal"),
        ("BIGINT[]", "dynamic"),
        ("STRUCT(a INTEGER)", "dynamic"),
        ("TIMESTAMP_NS", "datetime"),
        ("BLOB", "string"),
    ],
)
def test_duckdb_types_have_a_kusto_type(duckdb_type: str, kind: str) -> None:
    assert type_of(duckdb_type) == kind


def test_unknown_type_is_named() -> None:
    with pytest.raises(UnknownType, match="nonsense"):
        kusto_type("nonsense")


@pytest.mark.parametrize(
    ("value", "kind", "meant"),
    [
        ("long(5)", "long", 5),
        (5, "long", 5),
        ("'it''s'", "string", "'it''s'"),
        ('"a\\"b"', "string", 'a"b'),
        ("plain text (with brackets)", "string", "plain text (with brackets)"),
        ("bool(true)", "bool", True),
        ("real(1.5)", "real", 1.5),
        ("datetime(null)", "datetime", None),
        (["a", 1], "dynamic", '["a", 1]'),
    ],
)
def test_parameter_values_are_literals_or_plain(value: object, kind: str, meant: object) -> None:
    assert python_value(value, kind, "p") == meant


@given(st.text())
def test_any_text_is_a_string_parameter(text: str) -> None:
    assert isinstance(python_value(text, "string", "p"), str)


@given(st.text())
def test_text_that_is_no_number_is_a_semantic_mistake(text: str) -> None:
    try:
        assert isinstance(python_value(text, "long", "p"), int | None)
    except SemanticMistake:
        return


@pytest.mark.parametrize(
    ("value", "seconds"), [("00:01:00", 60), ("0:04:00", 240), ("1 day, 0:00:00", 3600), (300_000_000, 30)]
)
def test_servertimeout_is_read_in_every_spelling_and_is_an_hour_at_most(value: object, seconds: float) -> None:
    assert limits({"servertimeout": value}).seconds == seconds


@given(st.one_of(st.text(), st.none(), st.lists(st.integers()), st.floats(max_value=-1)))
def test_limit_of_no_use_is_refused(value: object) -> None:
    with contextlib.suppress(KustoError):
        rows = limits({"truncationmaxrecords": value}).rows
        assert rows is not None
        assert rows >= 0
