"""mv-apply and partition: Microsoft's documented examples, and what the pages promise."""

from typing import Any

import pytest

from tests.unit.data_explorer.conftest import Kql

ARRAYS = "datatable (index: int, Arr: dynamic) [0, dynamic([5, 1, 3]), 1, dynamic([4, 10, 8, 7])]"


def by_text(rows: list[Any]) -> list[Any]:
    return sorted(rows, key=str)


def test_documented_largest_elements(kql: Kql) -> None:
    rows = kql.rows(
        """
        let data = datatable (index: int, Arr: dynamic) [0, dynamic([1, 5, 3]), 1, dynamic([10, 2, 5, 7])];
        data | mv-apply topElem=Arr to typeof(long) on (top 1 by topElem)
        """
    )

    assert by_text(rows) == [(0, [1, 5, 3], 5), (1, [10, 2, 5, 7], 10)]


def test_documented_two_largest_elements_as_an_array(kql: Kql) -> None:
    rows = kql.rows(f"{ARRAYS} | mv-apply Arr2=Arr to typeof(long) on (top 2 by Arr2 | summarize Top2=make_list(Arr2))")

    assert by_text(rows) == [(0, [5, 1, 3], [5, 3]), (1, [4, 10, 8, 7], [10, 8])]


def test_documented_elements_of_one_array_by_another(kql: Kql) -> None:
    rows = kql.rows(
        """
        datatable (Val:int, Arr1:dynamic, Arr2:dynamic)
        [1, dynamic(['A1', 'A2', 'A3']),       dynamic([10, 30, 7]),
         7, dynamic(['B1', 'B2', 'B5']),       dynamic([15, 11, 50]),
         3, dynamic(['C1', 'C2', 'C3', 'C4']), dynamic([6, 40, 20, 8])]
        | mv-apply NewArr1=Arr1, NewArr2=Arr2 to typeof(long) on (
          top 2 by NewArr2
          | summarize NewArr1=make_list(NewArr1), NewArr2=make_list(NewArr2))
        | project Val, NewArr1, NewArr2
        """
    )

    assert by_text(rows) == [
        (1, ["A2", "A1"], [30, 10]),
        (3, ["C2", "C3"], [40, 20]),
        (7, ["B5", "B1"], [50, 15]),
    ]


def test_documented_elements_from_an_index_on(kql: Kql) -> None:
    query = f"{ARRAYS} | mv-apply with_itemindex=number value=Arr to typeof(long) on (where number >= 2)"

    assert kql.columns(query) == ["index:int", "Arr:dynamic", "value:long", "number:long"]
    assert by_text(kql.rows(query)) == [(0, [5, 1, 3], 3, 2), (1, [4, 10, 8, 7], 7, 3), (1, [4, 10, 8, 7], 8, 2)]


def test_documented_elements_of_two_arrays_side_by_side(kql: Kql) -> None:
    rows = kql.rows(
        """
        datatable (Val: int, Arr1: dynamic, Arr2: dynamic)
        [1, dynamic(['A1', 'A2']), dynamic(['B1', 'B2', 'B3']), 5, dynamic(['C1', 'C2']), dynamic(['D1'])]
        | mv-apply T1=Arr1, T2=Arr2 on (extend Out = strcat(T1, "_", T2) | summarize Out= make_list(Out))
        | project Val, Out
        """
    )

    assert by_text(rows) == [(1, ["A1_B1", "A2_B2", "_B3"]), (5, ["C1_D1", "C2_"])]


def test_documented_properties_of_a_bag(kql: Kql) -> None:
    rows = kql.rows(
        """
        datatable(Source: string, Target: string)["555-1234", "555-1212", "444-2424", ""]
        | extend Pack = bag_pack("Source", Source, "Target", Target)
        | mv-apply removeProperties = Pack on (
            mv-expand kind = array Pack
            | where Pack[1] !startswith "555"
            | summarize propsToRemove = make_set(Pack[0]))
        | project Source, propsToRemove
        """
    )

    assert by_text([(source, sorted(names)) for source, names in rows]) == [
        ("444-2424", ["Source", "Target"]),
        ("555-1234", []),
    ]


def test_source_columns_come_first_and_an_expanded_one_gives_way(kql: Kql) -> None:
    source = "print a = 1, l = dynamic([3, 4]), b = 5"

    assert kql.columns(f"{source} | mv-apply l on (summarize sum(tolong(l)))") == ["a:long", "b:long", "sum_l:long"]
    assert kql.columns(f"{source} | mv-apply l to typeof(long) on (top 1 by l)") == ["a:long", "b:long", "l:long"]
    assert by_text(kql.rows(f"{source} | mv-apply x=l to typeof(long) on (project x, y=a)")) == [
        (1, [3, 4], 5, 3, 1),
        (1, [3, 4], 5, 4, 1),
    ]


def test_elements_have_their_array_s_order_in_the_inner_query(kql: Kql) -> None:
    rows = kql.rows(
        f"{ARRAYS} | mv-apply Arr to typeof(long) on "
        "(extend Number = row_number(), Step = Arr - prev(Arr), Sum = row_cumsum(Arr) | where Number > 2)"
    )

    assert by_text(rows) == [(0, 3, 3, 2, 9), (1, 7, 4, -1, 29), (1, 8, 3, -2, 22)]


def test_inner_queries_read_lets_and_nest(kql: Kql) -> None:
    rows = kql.rows(
        f"""
        let Wanted = datatable(x:long)[3, 8];
        let Added = 5;
        {ARRAYS}
        | mv-apply Arr to typeof(long) on (
            where Arr in (Wanted)
            | mv-apply Factor = dynamic([1, 10]) to typeof(long) on (summarize Most = max(Arr * Factor + Added)))
        """
    )

    assert by_text(rows) == [(0, 3, 35), (1, 8, 85)]


KEYS = "datatable(a:long, s:string)[1, 'x', 2, 'x', 3, 'y', 4, '']"


@pytest.mark.parametrize("hint", ["", "hint.strategy=native", "hint.strategy=shuffle hint.concurrency=4"])
@pytest.mark.parametrize(
    ("inner", "rows"),
    [
        ("top 1 by a | project s, a", [("", 4), ("x", 2), ("y", 3)]),
        ("summarize Sum = sum(a), Keys = make_set(s)", [(3, ["x"]), (3, ["y"]), (4, [""])]),
        ("count", [(1,), (1,), (2,)]),
        ("sort by a asc | extend p = prev(a) | project s, p", [("", None), ("x", 1), ("x", None), ("y", None)]),
        ("make-series sum(a) on a from 1 to 3 step 1 | project sum_a", [([1, 2],)]),
    ],
)
def test_each_key_s_rows_are_a_table_of_their_own(kql: Kql, hint: str, inner: str, rows: list[Any]) -> None:
    assert by_text(kql.rows(f"{KEYS} | partition {hint} by s ({inner})")) == rows


def test_documented_inner_query_with_a_source_of_its_own(kql: Kql) -> None:
    injuries = "let Events = datatable(Injuries:long, State:string)[1, 'a', 2, 'b', 2, 'c', 3, 'd'];"
    source = f"{injuries} range x from 1 to 2 step 1 | partition hint.strategy=legacy by x"

    assert kql.rows(f"{source} {{Events | where x == Injuries}} | count") == [(3,)]
    assert by_text(kql.rows(f"{source} {{Events | where Injuries == toscalar(x) | extend Key = toscalar(x)}}")) == [
        (1, "a", 1),
        (2, "b", 2),
        (2, "c", 2),
    ]


def test_the_legacy_strategy_takes_64_keys(kql: Kql) -> None:
    assert "64" in kql.mistake("range x from 1 to 65 step 1 | partition by x (count)").message
    assert kql.rows("range x from 1 to 64 step 1 | partition by x (count) | count") == [(64,)]
    assert kql.rows("range x from 1 to 65 step 1 | partition hint.strategy=native by x (count) | count") == [(65,)]
