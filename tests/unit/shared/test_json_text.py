"""Exact slices of JSON text."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.telemetry.events import Reason, Rejected
from shared.telemetry.json_text import MAX_ELEMENTS, array_elements, object_members, parse_strictly

json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=12,
)
layouts = st.sampled_from([{}, {"indent": 1}, {"separators": (" ,\t", "\n: ")}, {"ensure_ascii": False}])


@given(st.lists(json_values, max_size=6), layouts)
def test_array_elements_are_the_texts_of_its_values(values: list[Any], layout: dict[str, Any]) -> None:
    text = json.dumps(values, **layout).encode("utf-8", "surrogatepass")

    elements = array_elements(text)

    assert [json.loads(element) for element in elements] == values
    assert all(element in text for element in elements)


@given(st.dictionaries(st.text(), json_values, max_size=6), layouts)
def test_object_members_are_the_texts_of_its_keys_and_values(members: dict[str, Any], layout: dict[str, Any]) -> None:
    text = json.dumps(members, **layout).encode("utf-8", "surrogatepass")

    found = list(object_members(text))

    assert {json.loads(key): json.loads(value) for key, value in found} == members
    assert all(key in text and value in text for key, value in found)


@given(st.binary(max_size=60))
def test_any_bytes_behind_a_bracket_are_cut_or_refused(tail: bytes) -> None:
    try:
        elements = array_elements(b"[" + tail)
    except Rejected:
        return
    assert sum(map(len, elements)) <= len(tail)


def test_element_that_is_no_json_leaves_its_neighbours_whole() -> None:
    assert array_elements(b'[{"a":1}, oops , {"b":"],["}]') == [b'{"a":1}', b"oops", b'{"b":"],["}']


@pytest.mark.parametrize("text", [b"[", b"[1", b'["a]', b"[1]]", b"[1] 2", b"[[1]", b"[1}", b'["\\"]'])
def test_array_without_its_end_is_refused(text: bytes) -> None:
    with pytest.raises(Rejected, match="not-json"):
        array_elements(text)


def test_more_elements_than_are_taken_are_refused_as_one() -> None:
    assert len(array_elements(b"[" + b",".join([b"1"] * MAX_ELEMENTS) + b"]")) == MAX_ELEMENTS
    with pytest.raises(Rejected, match="too-many-elements"):
        array_elements(b"[" + b",".join([b"1"] * (MAX_ELEMENTS + 1)) + b"]")


def test_hostile_text_is_cut_in_linear_time() -> None:
    many = 300_000
    with pytest.raises(Rejected):
        array_elements(b"[" + b'"\\' * many)
    with pytest.raises(Rejected):
        array_elements(b"[" * many)
    with pytest.raises(Rejected):
        array_elements(b'["' + b"\\\\" * many)


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        (b'{"a":NaN}', Reason.NOT_JSON),
        (b'{"a":-Infinity}', Reason.NOT_JSON),
        (b'{"a":1e400}', Reason.NOT_JSON),
        (b'{"a":"\\ud800"}', Reason.NOT_JSON),
        (b'{"a":"\xff"}', Reason.NOT_JSON),
        (b"{'a':1}", Reason.NOT_JSON),
        (b'{"a":1,}', Reason.NOT_JSON),
        (b"", Reason.NOT_JSON),
        (b"[" * 2000 + b"]" * 2000, Reason.NOT_JSON),
        (b'{"a":' * 1000 + b"1" + b"}" * 1000, Reason.NOT_JSON),
        (b'{"a":1,"b":{"x":1,"\\u0078":2}}', Reason.DUPLICATE_KEY),
    ],
)
def test_what_is_not_strictly_json_is_refused(text: bytes, reason: Reason) -> None:
    with pytest.raises(Rejected) as caught:
        parse_strictly(text)
    assert caught.value.reason == reason
