"""Which strings Newtonsoft takes for dates, and what it makes of them (webjobs-sdk-extensions#898)."""

import re
import time
from collections.abc import Iterator
from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from local.functions_host.newtonsoft import rewrite, rewrite_json

DATES = st.sampled_from(["2025-02-04T11:24:52.9900Z", "2025-02-04T24:00:00", "/Date(1738668292000)/"])
TEXTS = st.lists(DATES | st.sampled_from(list('",:[]{}\\')) | st.text(), max_size=3).map("".join)
"""Dates, and dates among what could make them look like whole values, or whole values like something else."""
JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**63), 2**63) | st.floats(allow_nan=False) | TEXTS,
    lambda inner: st.lists(inner) | st.dictionaries(TEXTS, inner),
    max_leaves=20,
)


def each_rewritten(value: Any) -> Any:
    """A JSON value with each of its strings rewritten by itself, but not the keys."""
    if isinstance(value, str):
        return rewrite(value)
    if isinstance(value, dict):
        return {key: each_rewritten(inner) for key, inner in value.items()}
    return [each_rewritten(inner) for inner in value] if isinstance(value, list) else value


@pytest.fixture(params=["UTC", "Europe/Berlin"])
def zone(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    monkeypatch.setenv("TZ", request.param)
    time.tzset()
    yield request.param
    monkeypatch.undo()
    time.tzset()


@pytest.mark.parametrize(
    ("text", "written"),
    [
        ("2025-02-04T11:24:52Z", "2025-02-04T11:24:52Z"),
        ("2025-02-04T11:24:52z", "2025-02-04T11:24:52Z"),
        ("2025-02-04T11:24:52.000Z", "2025-02-04T11:24:52Z"),
        ("2025-02-04T11:24:52.1230000Z", "2025-02-04T11:24:52.123Z"),
        ("2025-02-04T11:24:52.9911021Z", "2025-02-04T11:24:52.9911021Z"),
        ("2025-02-04T11:24:52.10", "2025-02-04T11:24:52.1"),
        ("2025-02-04T24:00:00Z", "2025-02-05T00:00:00Z"),
        ("/Date(1738668292000)/", "2025-02-04T11:24:52Z"),
    ],
)
def test_dates_are_written_anew(text: str, written: str) -> None:
    assert rewrite(text) == written


@pytest.mark.parametrize(
    "text",
    [
        "2025-02-04T11:24:52.12345678Z",
        "2025-02-04T11:24:52.Z",
        "2025-02-30T11:24:52Z",
        "2025-02-04T11:24:60Z",
        "2025-02-04T25:00:00Z",
        "2025-02-04 11:24:52Z",
        "2025-02-04T11:24Z",
        "2025-02-04",
        "0000-02-04T11:24:52Z",
        " 2025-02-04T11:24:52Z",
        "2025-02-04T11:24:52Z and more",
        "٢٠٢٥-02-04T11:24:52Z",
        "/Date(x)/",
    ],
)
def test_what_is_no_date_is_left_alone(text: str) -> None:
    assert rewrite(text) == text


def test_offsets_become_this_machines_local_time(zone: str) -> None:
    local = {"UTC": "2025-02-04T10:24:52+00:00", "Europe/Berlin": "2025-02-04T11:24:52+01:00"}[zone]
    assert rewrite("2025-02-04T11:24:52+01:00") == local
    assert rewrite("2025-02-04T05:24:52-0500") == local
    assert rewrite("2025-02-04T11:24:52+01") == local


@given(st.lists(JSON))
def test_in_json_just_the_values_that_are_dates_are_rewritten(documents: list[object]) -> None:
    assert rewrite_json(orjson.dumps(documents).decode()) == orjson.dumps(each_rewritten(documents)).decode()


@given(st.datetimes(), st.sampled_from(["", "Z", "+02:00"]), st.integers(0, 7))
def test_rewriting_again_changes_nothing(moment: object, suffix: str, digits: int) -> None:
    text = re.sub(r"\.\d+", "", str(moment)).replace(" ", "T") + ("." + "5" * digits if digits else "") + suffix
    once = rewrite(text)
    assert rewrite(once) == once
