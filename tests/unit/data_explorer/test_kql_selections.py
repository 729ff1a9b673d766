"""top-nested, top-hitters, sample, as: Microsoft's documented examples, and what the pages promise."""

import pytest

from tests.unit.data_explorer.conftest import Kql

SALES = """
datatable(Region:string, Person:string, Amount:long)[
    'E', 'a', 10, 'E', 'b', 20, 'W', 'c', 5, 'W', 'd', 50, 'N', 'e', 1, 'N', 'f', 2, 'S', 'g', 3]
"""


def test_documented_latest_records_per_identity(kql: Kql) -> None:
    rows = kql.rows(
        """
        datatable(id: string, timestamp: datetime, otherInformation: string)[
            "Barak", datetime(2015-01-01), "1", "Barak", datetime(2016-01-01), "2", "Barak", datetime(2017-01-20), "3",
            "Donald", datetime(2017-01-20), "4", "Donald", datetime(2017-01-18), "5",
            "Donald", datetime(2017-01-19), "6"]
        | top-nested of id by Ignore0=max(1),
          top-nested 2 of timestamp by Ignore1=max(timestamp),
          top-nested of otherInformation by Ignore2=max(1)
        | project-away Ignore0, Ignore1, Ignore2
        """
    )

    assert sorted(rows) == [
        ("Barak", "2016-01-01T00:00:00Z", "2"),
        ("Barak", "2017-01-20T00:00:00Z", "3"),
        ("Donald", "2017-01-19T00:00:00Z", "6"),
        ("Donald", "2017-01-20T00:00:00Z", "4"),
    ]


def test_levels_have_two_columns_each(kql: Kql) -> None:
    query = f"{SALES} | top-nested 2 of Region by sum(Amount), top-nested 1 of P = Person by Most = max(Amount)"

    assert kql.columns(query) == ["Region:string", "aggregated_Region:long", "P:string", "Most:long"]
    assert sorted(kql.rows(query)) == [("E", 30, "b", 20), ("W", 55, "d", 50)]


def test_least_values_come_with_asc_and_others_are_one_more(kql: Kql) -> None:
    rows = kql.rows(f"{SALES} | top-nested 1 of Region with others='rest' by Least = min(Amount) asc")

    assert sorted(rows) == [("N", 1), ("rest", 3)]


def test_documented_others_of_a_level_stand_for_all_that_the_levels_before_left_out(kql: Kql) -> None:
    """As in "top-nested 2 of State with others=…, top-nested 3 of Source, top-nested 1 of EndLocation with others=…":
    the middle level shows nothing where it has no others of its own."""
    rows = kql.rows(
        """
        datatable(State:string, Source:string, Place:string, N:long)[
            'T', 'law', 'p', 5, 'T', 'law', 'q', 4, 'T', 'web', 'r', 2, 'K', 'law', 's', 1]
        | top-nested 1 of State with others='All others' by sum(N),
          top-nested 1 of Source by sum(N),
          top-nested 1 of Place with others='Other places' by sum(N)
        """
    )

    assert sorted(rows, key=str) == [
        ("All others", 1, "", None, "Other places", 1),
        ("T", 11, "", None, "Other places", 2),
        ("T", 11, "law", 9, "Other places", 4),
        ("T", 11, "law", 9, "p", 5),
    ]


def test_top_hitters_are_by_count_or_by_sum(kql: Kql) -> None:
    by_sum = f"{SALES} | top-hitters 2 of Region by Amount"

    assert kql.columns(by_sum) == ["Region:string", "approximate_sum_Amount:long"]
    assert kql.rows(by_sum) == [("W", 55), ("E", 30)]
    assert kql.columns(f"{SALES} | top-hitters 1 of Region") == ["Region:string", "approximate_count_Region:long"]
    assert sorted(kql.rows(f"{SALES} | top-hitters 4 of Region")) == [("E", 2), ("N", 2), ("S", 1), ("W", 2)]


@pytest.mark.parametrize("count", [0, 3, 100])
def test_samples_are_distinct_rows_of_the_input(kql: Kql, count: int) -> None:
    rows = kql.rows(f"let n = {count}; {SALES} | sample n")

    assert len(set(rows)) == len(rows) == min(count, 7)
    assert set(rows) <= set(kql.rows(SALES))


def test_samples_of_distinct_values(kql: Kql) -> None:
    values = [value for (value,) in kql.rows(f"{SALES} | sample-distinct 3 of Region")]

    assert len(set(values)) == 3
    assert set(values) <= set("EWNS")


@pytest.mark.parametrize(
    "query",
    [
        "range x from 1 to 2 step 1 | as T1 | union withsource=TableName (range x from 1 to 2 step 1 | as T2)",
        "union withsource=TableName (range x from 1 to 2 step 1 | as T1), (range x from 1 to 2 step 1 | as T2)",
    ],
)
def test_documented_names_are_the_sources_of_a_union(kql: Kql, query: str) -> None:
    assert sorted(kql.rows(query)) == [("T1", 1), ("T1", 2), ("T2", 1), ("T2", 2)]


def test_named_rows_are_read_again_in_joins_scalars_and_partitions(kql: Kql) -> None:
    joined = (
        f"{SALES} | as All | where Amount > toscalar(All | summarize avg(Amount)) | join kind=inner (All) on Person"
    )
    shares = f"{SALES} | partition by Region (as P | extend Share = 100 * Amount / toscalar(P | summarize sum(Amount)))"

    assert sorted(kql.rows(f"{joined} | project Person, Amount1")) == [("b", 20), ("d", 50)]
    assert sorted(kql.rows(f"{shares} | where Region in ('E', 'S') | project Person, Share")) == [
        ("a", 33),
        ("b", 66),
        ("g", 100),
    ]
