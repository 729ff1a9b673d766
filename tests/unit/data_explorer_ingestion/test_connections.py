"""Data connections' events to rows: none is dropped, none counted twice, whatever it holds."""

import asyncio
import json
import queue
import threading
from collections.abc import Mapping, Sequence
from typing import Any

import duckdb
import pytest
from hypothesis import given
from hypothesis import strategies as st

from local.amqp.events import ReceivedEvent
from local.data_explorer.cluster import Cluster
from local.data_explorer.commands.dispatch import Commands
from local.data_explorer.database import Database
from local.data_explorer.errors import KustoError
from local.data_explorer.extensions import CommandContext
from local.data_explorer.ingested import Batch
from local.data_explorer.ingestion.connection_events import DataConnection, Event, Route, data_connections, route_of
from local.data_explorer.ingestion.connection_rows import Gathering
from local.data_explorer.ingestion.failures import IngestionRefused
from local.data_explorer.ingestion.hub_commits import Commits
from local.data_explorer.ingestion.hub_events import embedding, event_of
from local.faults import Faults
from local.launch import PROJECT

CONNECTION = DataConnection("analytics", "analytics", "iot", "adx", "Bronze", "whole")
EMBEDDED = '"x-opt-partition-key":"a"'
BODIES = st.binary(max_size=40) | st.sampled_from(
    [b'{"a":1}', b"{}", b" {} ", b'{"a":\n1}', b"[{}]", b"{", b"null", b""]
)


def events(*bodies: bytes, embedded: str = "", properties: Mapping[str, str] | None = None) -> list[Event]:
    return [Event("0", number, str(number), body, properties or {}, embedded) for number, body in enumerate(bodies)]


def gathered(database: Database, of: list[Event]) -> Gathering:
    gathering = Gathering(database, CONNECTION)
    gathering.take(of)
    return gathering


@given(st.lists(BODIES, max_size=6), st.sampled_from(["", EMBEDDED]), st.sampled_from(["json", "multijson", "csv"]))
def test_every_event_is_rows_or_a_failure_that_names_it(
    database: Database, bodies: list[bytes], embedded: str, format: str
) -> None:
    of = events(*bodies, embedded=embedded, properties={"Format": format, "Table": "Bronze"})
    together = gathered(database, of)

    alone = [gathered(database, [event]) for event in of]

    rows = sum(batch.rows.num_rows for batch in together.batches)
    assert rows == sum(batch.rows.num_rows for each in alone for batch in each.batches)
    assert all(each.batches or each.failures for each in alone)
    assert [failure.source for failure in together.failures] == [
        failure.source for each in alone for failure in each.failures
    ]


@pytest.mark.parametrize(
    ("body", "text"),
    [
        (b'{"b":1.0}', '{"x-opt-partition-key":"a","b":1.0}'),
        (b"{}", '{"x-opt-partition-key":"a"}'),
        (b' { "b" : 1 }', '{"x-opt-partition-key":"a","b" : 1 }'),
        (b'{"x-opt-partition-key":"own","b":1.50}', '{"x-opt-partition-key":"a","b":1.50}'),
    ],
)
def test_system_properties_are_added_at_the_root(database: Database, body: bytes, text: str) -> None:
    (batch,) = gathered(database, events(body, embedded=EMBEDDED)).batches

    assert batch.rows["Data"].to_pylist() == [text]


def test_only_the_first_record_of_an_event_gets_system_properties(database: Database) -> None:
    (batch,) = gathered(database, events(b'[{"a": 1}, {"a": 2}]', embedded=EMBEDDED)).batches

    assert batch.rows["Data"].to_pylist() == ['{"x-opt-partition-key":"a","a": 1}', '{"a": 2}']


def test_mapped_columns_see_system_properties(database: Database) -> None:
    connection = DataConnection("c", "h", "iot", "adx", "Typed")
    gathering = Gathering(database, connection)
    gathering.take(events(b'{"Id": 7}', embedded='"Key":"a"'))

    assert gathering.batches[0].rows.to_pylist() == [{"Id": 7, "Key": "a"}]


async def test_events_that_a_policy_cannot_take_fail_alone(cluster: Cluster, database: Database) -> None:
    policy = '[{"IsEnabled": true, "Source": "Bronze", "Query": "lengthen()", "IsTransactional": true}]'
    commands, context = Commands(()), CommandContext(cluster, database)
    commands.run(context, f".alter table Long policy update @'{policy}'")
    poison = b'{"times": 100000000000000}'
    try:
        bodies = [b'{"times": 2}', poison, b'{"times": 3}', b'{"times": 4}', poison]
        await Commits(database, CONNECTION, Faults()).commit(events(*bodies))
    finally:
        commands.run(context, ".delete table Long policy update")

    with database.storage.reading("iot") as cursor:
        texts = cursor.execute('SELECT "Text" FROM rows."Long" ORDER BY 1').fetchall()
        failures = cursor.execute("SELECT error_code, source, from_update_policy FROM meta.failures").fetchall()
    assert texts == [("xx",), ("xxx",), ("xxxx",)]
    assert [failure[0] for failure in failures] == ["UpdatePolicy_UnknownError"] * 2
    assert sorted(failure[1].split("sequence=")[1].split(";")[0] for failure in failures) == ["1", "4"]
    assert database.checkpoints("analytics")["0"].sequence_number == 4


async def test_an_outage_of_the_disk_in_the_middle_loses_and_repeats_nothing(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The first half of a divided batch is in when the disk fails: only the rest is tried again."""
    connection = DataConnection("outage", "h", "iot", "adx", "Typed")
    append, calls = Database.append, iter(["refuse", "take", "fail", "take"])

    def failing(self: Database, *given: object, **more: object) -> object:
        match next(calls, "take"):
            case "refuse":
                raise KustoError("no")
            case "fail":
                raise KustoError("disk") from duckdb.IOException("disk full")
        return append(self, *given, **more)  # type: ignore[arg-type]

    monkeypatch.setattr(Database, "append", failing)
    bodies = [b'{"Id": %d, "Key": "outage"}' % number for number in range(4)]
    await Commits(database, connection, Faults()).commit(events(*bodies))

    with database.storage.reading("iot") as cursor:
        found = cursor.execute("""SELECT "Id" FROM rows."Typed" WHERE "Key" = 'outage' ORDER BY 1""").fetchall()
    assert found == [(0,), (1,), (2,), (3,)]


async def test_partitions_that_have_events_during_a_commit_share_the_next(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    connection = DataConnection("sharing", "h", "iot", "adx", "Typed")
    append, ends = Database.append, threading.Event()
    begun, ended = queue.Queue[int](), queue.Queue[int]()

    def waiting(self: Database, batches: Sequence[Batch], **more: Any) -> object:
        rows = sum(batch.rows.num_rows for batch in batches)
        begun.put(rows)
        assert ends.wait(60)
        extents = append(self, batches, **more)
        ended.put(rows)
        return extents

    monkeypatch.setattr(Database, "append", waiting)
    commits = Commits(database, connection, Faults())
    running = asyncio.create_task(commits.run())
    try:
        await commits.add([Event("0", 0, "0", b'{"Key": "sharing"}', {})])
        assert await asyncio.to_thread(begun.get, timeout=60) == 1
        for partition in "0123":
            await commits.add([Event(partition, 1, "1", b'{"Key": "sharing"}', {})])
        ends.set()
        assert [await asyncio.to_thread(ended.get, timeout=60) for _ in range(2)] == [1, 4]
    finally:
        ends.set()
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)

    known = database.checkpoints("sharing")
    assert {partition: checkpoint.sequence_number for partition, checkpoint in known.items()} == dict.fromkeys(
        "0123", 1
    )


def test_properties_of_the_event_come_before_those_of_the_connection() -> None:
    given = {"Table": "T", "IngestionMappingReference": "m", "Format": "csv", "Encoding": "utf-16", "Tags": "['a']"}
    (event,) = events(b"", properties={**given, "Compression": "GZip", "Database": "iot"})

    assert route_of(CONNECTION, event) == Route("T", "m", "csv", "utf-16", ("a",), True)
    assert route_of(CONNECTION, events(b"")[0]) == Route("Bronze", "whole", "multijson")


@pytest.mark.parametrize(
    ("properties", "code"),
    [
        ({"Database": "other"}, "BadRequest_NonMultiDatabaseDataConnection"),
        ({"Tags": "none"}, "BadRequest_MalformedIngestionProperty"),
        ({"Tags": "[" * 200}, "BadRequest_MalformedIngestionProperty"),
    ],
)
def test_properties_that_cannot_be_followed_are_refused(properties: dict[str, str], code: str) -> None:
    with pytest.raises(IngestionRefused) as caught:
        route_of(CONNECTION, events(b"", properties=properties)[0])
    assert caught.value.code == code


def test_event_keeps_its_body_properties_and_chosen_annotations() -> None:
    received = ReceivedEvent(
        b'{"a": 1}',
        annotations={
            "x-opt-sequence-number": 5,
            "x-opt-offset": "120",
            "x-opt-enqueued-time": 1738668292991,
            "iothub-connection-device-id": 'd"1',
        },
        application_properties={"Table": "T"},
    )
    names = ("x-opt-enqueued-time", "iothub-connection-device-id", "x-opt-sequence-number", "x-opt-partition-key")

    event = event_of("3", received, embedding(names))

    assert (event.partition, event.sequence_number, event.offset, event.body) == ("3", 5, "120", b'{"a": 1}')
    assert dict(event.properties) == {"Table": "T"}
    assert json.loads(f"{{{event.embedded}}}") == {
        "x-opt-enqueued-time": "2025-02-04T11:24:52.991Z",
        "iothub-connection-device-id": 'd"1',
        "x-opt-sequence-number": 5,
    }


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        (1738668292991, "2025-02-04T11:24:52.991Z"),
        (1 << 62, 1 << 62),
        ("soon", "soon"),
        (b"raw", "raw"),
        ([1, "a"], "[1, 'a']"),
        (None, "None"),
    ],
)
def test_whatever_a_sender_wrote_as_a_system_property_is_embedded(value: object, shown: object) -> None:
    annotations = {"x-opt-sequence-number": 1, "x-opt-offset": "0", "iothub-enqueuedtime": value}
    event = event_of("0", ReceivedEvent(b"{}", annotations), embedding(["iothub-enqueuedtime"]))
    assert json.loads(f"{{{event.embedded}}}") == {"iothub-enqueuedtime": shown}


def test_topology_names_the_data_connections() -> None:
    found = {connection.name: connection for connection in data_connections(PROJECT / "topology.json")}

    assert found["analytics"].table == "Bronze"
    assert found["analytics"].system_properties == ("x-opt-partition-key",)
    assert found["twin-history"].table == ""
