"""Data connections: events of a local hub, sent by the unmodified azure-eventhub, to rows; each once, whatever dies."""

import gzip
import json
import random
import shutil
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import httpx
import pytest
from azure.eventhub import EventData, EventHubProducerClient

from local.event_hubs_namespace import connection_string
from local.launch import ServerProcess
from tests.contract.data_explorer_ingestion.cluster import Cluster

PARTITIONS = 4
TOPOLOGY = {
    "dataExplorer": {
        "database": "iot",
        "dataConnections": {
            "analytics": {
                "hub": "analytics",
                "consumerGroup": "adx",
                "table": "Bronze",
                "mapping": "BronzeMapping",
                "eventSystemProperties": ["x-opt-partition-key"],
            },
            "twin-history": {"hub": "twin-history", "consumerGroup": "adx", "eventSystemProperties": []},
            "delimited": {
                "hub": "delimited",
                "consumerGroup": "adx",
                "table": "Delimited",
                "format": "csv",
                "eventSystemProperties": ["x-opt-sequence-number", "x-opt-partition-key"],
            },
        },
    }
}
TABLES = (
    ".create table Bronze (Data: dynamic)",
    """.create table Bronze ingestion json mapping "BronzeMapping"
        '[{"column": "Data", "Properties": {"Path": "$"}}]'""",
    ".create table Silver (Asset: string, Id: long)",
    """.create function silver() {
        Bronze | project Asset = tostring(Data["x-opt-partition-key"]), Id = tolong(Data.id) }""",
    """.alter table Silver policy update
        @'[{"IsEnabled": true, "Source": "Bronze", "Query": "silver()", "IsTransactional": true}]'""",
    ".create table Twins (Id: string, Value: dynamic, At: datetime)",
    """.create table Twins ingestion json mapping "TwinsMapping"
        '[{"column": "Id", "path": "$.twin"}, {"column": "Value", "path": "$.v"}, {"column": "At", "path": "$.at"}]'""",
    ".create table Delimited (Sequence: long, Key: string, Id: long, Text: string)",
)


@dataclass
class Stack:
    """A hub server and a Data Explorer whose connections read it."""

    hubs: ServerProcess
    explorer: ServerProcess

    @property
    def connection_string(self) -> str:
        return connection_string(self.hubs.port)

    @property
    def cluster(self) -> Cluster:
        assert self.explorer.admin is not None
        return Cluster(self.explorer.admin)

    def send(self, hub: str, events: Sequence[EventData], **where: str) -> None:
        """Sends events as one batch, to a partition or with a partition key."""
        with EventHubProducerClient.from_connection_string(self.connection_string, eventhub_name=hub) as producer:
            batch = producer.create_batch(**where)  # type: ignore[arg-type]
            for event in events:
                batch.add(event)
            producer.send_batch(batch)


@pytest.fixture(scope="module")
def hub_data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("hubs")


@pytest.fixture(scope="module")
def stack(trust_directory: Path, hub_data: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    directory = tmp_path_factory.mktemp("connections")
    hubs = ServerProcess(
        "event_hubs",
        ["--data", str(hub_data), *(f"--hub={hub}:{PARTITIONS}:adx" for hub in HUBS)],
        has_admin=True,
    )
    (directory / "topology.json").write_text(json.dumps(TOPOLOGY))
    with hubs.start():
        arguments = [
            *("--data", str(directory / "adx"), "--trust", str(trust_directory), "--http", "0"),
            *("--topology", str(directory / "topology.json"), "--no-queued-ingestion"),
            *("--connection-string", connection_string(hubs.port)),
        ]
        with ServerProcess("data_explorer", arguments, has_admin=True).start() as explorer:
            stack = Stack(hubs, explorer)
            with stack.cluster as cluster:
                for command in TABLES:
                    cluster.manage(command)
            yield stack


HUBS = ("analytics", "twin-history", "delimited")


def event(body: str | bytes, **properties: str) -> EventData:
    made = EventData(body)
    made.properties = dict(properties.items())
    return made


def test_events_become_rows_with_their_partition_key_and_go_through_the_update_policy(stack: Stack) -> None:
    body = '{"id": 1, "humidity": {"SourceTimestamp": "2025-02-04T11:24:52.9911021Z", "Value": 11.25}}'

    stack.send("analytics", [event(body)], partition_key="site01/channel22/freezer01")

    with stack.cluster as cluster:
        cluster.wait_for("Silver | where Id == 1 | project Asset", "site01/channel22/freezer01")
        assert cluster.query(
            'Bronze | where Data.id == 1 | project tostring(Data["x-opt-partition-key"]), tostring(Data.humidity)'
        ) == [
            ["site01/channel22/freezer01", '{"SourceTimestamp":"2025-02-04T11:24:52.9911021Z","Value":11.25}'],
        ]


def test_events_name_their_table_mapping_and_format(stack: Stack) -> None:
    routed = {"Table": "Twins", "IngestionMappingReference": "TwinsMapping"}
    lines = b'{"twin": "a", "v": 1.25, "at": "2025-02-04T11:24:52.9911021Z"}\n{"twin": "b"}'
    stack.send(
        "twin-history",
        [
            event(lines, **routed, Format="json"),
            event(gzip.compress(b'[{"twin": "c"}, {"twin": "d"}]'), **routed, Format="multijson", Compression="GZip"),
            event('{"twin": "é"}'.encode("utf-16"), **routed, Encoding="utf-16", Tags="['one', \"two\"]"),
            event(b"f,[1]\n", Table="Twins", Format="csv"),
        ],
    )

    with stack.cluster as cluster:
        cluster.wait_for("Twins | where Id in ('a', 'b', 'c', 'd', 'é', 'f') | count", 6)
        assert cluster.query("Twins | where Id == 'a' | project tostring(Value), tostring(At)") == [
            ["1.25", "2025-02-04T11:24:52.9911021Z"]
        ]


def test_properties_come_first_in_delimited_events(stack: Stack) -> None:
    stack.send("delimited", [event('7,"a, b"')], partition_key="k")

    with stack.cluster as cluster:
        cluster.wait_for("Delimited | where Id == 7 | project Text", "a, b")
        assert cluster.query("Delimited | where Id == 7 | project Sequence, Key") == [[0, "k"]]


@pytest.mark.parametrize(
    ("hub", "bad", "code"),
    [
        ("analytics", event("no json"), "BadRequest_InvalidBlob"),
        ("analytics", event("[1]"), "BadRequest_InvalidBlob"),
        ("analytics", event(b"\xff"), "BadRequest_InvalidBlob"),
        ("analytics", event(""), "BadRequest_NoRecordsOrWrongFormat"),
        ("analytics", event("{}", Table="Unknown"), "BadRequest_EntityNotFound"),
        ("analytics", event("{}", IngestionMappingReference="none"), "BadRequest_MappingReferenceWasNotFound"),
        ("analytics", event("{}", Format="orc"), "BadRequest_FormatNotSupported"),
        ("analytics", event("{}", Database="other"), "BadRequest_NonMultiDatabaseDataConnection"),
        ("analytics", event(gzip.compress(b"{}")), "BadRequest_NotSupported"),
        ("twin-history", event("{}"), "BadRequest_InvalidOrEmptyTableName"),
    ],
)
def test_a_bad_event_is_a_recorded_failure_and_the_connection_goes_on(
    stack: Stack, hub: str, bad: EventData, code: str
) -> None:
    marker = f"after-{random.getrandbits(64)}"
    good = event(json.dumps({"twin": marker}), Table="Twins", IngestionMappingReference="TwinsMapping")
    with stack.cluster as cluster:
        before = {failure["IngestionSourcePath"] for failure in failures(cluster, hub)}
        stack.send(hub, [bad, good], partition_key="k")

        cluster.wait_for(f"Twins | where Id == '{marker}' | count", 1)
        new = [each for each in failures(cluster, hub) if each["IngestionSourcePath"] not in before]
        assert [each["ErrorCode"] for each in new] == [code]


def failures(cluster: Cluster, hub: str) -> list[dict[str, object]]:
    found = cluster.manage(".show ingestion failures")
    return [row for row in found if str(row["IngestionSourcePath"]).startswith(f"{hub};partition=")]


def test_connection_goes_on_when_its_hub_has_been_away(stack: Stack) -> None:
    send_numbered(stack, range(10_000, 10_100))
    stack.hubs.restart()
    send_numbered(stack, range(10_100, 10_200))

    with stack.cluster as cluster:
        cluster.wait_for("Silver | where Id between (10000 .. 10199) | count", 200)
        assert cluster.query("Silver | where Id between (10000 .. 10199) | summarize dcount(Id)") == [[200]]


def test_faults_delay_but_lose_nothing(stack: Stack) -> None:
    with stack.cluster as cluster:
        rules = [
            {"match": "data-connection", "action": "reset", "count": 1},
            {"match": "data-connection", "action": "status", "status": 503, "retryAfterMs": 10, "count": 1},
        ]
        httpx.put(f"{cluster.url}/_local/faults", json={"rules": rules}).raise_for_status()
        send_numbered(stack, range(20_000, 20_100))

        cluster.wait_for("Silver | where Id between (20000 .. 20099) | count", 100)
        left = httpx.get(f"{cluster.url}/_local/faults").json()["rules"]
        assert [rule["count"] for rule in left] == [0, 0]


def test_sigterm_while_events_come_exits_cleanly_and_loses_nothing(stack: Stack) -> None:
    send_numbered(stack, range(30_000, 34_000))
    assert stack.explorer.terminate() == 0
    stack.explorer.close()
    stack.explorer.start()

    with stack.cluster as cluster:
        cluster.wait_for("Silver | where Id between (30000 .. 33999) | count", 4_000)


def test_kill_9_of_the_server_loses_and_repeats_nothing(stack: Stack) -> None:
    """Eight kills, each while events are being committed: exact counts in bronze and silver."""
    chance = random.Random(20)
    first, last = 100_000, 124_000
    send_numbered(stack, range(first, last))
    for kill in range(8):
        with stack.cluster as cluster:
            until_more_than(cluster, kill * 2_500 + chance.randrange(2_500), first)
        stack.explorer.restart()

    with stack.cluster as cluster:
        cluster.wait_for(f"Silver | where Id >= {first} | count", last - first, seconds=60)
        figures = "summarize Rows = count(), Low = min(Id), High = max(Id)"
        assert cluster.query(f"Silver | where Id >= {first} | {figures}") == [[last - first, first, last - 1]]
        copies = f"Silver | where Id >= {first} | summarize Copies = count() by Id | where Copies > 1 | count"
        assert cluster.query(copies) == [[0]]
        assert cluster.query(f"Bronze | where tolong(Data.id) >= {first} | count") == [[last - first]]


def until_more_than(cluster: Cluster, count: int, first: int) -> None:
    """Returns once the tables hold more than so many of the numbers from `first` on."""
    deadline = time.monotonic() + 60
    while cluster.query(f"Silver | where Id >= {first} | count")[0][0] <= count:
        assert time.monotonic() < deadline
        time.sleep(0.01)


def send_numbered(stack: Stack, numbers: range) -> None:
    """One event for each number, spread over the partitions."""
    with EventHubProducerClient.from_connection_string(stack.connection_string, eventhub_name="analytics") as producer:
        for key in range(8):
            batch = producer.create_batch(partition_key=f"device{key}")
            for number in numbers[key::8]:
                batch.add(EventData(f'{{"id": {number}}}'))
            producer.send_batch(batch)


def test_a_hub_that_was_made_anew_is_read_from_its_start(stack: Stack, hub_data: Path) -> None:
    send_numbered(stack, range(40_000, 40_400))
    with stack.cluster as cluster:
        cluster.wait_for("Silver | where Id between (40000 .. 40399) | count", 400)
        stack.hubs.kill()
        stack.hubs.close()
        shutil.rmtree(hub_data)
        stack.hubs.start()
        send_numbered(stack, range(41_000, 41_100))

        cluster.wait_for("Silver | where Id between (41000 .. 41099) | count", 100)
