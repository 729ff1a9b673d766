"""Rows in an order, and their neighbours: documented examples, and what the pages promise."""

from itertools import accumulate, pairwise
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from local.data_explorer.kql.sessions import session_starts
from tests.unit.data_explorer.conftest import Kql


def test_documented_sessions_end_at_an_hour_at_a_gap_and_at_another_id(kql: Kql) -> None:
    rows = kql.rows(
        """
        datatable (ID:string, Timestamp:datetime) [
            "1", datetime(2024-04-11 10:00:00), "2", datetime(2024-04-11 10:18:00),
            "1", datetime(2024-04-11 11:00:00), "3", datetime(2024-04-11 11:30:00),
            "2", datetime(2024-04-11 13:30:00), "2", datetime(2024-04-11 10:16:00)]
        | sort by ID asc, Timestamp asc
        | extend SessionStarted = row_window_session(Timestamp, 1h, 5m, ID != prev(ID))
        """
    )

    assert rows == [
        ("1", "2024-04-11T10:00:00Z", "2024-04-11T10:00:00Z"),
        ("1", "2024-04-11T11:00:00Z", "2024-04-11T11:00:00Z"),
        ("2", "2024-04-11T10:16:00Z", "2024-04-11T10:16:00Z"),
        ("2", "2024-04-11T10:18:00Z", "2024-04-11T10:16:00Z"),
        ("2", "2024-04-11T13:30:00Z", "2024-04-11T13:30:00Z"),
        ("3", "2024-04-11T11:30:00Z", "2024-04-11T11:30:00Z"),
    ]


def test_documented_sums_of_even_numbers(kql: Kql) -> None:
    rows = kql.rows("datatable (a:long) [1, 2, 3, 4, 5, 6, 7, 8, 9, 10] | where a%2==0 | serialize cs=row_cumsum(a)")

    assert rows == [(2, 2), (4, 6), (6, 12), (8, 20), (10, 30)]


def test_documented_sums_of_salaries_begin_anew_with_each_name(kql: Kql) -> None:
    rows = kql.rows(
        """
        datatable (name:string, month:int, salary:long) [
            "Alice", 1, 1000, "Bob", 1, 1000, "Alice", 2, 2000, "Bob", 2, 1950, "Alice", 3, 1400, "Bob", 3, 1450]
        | order by name asc, month asc
        | extend total=row_cumsum(salary, name != prev(name))
        """
    )

    assert rows == [
        ("Alice", 1, 1000, 1000),
        ("Alice", 2, 2000, 3000),
        ("Alice", 3, 1400, 4400),
        ("Bob", 1, 1000, 1000),
        ("Bob", 2, 1950, 2950),
        ("Bob", 3, 1450, 4400),
    ]


def test_documented_row_numbers_start_anywhere_and_again(kql: Kql) -> None:
    assert kql.rows("range a from 1 to 10 step 1 | sort by a desc | extend rn=row_number()") == [
        (11 - number, number) for number in range(1, 11)
    ]
    assert kql.rows("range a from 1 to 10 step 1 | sort by a desc | extend rn=row_number(7)") == [
        (11 - number, number + 6) for number in range(1, 11)
    ]
    ranked = kql.rows(
        """
        datatable (Airport:string, Airline:string, Departures:long) [
            "TLV", "LH", 1, "TLV", "LY", 100, "SEA", "LH", 1, "SEA", "BA", 2, "SEA", "LY", 0]
        | sort by Airport asc, Departures desc
        | extend Rank=row_number(1, prev(Airport) != Airport)
        """
    )
    assert ranked == [
        ("SEA", "BA", 2, 1),
        ("SEA", "LH", 1, 2),
        ("SEA", "LY", 0, 3),
        ("TLV", "LY", 100, 1),
        ("TLV", "LH", 1, 2),
    ]


@pytest.mark.parametrize(
    ("rest", "rows"),
    [
        ("extend p = prev(x)", [(3, None), (2, 3), (1, 2)]),
        ("extend n = next(x, 2, -1)", [(3, 1), (2, -1), (1, -1)]),
        ("project d = prev(x, 1, 0) - x", [(-3,), (1,), (1,)]),
        ("where prev(x) > x", [(2,), (1,)]),
        ("where x != 2 | project p = prev(x)", [(None,), (3,)]),
        ("extend c = row_cumsum(x) | where c > 3 | project-keep c | take 1", [(5,)]),
        ("extend y = x * 2 | project-away x | serialize p = prev(y)", [(6, None), (4, 6), (2, 4)]),
        ("extend s = row_cumsum(row_number() + prev(x, 1, 0))", [(3, 1), (2, 6), (1, 11)]),
        ("extend a = prev(x) | order by x asc | extend b = prev(x)", [(1, 2, None), (2, 3, 1), (3, None, 2)]),
        ("serialize", [(3,), (2,), (1,)]),
        ("as Rows | extend p = prev(x) | where p > toscalar(Rows | summarize min(x))", [(2, 3), (1, 2)]),
        ("extend t = strcat('k=', x) | parse-kv t as (k: long) | project p = prev(k)", [(None,), (3,), (2,)]),
        ("top-hitters 2 of x by x | project p = prev(x)", [(None,), (3,)]),
        ("serialize | extend p = prev(x) | count", [(3,)]),
    ],
)
def test_rows_keep_their_order_through_the_operators_after_a_sort(kql: Kql, rest: str, rows: list[Any]) -> None:
    assert kql.rows(f"datatable(x:long)[1, 3, 2] | sort by x | {rest}") == rows


def test_columns_of_calls_are_named_by_their_place(kql: Kql) -> None:
    query = "range Column1 from 1 to 2 step 1 | extend prev(Column1), row_number(), 1 + next(Column1)"

    assert kql.columns(query) == ["Column1:long", "Column2:long", "Column3:long", "Column4:long"]


@pytest.mark.parametrize(
    "query", ["print x = 1 | extend prev(x)", "range x from 1 to 3 step 1 | count | extend row_number()"]
)
def test_rows_without_an_order_have_no_neighbours(kql: Kql, query: str) -> None:
    mistake = kql.mistake(query)

    assert mistake.status == 400
    assert "the row set must be serialized" in mistake.message
    assert f"[line:position=1:{query.index('extend ') + 8}]" in mistake.message


@pytest.mark.parametrize(
    ("query", "rows"),
    [
        ("let T = range x from 1 to 3 step 1 | order by x desc; T | extend p = prev(x)", [(3, None), (2, 3), (1, 2)]),
        (
            "let S = range x from 1 to 3 step 1; let T = S | where x > 1; T | extend p = prev(x) | join (T) on x",
            [(2, None, 2), (3, 2, 3)],
        ),
        (
            "let T = range x from 1 to 2 step 1; T | extend r = row_number(5) | union (T | extend r = row_number())",
            [(1, 1), (1, 5), (2, 2), (2, 6)],
        ),
    ],
)
def test_rows_keep_their_order_through_a_let(kql: Kql, query: str, rows: list[Any]) -> None:
    assert sorted(kql.rows(query)) == sorted(rows)


def test_rows_of_an_unknown_table_have_no_neighbours(kql: Kql) -> None:
    mistake = kql.mistake("Nowhere | serialize p = prev(x)")

    assert "SEM0100" in mistake.message
    assert "'Nowhere'" in mistake.message


def test_lists_are_made_in_the_order_of_a_sort(kql: Kql) -> None:
    rows = kql.rows(
        """
        range N from 1 to 200000 step 1
        | extend Key = N % 2
        | sort by N desc
        | summarize L = make_list(N), M = make_list_if(N, N < 7), O = make_list(N, 2) by Key
        | project Key, Falls = array_length(L) == 100000 and tolong(L[0]) - tolong(L[99999]) == 199998, M, O
        | sort by Key asc
        """
    )

    assert rows == [(0, True, [6, 4, 2], [200000, 199998]), (1, True, [5, 3, 1], [199999, 199997])]


@settings(max_examples=25, deadline=None)
@given(st.lists(st.tuples(st.integers(0, 40), st.booleans()), min_size=1), st.integers(1, 30), st.integers(1, 10))
def test_sessions_are_never_longer_nor_wider_than_allowed(
    readings: list[tuple[int, bool]], longest: int, apart: int
) -> None:
    times = list(accumulate(time for time, _ in readings))
    starts = session_starts(list(times), [restart for _, restart in readings], longest, apart)

    rows = list(zip(times, starts, readings, strict=True))
    for (before, start_before, _), (time, start, (_, restart)) in pairwise(rows):
        goes_on = start == start_before and not restart and time - before < apart
        assert start == time or (goes_on and start is not None and time - start < longest)
    assert starts[0] == times[0]


def test_a_null_ends_a_session() -> None:
    assert session_starts([1, None, 2, 3], [False] * 4, 100, 50) == [1, None, 2, 2]
