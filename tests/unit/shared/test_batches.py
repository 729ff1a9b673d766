"""Cutting documents into transactional batches: never more than the service takes, never one left out."""

import json
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from shared.gateways.cosmos import MAX_OPERATIONS, batches

SERVICE_LIMIT = 2 * 1024 * 1024

sizes = st.lists(st.integers(0, 700_000), max_size=12) | st.lists(st.integers(0, 300), max_size=350)


def request_bytes(batch: list[Any]) -> int:
    """What the SDK sends: each operation beside its document."""
    operations = [{"operationType": "Create", "resourceBody": document} for document in batch]
    return len(json.dumps(operations, separators=(",", ":"), ensure_ascii=False).encode())


@given(sizes, st.sampled_from(["x", "é", "😀", '"', "\\"]))
def test_batches_hold_every_document_once_within_the_services_limits(lengths: list[int], letter: str) -> None:
    documents = [{"id": str(index), "body": letter * (length // 4)} for index, length in enumerate(lengths)]

    cut = list(batches(documents))

    assert [document for batch in cut for document in batch] == documents
    assert all(len(batch) <= MAX_OPERATIONS for batch in cut)
    assert all(request_bytes(batch) <= SERVICE_LIMIT for batch in cut)


def test_few_batches_are_made() -> None:
    documents = [{"id": str(index), "body": "x" * 300} for index in range(1000)]

    assert len(list(batches(documents))) == 10


def test_document_too_large_for_any_batch_goes_alone() -> None:
    documents = [{"id": "0"}, {"id": "1", "body": "x" * SERVICE_LIMIT}, {"id": "2"}]

    assert [len(batch) for batch in batches(documents)] == [1, 1, 1]


def test_integer_beyond_64_bits_is_counted_too() -> None:
    assert list(batches([{"id": "0", "value": 10**300}])) == [[{"id": "0", "value": 10**300}]]
