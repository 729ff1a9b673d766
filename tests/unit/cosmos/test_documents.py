"""Documents keep what the service keeps."""

import json
from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from local.cosmos.documents import (
    draft,
    etag,
    item_rid,
    served,
    system_properties,
    without_system_properties,
)
from local.cosmos.errors import ServiceError
from local.cosmos.indexing import parse_policy
from local.cosmos.partition_keys import parse_definition

KEY = parse_definition({"paths": ["/pk"]})
_, POLICY = parse_policy(None)

numbers = st.integers(-(2**63), 2**64 - 1) | st.floats(allow_nan=False, allow_infinity=False)
texts = st.text(st.characters(codec="utf-8"))
values = st.recursive(
    st.none() | st.booleans() | numbers | texts,
    lambda inner: st.lists(inner, max_size=5) | st.dictionaries(texts, inner, max_size=5),
    max_leaves=20,
)


def kept(value: Any) -> tuple[str, Any]:
    """A value as text and as value, after it was stored."""
    text = draft({"id": "a", "value": value}, KEY, None, POLICY).text + b"}"
    return text.decode(), orjson.loads(text)["value"]


def as_doubles(value: Any) -> Any:
    """What the service's IEEE 754 doubles make of a value, for comparison by ==."""
    match value:
        case dict():
            return {name: as_doubles(inner) for name, inner in value.items()}
        case list():
            return [as_doubles(inner) for inner in value]
        case bool() | None | str():
            return value
    return float(value)


@given(values)
def test_stored_value_is_the_given_one_in_doubles(value: Any) -> None:
    assert as_doubles(kept(value)[1]) == as_doubles(value)


@given(numbers)
def test_whole_numbers_are_written_without_fraction_and_need_no_more_than_17_digits(number: float) -> None:
    text, _ = kept(number)

    written = json.loads(text, parse_float=str, parse_int=str)["value"]
    assert float(written) == float(number)
    assert not written.endswith(".0")
    if float(number).is_integer() and abs(number) < 2**62:
        assert written.lstrip("-").isdecimal()
    assert len(written.lstrip("-").rstrip("0").replace(".", "").partition("e")[0].lstrip("0")) <= 17


@pytest.mark.parametrize(
    ("number", "text"),
    [
        (0.0, "0"),
        (-0.0, "0"),
        (12.0, "12"),
        (2**53, "9007199254740992"),
        (2**53 + 1, "9007199254740992"),
        (-(2**53) - 1, "-9007199254740992"),
        (12345678901234567890, "12345678901234567000"),
        (-1234567890123456789, "-1234567890123456800"),
        (1e17, "100000000000000000"),
        (0.1, "0.1"),
        (1.5e300, "1.5e+300"),
    ],
)
def test_number_is_written_as_the_service_writes_it(number: float, text: str) -> None:
    assert f'"value":{text}' in kept(number)[0]


@given(texts, st.integers(1, 2**40), st.integers(0, 2**33))
def test_system_properties_are_found_again_behind_any_document(text: str, number: int, seconds: int) -> None:
    document = {"id": "a", "value": text, "last": ',"_rid":"x"'}
    given_text = draft(document, KEY, None, POLICY).text
    rid = item_rid("EAAAAYAAAAE=", number)

    body = served(given_text, rid, "dbs/x/colls/y/", etag(number, seconds), seconds)

    assert system_properties(body) == (rid, etag(number, seconds))
    assert without_system_properties(body) == given_text + b"}"
    assert orjson.loads(body)["_ts"] == seconds
    assert orjson.loads(body)["_etag"] == etag(number, seconds)


@pytest.mark.parametrize("document", [None, [], "a", 7, {}, {"id": ""}, {"id": 1}])
def test_what_is_no_document_is_refused(document: Any) -> None:
    with pytest.raises(ServiceError) as refused:
        draft(document, KEY, None, POLICY)
    assert refused.value.status == 400


def test_system_properties_of_a_client_are_not_kept() -> None:
    given = {"_rid": "x", "id": "a", "_etag": "y", "_ts": 1, "_lsn": 4, "_own": 5}

    assert draft(given, KEY, None, POLICY).text == b'{"id":"a","_own":5'
