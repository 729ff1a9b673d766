"""Bronze to silver: every reading of every event becomes one typed row."""

import json
from typing import Any

import pytest
from azure.kusto.data.exceptions import KustoServiceError

from shared.telemetry.analytics import splice
from tests.golden.iot_database import IotDatabase, event

NOON = "2026-01-05T12:00:00Z"

FREEZERS = """
{"x-opt-partition-key":"site01/channel22/freezer01","humidity":{"SourceTimestamp":"2025-02-04T11:24:52.9911021Z","Value":"11.23"},"temperature":{"SourceTimestamp":"2025-02-04T11:24:52.2919706Z","Value":-4.4}}
{"x-opt-partition-key":"site01/channel22/freezer02","humidity":{"SourceTimestamp":"2025-02-04T11:24:52.8911021Z","Value":"12.49"},"temperature":{"SourceTimestamp":"2025-02-04T11:24:52.8911021Z","Value":-3.2}}
{"x-opt-partition-key":"site01/channel22/freezer06","humidity":{"SourceTimestamp":"2025-02-04T11:24:51.9911021Z","Value":"11.76"},"temperature":{"SourceTimestamp":"2025-02-04T11:24:51.9911021Z","Value":-3.4}}
""".strip().splitlines()

FREEZER_ROWS = [
    ("site01/channel22/freezer01", "humidity", "2025-02-04T11:24:52.9911021Z", None, None, "11.23", None),
    ("site01/channel22/freezer01", "temperature", "2025-02-04T11:24:52.2919706Z", None, -4.4, "", None),
    ("site01/channel22/freezer02", "humidity", "2025-02-04T11:24:52.8911021Z", None, None, "12.49", None),
    ("site01/channel22/freezer02", "temperature", "2025-02-04T11:24:52.8911021Z", None, -3.2, "", None),
    ("site01/channel22/freezer06", "humidity", "2025-02-04T11:24:51.9911021Z", None, None, "11.76", None),
    ("site01/channel22/freezer06", "temperature", "2025-02-04T11:24:51.9911021Z", None, -3.4, "", None),
]

SILVER = """
    Silver
    | project Asset, TagName, SourceTimestamp, ValueLong, ValueReal, ValueString, ValueBool
    | order by Asset asc, TagName asc
"""


def silver(database: IotDatabase) -> list[tuple[Any, ...]]:
    return database.rows(SILVER)


def test_the_freezer_sample_comes_out_row_for_row(database: IotDatabase) -> None:
    database.ingest_lines(FREEZERS)

    assert silver(database) == FREEZER_ROWS
    assert database.rows("bronze_to_silver() | count") == [(6,)]
    assert database.rows("Silver | where ValueString == 'null' | count") == [(0,)]


MISSIONS_OWN = """
Bronze
| extend Asset = tostring(Data["x-opt-partition-key"])
| mv-expand kind=array Data
| where tostring(Data[0]) != "x-opt-partition-key"
| extend TagName = tostring(Data[0]), Payload = Data[1]
| extend SourceTimestamp = todatetime(Payload.SourceTimestamp), Value = Payload.Value
| extend ValueType = gettype(Value)
| project
    Asset,
    TagName,
    SourceTimestamp,
    ValueLong = iff(ValueType in ("int", "long"), tolong(Value), parse_json("null")),
    ValueReal = iff(ValueType in ("real", "double"), toreal(Value), parse_json("null")),
    ValueString = iff(ValueType == "string", tostring(Value), parse_json("null")),
    ValueBool = iff(ValueType == "bool", tobool(Value), parse_json("null"))
"""
BY_CASE = """
Bronze
| mv-expand bagexpansion=array Pair = Data
| where Pair[0] != "x-opt-partition-key"
| extend Value = Pair[1].Value, Kind = gettype(Pair[1].Value)
| project
    Asset = tostring(Data["x-opt-partition-key"]),
    TagName = tostring(Pair[0]),
    SourceTimestamp = todatetime(Pair[1]["SourceTimestamp"]),
    ValueLong = case(Kind in ("int", "long"), tolong(Value), long(null)),
    ValueReal = case(Kind in ("real", "double"), todouble(Value), real(null)),
    ValueString = case(Kind == "string", tostring(Value), ""),
    ValueBool = case(Kind == "bool", tobool(Value), bool(null))
"""
BY_KEY = """
Bronze
| extend Keys = bag_keys(Data)
| mv-expand Key = Keys to typeof(string)
| where Key != "x-opt-partition-key"
| extend Value = Data[Key].Value
| project
    Asset = tostring(Data["x-opt-partition-key"]),
    TagName = Key,
    SourceTimestamp = todatetime(Data[Key].SourceTimestamp),
    ValueLong = tolong(iff(gettype(Value) in ("int", "long"), Value, dynamic(null))),
    ValueReal = toreal(iff(gettype(Value) in ("real", "double"), Value, dynamic(null))),
    ValueString = tostring(iff(gettype(Value) == "string", Value, dynamic(null))),
    ValueBool = tobool(iff(gettype(Value) == "bool", Value, dynamic(null)))
"""


@pytest.mark.parametrize("query", [MISSIONS_OWN, BY_CASE, BY_KEY], ids=["missions-own", "by-case", "by-key"])
def test_the_missions_own_query_and_its_like_fill_silver(empty_database: IotDatabase, query: str) -> None:
    for command in (
        ".create table Bronze (Data: dynamic)",
        ".alter table Bronze policy streamingingestion enable",
        ".create table Bronze ingestion json mapping 'BronzeMapping' "
        """'[{"column":"Data","Properties":{"path":"$"}}]'""",
        ".create table Silver (Asset: string, TagName: string, SourceTimestamp: datetime, "
        "ValueLong: long, ValueReal: real, ValueString: string, ValueBool: bool)",
        f".create-or-alter function bronze_to_silver() {{ {query} }}",
        ".alter table Silver policy update "
        """@'[{"Source": "Bronze", "Query": "bronze_to_silver()", "IsEnabled": "True"}]'""",
    ):
        empty_database.command(command)

    empty_database.ingest_lines(FREEZERS)

    assert silver(empty_database) == FREEZER_ROWS


VALUES: list[tuple[str, tuple[Any, ...]]] = [
    ("11", (11, None, "", None)),
    ("-2147483649", (-2147483649, None, "", None)),
    ("1152921504606846977", (2**60 + 1, None, "", None)),
    ("9223372036854775807", (2**63 - 1, None, "", None)),
    ("9223372036854775808", (None, 2.0**63, "", None)),
    ("1180591620717411303424", (None, 2.0**70, "", None)),
    ("1.0", (None, 1.0, "", None)),
    ("1e3", (None, 1000.0, "", None)),
    ("0.1", (None, 0.1, "", None)),
    ('"11.23"', (None, None, "11.23", None)),
    ('"null"', (None, None, "null", None)),
    ('""', (None, None, "", None)),
    ('"true"', (None, None, "true", None)),
    ('"\\u00e9 \\"quoted\\" \\\\ \\n"', (None, None, 'é "quoted" \\ \n', None)),
    ("true", (None, None, "", True)),
    ("false", (None, None, "", False)),
    ("[1, 2]", (None, None, "[1,2]", None)),
    ('{"a": 1}', (None, None, '{"a":1}', None)),
]


def test_a_value_keeps_its_type_and_digits(database: IotDatabase) -> None:
    readings = [
        f'"tag{n:02}": {{"SourceTimestamp": "{NOON}", "Value": {value}}}' for n, (value, _) in enumerate(VALUES)
    ]
    database.ingest_lines([f'{{"_asset": "a", {", ".join(readings)}}}'])

    assert silver(database) == [("a", f"tag{n:02}", NOON, *columns) for n, (_, columns) in enumerate(VALUES)]


def test_minus_zero_keeps_its_sign(database: IotDatabase) -> None:
    database.ingest_lines([f'{{"_asset": "a", "tag": {{"SourceTimestamp": "{NOON}", "Value": -0.0}}}}'])

    [(value,)] = database.rows("Silver | project ValueReal")

    assert str(value) == "-0.0"


def test_what_says_nothing_makes_no_row(database: IotDatabase) -> None:
    database.ingest({"_asset": "a", "empty": {"SourceTimestamp": NOON, "Value": None}, "bare": 3, "text": "x"})

    assert silver(database) == []
    assert database.rows("Bronze | count") == [(1,)]


def test_metadata_becomes_columns_and_no_tags(database: IotDatabase) -> None:
    database.ingest(
        event("e1", "a", {"t": (NOON, 1)}, at="2026-01-05T12:00:01Z", _modelId="dtmi:x;1", _clock="ahead", _new="later")
        | {"x-opt-partition-key": "k", "x-opt-sequence-number": 7}
    )

    assert database.rows("Silver | project EventId, DeviceId, Asset, TagName, EnqueuedTime") == [
        ("e1", "a-device", "a", "t", "2026-01-05T12:00:01Z")
    ]


def test_the_asset_is_the_events_own_else_the_partition_key(database: IotDatabase) -> None:
    reading = {"t": {"SourceTimestamp": NOON, "Value": 1}}
    database.ingest(
        {**reading, "_asset": "own", "x-opt-partition-key": "key"},
        {**reading, "x-opt-partition-key": "key"},
        {**reading, "_asset": "", "x-opt-partition-key": "other key"},
    )

    assert database.rows("Silver | project Asset | order by Asset asc") == [("key",), ("other key",), ("own",)]


TAG_NAMES = {
    "~_asset": "_asset",
    "~$price": "$price",
    "~x-opt-gain": "x-opt-gain",
    "~~": "~",
    "a.b": "a.b",
    "a b": "a b",
    "a'b": "a'b",
    'a"b': 'a"b',
    "a\\b": "a\\b",
    "a*[0]": "a*[0]",
    "a~b": "a~b",
    "température": "température",
    "X-opt-gain": "X-opt-gain",
    "": "",
}
"""Key in the event → the tag's own name."""


def test_a_tag_gets_its_own_name_back(database: IotDatabase) -> None:
    readings = {key: {"SourceTimestamp": NOON, "Value": number} for number, key in enumerate(TAG_NAMES)}
    database.ingest({"_asset": "a", **readings})

    assert database.rows("Silver | project ValueLong, TagName | order by ValueLong asc") == list(
        enumerate(TAG_NAMES.values())
    )


def test_the_apps_escape_of_tag_names_is_undone(database: IotDatabase) -> None:
    names = ["_eventId", "$x", "x-opt-partition-key", "~", "~_a", "plain"]
    tags = {name: {"SourceTimestamp": NOON, "Value": number} for number, name in enumerate(names)}
    database.ingest_lines([splice(json.dumps(tags).encode(), b'{"_eventId":"e1","_asset":"a"}').decode()])

    assert database.rows("Silver | order by ValueLong asc | project TagName, EventId, Asset") == [
        (name, "e1", "a") for name in names
    ]


def test_tags_come_and_go_without_a_change_of_the_database(database: IotDatabase) -> None:
    before = database.schema()
    for hour, tag in enumerate(("pressure", "vibration x", "pressure")):
        time = f"2026-01-05T{hour:02}:00:00Z"
        database.ingest(event(f"e{hour}", "a", {tag: (time, hour), f"only{hour}": (time, True)}, at=time))

    assert database.rows("Silver | summarize Rows = count() by TagName | order by TagName asc") == [
        ("only0", 1),
        ("only1", 1),
        ("only2", 1),
        ("pressure", 2),
        ("vibration x", 1),
    ]
    assert database.schema() == before


def test_an_event_without_an_id_is_known_by_its_content(database: IotDatabase) -> None:
    database.ingest_lines(FREEZERS)
    database.ingest_lines(FREEZERS)

    assert database.rows("Silver | count") == [(12,)]
    assert database.rows("Readings | count") == [(6,)]
    assert database.rows("Silver | where isempty(EventId) | count") == [(0,)]


TIMESTAMPS = {
    "2026-01-05T12:00:00.1234567Z": "2026-01-05T12:00:00.1234567Z",
    "2026-01-05T13:30:00+01:30": NOON,
    "2026-01-05T12:00:00": NOON,
    "2026-01-05T12:00:00.123456789Z": "2026-01-05T12:00:00.1234567Z",
}
"""As sent → as kept."""


def test_a_source_timestamp_keeps_its_ticks_in_utc(database: IotDatabase) -> None:
    readings = {str(number): {"SourceTimestamp": sent, "Value": 1} for number, sent in enumerate(TIMESTAMPS)}
    database.ingest({"_asset": "a", **readings})

    assert database.rows("Silver | order by TagName asc | project SourceTimestamp") == [
        (kept,) for kept in TIMESTAMPS.values()
    ]


def test_bronze_holds_the_document_as_it_came(database: IotDatabase) -> None:
    document = event("e1", "a", {"t": (NOON, 1), "~_x": (NOON, [])}, at=NOON)
    database.ingest(document)

    [(data,)] = database.rows("Bronze")

    assert (json.loads(data) if isinstance(data, str) else data) == document


def test_when_silver_cannot_be_filled_bronze_is_not_either(database: IotDatabase) -> None:
    database.command(".create-or-alter function with (skipvalidation = true) bronze_to_silver() { Brass }")

    with pytest.raises(KustoServiceError):
        database.ingest(event("e1", "a", {"t": (NOON, 1)}, at=NOON))

    assert database.rows("Bronze | count") == [(0,)]
