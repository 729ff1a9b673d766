"""Update policies: new rows only, chained, transactional or not."""

import json
from collections.abc import Callable

import pytest
from azure.kusto.data.exceptions import KustoApiError

from tests.contract.data_explorer.conftest import Kusto

Named = Callable[[str], str]


def policy(kusto: Kusto, target: str, source: str, query: str, **members: object) -> None:
    element = {"Source": source, "Query": query, "IsEnabled": "True", **members}
    kusto.rows(f".alter table {target} policy update @'{json.dumps([element])}'")


def test_policy_sees_only_the_new_rows_and_chains(kusto: Kusto, named: Named) -> None:
    raw, typed, counted = named("Raw"), named("Typed"), named("Counted")
    kusto.rows(f".create tables {raw} (v:long), {typed} (w:long), {counted} (n:long)")
    policy(kusto, typed, raw, f"{raw} | project w = v * 2")
    policy(kusto, counted, typed, f"{typed} | summarize n = count()")

    kusto.rows(f".ingest inline into table {raw} <| 1\n2")
    kusto.rows(f".ingest inline into table {raw} <| 3")

    assert kusto.rows(f"{typed} | order by w asc") == [(2,), (4,), (6,)]
    assert kusto.rows(f"{counted} | order by n asc") == [(1,), (2,)]


def test_policies_that_meet_in_one_table_each_hand_on_their_own_rows(kusto: Kusto, named: Named) -> None:
    raw, left, right, both, out = (named(name) for name in ("Raw", "Left", "Right", "Both", "Out"))
    kusto.rows(f".create tables {raw} (v:long), {left} (v:long), {right} (v:long), {both} (v:long), {out} (v:long)")
    policy(kusto, left, raw, f"{raw} | project v = v + 10")
    policy(kusto, right, raw, f"{raw} | project v = v + 20")
    met = [{"Source": source, "Query": source, "IsEnabled": True, "IsTransactional": True} for source in (left, right)]
    kusto.rows(f".alter table {both} policy update @'{json.dumps(met)}'")
    policy(kusto, out, both, both)

    kusto.rows(f".ingest inline into table {raw} <| 1\n2")

    assert kusto.rows(f"{both} | order by v asc") == [(11,), (12,), (21,), (22,)]
    assert kusto.rows(f"{out} | order by v asc") == [(11,), (12,), (21,), (22,)]


def test_policy_may_join_other_tables_and_ask_the_ingestion_time(kusto: Kusto, named: Named) -> None:
    raw, names, out = named("Raw"), named("Names"), named("Out")
    kusto.rows(f".create tables {raw} (k:long), {out} (name:string, At:datetime)")
    kusto.rows(f".set {names} <| datatable(k:long, name:string)[1, 'one', 2, 'two']")
    policy(kusto, out, raw, f"{raw} | extend At = ingestion_time() | lookup {names} on k | project name, At")

    kusto.rows(f".ingest inline into table {raw} <| 2")

    assert kusto.rows(f"{out} | where At between (ago(1m) .. now()) | project name") == [("two",)]


def test_failure_of_a_transactional_policy_undoes_the_ingestion(kusto: Kusto, named: Named) -> None:
    raw, out = named("Raw"), named("Out")
    kusto.rows(f".create tables {raw} (v:long), {out} (w:long)")
    policy(kusto, out, raw, f"{raw} | project w = v", IsTransactional=True)
    kusto.rows(f".rename column {raw}.v to other")

    with pytest.raises(KustoApiError, match="Update policy"):
        kusto.rows(f".ingest inline into table {raw} <| 1")

    assert kusto.rows(f"{raw} | count") == [(0,)]
    failures = kusto.rows(f".show ingestion failures | where Table == '{out}' | project OriginatesFromUpdatePolicy")
    assert failures == [(True,)]


def test_failure_of_another_policy_keeps_the_source_and_is_recorded(kusto: Kusto, named: Named) -> None:
    raw, out, fine = named("Raw"), named("Out"), named("Fine")
    kusto.rows(f".create tables {raw} (v:long, x:long), {out} (w:long), {fine} (w:long)")
    policy(kusto, out, raw, f"{raw} | project w = x")
    policy(kusto, fine, raw, f"{raw} | project w = v")
    kusto.rows(f".rename column {raw}.x to y")

    kusto.rows(f".ingest inline into table {raw} <| 1,2")

    assert kusto.rows(f"{raw} | count") == [(1,)]
    assert kusto.rows(fine) == [(1,)]
    assert kusto.rows(f"{out} | count") == [(0,)]
    shown = f".show ingestion failures | where Table == '{out}' | project FailureKind, ErrorCode"
    assert kusto.rows(shown) == [("Permanent", "UpdatePolicy_UnknownError")]


def test_policy_whose_columns_are_not_the_targets_is_refused(kusto: Kusto, named: Named) -> None:
    raw, out = named("Raw"), named("Out")
    kusto.rows(f".create tables {raw} (v:long), {out} (w:string)")

    with pytest.raises(KustoApiError, match="does not match table schema"):
        policy(kusto, out, raw, f"{raw} | project w = v")
    with pytest.raises(KustoApiError, match="missing"):
        policy(kusto, out, raw, f"{raw} | project w = tostring(missing)")


def test_tags_go_on_only_when_the_policy_propagates_them(kusto: Kusto, named: Named) -> None:
    raw, plain, tagged = named("Raw"), named("Plain"), named("Tagged")
    kusto.rows(f".create tables {raw} (v:long), {plain} (v:long), {tagged} (v:long)")
    policy(kusto, plain, raw, raw)
    policy(kusto, tagged, raw, raw, PropagateIngestionProperties=True)

    kusto.rows(f".set-or-append {raw} with (tags='[\"ingest-by:x\"]') <| print v = 1")

    assert kusto.rows(f".show table {plain} extents | project Tags, RowCount") == [("", 1)]
    assert kusto.rows(f".show table {tagged} extents | project Tags, RowCount") == [("ingest-by:x", 1)]


def test_policy_further_down_the_chain_sees_the_first_table_whole(kusto: Kusto, named: Named) -> None:
    raw, typed, total = named("Raw"), named("Typed"), named("Total")
    kusto.rows(f".create tables {raw} (v:long), {typed} (v:long), {total} (n:long)")
    policy(kusto, typed, raw, raw)
    joined = f"join kind=inner ({raw} | extend k = 1) on k"
    policy(kusto, total, typed, f"{typed} | take 1 | extend k = 1 | {joined} | summarize n = count()")

    kusto.rows(f".ingest inline into table {raw} <| 1")
    kusto.rows(f".ingest inline into table {raw} <| 2")

    assert kusto.rows(f"{total} | order by n asc") == [(1,), (2,)]


def test_policies_in_a_circle_are_refused(kusto: Kusto, named: Named) -> None:
    one, two = named("One"), named("Two")
    kusto.rows(f".create tables {one} (v:long), {two} (v:long)")
    policy(kusto, two, one, one)

    for target, source in ((one, two), (one, one)):
        with pytest.raises(KustoApiError, match="circle"):
            policy(kusto, target, source, source)


def test_disabled_policy_does_nothing(kusto: Kusto, named: Named) -> None:
    raw, out = named("Raw"), named("Out")
    kusto.rows(f".create tables {raw} (v:long), {out} (v:long)")
    policy(kusto, out, raw, raw, IsEnabled="False")

    kusto.rows(f".ingest inline into table {raw} <| 1")

    assert kusto.rows(f"{out} | count") == [(0,)]
