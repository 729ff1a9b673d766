"""Management commands through the unmodified client: what was made is shown, and works."""

import json
from collections.abc import Callable

import pytest
from azure.kusto.data.exceptions import KustoApiError

from tests.contract.data_explorer.conftest import DATABASE, Kusto, status

Named = Callable[[str], str]


def refused(kusto: Kusto, command: str) -> str:
    """The code of the error that a command is refused with."""
    with pytest.raises(KustoApiError) as caught:
        kusto.rows(command)
    return str(caught.value.get_api_error().code)


def csl(kusto: Kusto, table: str) -> str:
    return str(kusto.rows(f".show table {table} cslschema")[0][1])


def test_created_table_is_shown_and_creating_it_again_changes_nothing(kusto: Kusto, named: Named) -> None:
    table = named("T")
    kusto.rows(f".create table {table} (a:long, ['b c']:string) with (folder='f', docstring='d')")
    kusto.rows(f".create table {table} (other:real)")

    assert kusto.rows(f".show table {table} cslschema") == [(table, "a:long,b c:string", DATABASE, "f", "d")]
    document = json.loads(kusto.rows(f".show table {table} schema as json")[0][1])
    assert document["OrderedColumns"][0] == {"Name": "a", "Type": "System.Int64", "CslType": "long"}
    assert (table, DATABASE, "f", "d") in kusto.rows(".show tables")


def test_merge_adds_columns_and_refuses_another_type(kusto: Kusto, named: Named) -> None:
    table = named("T")
    kusto.rows(f".create-merge table {table} (a:long)")
    kusto.rows(f".ingest inline into table {table} <| 7")
    kusto.rows(f".create-merge table {table} (b:string, a:long)")
    kusto.rows(f".alter-merge table {table} (c:dynamic)")

    assert csl(kusto, table) == "a:long,b:string,c:dynamic"
    assert kusto.rows(table) == [(7, "", None)]
    assert refused(kusto, f".alter-merge table {table} (a:string)") == "BadRequest_InvalidSchemaChange"
    assert refused(kusto, f".alter-merge table {named('Missing')} (a:string)") == "BadRequest_EntityNotFound"


def test_alter_table_reorders_adds_and_drops_columns(kusto: Kusto, named: Named) -> None:
    table = named("T")
    kusto.rows(f".set {table} <| print a = 1, b = 'x', c = 2.5")
    kusto.rows(f".alter table {table} (c:real, a:long, d:bool)")

    assert csl(kusto, table) == "c:real,a:long,d:bool"
    assert kusto.rows(table) == [(2.5, 1, None)]


def test_columns_are_renamed_swapped_retyped_documented_and_dropped(kusto: Kusto, named: Named) -> None:
    table = named("T")
    kusto.rows(f".set {table} <| print a = 1, b = 2, c = 3")
    kusto.rows(f".rename column {table}.c to d")
    kusto.rows(f".rename columns a = {table}.b, b = {table}.a")
    kusto.rows(f".alter-merge table {table} column-docstrings (d: 'last')")
    assert kusto.rows(f"{table} | project a, b, d") == [(2, 1, 3)]
    assert kusto.rows(f".show table {table}")[2] == ("d", "System.Int64", "long", "last")

    kusto.rows(f".alter column {table}.d type = string")
    kusto.rows(f".drop column {table}.a")
    assert csl(kusto, table) == "b:long,d:string"
    assert kusto.rows(table) == [(1, "")]
    kusto.rows(f".drop table {table} columns (b)")
    assert csl(kusto, table) == "d:string"
    assert refused(kusto, f".drop column {table}.nope") == "BadRequest_EntityNotFound"


def test_tables_are_renamed_swapped_and_dropped_with_their_rows(kusto: Kusto, named: Named) -> None:
    one, two = named("One"), named("Two")
    kusto.rows(f".set {one} <| print v = 1")
    kusto.rows(f".set {two} <| print v = 2")
    kusto.rows(f".alter table {one} policy caching hot = 3d")
    kusto.rows(f".rename tables {one} = {two}, {two} = {one}")
    assert (kusto.rows(one), kusto.rows(two)) == ([(2,)], [(1,)])
    assert "3.00:00:00" in kusto.rows(f".show table {two} policy caching")[0][2]

    kusto.rows(f".rename table {one} to {named('Three')}")
    kusto.rows(f".drop tables ({named('Three')}, {two})")
    assert refused(kusto, f".drop table {two}") == "BadRequest_EntityNotFound"
    kusto.rows(f".drop table {two} ifexists")


def test_functions_take_defaults_and_follow_their_redefinition(kusto: Kusto, named: Named) -> None:
    function = named("F")
    kusto.rows(f".create function with (folder='g') {function}(n:long = 2) {{ print x = n * 10 }}")
    assert kusto.rows(f"{function}()") == [(20,)]
    assert kusto.rows(f"{function}(5)") == [(50,)]

    kusto.rows(f".create-or-alter function {function}(n:long = 2) {{ print x = n + 1 }}")
    assert kusto.rows(f"{function}()") == [(3,)]
    assert kusto.rows(f".show function {function}")[0][:2] == (function, "(n:long = 2)")
    assert refused(kusto, f".create function {function}() {{ print 1 }}") == "BadRequest_EntityAlreadyExists"
    kusto.rows(f".create function ifnotexists {function}() {{ print 1 }}")
    kusto.rows(f".drop function {function}")
    assert refused(kusto, f".drop function {function}") == "BadRequest_EntityNotFound"


def test_functions_give_scalars_take_tables_and_call_each_other(kusto: Kusto, named: Named) -> None:
    double, plus, large, both = named("Double"), named("Plus"), named("Large"), named("Both")
    kusto.rows(f".create function {double}(n:long) {{ n * 2 }}")
    kusto.rows(f".create function {plus}(n:long, more:long = 1) {{ {double}(n) + more }}")
    kusto.rows(f".create function {large}(T:(x:long), least:long) {{ T | where x >= least }}")
    kusto.rows(f".create function {both}(n:long) {{ print x = {plus}(n, 10) }}")

    assert kusto.rows(f"range x from 1 to 3 step 1 | extend y = {plus}(x) | order by x asc") == [(1, 3), (2, 5), (3, 7)]
    assert kusto.rows(f"range x from 1 to 3 step 1 | invoke {large}(3)") == [(3,)]
    assert kusto.rows(f"{both}(1)") == [(12,)]
    with pytest.raises(KustoApiError, match="line:position=2:1"):
        kusto.rows(f"print {plus}(1)\n| nonsense")


def test_mappings_are_created_altered_shown_and_dropped(kusto: Kusto, named: Named) -> None:
    table = named("T")
    kusto.rows(f".create table {table} (a:long)")
    text = '[{"column":"a","Properties":{"Path":"$.a"}}]'
    kusto.rows(f".create table {table} ingestion json mapping 'm' '{text}'")
    assert kusto.rows(f".show table {table} ingestion json mapping 'm'")[0][:3] == ("m", "Json", text)
    assert refused(kusto, f".create table {table} ingestion json mapping 'm' '{text}'").endswith("AlreadyExists")

    other = text.replace("$.a", "$.b")
    kusto.rows(f".create-or-alter table {table} ingestion json mapping \"m\" '{other}'")
    kusto.rows(
        f'.create table {table} ingestion csv mapping \'c\' \'[{{"column":"a","Properties":{{"Ordinal":"0"}}}}]\''
    )
    assert [row[0] for row in kusto.rows(f".show table {table} ingestion mappings")] == ["m", "c"]
    kusto.rows(f".drop table {table} ingestion json mapping 'm'")
    assert refused(kusto, f".drop table {table} ingestion json mapping 'm'") == "BadRequest_EntityNotFound"
    assert refused(kusto, f".create table {table} ingestion json mapping 'x' 'no json'") == "BadRequest_InvalidMapping"


@pytest.mark.parametrize(
    ("command", "shown"),
    [
        (
            "retention softdelete = 30d recoverability = disabled",
            {"SoftDeletePeriod": "30.00:00:00", "Recoverability": "Disabled"},
        ),
        ("caching hot = 7d", {"DataHotSpan": {"Value": "7.00:00:00"}, "IndexHotSpan": {"Value": "7.00:00:00"}}),
        ("streamingingestion enable", {"IsEnabled": True, "HintAllocatedRate": None}),
        ("ingestionbatching '{\"MaximumNumberOfItems\": 500}'", {"MaximumNumberOfItems": 500}),
        ("merge '{\"AllowMerge\": true}'", {"AllowMerge": True}),
        ("sharding '{\"MaxRowCount\": 1000}'", {"MaxRowCount": 1000}),
        ("ingestiontime true", {"IsEnabled": True}),
    ],
)
def test_policies_are_kept_and_shown(kusto: Kusto, named: Named, command: str, shown: object) -> None:
    table = named("T")
    kusto.rows(f".create table {table} (a:long)")
    kusto.rows(f".alter table {table} policy {command}")
    name = command.split()[0]

    assert json.loads(kusto.rows(f".show table {table} policy {name}")[0][2]) == shown
    kusto.rows(f".delete table {table} policy {name}")
    assert kusto.rows(f".show table {table} policy {name}")[0][2] == "null"


def test_alter_merge_changes_only_what_it_names(kusto: Kusto, named: Named) -> None:
    table = named("T")
    kusto.rows(f".create table {table} (a:long)")
    kusto.rows(f".alter table {table} policy retention softdelete = 30d recoverability = enabled")
    kusto.rows(f".alter-merge table {table} policy retention softdelete = 10d")

    shown = json.loads(kusto.rows(f".show table {table} policy retention")[0][2])
    assert shown == {"SoftDeletePeriod": "10.00:00:00", "Recoverability": "Enabled"}


def test_set_append_and_replace_from_a_query(kusto: Kusto, named: Named) -> None:
    table = named("T")
    kusto.rows(f".set {table} <| print a = 1, s = 'x'")
    kusto.rows(f".append {table} <| print s = 'y', a = 2")
    kusto.rows(f".set-or-append async {table} <| print 3, 'z'")
    assert kusto.rows(f"{table} | order by a asc") == [(1, "x"), (2, "y"), (3, "z")]

    kusto.rows(f".set-or-replace {table} <| {table} | where a > 2 | extend a = a * 10")
    assert kusto.rows(table) == [(30, "z")]
    assert refused(kusto, f".set {table} <| print 1") == "BadRequest_EntityAlreadyExists"
    assert refused(kusto, f".append {table} <| print 1, 2, 3") == "BadRequest_SchemaMismatch"


def test_ingest_by_tag_is_ingested_once(kusto: Kusto, named: Named) -> None:
    table = named("T")
    for _ in range(2):
        kusto.rows(
            f".set-or-append {table} with (tags='[\"ingest-by:one\"]', ingestIfNotExists='[\"one\"]') <| print a = 1"
        )

    assert kusto.rows(f"{table} | count") == [(1,)]
    assert [row[-1] for row in kusto.rows(f".show table {table} extents")] == ["ingest-by:one"]


def test_rows_are_deleted_by_predicate_and_cleared(kusto: Kusto, named: Named) -> None:
    table = named("T")
    kusto.rows(f".set {table} <| range a from 1 to 10 step 1")
    assert kusto.rows(f".delete table {table} records <| {table} | where a > 7")[0][1] == 3
    assert kusto.rows(f"{table} | summarize count(), max(a)") == [(7, 7)]
    kusto.rows(f".clear table {table} data")
    assert kusto.rows(f"{table} | count") == [(0,)]
    assert kusto.rows(f".show table {table} details | project TotalRowCount") == [(0,)]


def test_script_goes_on_after_errors_when_told_to(kusto: Kusto, named: Named) -> None:
    table, function = named("T"), named("F")
    script = f"""// what this makes
.create table {table} (a:long)
// a comment between commands, with a .create table in it
.nonsense
.create-or-alter function {function}() {{
    {table}
    // inside a body

    | count
}}
"""
    results = kusto.rows(f".execute database script with (ContinueOnErrors=true) <|\n{script}")
    assert [row[3] for row in results] == ["Completed", "Failed", "Completed"]
    assert kusto.rows(f"{function}()") == [(0,)]

    stopped = kusto.rows(f".execute database script <|\n.nonsense\n.drop table {table}")
    assert [row[3] for row in stopped] == ["Failed", "Skipped"]
    assert csl(kusto, table) == "a:long"


def test_results_of_show_commands_go_on_through_a_query(kusto: Kusto, named: Named) -> None:
    table = named("T")
    kusto.rows(f".create table {table} (a:long)")

    assert kusto.rows(f".show tables | where TableName == '{table}' | project DatabaseName") == [(DATABASE,)]


def test_database_schema_as_json_holds_every_kind_of_entity(kusto: Kusto, named: Named) -> None:
    table, function = named("T"), named("F")
    kusto.rows(f".create table {table} (a:long)")
    kusto.rows(f".create function {function}(x:long) {{ {table} | where a == x }}")

    schema = json.loads(kusto.rows(".show database schema as json")[0][0])["Databases"][DATABASE]
    assert schema["Tables"][table]["OrderedColumns"][0]["CslType"] == "long"
    assert schema["Functions"][function]["InputParameters"] == "(x:long)"


def test_commands_that_ran_are_shown_with_how_they_ended(kusto: Kusto, named: Named) -> None:
    table = named("T")
    kusto.rows(f".create table {table} (a:long)")
    refused(kusto, f".drop column {table}.nope")

    shown = kusto.rows(f".show commands | where Text contains '{table}' | project CommandType, State")
    assert shown == [("create table", "Completed"), ("drop column", "Failed")]


@pytest.mark.parametrize("command", [".make coffee", ".show capacity", ".create workload_group x '{}'"])
def test_command_that_is_not_served_is_named_in_a_501(kusto: Kusto, command: str) -> None:
    with pytest.raises(KustoApiError, match=command.removeprefix(".").split()[0]) as caught:
        kusto.rows(command)
    assert status(caught.value) == 501


@pytest.mark.parametrize(
    "command",
    [
        ".show version",
        ".show cluster",
        ".show databases",
        ".show operations",
        ".show materialized-views",
        ".show functions",
        ".show ingestion failures",
    ],
)
def test_show_commands_answer_a_table(kusto: Kusto, command: str) -> None:
    table = kusto.table(command)

    assert table.columns
    assert all(len(row) == len(table.columns) for row in table.raw_rows)
