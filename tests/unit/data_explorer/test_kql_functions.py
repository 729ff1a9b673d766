"""Functions and aggregates that are added to duckdb-kql: documented examples, and what the pages promise."""

from typing import Any

import pytest

from tests.unit.data_explorer.conftest import Kql


def test_documented_bags_are_merged(kql: Kql) -> None:
    merged = kql.rows("print bag_merge(dynamic({'A1':12, 'B1':2, 'C1':3}), dynamic({'A2':81, 'B2':82, 'A1':1}))")

    assert merged == [({"A1": 12, "B1": 2, "C1": 3, "A2": 81, "B2": 82},)]
    assert kql.rows(
        "print bag_merge(dynamic({'a': 1.5}), dynamic(null), dynamic([1]), dynamic({'b': {'c': null}}))"
    ) == [({"a": 1.5, "b": {"c": None}},)]


def test_documented_keys_are_found_in_bags(kql: Kql) -> None:
    rows = kql.rows(
        """
        datatable(input: dynamic)[
            dynamic({'key1' : 123, 'key2': 'abc'}), dynamic({'key1' : 123, 'key3': 'abc'}),
            dynamic({'key1': 123, 'key2': {'prop1' : 'abc', 'prop2': 'xyz'}, 'key3': [100, 200]})]
        | project Key = bag_has_key(input, 'key2'), Path = bag_has_key(input, '$.key2.prop1'), Keys = bag_keys(input)
        """
    )

    assert rows == [
        (True, False, ["key1", "key2"]),
        (False, False, ["key1", "key3"]),
        (True, True, ["key1", "key2", "key3"]),
    ]


def test_documented_keys_of_bags_and_of_what_is_none(kql: Kql) -> None:
    rows = kql.rows(
        """
        datatable(index:long, d:dynamic)[
            1, dynamic({'a':'b', 'c':123}), 3, dynamic({'a':'b', 'c':[{'d':123}]}), 4, dynamic(null), 5, dynamic({}),
            6, dynamic('a'), 7, dynamic([])]
        | project index, keys = bag_keys(d)
        """
    )

    assert rows == [(1, ["a", "c"]), (3, ["a", "c"]), (4, None), (5, []), (6, None), (7, None)]


def test_documented_bags_are_made_of_rows_and_unpacked_again(kql: Kql) -> None:
    bags = """
        datatable(prop:string, value:string)["prop01", "val_a", "prop02", "val_b", "prop03", "val_c"]
        | extend p = bag_pack(prop, value)
        | summarize bag = make_bag(p)
        """

    assert kql.rows(bags) == [({"prop01": "val_a", "prop02": "val_b", "prop03": "val_c"},)]
    assert kql.rows(f"{bags} | evaluate bag_unpack(bag)") == [("val_a", "val_b", "val_c")]


def test_documented_lists_and_sets_of_long_names(kql: Kql) -> None:
    ((listed, chosen),) = kql.rows(
        """
        datatable(name:string, day_of_birth:long)["John", 9, "Paul", 18, "George", 25, "Ringo", 7]
        | summarize make_list_if(name, strlen(name) > 4), make_set_if(name, strlen(name) > 4)
        """
    )

    assert sorted(listed) == sorted(chosen) == ["George", "Ringo"]


BAGS = """
datatable(Key: string, Bag: dynamic, N: long)[
    "x", dynamic({"a": 1}), 1, "x", dynamic({"b": [2]}), 2, "y", dynamic({"a": 3}), 3, "y", dynamic(null), 4,
    "y", dynamic([5]), 5]
"""


@pytest.mark.parametrize(
    ("aggregate", "name", "x", "y"),
    [
        ("make_bag(Bag)", "bag_Bag", {"a": 1, "b": [2]}, {"a": 3}),
        ("make_bag_if(Bag, N > 1)", "bag_Bag", {"b": [2]}, {"a": 3}),
        ("maxif(N, N < 5)", "maxif_N", 2, 4),
        ("minif(N, N > 1)", "minif_N", 2, 3),
        ("percentile(N, 50)", "percentile_N_50", 1, 4),
        ("percentiles_array(N, 0, 50, 100)", "percentiles_N", [1, 1, 2], [3, 4, 5]),
        ("percentiles_array(N, dynamic([0, 99.5]))", "percentiles_N", [1, 2], [3, 5]),
    ],
)
def test_aggregates_by_key(kql: Kql, aggregate: str, name: str, x: Any, y: Any) -> None:
    query = f"{BAGS} | summarize {aggregate} by Key | order by Key asc"

    assert kql.columns(query)[1].startswith(f"{name}:")
    assert kql.rows(query) == [("x", x), ("y", y)]


def test_lists_and_sets_of_a_condition_and_of_a_size(kql: Kql) -> None:
    rows = kql.rows(
        """
        range N from 1 to 6 step 1 | extend S = tostring(N % 3)
        | summarize L = make_list_if(S, N > 3), M = make_list_if(N, N > 9), C = make_set_if(S, N > 4),
            L2 = array_length(make_list(N, 2)), C2 = array_length(make_set(S, 2)),
            L1 = array_length(make_list_if(N, N > 2, 1)),
            C1 = array_length(make_set_if(S, N > 0, 1)), B1 = bag_keys(make_bag(bag_pack(S, N), 1))
        """
    )

    ((listed, none, chosen, *lengths, keys),) = rows
    assert (sorted(listed), none, sorted(chosen), lengths) == (["0", "1", "2"], [], ["0", "2"], [2, 2, 1, 1])
    assert len(keys) == 1


def test_percentiles_are_a_column_each(kql: Kql) -> None:
    query = "range N from 1 to 100 step 1 | summarize percentiles(N, 5, 50.5, 99), First = percentiles(N, 10, 20)"

    assert kql.columns(query) == [
        "percentile_N_5:long",
        "percentile_N_50_5:long",
        "percentile_N_99:long",
        "First:long",
        "percentile_N_20:long",
    ]
    assert kql.rows(query) == [(5, 51, 99, 10, 20)]
    named = "range N from 1 to 100 step 1 | summarize (Low, High) = percentiles(N, 5, 95, 99)"
    assert kql.columns(named) == ["Low:long", "High:long", "percentile_N_99:long"]
    several = "let Percents = dynamic([5, 95]); range N from 1 to 100 step 1 | summarize percentiles_array(N, Percents)"
    assert kql.rows(several) == [([5, 95],)]
    assert "'arg_max'" in kql.mistake("range N from 1 to 3 step 1 | summarize (A, B) = arg_max(N, N)").message


@pytest.mark.parametrize(
    ("expression", "value"),
    [
        ("unixtime_seconds_todatetime(1546300800)", "2019-01-01T00:00:00Z"),
        ("unixtime_seconds_todatetime(1546300800.25)", "2019-01-01T00:00:00.2500000Z"),
        ("unixtime_seconds_todatetime(-1)", "1969-12-31T23:59:59Z"),
        ("unixtime_milliseconds_todatetime(1546300800000)", "2019-01-01T00:00:00Z"),
        ("unixtime_microseconds_todatetime(1546300800000000)", "2019-01-01T00:00:00Z"),
        ("unixtime_nanoseconds_todatetime(1546300800000000000)", "2019-01-01T00:00:00Z"),
        ("unixtime_nanoseconds_todatetime(1546300800000000199)", "2019-01-01T00:00:00.0000001Z"),
        ("unixtime_seconds_todatetime(9223372036854775807)", None),
        ("unixtime_milliseconds_todatetime(long(null))", None),
        ("bin_at(6.5, 2.5, 7)", 4.5),
        ("bin_at(1h, 1d, 12h)", "-12:00:00"),
        ("bin_at(datetime(2017-05-15 10:20:00.0), 1d, datetime(1970-01-01 12:00:00.0))", "2017-05-14T12:00:00Z"),
        ("bin_at(datetime(2017-05-17 10:20:00.0), 7d, datetime(2017-06-04 00:00:00.0))", "2017-05-14T00:00:00Z"),
    ],
)
def test_documented_times_and_bins(kql: Kql, expression: str, value: object) -> None:
    assert kql.rows(f"print {expression}") == [(value,)]


def test_bins_of_sums_are_whole_numbers(kql: Kql) -> None:
    query = """
        datatable(x: long)[7, 4] | serialize c = row_cumsum(x) | summarize s = sum(x), c = max(c)
        | extend b = bin(s, 5), d = bin_at(c, 5, 1)
        """

    assert kql.columns(query) == ["s:long", "c:long", "b:long", "d:long"]
    assert kql.rows(query) == [(11, 11, 10, 11)]
    assert kql.rows(f"{query} | make-series sum(s) on s step 5") == [([11], [10])]


def test_random_numbers_are_below_one_or_whole_and_below_their_bound(kql: Kql) -> None:
    ((least, most, kinds, values),) = kql.rows(
        """
        range N from 1 to 10000 step 1
        | extend Real = rand(), Whole = rand(4)
        | summarize min(Real), max(Real), dcount(Whole), make_set(Whole)
        """
    )

    assert 0 <= least < 0.1
    assert 0.9 < most < 1
    assert (kinds, sorted(values)) == (4, [0.0, 1.0, 2.0, 3.0])


def test_relations_are_named_by_functions_anywhere_in_a_query(kql: Kql) -> None:
    kql.command(".create table Named(N: long)")
    kql.command(".set-or-append Named <| range N from 1 to 3 step 1")
    kql.command(".create materialized-view Distinct on table Named { Named | summarize Count = count() by N }")

    assert kql.rows("table('Named') | where N in ((table(\"Named\") | where N > 1)) | count") == [(2,)]
    assert kql.rows("materialized_view('Distinct') | getschema | project ColumnName, ColumnType") == [
        ("N", "long"),
        ("Count", "long"),
    ]
    assert kql.rows("table('Named') | extend T = ingestion_time() | where isnull(T) | count") == [(0,)]


def test_rendering_leaves_the_rows_as_they_are(kql: Kql) -> None:
    series = "range T from datetime(2026-01-05) to datetime(2026-01-07) step 1d | make-series count() on T step 1d"

    assert kql.rows(f"{series} | render timechart with (title = 'Days')") == kql.rows(series)


@pytest.mark.parametrize(
    ("query", "name", "place"),
    [
        ("print x = 1 | extend y = geo_line_length(x)", "geo_line_length", "1:26"),
        ("print x = 1\n| extend y = geo_distance_2points(x)", "geo_distance_2points", "2:14"),
        ("print x = 1\n| summarize\n    tdigest(x)", "tdigest", "3:5"),
        ("print x = 1 | reduce by x", "reduce", "1:15"),
        ("let f = (a: long) { a + 1 };\nprint x = f(1) | scan with (step s: true => y = x;)", "scan", "2:18"),
        ("print x = 1 | evaluate autocluster()", "autocluster", "1:24"),
        ("print s = 'a=1'\n| parse-kv s\n as (a: long)\n| extend y = nosuch(a)", "nosuch", "4:14"),
    ],
)
def test_what_is_missing_is_named_with_its_place(kql: Kql, query: str, name: str, place: str) -> None:
    mistake = kql.mistake(query)

    assert mistake.status == 400
    assert f"'{name}'" in mistake.message
    assert f"[line:position={place}]" in mistake.message


def test_substring_of_a_string_column_is_that_of_any_string(kql: Kql) -> None:
    kql.command(".create table Texts (S: string)")
    kql.command('.ingest inline into table Texts <| abcd\n""')
    parts = "project A = substring(S, 1), B = substring(S, 1, 2), C = substring(S, -2), D = substring(S, 9)"

    assert sorted(kql.rows(f"Texts | {parts}")) == [("", "", "", ""), ("bcd", "bc", "cd", "")]
    assert kql.rows(f"print S = strcat('ab', 'cd') | {parts}") == [("bcd", "bc", "cd", "")]
