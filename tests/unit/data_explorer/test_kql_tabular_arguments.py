"""Functions that are given a table."""

from typing import Any

import pytest

from tests.unit.data_explorer.conftest import Kql

ABOVE = """
let Above = (rows: (a: long, s: string), least: long) { rows | where a > least | extend Least = least };
let T = datatable(a: long, s: string)[1, 'x', 2, 'y', 3, 'x'];
"""


@pytest.mark.parametrize(
    ("query", "rows"),
    [
        ("Above(T, 1) | order by a asc", [(2, "y", 1), (3, "x", 1)]),
        ("Above((T | where s == 'x'), 0) | order by a asc", [(1, "x", 0), (3, "x", 0)]),
        ("Above(datatable(a: long, s: string)[5, 'q'], 1)", [(5, "q", 1)]),
        ("T | join kind=inner (Above(T, 2)) on a | project s, Least", [("x", 2)]),
        ("union Above(T, 2), (Above(T, 1)) | count", [(3,)]),
        ("print Most = toscalar(Above(T, 1) | summarize max(a))", [(3,)]),
        ("let Counted = (q: (*)) { q | count }; Counted(Above(T, 1))", [(2,)]),
        ("T | invoke Above(2)", [(3, "x", 2)]),
    ],
)
def test_a_table_is_a_functions_first_argument(kql: Kql, query: str, rows: list[Any]) -> None:
    assert kql.rows(ABOVE + query) == rows


def test_stored_functions_take_tables_too_and_serialize_them(kql: Kql) -> None:
    kql.command(".create table Given(a: long, s: string)")
    kql.command(".set-or-append Given <| datatable(a: long, s: string)[1, 'x', 2, 'y', 3, 'x']")
    kql.command(".create function Steps(rows: (a: long, s: string)) { rows | order by a asc | extend d = a - prev(a) }")
    kql.command(
        ".create function StepsOf(n: long) { Given | where a >= n | sort by a asc | serialize r = row_number() }"
    )

    assert kql.rows("Steps(Given)") == [(1, "x", None), (2, "y", 1), (3, "x", 1)]
    assert kql.rows("Given | where s == 'x' | invoke Steps() | project d") == [(None,), (2,)]
    assert kql.rows("StepsOf(2) | project a, r | order by a asc") == [(2, 1), (3, 2)]
