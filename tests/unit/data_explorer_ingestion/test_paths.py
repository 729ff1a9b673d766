"""External tables' folders: partitions to paths and back."""

import datetime

import duckdb
import pytest

from local.data_explorer.commands.reader import CommandReader
from local.data_explorer.errors import KustoError
from local.data_explorer.external.definition_commands import read_definition
from local.data_explorer.external.definitions import ExternalTable
from local.data_explorer.external.paths import path_sql, virtual_values

DAY = datetime.datetime(2025, 2, 4, tzinfo=datetime.UTC)


def external(partitions: str, path_format: str = "") -> ExternalTable:
    path = f"pathformat = ({path_format})" if path_format else ""
    text = (
        f"E (At: datetime, Who: string, N: long) kind=storage partition by ({partitions}) {path} dataformat=csv ('/x')"
    )
    return read_definition(CommandReader(text))


def path_of(table: ExternalTable, at: str | None = "2025-02-04 11:24:52.9911021", who: str = "ann") -> str:
    found = duckdb.execute(
        f'SELECT {path_sql(table)} FROM (SELECT ?::TIMESTAMP_NS AS "At", ? AS "Who", 7 AS "N")', [at, who]
    ).fetchone()
    assert found is not None
    return str(found[0])


@pytest.mark.parametrize(
    ("partitions", "path_format", "path"),
    [
        ("Day: datetime = startofday(At)", "", "2025/02/04"),
        ("Week: datetime = startofweek(At)", "", "2025/02/02"),
        ("Month: datetime = startofmonth(At)", "", "2025/02"),
        ("Year: datetime = startofyear(At)", "", "2025"),
        ("Hour: datetime = bin(At, 1h)", "", "2025/02/04/11"),
        ("Minutes: datetime = bin(At, 10m)", "", "2025/02/04/11/20"),
        ("M: datetime = startofmonth(At)", "datetime_pattern(\"'year='yyyy'/month='MM\", M)", "year=2025/month=02"),
        ("M: datetime = startofmonth(At)", 'datetime_pattern("year={yyyy}/month={MM}", M)', "year=2025/month=02"),
        ("Who: string = Who, Day: datetime = startofday(At)", "", "ann/2025/02/04"),
        ("W: string = Who, Day: datetime = startofday(At)", '"w=" W "/" Day', "w=ann/2025/02/04"),
    ],
)
def test_rows_go_to_the_folder_of_their_partitions(partitions: str, path_format: str, path: str) -> None:
    assert path_of(external(partitions, path_format)) == path


def test_values_that_can_be_no_folder_go_to_the_default_one() -> None:
    table = external("W: string = Who, Day: datetime = startofday(At)")

    assert path_of(table, at=None, who=" .. ") == "__DEFAULT_PARTITION__/__DEFAULT_PARTITION__"
    assert path_of(table, who="../../etc") == "_.._etc/2025/02/04"


def test_hash_partitions_are_even_and_stable() -> None:
    table = external("Part: long = hash(Who, 4)")

    parts = {path_of(table, who=f"device{number}") for number in range(50)}
    assert parts == {"0", "1", "2", "3"}
    assert path_of(table) == path_of(table)


@pytest.mark.parametrize(
    ("name", "values"),
    [
        ("customer=ann/date=20250204/part-0.csv", {"Customer": "ann", "Date": DAY}),
        ("customer=/date=20250204/a.csv", {"Customer": None, "Date": DAY}),
        ("customer=ann/date=20259999/a.csv", {"Customer": "ann", "Date": None}),
        ("elsewhere/a.csv", {"Customer": None, "Date": None}),
    ],
)
def test_virtual_columns_are_read_from_the_path(name: str, values: dict[str, object]) -> None:
    table = external(
        "Customer: string, Date: datetime", '"customer=" Customer "/date=" datetime_pattern("yyyyMMdd", Date)'
    )

    assert virtual_values(table, name) == values
    assert [column.name for column in table.schema.columns] == ["At", "Who", "N", "Customer", "Date"]


@pytest.mark.parametrize(
    ("partitions", "path_format"),
    [
        ("Day: datetime = startofday(Other)", ""),
        ("Day: datetime = endofday(At)", ""),
        ("Day: datetime = bin(At, 1s)", ""),
        ("Day: datetime = startofday(At)", '"d=" Other'),
        ("Day: datetime = startofday(At)", 'datetime_pattern("tt", Day)'),
    ],
)
def test_partitions_that_cannot_be_are_refused(partitions: str, path_format: str) -> None:
    with pytest.raises(KustoError):
        external(partitions, path_format)
