"""The scripts as a whole: run again they change nothing, and they leave the policies that the promises rest on."""

import json
from pathlib import Path

import pytest

from tests.golden.iot_database import IotDatabase, Row, event

NOON = "2026-01-05T12:00:00Z"
SHOWN = [
    ".show functions",
    ".show materialized-views",
    ".show table Silver policy update",
    ".show table Bronze policy retention",
    ".show materialized-view Readings policy retention",
    ".show table Bronze policy streamingingestion",
    ".show continuous-exports",
]
"""What the server tells of the database beside its schema."""


@pytest.fixture
def database(empty_database: IotDatabase, tmp_path: Path) -> IotDatabase:
    empty_database.build(archive=str(tmp_path / "archive"))
    return empty_database


def test_running_the_scripts_again_changes_nothing(database: IotDatabase, tmp_path: Path) -> None:
    database.ingest(event("e1", "a", {"t": (NOON, 1)}, at=NOON))
    contents = [
        "Bronze | count",
        "Silver | count",
        "Readings | count",
        "LatestPerTag | count",
        "ReadingsPerHour | count",
    ]
    rows = [database.rows(query) for query in contents]
    schema = database.schema()
    shown = [stable(database.command(command)) for command in SHOWN]

    database.build(archive=str(tmp_path / "archive"))

    assert [database.rows(query) for query in contents] == rows == [[(1,)]] * 5
    assert database.schema() == schema
    assert [stable(database.command(command)) for command in SHOWN] == shown
    database.ingest(event("e2", "a", {"t": (NOON, 2)}, at=NOON))
    assert database.rows("Readings | count") == [(2,)]


def stable(rows: list[Row]) -> list[str]:
    """Rows without what moves by itself: the views' own progress."""
    return sorted(json.dumps(row[:3]) for row in rows)


def test_silver_is_filled_in_the_transaction_that_fills_bronze(database: IotDatabase) -> None:
    [(_, _, policy, *_)] = database.command(".show table Silver policy update")

    [rule] = json.loads(policy)
    assert rule["IsTransactional"] is True
    assert (rule["Source"], rule["Query"]) == ("Bronze", "bronze_to_silver()")


def test_twin_history_takes_the_services_rows(database: IotDatabase) -> None:
    database.ingest(
        {
            "TimeStamp": NOON,
            "SourceTimeStamp": "2026-01-05T11:59:00Z",
            "ServiceId": "twins.local",
            "Id": "site01",
            "ModelId": "dtmi:iot:Site;1",
            "Key": "temperature",
            "Value": -4.4,
        },
        table="AdtPropertyEvents",
        mapping="AdtPropertyEventsMapping",
    )
    database.ingest(
        {"TwinId": "site01", "Action": "Create", "TimeStamp": NOON, "ServiceId": "s", "ModelId": "dtmi:iot:Site;1"},
        table="AdtTwinLifecycleEvents",
        mapping="AdtTwinLifecycleEventsMapping",
    )
    database.ingest(
        {
            "RelationshipId": "r1",
            "Name": "contains",
            "Action": "Delete",
            "TimeStamp": NOON,
            "Source": "a",
            "Target": "b",
        },
        table="AdtRelationshipLifecycleEvents",
        mapping="AdtRelationshipLifecycleEventsMapping",
    )

    assert database.rows("AdtPropertyEvents | extend Value = toreal(Value)") == [
        (NOON, "2026-01-05T11:59:00Z", "twins.local", "site01", "dtmi:iot:Site;1", "temperature", -4.4, "", "")
    ]
    assert database.rows("AdtTwinLifecycleEvents") == [("site01", "Create", NOON, "s", "dtmi:iot:Site;1")]
    assert database.rows("AdtRelationshipLifecycleEvents") == [("r1", "contains", "Delete", NOON, "", "a", "b")]


def test_the_archive_holds_silver_by_day(database: IotDatabase, tmp_path: Path) -> None:
    database.command(".disable continuous-export SilverToArchive")
    database.ingest(
        event("e1", "a", {"t": (NOON, 1), "u": (NOON, "x")}, at=NOON),
        event("e2", "a", {"t": ("2026-01-06T00:00:00Z", True)}, at=NOON),
    )

    database.command(".export to table SilverArchive <| Silver")

    days = {path.parent.name for path in (tmp_path / "archive").rglob("*.parquet")}
    assert days == {"day=2026-01-05", "day=2026-01-06"}
    assert database.rows(
        "external_table('SilverArchive') "
        "| summarize Rows = count() by bin(SourceTimestamp, 1d) | order by SourceTimestamp asc"
    ) == [
        ("2026-01-05T00:00:00Z", 2),
        ("2026-01-06T00:00:00Z", 1),
    ]
