"""Partition keys go where azure-eventhub's own resolver says."""

from typing import Any

import pytest
from azure.eventhub._buffered_producer._partition_resolver import PartitionResolver
from hypothesis import given
from hypothesis import strategies as st

from local.event_hubs.routing import key_hash, partition_of

ASCII = st.text(st.characters(codec="ascii"), max_size=60)


@given(ASCII, st.integers(1, 32))
def test_a_key_goes_to_the_partition_that_the_sdk_resolves(key: str, partitions: int) -> None:
    resolver: Any = PartitionResolver([str(number) for number in range(partitions)])  # type: ignore[no-untyped-call]

    assert str(partition_of(key, partitions)) == resolver.get_partition_id_by_partition_key(key)


@pytest.mark.parametrize(("key", "expected"), [("", 0), ("7", -15263), ("131", 30562), ("7149583486996073602", 12977)])
def test_hashes_are_those_of_the_service(key: str, expected: int) -> None:
    """The vectors that Azure SDKs test their resolvers with."""
    assert key_hash(key) == expected
