"""Time series and their like through the unmodified client: dynamic columns, and plugins that ask the data first."""

from collections.abc import Callable

import pytest
from azure.kusto.data.exceptions import KustoApiError

from tests.contract.data_explorer.conftest import Kusto, status

Named = Callable[[str], str]
READINGS = """
let Readings = range N from 0 to 47 step 1
| extend Asset = strcat("asset", N % 2), Timestamp = datetime(2026-01-05) + N * 30m, Value = toreal(N);
"""


def test_series_are_dynamic_columns_that_the_client_reads(kusto: Kusto) -> None:
    table = kusto.table(
        READINGS
        + """
        Readings
        | make-series Mean = avg(Value) default = real(nan), Count = count()
          on Timestamp from datetime(2026-01-05) to datetime(2026-01-06 06:00) step 6h by Asset
        | order by Asset asc
        """
    )

    assert [(column.column_name, column.column_type) for column in table.columns] == [
        ("Asset", "string"),
        ("Mean", "dynamic"),
        ("Count", "dynamic"),
        ("Timestamp", "dynamic"),
    ]
    first, second = table.rows
    assert (first["Asset"], second["Asset"]) == ("asset0", "asset1")
    assert first["Count"] == second["Count"] == [6, 6, 6, 6, 0]
    assert first["Mean"] == [5.0, 17.0, 29.0, 41.0, "NaN"]
    assert first["Timestamp"][-1] == "2026-01-06T00:00:00.0000000Z"


def test_sessions_and_inner_queries_run_on_stored_rows(kusto: Kusto, named: Named) -> None:
    table = named("Readings")
    kusto.rows(f".create table {table}(Asset: string, Timestamp: datetime, Tags: dynamic)")
    kusto.rows(
        f".set-or-append {table} <| {READINGS} Readings | where N % 12 < 8 "
        "| project Asset, Timestamp, Tags = bag_pack('n', N)"
    )

    sessions = kusto.rows(
        f"""
        {table}
        | order by Asset asc, Timestamp asc
        | extend Session = row_window_session(Timestamp, 1d, 2h, Asset != prev(Asset))
        | summarize Rows = count() by Asset, Session
        | summarize Sessions = count(), sum(Rows) by Asset
        | order by Asset asc
        """
    )
    unpacked = kusto.given(
        "declare query_parameters(least: long); "
        f"{table} | evaluate bag_unpack(Tags) | where n >= least | summarize count(), max(n)",
        least=40,
    )
    assert sessions == [("asset0", 4, 16), ("asset1", 4, 16)]
    assert unpacked == [(4, 43)]


@pytest.mark.parametrize("query", ["T | scan with (step s: true;)", "T | extend x = series_fbprophet_forecast(y)"])
def test_what_is_missing_is_a_bad_request_that_names_it(kusto: Kusto, query: str) -> None:
    name = "scan" if "scan" in query else "series_fbprophet_forecast"
    with pytest.raises(KustoApiError) as caught:
        kusto.rows(f"let T = print y = 1;\n{query}")

    assert status(caught.value) == 400
    error = caught.value.get_api_error()
    assert error.permanent
    assert f"'{name}'" in str(error)
    assert f"[line:position=2:{query.index(name) + 1}]" in str(error)
