"""What each clause of a query means, over a handful of documents whose answers are known."""

from typing import Any

import pytest

from tests.unit.cosmos_query.container import Container

READINGS: list[dict[str, Any]] = [
    {"id": "a", "pk": 1, "kind": "t", "value": 20.5, "tags": ["hot", "dry"], "at": {"x": 1, "a b": [7, 8]}},
    {"id": "b", "pk": 1, "kind": "t", "value": 18, "tags": ["dry"]},
    {"id": "c", "pk": 2, "kind": "h", "value": 55, "tags": []},
    {"id": "d", "pk": 2, "kind": "h", "value": None},
    {"id": "e", "pk": 3, "kind": "h", "value": "high", "tags": "none"},
    {"id": "f", "pk": 3},
]


@pytest.fixture(scope="module")
def readings() -> Container:
    return Container(READINGS)


def test_select_star_gives_whole_documents(readings: Container) -> None:
    assert readings.query("SELECT * FROM c") == READINGS


def test_filter_by_equality_takes_type_into_account(readings: Container) -> None:
    assert readings.query("SELECT VALUE c.id FROM c WHERE c.value = 18") == ["b"]
    assert readings.query("SELECT VALUE c.id FROM c WHERE c.value = '18'") == []
    assert readings.query("SELECT VALUE c.id FROM c WHERE c.value = null") == ["d"]


def test_count_counts_rows_and_defined_values(readings: Container) -> None:
    assert readings.query("SELECT VALUE COUNT(1) FROM c") == [6]
    assert readings.query("SELECT VALUE COUNT(c.value) FROM c") == [5]
    assert readings.query("SELECT COUNT(1) FROM c WHERE c.pk = 3") == [{"$1": 2}]
