"""project-keep, project-reorder and project-away: Microsoft's documented examples, and what the pages promise."""

import pytest

from tests.unit.data_explorer.conftest import Kql


@pytest.mark.parametrize(
    ("source", "operator", "columns"),
    [
        ("A1 = 1, A2 = 2, B = 3", "project-keep A*", "A1,A2"),
        ("A1 = 1, A2 = 2, B = 3", "project-keep B, A1", "A1,B"),
        ("a = 'a', b = 'b', c = 'c'", "project-reorder b", "b,a,c"),
        ("b = 'b', a2 = 'a2', a3 = 'a3', a1 = 'a1'", "project-reorder a* asc", "a1,a2,a3,b"),
        ("a20 = 1, b = 2, a100 = 3, a3 = 4", "project-reorder a* asc", "a100,a20,a3,b"),
        ("a20 = 1, b = 2, a100 = 3, a3 = 4", "project-reorder a* desc", "a3,a20,a100,b"),
        ("a20 = 1, b = 2, a100 = 3, a3 = 4", "project-reorder a* granny-asc", "a3,a20,a100,b"),
        ("a20 = 1, b = 2, a100 = 3, a3 = 4", "project-reorder b, * granny-desc", "b,a100,a20,a3"),
        ("a20 = 1, b = 2, a100 = 3, a3 = 4", "project-away a*0", "b,a3"),
    ],
)
def test_columns_are_chosen_and_ordered(kql: Kql, source: str, operator: str, columns: str) -> None:
    shown = kql.columns(f"print {source} | {operator}")

    assert ",".join(column.partition(":")[0] for column in shown) == columns
