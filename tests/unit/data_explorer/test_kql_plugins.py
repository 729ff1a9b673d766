"""bag_unpack, pivot, narrow and parse-kv: Microsoft's documented examples, and what the pages promise."""

from typing import Any

import pytest

from tests.unit.data_explorer.conftest import Kql

BAGS = """
datatable(d:dynamic)[
    dynamic({"Name": "John", "Age":20}), dynamic({"Name": "Dave", "Age":40}), dynamic({"Name": "Jasmine", "Age":30})]
"""
NAMED_BAGS = """
datatable(Name:string, d:dynamic)[
    'Old_name', dynamic({"Name": "John", "Age":20}), 'Old_name', dynamic({"Name": "Dave", "Age":40})]
"""


def test_documented_bags_become_columns_of_their_values_types(kql: Kql) -> None:
    query = f"{BAGS} | evaluate bag_unpack(d)"

    assert kql.columns(query) == ["Age:long", "Name:string"]
    assert kql.rows(query) == [(20, "John"), (40, "Dave"), (30, "Jasmine")]
    assert kql.columns(f"{BAGS} | evaluate bag_unpack(d, 'Property_')") == ["Property_Age:long", "Property_Name:string"]


def test_documented_conflicts_are_resolved_or_refused(kql: Kql) -> None:
    unpacked = f"{NAMED_BAGS} | evaluate bag_unpack(d"

    assert kql.rows(f"{unpacked}, columnsConflict='replace_source')") == [(20, "John"), (40, "Dave")]
    assert kql.rows(f"{unpacked}, columnsConflict='keep_source')") == [(20, "Old_name"), (40, "Old_name")]
    assert "Name" in kql.mistake(f"{unpacked})").message


def test_documented_properties_are_ignored(kql: Kql) -> None:
    assert kql.columns(f"{BAGS} | evaluate bag_unpack(d, ignoredProperties=dynamic(['Address', 'Age']))") == [
        "Name:string"
    ]


def test_documented_output_schemas_with_and_without_the_source_columns(kql: Kql) -> None:
    source = """
        datatable(d:dynamic, Description: string)[
            dynamic({"Name": "John", "Age":20, "height":180}), "Student",
            dynamic({"Name": "Dave", "Age":40, "height":160}), "Teacher"]
        | evaluate bag_unpack(d) :"""

    assert kql.columns(f"{source} (*, Name:string, Age:long)") == ["Description:string", "Name:string", "Age:long"]
    assert kql.rows(f"{source} (*, Name:string, Age:long)") == [("Student", "John", 20), ("Teacher", "Dave", 40)]
    assert kql.rows(f"{source} (Age:long)") == [(20,), (40,)]


def test_members_that_differ_in_type_or_are_missing(kql: Kql) -> None:
    query = """
        datatable(d:dynamic, x:string)[
            dynamic({"a": 1, "b": 2.5, "c": {"k": 1}}), "S", dynamic({"a": "x", "c": [1]}), "T", dynamic(null), "U"]
        | evaluate bag_unpack(d)
        """

    assert kql.columns(query) == ["x:string", "a:dynamic", "b:real", "c:dynamic"]
    assert kql.rows(query) == [("S", 1, 2.5, {"k": 1}), ("T", "x", None, [1]), ("U", None, None, None)]


def test_unpacked_columns_follow_the_data_from_query_to_query(kql: Kql) -> None:
    kql.command(".create table Bags(d: dynamic)")
    query = "let Known = Bags | where isnotnull(d); Known | evaluate bag_unpack(d) | project-reorder *"
    kql.command('.set-or-append Bags <| print d = dynamic({"a": 1})')
    assert kql.rows(query) == [(1,)]

    kql.command('.set-or-append Bags <| print d = dynamic({"b": 2})')
    assert sorted(kql.rows(query), key=str) == [(1, None), (None, 2)]


def test_columns_that_only_the_data_tells_have_to_be_given_in_an_inner_query(kql: Kql) -> None:
    inner = "print l = dynamic([1]), d = dynamic({'a': 1}) | mv-apply l on (evaluate bag_unpack(d)"

    mistake = kql.mistake(f"{inner})")
    assert "'bag_unpack'" in mistake.message
    assert "output schema" in mistake.message
    assert f"[line:position=1:{inner.index('bag_unpack') + 1}]" in mistake.message
    assert kql.rows(f"{inner} : (a: long))") == [({"a": 1}, 1)]


def test_tables_are_made_of_unpacked_columns(kql: Kql) -> None:
    kql.command(".set Unpacked <| print d = dynamic({'a': 5, 's': 'q'}) | evaluate bag_unpack(d)")

    assert kql.columns("Unpacked") == ["a:long", "s:string"]
    assert kql.rows("Unpacked") == [(5, "q")]


EVENTS = """
datatable(EventType:string, State:string, Deaths:long)[
    'Heat', 'ARKANSAS', 1, 'Heat', 'ARIZONA', 2, 'Flood', 'ARIZONA', 3, 'Heat', 'ARKANSAS', 4]
"""


@pytest.mark.parametrize(
    ("plugin", "columns", "rows"),
    [
        ("pivot(State, sum(Deaths))", "EventType,ARIZONA,ARKANSAS", [("Flood", 3, 0), ("Heat", 2, 5)]),
        ("pivot(State, sum(Deaths), EventType)", "EventType,ARIZONA,ARKANSAS", [("Flood", 3, 0), ("Heat", 2, 5)]),
        ("pivot(State, max(Deaths), EventType)", "EventType,ARIZONA,ARKANSAS", [("Flood", 3, None), ("Heat", 2, 4)]),
        ("pivot(State, count(), EventType)", "EventType,ARIZONA,ARKANSAS", [("Flood", 1, 0), ("Heat", 1, 2)]),
        (
            "pivot(State, sum(Deaths)) : (EventType:string, ARKANSAS:long, OREGON:long)",
            "EventType,ARKANSAS,OREGON",
            [("Flood", 0, 0), ("Heat", 5, 0)],
        ),
    ],
)
def test_pivot_has_a_column_for_each_value(kql: Kql, plugin: str, columns: str, rows: list[Any]) -> None:
    query = f"{EVENTS} | evaluate {plugin}"

    assert ",".join(column.partition(":")[0] for column in kql.columns(query)) == columns
    assert sorted(kql.rows(query)) == rows


def test_pivot_counts_rows_of_all_other_columns(kql: Kql) -> None:
    assert sorted(kql.rows(f"{EVENTS} | project EventType, State | evaluate pivot(State)")) == [
        ("Flood", 1, 0),
        ("Heat", 1, 2),
    ]


def test_narrow_has_a_row_for_each_cell(kql: Kql) -> None:
    query = "print a = 1, b = 'x', c = datetime(2026-01-05), d = dynamic([1]) | evaluate narrow()"

    assert kql.columns(query) == ["Row:long", "Column:string", "Value:string"]
    assert kql.rows(query) == [
        (0, "a", "1"),
        (0, "b", "x"),
        (0, "c", "2026-01-05T00:00:00.0000000Z"),
        (0, "d", "[1]"),
    ]


def test_plugins_that_are_not_known_are_named_with_their_place(kql: Kql) -> None:
    unknown = kql.mistake("print d = dynamic({'a': 1}) | evaluate autocluster()")

    assert "'autocluster'" in unknown.message
    assert "[line:position=1:40]" in unknown.message


@pytest.mark.parametrize(
    ("rest", "name"),
    [
        ("evaluate bag_unpack(d, columnsConflict='replace')", "replace"),
        ("evaluate bag_unpack(d, prefix='p')", "prefix"),
        ("parse-kv s as (a: long) with (delimiter=';')", "delimiter"),
    ],
)
def test_options_that_are_not_known_are_refused(kql: Kql, rest: str, name: str) -> None:
    assert f"'{name}'" in kql.mistake(f"print d = dynamic({{'a': 1}}), s = 'a=1' | {rest}").message


FLOWS = "(['event time']:datetime, src:string, dst:string, bytes:long, failure:string)"
FLOW = ("2021-01-01T10:00:54Z", "10.1.1.123", "10.1.1.124", 125, "connection aborted")


@pytest.mark.parametrize(
    ("text", "keys", "row"),
    [
        (
            '"ThreadId:458745723, Machine:Node001, Text: The service is up, Level: Info"',
            "(Text: string, ThreadId:long, Machine: string) with (pair_delimiter=',', kv_delimiter=':')",
            ("The service is up", 458745723, "Node001"),
        ),
        (
            """'src=10.1.1.123 dst=10.1.1.124 bytes=125 failure="connection aborted" """
            """"event time"=2021-01-01T10:00:54'""",
            FLOWS + """ with (pair_delimiter=' ', kv_delimiter='=', quote='"')""",
            FLOW,
        ),
        (
            "'src=10.1.1.123 dst=10.1.1.124 bytes=125 failure=(connection aborted) (event time)=(2021-01-01 10:00:54)'",
            FLOWS + " with (pair_delimiter=' ', kv_delimiter='=', quote='()')",
            FLOW,
        ),
        (
            r"""'bytes=125 failure="the remote host sent \\"bye!\\"" time=2021-01-01T10:00:54'""",
            "(['time']:datetime, failure:string) "
            r"""with (kv_delimiter='=', pair_delimiter=' ', quote='"', escape='\\')""",
            ("2021-01-01T10:00:54Z", 'the remote host sent "bye!"'),
        ),
        (
            "'name=John Doe phone=555 5555 city=New York'",
            "(name:string, phone:string, city:string) with (pair_delimiter=' ', kv_delimiter='=')",
            ("John", "555", "New"),
        ),
        (
            "'name=John Doe phone=555 5555 city=New York'",
            "(name:string, phone:string, city:string) with (pair_delimiter=' ', kv_delimiter='=', greedy=true)",
            ("John Doe", "555 5555", "New York"),
        ),
        (
            '"2021-01-01T10:00:34 [INFO] ThreadId:458745723, Machine:Node001, Text: Started"',
            "(Text: string, ThreadId:long, Machine: string)",
            ("Started", 458745723, "Node001"),
        ),
        (
            r'''"2021-01-01T10:00:34 [INFO] ThreadId:458745723, Text: 'The service \\' is up'"''',
            r"""(Text: string, ThreadId:long, Machine: string) with (quote="'", escape='\\')""",
            ("The service ' is up", 458745723, ""),
        ),
        (
            r"""@'["referer url: https://h.com/r?d=/?h=1", "advertiser id: 24fefbca-cf27-4d62-a623-249c2ad30c73"]'""",
            r"""(['referer url']:string, ['advertiser id']: guid) with (regex=@'"([\w ]+)\s*:\s*([^"]*)"')""",
            ("https://h.com/r?d=/?h=1", "24fefbca-cf27-4d62-a623-249c2ad30c73"),
        ),
    ],
)
def test_documented_texts_are_read_by_key(kql: Kql, text: str, keys: str, row: tuple[Any, ...]) -> None:
    assert kql.rows(f"print str={text} | parse-kv str as {keys} | project-away str") == [row]


def test_first_of_several_values_is_taken_and_a_value_of_another_type_is_null(kql: Kql) -> None:
    query = (
        "print s = 'a=1;b=x;a=2' | parse-kv s as (a:long, b:long, c:string) with (pair_delimiter=';', kv_delimiter='=')"
    )

    assert kql.columns(query) == ["s:string", "a:long", "b:long", "c:string"]
    assert kql.rows(query) == [("a=1;b=x;a=2", 1, None, "")]
