"""Materialized views equal the query over the whole source at every moment, kill -9 included."""

import random
from collections.abc import Callable
from pathlib import Path

import pytest
from azure.kusto.data.exceptions import KustoApiError

from tests.contract.data_explorer.conftest import Kusto, Row, client_of, server

Named = Callable[[str], str]
QUERIES = {
    "Any": "summarize take_any(*) by Key, At",
    "Latest": "where Value >= 0 | summarize arg_max(At, *) by Key",
    "Earliest": "summarize arg_min(At, Value) by Key",
    "Rollup": "summarize Count = count(), Sum = sum(Value), Min = min(Value), Max = max(Value), Average = avg(Value) "
    "by Key, Hour = bin(At, 1h)",
    "Counts": "summarize High = countif(Value > 50), Total = sumif(Value, Value > 50), Values = dcount(Value), "
    "Middle = percentile(Value, 50) by Key",
    "Whole": "summarize Count = count(), Sum = sum(Value)",
}
"""Key and At tell rows apart, so that every answer is one answer."""


def lines(chance: random.Random, count: int) -> str:
    """Rows of (Key, At, Value), some of them again and again, some without a key."""
    rows = []
    for _ in range(count):
        key, minute = chance.choice(["a", "b", "c", ""]), chance.randrange(300)
        rows.append(f"{key},2025-02-04T{minute // 60:02}:{minute % 60:02}:00.0000001Z,{(minute * 7) % 100}")
    return "\n".join(rows)


def answers(kusto: Kusto, of: Callable[[str], str]) -> dict[str, list[Row]]:
    return {name: sorted(kusto.rows(of(name)), key=repr) for name in QUERIES}


def make(kusto: Kusto, source: str, view: Callable[[str], str], properties: str = "") -> None:
    kusto.rows(f".create table {source} (Key:string, At:datetime, Value:long)")
    for name, query in QUERIES.items():
        kusto.rows(f".create materialized-view {properties} {view(name)} on table {source} {{ {source} | {query} }}")


def test_views_equal_their_query_after_every_ingestion(kusto: Kusto, named: Named) -> None:
    source, chance = named("Source"), random.Random(5)
    make(kusto, source, named)
    for _ in range(6):
        kusto.rows(f".ingest inline into table {source} <| {lines(chance, 40)}")
        assert answers(kusto, named) == answers(kusto, lambda name: f"{source} | {QUERIES[name]}")


def test_backfilled_view_holds_what_was_there_and_another_does_not(kusto: Kusto, named: Named) -> None:
    source = named("Source")
    kusto.rows(f".set {source} <| print k = 'old', v = 1")
    kusto.rows(
        f".create materialized-view with (backfill=true) {named('All')} on table {source} "
        f"{{ {source} | summarize sum(v) by k }}"
    )
    kusto.rows(
        f".create async materialized-view {named('New')} on table {source} {{ {source} | summarize sum(v) by k }}"
    )
    kusto.rows(f".append {source} <| print k = 'new', v = 2")

    assert kusto.rows(f"{named('All')} | order by k asc") == [("new", 2), ("old", 1)]
    assert kusto.rows(named("New")) == [("new", 2)]


def test_view_over_a_take_any_view_counts_each_row_once(kusto: Kusto, named: Named) -> None:
    source, once, rollup = named("Source"), named("Once"), named("Rollup")
    kusto.rows(f".create table {source} (Id:string, Value:long)")
    kusto.rows(
        f".create ifnotexists materialized-view {once} on table {source} {{ {source} | summarize take_any(*) by Id }}"
    )
    kusto.rows(
        f".create ifnotexists materialized-view {rollup} on materialized-view {once} "
        f"{{ {once} | summarize Count = count(), Sum = sum(Value) }}"
    )
    for _ in range(3):
        kusto.rows(f".ingest inline into table {source} <| x,1\ny,2")
        assert kusto.rows(rollup) == [(2, 3)]
    kusto.rows(f".ingest inline into table {source} <| z,4\nz,4")

    assert kusto.rows(rollup) == [(3, 7)]
    with pytest.raises(KustoApiError, match="take_any"):
        kusto.rows(
            f".create materialized-view {named('No')} on materialized-view {rollup} {{ {rollup} | summarize count() }}"
        )


def test_view_outlives_the_rows_of_its_source(kusto: Kusto, named: Named) -> None:
    source, view = named("Source"), named("View")
    kusto.rows(f".create table {source} (v:long)")
    kusto.rows(f".create materialized-view {view} on table {source} {{ {source} | summarize s = sum(v) }}")
    kusto.rows(f".ingest inline into table {source} <| 5")
    kusto.rows(f".clear table {source} data")
    kusto.rows(f".ingest inline into table {source} <| 6")

    assert kusto.rows(view) == [(11,)]
    assert kusto.rows(f"{source} | count") == [(1,)]


def test_view_that_updates_its_schema_takes_in_new_columns(kusto: Kusto, named: Named) -> None:
    source, once, latest = named("Source"), named("Once"), named("Latest")
    kusto.rows(f".create table {source} (Id:string, At:datetime)")
    kusto.rows(
        f".create materialized-view with (autoUpdateSchema=true) {once} on table {source} "
        f"{{ {source} | summarize take_any(*) by Id }}"
    )
    kusto.rows(
        f".create materialized-view with (autoUpdateSchema=true) {latest} on materialized-view {once} "
        f"{{ {once} | summarize arg_max(At, *) }}"
    )
    kusto.rows(f".ingest inline into table {source} <| a,2025-01-01")
    assert kusto.rows(f"{once} | count") == [(1,)]
    kusto.rows(f".alter-merge table {source} (Value:long, Note:string)")
    kusto.rows(f".ingest inline into table {source} <| b,2025-01-02,7,new")

    assert kusto.rows(f"{once} | project Id, Value, Note | order by Id asc") == [("a", None, ""), ("b", 7, "new")]
    assert kusto.rows(f"{latest} | project Id, Value, Note") == [("b", 7, "new")]


def test_materialized_part_alone_can_be_asked_for(kusto: Kusto, named: Named) -> None:
    source, view = named("Source"), named("View")
    kusto.rows(f".set {source} <| print v = 1")
    kusto.rows(
        f".create materialized-view with (backfill=true) {view} on table {source} "
        f"{{ {source} | summarize count() by v }}"
    )
    kusto.rows(f".disable materialized-view {view}")
    kusto.rows(f".append {source} <| print v = 2")

    assert kusto.rows(f"materialized_view('{view}') | count") == [(1,)]
    assert kusto.rows(f"{view} | count") == [(2,)]


@pytest.mark.parametrize(
    "query",
    ["project v", "summarize count() | project Count = count_", "summarize stdev(v)", "take 5 | summarize count()"],
)
def test_query_that_no_view_can_have_is_refused(kusto: Kusto, named: Named, query: str) -> None:
    source = named("Source")
    kusto.rows(f".create table {source} (v:long)")

    with pytest.raises(KustoApiError, match="materialized view"):
        kusto.rows(f".create materialized-view {named('V')} on table {source} {{ {source} | {query} }}")


def test_source_and_dependent_views_can_not_be_dropped_under_a_view(kusto: Kusto, named: Named) -> None:
    source, view = named("Source"), named("View")
    kusto.rows(f".create table {source} (v:long)")
    kusto.rows(f".create materialized-view {view} on table {source} {{ {source} | summarize count() by v }}")

    with pytest.raises(KustoApiError, match=view):
        kusto.rows(f".drop table {source}")
    kusto.rows(f".drop materialized-view {view}")
    kusto.rows(f".drop table {source}")


def test_nothing_is_lost_or_repeated_when_the_server_is_killed(tmp_path: Path, trust_directory: Path) -> None:
    chance = random.Random(11)
    with server(tmp_path, trust_directory).start() as started:
        with client_of(started) as client:
            make(Kusto(client), "Source", str)
        written = 0
        for _ in range(4):
            with client_of(started) as client:
                for _ in range(3):
                    Kusto(client).rows(f".ingest inline into table Source <| {lines(chance, 50)}")
                    written += 50
            started.restart()
            with client_of(started) as client:
                kusto = Kusto(client)
                assert kusto.rows("Source | count") == [(written,)]
                assert answers(kusto, str) == answers(kusto, lambda name: f"Source | {QUERIES[name]}")
