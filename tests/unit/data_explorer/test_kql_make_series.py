"""make-series: Microsoft's documented examples, and what its page promises."""

import datetime
from collections import defaultdict
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.unit.data_explorer.conftest import Kql

DOCUMENTED = """
let data=datatable(timestamp:datetime, metric: real)
[
  datetime(2016-12-31T06:00), 50, datetime(2017-01-01), 4, datetime(2017-01-02), 3, datetime(2017-01-03), 4,
  datetime(2017-01-03T03:00), 6, datetime(2017-01-05), 8, datetime(2017-01-05T13:40), 13, datetime(2017-01-06), 4,
  datetime(2017-01-07), 3, datetime(2017-01-08), 8, datetime(2017-01-08T21:00), 8, datetime(2017-01-09), 2,
  datetime(2017-01-09T12:00), 11, datetime(2017-01-10T05:00), 5,
];
let interval = 1d;
let stime = datetime(2017-01-01);
let etime = datetime(2017-01-10);
data
"""
"""Learn, "make-series operator", examples."""
DAYS = [f"2017-01-0{day}T00:00:00.0000000Z" for day in range(1, 10)]


def test_documented_series_has_averages_by_day_and_no_gaps(kql: Kql) -> None:
    query = f"{DOCUMENTED} | make-series avg(metric) on timestamp from stime to etime step interval"

    assert kql.columns(query) == ["avg_metric:dynamic", "timestamp:dynamic"]
    assert kql.rows(query) == [([4.0, 3.0, 5.0, 0.0, 10.5, 4.0, 3.0, 8.0, 6.5], DAYS)]


def test_documented_empty_input_gives_no_series_but_one_of_defaults_with_nonempty(kql: Kql) -> None:
    series = "avg(metric) default=1.0 on timestamp from stime to etime step interval"

    assert kql.rows(f"{DOCUMENTED} | take 0 | make-series {series} | count") == [(0,)]
    assert kql.rows(f"{DOCUMENTED} | take 0 | make-series kind=nonempty {series}") == [([1.0] * 9, DAYS)]


def test_documented_series_of_prices_are_by_supplier_and_fruit(kql: Kql) -> None:
    query = """
        datatable(Timestamp: datetime, Supplier: string, Fruit: string, Price: real)[
            datetime(2016-09-10), "Aldi", "Apple", 4, datetime(2016-09-12), "Aldi", "Apple", 5,
            datetime(2016-09-12), "Aldi", "Apple", 6, datetime(2016-09-11), "Costco", "Apple", 3,
            datetime(2016-09-09), "Costco", "Snargaluff", 100, datetime(2016-09-13), "Aldi", "Apple", 100]
        | make-series PriceAvg=avg(Price) default=0
          on Timestamp from datetime(2016-09-10) to datetime(2016-09-13) step 1d by Supplier, Fruit
        | order by Supplier asc
    """

    assert kql.columns(query) == ["Supplier:string", "Fruit:string", "PriceAvg:dynamic", "Timestamp:dynamic"]
    days = [f"2016-09-{day}T00:00:00.0000000Z" for day in (10, 11, 12)]
    assert kql.rows(query) == [
        ("Aldi", "Apple", [4.0, 0.0, 5.5], days),
        ("Costco", "Apple", [0.0, 3.0, 0.0], days),
    ]


HOURS = """
    range N from 0 to 11 step 1
    | extend T = datetime(2026-01-05 00:10) + N * 20m, Kind = iff(N % 4 == 0, "four", "rest"), Value = toreal(N)
"""


@pytest.mark.parametrize(
    ("aggregate", "values"),
    [
        ("avg(Value)", [1.0, 4.0, 7.0, 10.0]),
        ("avgif(Value, Value > 1)", [2.0, 4.0, 7.0, 10.0]),
        ("count()", [3, 3, 3, 3]),
        ("countif(Value > 1)", [1, 3, 3, 3]),
        ("dcount(Kind)", [2, 2, 2, 1]),
        ("dcountif(Kind, Value > 0)", [1, 2, 2, 1]),
        ("max(Value)", [2.0, 5.0, 8.0, 11.0]),
        ("maxif(Value, Value < 5)", [2.0, 4.0, None, None]),
        ("min(N)", [0, 3, 6, 9]),
        ("minif(Value, Value > 1)", [2.0, 3.0, 6.0, 9.0]),
        ("percentile(Value, 50)", [1.0, 4.0, 7.0, 10.0]),
        ("take_any(bin(N, 3))", [0, 3, 6, 9]),
        ("stdev(Value)", [1.0, 1.0, 1.0, 1.0]),
        ("sum(N)", [3, 12, 21, 30]),
        ("sumif(N, N > 4)", [0, 5, 21, 30]),
        ("variance(Value)", [1.0, 1.0, 1.0, 1.0]),
        ("sum(Value) / count()", [1.0, 4.0, 7.0, 10.0]),
    ],
)
def test_every_aggregation_makes_a_series(kql: Kql, aggregate: str, values: list[Any]) -> None:
    bounds = "from datetime(2026-01-05) to datetime(2026-01-05 04:00) step 1h"

    assert kql.rows(f"{HOURS} | make-series S = {aggregate} on T {bounds} | project S") == [(values,)]


def test_series_without_bounds_start_and_end_where_each_has_data(kql: Kql) -> None:
    rows = kql.rows(f"{HOURS} | where N !in (4, 5) | make-series count() on T step 30m by Key = N > 6 | order by Key")

    assert rows == [
        (True, [2, 1, 2], [f"2026-01-05T{hour}:00.0000000Z" for hour in _half_hours(5, 8)]),
        (False, [1, 2, 1, 0, 1], [f"2026-01-05T{hour}:00.0000000Z" for hour in _half_hours(0, 5)]),
    ]


def _half_hours(first: int, end: int) -> list[str]:
    return [f"{half // 2:02}:{'30' if half % 2 else '00'}" for half in range(first, end)]


def test_bins_start_at_from_and_the_last_is_cut_by_to(kql: Kql) -> None:
    rows = kql.rows(
        f"{HOURS} | make-series sum(N) on T from datetime(2026-01-05 00:30) to datetime(2026-01-05 02:45) step 1h"
    )

    starts = [f"2026-01-05T{time}:00.0000000Z" for time in ("00:30", "01:30", "02:30")]
    assert rows == [([1 + 2 + 3, 4 + 5 + 6, 7], starts)]


def test_alternate_syntax_includes_its_stop_and_bins_as_bin_does(kql: Kql) -> None:
    rows = kql.rows(
        f"{HOURS} | make-series sum(N) on T in range(datetime(2026-01-05 00:30), datetime(2026-01-05 02:00), 1h)"
    )

    assert rows == [([3, 12, 21], [f"2026-01-05T0{hour}:00:00.0000000Z" for hour in range(3)])]


def test_axis_may_be_a_number_or_a_timespan(kql: Kql) -> None:
    source = "range N from 1 to 9 step 1 | where N != 5"

    assert kql.rows(f"{source} | make-series max(N) on N from 0 to 12 step 3") == [([2, 4, 8, 9], [0, 3, 6, 9])]
    assert kql.rows(f"{source} | extend X = N / 2.0 | make-series max(N) on X step 1.5 | project X") == [
        ([0.0, 1.5, 3.0, 4.5],)
    ]
    assert kql.rows(f"{source} | make-series count() on T = N * 7h from 0h to 3d step 1d") == [
        ([3, 2, 3], ["00:00:00", "1.00:00:00", "2.00:00:00"])
    ]


def test_defaults_stand_only_where_there_is_no_row(kql: Kql) -> None:
    rows = kql.rows(
        """
        datatable(X: long, V: real)[0, real(null), 2, 3.5]
        | make-series A = max(V) default=-1.0, B = max(V) default=real(null), C = max(V) default=real(nan),
            D = count() default=9 on X from 0 to 3 step 1
        """
    )

    assert rows == [([None, -1.0, 3.5], [None, None, 3.5], [None, "NaN", 3.5], [1, 9, 1], [0, 1, 2])]


def test_bounds_may_come_from_the_data(kql: Kql) -> None:
    rows = kql.rows(
        f"""
        let Rows = {HOURS};
        let First = toscalar(Rows | summarize min(N)); let Last = toscalar(Rows | summarize max(N));
        Rows | make-series sum(N) on N from First to Last step 4
        """
    )

    assert rows == [([6, 22, 27], [0, 4, 8])]


def test_series_go_through_the_rest_of_the_query(kql: Kql) -> None:
    rows = kql.rows(
        f"""
        {HOURS}
        | make-series Sum = sum(N) on T from datetime(2026-01-05) to datetime(2026-01-05 04:00) step 2h by Kind
        | mv-expand T to typeof(datetime), Sum to typeof(long)
        | where Sum > 5
        | join kind=inner (datatable(Kind: string, Name: string)["rest", "R"]) on Kind
        | project Name, T, Sum
        | order by Sum asc
        """
    )

    assert rows == [("R", "2026-01-05T00:00:00Z", 11), ("R", "2026-01-05T02:00:00Z", 43)]


def test_groups_may_be_null_or_empty(kql: Kql) -> None:
    rows = kql.rows(
        """
        datatable(K: long, S: string, X: long)[long(null), "", 1, 1, "a", 2, long(null), "", 2]
        | make-series count() on X from 1 to 3 step 1 by K, S
        | project K, S, count_
        """
    )

    assert sorted(rows, key=str) == [(1, "a", [0, 1]), (None, "", [1, 1])]


def test_longer_series_than_the_service_makes_are_refused(kql: Kql) -> None:
    assert "1048576" in kql.mistake("print X = 1 | make-series count() on X from 0 to 1048577 step 1").message


@pytest.mark.parametrize("step", ["0", "-1", "toscalar(print long(-5))"])
def test_step_is_positive(kql: Kql, step: str) -> None:
    mistake = kql.mistake(f"range X from 1 to 3 step 1 | make-series count() on X from 1 to 4 step {step}")

    assert "positive" in mistake.message


def test_aggregate_of_several_columns_is_no_series(kql: Kql) -> None:
    mistake = kql.mistake("range X from 1 to 3 step 1\n| make-series arg_max(X, X) on X step 1")

    assert "'arg_max'" in mistake.message
    assert "[line:position=2:15]" in mistake.message


EPOCH = datetime.datetime(2026, 1, 5)


@settings(max_examples=15, deadline=None)
@given(
    st.lists(st.tuples(st.integers(0, 2), st.integers(-50, 500), st.integers(-5, 5)), min_size=1, max_size=30),
    st.integers(1, 90),
    st.integers(0, 400),
)
def test_values_are_those_of_summarize_by_bin_at(
    kql: Kql, readings: list[tuple[int, int, int]], step: int, end: int
) -> None:
    rows = ", ".join(f"{asset}, {minute}, {value}" for asset, minute, value in readings)
    series = kql.rows(
        f"""
        datatable(Asset: long, Minute: long, V: long)[{rows}]
        | extend T = datetime(2026-01-05) + Minute * 1m
        | make-series Sum = sum(V), N = count() on T from datetime(2026-01-05) to datetime(2026-01-05) + {end}m
          step {step}m by Asset
        """
    )

    sums: dict[int, list[int]] = defaultdict(lambda: [0] * -(-end // step))
    for asset, minute, value in readings:
        if 0 <= minute < end:
            sums[asset][minute // step] += value
    starts = [
        f"{EPOCH + datetime.timedelta(minutes=place * step):%Y-%m-%dT%H:%M:%S}.0000000Z"
        for place in range(-(-end // step))
    ]
    assert {asset: (values, axis) for asset, values, _, axis in series} == {
        asset: (values, starts) for asset, values in sums.items()
    }
