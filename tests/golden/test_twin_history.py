"""What the twins' history answers, over records in the shape that Digital Twins sends them."""

from typing import Any

import pytest

from tests.golden.iot_database import IotDatabase, Row, event

MODEL = "dtmi:iot:Freezer;1"


def at(time: str) -> str:
    return f"2026-01-05T{time}:00Z"


@pytest.fixture
def history(empty_database: IotDatabase) -> IotDatabase:
    empty_database.build("bronze", "silver", "gold", "twin-history", "twin-functions")
    return empty_database


def ingest(database: IotDatabase, table: str, *records: dict[str, Any]) -> None:
    database.ingest(*records, table=table, mapping=f"{table}Mapping")


def lifecycle(database: IotDatabase, twin: str, **actions: str) -> None:
    """Each action at its HH:MM."""
    ingest(
        database,
        "AdtTwinLifecycleEvents",
        *(
            {"TwinId": twin, "Action": action, "TimeStamp": at(time), "ServiceId": "localhost", "ModelId": MODEL}
            for action, time in actions.items()
        ),
    )


def update(twin: str, key: str, value: Any, time: str, source: str | None = None, **more: str) -> dict[str, Any]:
    """A property's record, written at HH:MM, of a value of another HH:MM."""
    return {
        "TimeStamp": at(time),
        "SourceTimeStamp": source and at(source),
        "ServiceId": "localhost",
        "Id": twin,
        "ModelId": MODEL,
        "Key": key,
        "Value": value,
        "RelationshipTarget": "",
        "RelationshipId": "",
        **more,
    }


def updates(database: IotDatabase, *records: dict[str, Any]) -> None:
    ingest(database, "AdtPropertyEvents", *records)


def related(database: IotDatabase, source: str, target: str, time: str, action: str = "Create") -> None:
    ends = {"RelationshipId": f"{source}-{target}", "Name": "contains", "Source": source, "Target": target}
    record = {**ends, "Action": action, "TimeStamp": at(time), "ServiceId": "localhost"}
    ingest(database, "AdtRelationshipLifecycleEvents", record)


def of_property(time: str, key: str, value: Any, source: str | None = None) -> Row:
    return (at(time), "Property", MODEL, key, value, source and at(source), "", "", "", "")


def test_twin_history_tells_all_that_happened_to_a_twin_in_its_order_and_once(history: IotDatabase) -> None:
    lifecycle(history, "f1", Create="10:00", Delete="12:00")
    lifecycle(history, "f2", Create="10:00")
    read = update("f1", "temperature", -4.5, "10:10", "10:09")
    updates(history, read, update("f1", "door_open", True, "10:00"), update("f2", "temperature", 1, "10:10"))
    updates(history, read)
    updates(history, update("f1", "since", 7, "11:20", RelationshipId="r1", RelationshipTarget="cable"))
    related(history, "area", "f1", "11:00")
    related(history, "area", "f2", "11:00")
    related(history, "f1", "area", "11:10", action="Delete")

    found = history.rows(f"TwinHistory('f1', datetime({at('10:00')}), datetime({at('12:00')}))")

    assert found == [
        of_property("10:00", "door_open", True),
        (at("10:00"), "TwinCreate", MODEL, "", None, None, "", "", "", ""),
        of_property("10:10", "temperature", -4.5, "10:09"),
        (at("11:00"), "RelationshipCreate", "", "", None, None, "contains", "area-f1", "area", "f1"),
        (at("11:10"), "RelationshipDelete", "", "", None, None, "contains", "f1-area", "f1", "area"),
        (at("11:20"), "RelationshipProperty", MODEL, "since", 7, None, "", "r1", "f1", "cable"),
    ]


def test_twin_history_is_of_the_last_day_when_no_times_are_given(history: IotDatabase) -> None:
    updates(history, update("f1", "temperature", 1, "10:00"))

    assert history.rows("TwinHistory('f1')") == []
    assert len(history.rows(f"TwinHistory('f1', ['to'] = datetime({at('10:01')}))")) == 1


def as_of(database: IotDatabase, time: str, twin: str = "f1") -> dict[tuple[str, str], Any]:
    """The values at HH:MM by twin and property."""
    rows = database.rows(f"TwinAsOf('{twin}', datetime({at(time)}))")
    return {(id, key): value for id, _, key, value, _, _ in rows}


def test_twin_as_of_is_the_newest_record_of_each_property_until_then(history: IotDatabase) -> None:
    updates(history, update("f1", "temperature", 1, "10:00", "09:00"), update("f1", "door_open", False, "10:05"))
    updates(history, update("f1", "temperature", 2.5, "10:10", "08:00"))
    updates(history, update("f1", "since", 7, "10:00", RelationshipId="r1", RelationshipTarget="x"))

    assert as_of(history, "09:59") == {}
    assert as_of(history, "10:00") == {("f1", "temperature"): 1}
    assert as_of(history, "10:10") == {("f1", "temperature"): 2.5, ("f1", "door_open"): False}
    assert history.rows("TwinAsOf('f1', datetime(2026-01-05T10:10:00Z)) | where Key == 'temperature'") == [
        ("f1", MODEL, "temperature", 2.5, at("10:10"), at("08:00"))
    ]


def test_twin_as_of_forgets_what_was_before_a_delete(history: IotDatabase) -> None:
    lifecycle(history, "f1", Create="10:00", Delete="11:00")
    updates(history, update("f1", "temperature", 1, "10:00"), update("f1", "door_open", True, "10:00"))
    updates(history, update("f2", "temperature", 3, "10:00"))
    lifecycle(history, "f1", Create="12:00")
    updates(history, update("f1", "temperature", 2, "12:00"))

    assert as_of(history, "10:59") == {("f1", "temperature"): 1, ("f1", "door_open"): True}
    assert as_of(history, "11:30") == {}
    assert as_of(history, "12:30") == {("f1", "temperature"): 2}
    assert as_of(history, "12:30", "") == {("f1", "temperature"): 2, ("f2", "temperature"): 3}


def test_twin_readings_are_those_of_its_asset_and_tell_when_the_twin_held_them(history: IotDatabase) -> None:
    for time, value in {"10:00": 1.5, "10:01": 2.5, "11:00": 9.5}.items():
        reading = {"temperature": (at(time), value)}
        history.ingest(
            event(f"e{time}", "site/f1", reading, at=at(time)), event(f"o{time}", "f1", reading, at=at(time))
        )
    updates(history, update("site!f1", "path", "site/f1", "10:02"), update("site!f2", "path", "site/f2", "10:02"))
    held = update("site!f1", "temperature", 2.5, "10:03", "10:01")
    updates(history, held, held)

    found = history.rows(
        "TwinReadings('site!f1', datetime(2026-01-05T10:00:00Z), datetime(2026-01-05T11:00:00Z)) "
        "| project TwinId, ModelId, Asset, TagName, SourceTimestamp, ValueReal, HeldAt"
    )

    twin = ("site!f1", MODEL, "site/f1", "temperature")
    assert found == [(*twin, at("10:00"), 1.5, None), (*twin, at("10:01"), 2.5, at("10:03"))]
    assert len(history.rows(f"TwinReadings(['to'] = datetime({at('11:01')}))")) == 3
    assert history.rows(f"TwinReadings('site!f2', datetime({at('10:00')}), datetime({at('11:00')}))") == []
