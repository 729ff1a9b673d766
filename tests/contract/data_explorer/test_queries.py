"""Queries of the unmodified KustoClient: values on the wire, parameters, limits, errors."""

import datetime
import json
from collections.abc import Callable
from typing import Any

import httpx
import pytest
from azure.kusto.data import KustoConnectionStringBuilder
from azure.kusto.data.aio import KustoClient as AsyncKustoClient
from azure.kusto.data.exceptions import KustoApiError, KustoMultiApiError

from local.launch import ServerProcess
from tests.contract.data_explorer.conftest import DATABASE, SLOW, Kusto, status

Named = Callable[[str], str]


def column_types(table: Any) -> list[tuple[str, str]]:
    return [(column.column_name, column.column_type) for column in table.columns]


def test_inline_rows_come_back_to_the_sync_client(kusto: Kusto, named: Named) -> None:
    table = named("Readings")
    kusto.rows(f".create table {table} (Asset:string, Value:real, At:datetime)")
    kusto.rows(f".ingest inline into table {table} <| a,1.5,2025-02-04T11:24:52.9911021Z\nb,-2,2025-02-04")

    assert kusto.rows(f"{table} | order by Asset asc") == [
        ("a", 1.5, "2025-02-04T11:24:52.9911021Z"),
        ("b", -2.0, "2025-02-04T00:00:00Z"),
    ]


async def test_inline_rows_come_back_to_the_aio_client(data_explorer: ServerProcess, named: Named) -> None:
    table = named("Readings")
    assert data_explorer.admin is not None
    async with AsyncKustoClient(KustoConnectionStringBuilder.with_no_authentication(data_explorer.admin)) as client:
        await client.execute(DATABASE, f".create table {table} (Value:long)")
        await client.execute(DATABASE, f".ingest inline into table {table} <| 1\n2")
        response = await client.execute(DATABASE, f"{table} | summarize Sum = sum(Value)")

    assert [tuple(row) for row in response.primary_results[0].raw_rows] == [(3,)]


VALUES = [
    ("bool", "true", True),
    ("int", "int(-3)", -3),
    ("long", "9007199254740993", 9007199254740993),
    ("real", "1.0", 1.0),
    ("real", "real(nan)", "NaN"),
    ("real", "real(+inf)", "Infinity"),
    ("string", "'ä \"quoted\"'", 'ä "quoted"'),
    ("datetime", "datetime(2025-02-04T11:24:52.9911021Z)", "2025-02-04T11:24:52.9911021Z"),
    ("datetime", "datetime(2025-02-04)", "2025-02-04T00:00:00Z"),
    ("datetime", "datetime(2025-02-04T11:24:52.9911021Z) + 1h", "2025-02-04T12:24:52.9911021Z"),
    ("timespan", "1d + 2h + 3ms", "1.02:00:00.0030000"),
    ("timespan", "-90s", "-00:01:30"),
    ("timespan", "datetime(2025-02-04) - datetime(2025-02-01)", "3.00:00:00"),
    ("guid", "guid(6f9619ff-8b86-d011-b42d-00cf4fc964ff)", "6f9619ff-8b86-d011-b42d-00cf4fc964ff"),
    ("dynamic", "dynamic({'a':[1,'x',null]})", {"a": [1, "x", None]}),
    ("dynamic", "dynamic([])", []),
    ("long", "long(null)", None),
    ("string", "gettype(dynamic({'a':1}).a)", "long"),
    ("string", "tostring(datetime(2025-02-04T11:24:52.9911021Z))", "2025-02-04T11:24:52.9911021Z"),
    ("datetime", "todatetime('2025-02-04T11:24:52.9911021+02:00')", "2025-02-04T09:24:52.9911021Z"),
    ("datetime", "bin(datetime(2025-02-06T11:24:52.9911021Z), 7d)", "2025-02-03T00:00:00Z"),
    ("long", "7 / 2", 3),
    ("bool", "datetime(2025-02-04T11:24:52.9911021Z) < datetime(9999-12-31)", True),
]


@pytest.mark.parametrize(("kind", "expression", "value"), VALUES)
def test_each_type_is_written_as_the_service_writes_it(kusto: Kusto, kind: str, expression: str, value: Any) -> None:
    table = kusto.table(f"print x = {expression}")

    assert column_types(table) == [("x", kind)]
    assert [tuple(row) for row in table.raw_rows] == [(value,)]


def test_columns_of_every_type_keep_their_type_and_their_nulls(kusto: Kusto, named: Named) -> None:
    table = named("Typed")
    columns = "b:bool,i:int,l:long,r:real,s:string,d:datetime,t:timespan,g:guid,j:dynamic,m:decimal"
    kusto.rows(f".create table {table} ({columns})")
    kusto.rows(f".ingest inline into table {table} <| ,,,,,,,,,")

    shown = kusto.table(table)

    assert ",".join(f"{name}:{kind}" for name, kind in column_types(shown)) == columns
    assert [tuple(row) for row in shown.raw_rows] == [(None, None, None, None, "", None, None, None, None, None)]


def test_query_parameters_are_values_never_text(kusto: Kusto, named: Named) -> None:
    table = named("P")
    kusto.rows(f".create table {table} (Asset:string, Value:long, At:datetime)")
    kusto.rows(f".ingest inline into table {table} <| a,1,2025-01-01\nb,2,2025-01-02")
    declared = "declare query_parameters(asset:string, least:long = 0, since:datetime = datetime(2000-01-01));"
    query = f"{declared} {table} | where Asset == asset and Value >= least and At >= since | project Value"

    assert kusto.given(query, asset="b") == [(2,)]
    assert kusto.given(query, asset="'b'", least="long(2)", since="datetime(2025-01-02)") == [(2,)]
    assert kusto.given(query, asset="b", least=3) == []
    assert kusto.given(query, asset="' | project Asset") == []


def test_datetime_parameter_keeps_its_ticks(kusto: Kusto) -> None:
    query = "declare query_parameters(at:datetime); print at, at == datetime(2025-02-04T11:24:52.9911021Z)"

    for value in ("datetime(2025-02-04T11:24:52.9911021Z)", "2025-02-04T11:24:52.9911021Z"):
        assert kusto.given(query, at=value) == [("2025-02-04T11:24:52.9911021Z", True)]


def test_parameter_without_a_value_or_of_the_wrong_type_is_a_semantic_error(kusto: Kusto) -> None:
    for parameters in ({}, {"n": "many"}):
        with pytest.raises(KustoApiError) as caught:
            kusto.given("declare query_parameters(n:long); print n", **parameters)
        assert caught.value.is_semantic_error()


@pytest.mark.parametrize(
    ("query", "kind", "line", "column"),
    [
        ("print x =", "Kusto.Data.Exceptions.SyntaxException", 1, 10),
        ("print x = 1\n| where x ==", "Kusto.Data.Exceptions.SyntaxException", 2, 13),
        (".create table T x", "Kusto.Data.Exceptions.SyntaxException", 1, 17),
        (".create table T (a:nonsense)", "Kusto.Data.Exceptions.SyntaxException", 1, 20),
    ],
)
def test_syntax_errors_are_permanent_and_tell_the_place(
    kusto: Kusto, data_explorer: ServerProcess, query: str, kind: str, line: int, column: int
) -> None:
    with pytest.raises(KustoApiError) as caught:
        kusto.rows(query)
    error = caught.value.get_api_error()
    assert (error.code, error.type, error.permanent) == ("General_BadRequest", kind, True)
    assert f"line:position={line}:{column}" in str(error.description)

    path = "mgmt" if query.startswith(".") else "query"
    raw = httpx.post(f"{data_explorer.admin}/v1/rest/{path}", json={"db": DATABASE, "csl": query})
    assert raw.status_code == 400
    inner = raw.json()["error"]["innererror"]
    assert (inner["@line"], inner["@pos"], inner["code"]) == (line, column, "SYN0002")


@pytest.mark.parametrize("query", ["Nope | take 1", "print a = 1 | where zz == 1", "print strlen(1, 2)"])
def test_unknown_names_are_semantic_errors(kusto: Kusto, query: str) -> None:
    with pytest.raises(KustoApiError) as caught:
        kusto.rows(query)
    assert caught.value.get_api_error().permanent is True


@pytest.mark.parametrize(
    ("operator", "columns"),
    [
        ("project-keep c, a*", "a1,a2,c"),
        ("project-keep *2", "a2,b2"),
        ("project-reorder c, b*", "c,b2,a1,a2"),
        ("project-reorder a* desc", "a2,a1,b2,c"),
        ("project-away a*, c", "b2"),
        ("project-away c", "a1,a2,b2"),
        ("where a1 > 0 | project-keep c | extend d = 1 | project-reorder d", "d,c"),
    ],
)
def test_columns_are_chosen_by_patterns(kusto: Kusto, operator: str, columns: str) -> None:
    shown = kusto.table(f"print a1 = 1, a2 = 2, b2 = 3, c = 4 | {operator}")

    assert ",".join(column.column_name for column in shown.columns) == columns


@pytest.mark.parametrize(
    ("rest", "name", "place"),
    [
        ("| scan with (step s: true => a = x;)", "scan", "2:3"),
        ("| extend y = hll_merge(x)", "hll_merge", "2:14"),
        ("| summarize hll(x)", "hll", "2:13"),
        ("| evaluate basket()", "basket", "2:12"),
    ],
)
def test_what_is_not_served_is_a_semantic_error_with_its_name_and_place(
    kusto: Kusto, rest: str, name: str, place: str
) -> None:
    with pytest.raises(KustoApiError) as caught:
        kusto.rows(f"print x = 1\n{rest}")

    assert status(caught.value) == 400
    error = caught.value.get_api_error()
    assert error.type == "Kusto.Data.Exceptions.SemanticException"
    assert f"does not serve '{name}'" in str(error)
    assert f"[line:position={place}]" in str(error)


def test_unknown_database_is_not_found(kusto: Kusto) -> None:
    with pytest.raises(KustoApiError) as caught:
        kusto.rows("print 1", database="nowhere")
    assert caught.value.get_api_error().code == "BadRequest_EntityNotFound"


def test_databases_are_apart_and_can_be_queried_across(kusto: Kusto, named: Named) -> None:
    table = named("Here")
    kusto.rows(f".set {table} <| print Value = 5")

    with pytest.raises(KustoApiError):
        kusto.rows(table, database="other")
    assert kusto.rows(f"database('{DATABASE}').{table}", database="other") == [(5,)]


def test_results_beyond_the_truncation_limit_are_partial_and_say_so(kusto: Kusto) -> None:
    with pytest.raises(KustoMultiApiError, match="E_QUERY_RESULT_SET_TOO_LARGE"):
        kusto.rows("range x from 1 to 11 step 1", truncationmaxrecords=10)

    assert len(kusto.rows("range x from 1 to 11 step 1", truncationmaxrecords=11)) == 11
    assert len(kusto.rows("set notruncation; range x from 1 to 11 step 1", truncationmaxrecords=10)) == 11
    assert len(kusto.rows("range x from 1 to 11 step 1", query_take_max_records=3)) == 3


def test_default_truncation_is_half_a_million_rows(kusto: Kusto) -> None:
    with pytest.raises(KustoMultiApiError, match="500000 records"):
        kusto.rows("range x from 1 to 500001 step 1")


def test_query_longer_than_its_servertimeout_is_cancelled(kusto: Kusto) -> None:

    with pytest.raises(KustoApiError) as caught:
        kusto.rows(SLOW, servertimeout=datetime.timedelta(milliseconds=300))

    assert status(caught.value) == 504
    assert caught.value.get_api_error().permanent is False
    assert kusto.rows("print 1") == [(1,)]


@pytest.mark.parametrize("value", ["soon", "-1"])
def test_request_property_of_no_use_is_refused(kusto: Kusto, value: str) -> None:
    with pytest.raises(KustoApiError, match="truncationmaxrecords"):
        kusto.rows("print 1", truncationmaxrecords=value)


def test_version_1_answers_four_tables_with_a_table_of_contents(data_explorer: ServerProcess) -> None:
    body = {"db": DATABASE, "csl": "print x = 1, ok = true"}
    answer = httpx.post(f"{data_explorer.admin}/v1/rest/query", json=body).json()

    assert answer["Tables"][0]["Columns"] == [
        {"ColumnName": "x", "DataType": "Int64", "ColumnType": "long"},
        {"ColumnName": "ok", "DataType": "SByte", "ColumnType": "bool"},
    ]
    assert [row[1] for row in answer["Tables"][-1]["Rows"]] == ["QueryResult", "QueryProperties", "QueryStatus"]


def test_progressive_frames_add_up_to_the_rows(data_explorer: ServerProcess) -> None:
    options = {"Options": {"results_progressive_enabled": True}}
    body = {"db": DATABASE, "csl": "range x from 1 to 25000 step 1", "properties": options}
    frames = httpx.post(f"{data_explorer.admin}/v2/rest/query", json=body).json()

    kinds = [frame["FrameType"] for frame in frames]
    assert kinds[:3] == ["DataSetHeader", "DataTable", "TableHeader"]
    assert kinds[-3:] == ["TableCompletion", "DataTable", "DataSetCompletion"]
    assert frames[0]["IsProgressive"] is True
    rows = [row for frame in frames if frame["FrameType"] == "TableFragment" for row in frame["Rows"]]
    assert len(rows) == 25000
    assert frames[-3]["RowCount"] == 25000


def test_rendering_that_a_query_asks_for_is_told(kusto: Kusto) -> None:
    def rendering(query: str) -> dict[str, Any]:
        (properties,) = [
            each for each in kusto.client.execute(DATABASE, query) if each.table_name == "@ExtendedProperties"
        ]
        document: dict[str, Any] = json.loads(properties.raw_rows[0][2])
        return document

    assert rendering("print x = 1")["Visualization"] is None
    drawn = rendering("print x = 1 | render timechart with (title = 'One', ytitle = 'x')")
    assert (drawn["Visualization"], drawn["Title"], drawn["YTitle"]) == ("timechart", "One", "x")


def test_streaming_query_of_the_client_yields_every_row(kusto: Kusto) -> None:
    response = kusto.client.execute_streaming_query(DATABASE, "range x from 1 to 1000 step 1")
    (table,) = [list(table) for table in response.iter_primary_results()]

    assert sorted(row["x"] for row in table) == list(range(1, 1001))


@pytest.mark.parametrize(
    "body",
    [b"", b"{", b"[]", b'{"db": "iot"}', b'{"csl": 5}', b'{"csl":"print 1","properties":"{"}', b"\x1f\x8bnot gzip"],
)
def test_body_that_is_no_request_is_a_bad_request(data_explorer: ServerProcess, body: bytes) -> None:
    answer = httpx.post(f"{data_explorer.admin}/v2/rest/query", content=body)

    assert answer.status_code == 400
    assert answer.json()["error"]["@permanent"] is True


def test_paths_that_are_not_served_say_so(data_explorer: ServerProcess) -> None:
    answer = httpx.get(f"{data_explorer.admin}/v1/rest/nothing")

    assert answer.status_code == 501
    assert "/v1/rest/nothing" in answer.json()["error"]["@message"]


def test_a_query_that_was_asked_before_gives_the_columns_that_its_table_has_now(kusto: Kusto, named: Named) -> None:
    table = named("Reshaped")
    query = f"{table} | extend b = 1"
    kusto.rows(f".set {table} <| print a = 5")
    assert kusto.rows(query) == kusto.rows(query) == [(5, 1)]

    kusto.rows(f".drop table {table}")
    kusto.rows(f".set {table} <| print n = 'x', a = '5'")

    assert kusto.rows(query) == [("x", "5", 1)]
