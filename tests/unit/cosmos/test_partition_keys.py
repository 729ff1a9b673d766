"""Effective partition keys are the SDK's own, and physical partitions divide them."""

import itertools
from typing import Any

import orjson
import pytest
from azure.cosmos.partition_key import PartitionKey
from hypothesis import given
from hypothesis import strategies as st

from local.cosmos.errors import ServiceError
from local.cosmos.partition_keys import PartitionKeyDefinition, parse_definition, parse_header, physical_partitions

components = (
    st.none()
    | st.booleans()
    | st.integers(-(2**53), 2**53)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text()
)
SINGLE = parse_definition({"paths": ["/a"], "kind": "Hash"})
HIERARCHICAL = parse_definition({"paths": ["/a", "/b", "/c"], "kind": "MultiHash"})


def effective(definition: PartitionKeyDefinition, values: list[Any]) -> str:
    return definition.effective(orjson.dumps(values))


@given(components)
def test_effective_key_of_one_value_is_the_sdks(value: Any) -> None:
    assert effective(SINGLE, [value]) == PartitionKey("/a")._get_effective_partition_key_string([value])


@given(st.lists(components, min_size=1, max_size=3))
def test_effective_key_of_a_hierarchical_key_and_its_prefixes_is_the_sdks(values: list[Any]) -> None:
    assert effective(HIERARCHICAL, values) == PartitionKey(["/a", "/b", "/c"])._get_effective_partition_key_string(
        values
    )


@given(st.integers(-(2**53), 2**53))
def test_whole_number_is_the_same_key_as_integer_and_float(value: int) -> None:
    assert effective(SINGLE, [value]) == effective(SINGLE, [float(value)])


@given(st.lists(components, min_size=3, max_size=3), st.integers(1, 2))
def test_prefix_holds_the_whole_key(values: list[Any], length: int) -> None:
    whole = effective(HIERARCHICAL, values)

    assert whole in HIERARCHICAL.scope(orjson.dumps(values[:length]), length)
    assert whole in HIERARCHICAL.scope(orjson.dumps(values), 3)


@given(st.integers(1, 64), st.lists(components, min_size=1, max_size=1))
def test_every_key_lies_in_exactly_one_physical_partition(count: int, values: list[Any]) -> None:
    partitions = physical_partitions(count)

    assert len(partitions) == count
    assert all(left.high == right.low for left, right in itertools.pairwise(partitions))
    assert sum(effective(SINGLE, values) in keys for keys in partitions) == 1


@given(st.lists(components, max_size=4))
def test_header_is_read_back(values: list[Any]) -> None:
    text, count = parse_header(orjson.dumps(values).decode())

    assert (orjson.loads(text), count) == (values, len(values))


@given(st.text(max_size=30).filter(lambda text: not text.strip().startswith("[")))
def test_header_that_is_no_array_is_refused(text: str) -> None:
    with pytest.raises(ServiceError) as refused:
        parse_header(text)
    assert refused.value.status == 400


@pytest.mark.parametrize(
    "definition",
    [
        None,
        {},
        {"paths": []},
        {"paths": "/a"},
        {"paths": [1]},
        {"paths": ["a"]},
        {"paths": ["/"]},
        {"paths": ["/a//b"]},
        {"paths": ["/a", "/b"], "kind": "Hash"},
        {"paths": ["/a"], "kind": "Range"},
    ],
)
def test_definition_that_makes_no_sense_is_refused(definition: Any) -> None:
    with pytest.raises(ServiceError) as refused:
        parse_definition(definition)
    assert refused.value.status == 400


def test_first_hash_version_is_refused_as_not_done() -> None:
    with pytest.raises(ServiceError) as refused:
        parse_definition({"paths": ["/a"], "version": 1})
    assert refused.value.status == 501
