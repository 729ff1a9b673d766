"""Event Hub triggers on real servers: what a handler gets, and when the checkpoint moves."""

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx
from azure.eventhub import EventData
from azure.storage.blob import BlobServiceClient

from tests.contract.functions_host.conftest import Hosts, Hub
from tests.contract.functions_host.hosts import Record, eventually
from tests.contract.functions_host.sending import checkpoints, owners, send, steal


def _settings(hub: Hub, **more: str) -> dict[str, str]:
    return {"EventHubs": hub.connection, "HUB": hub.name, "GROUP": "store", **more}


def _numbered(prefix: str, count: int) -> list[str]:
    return [f"{prefix}{number}" for number in range(count)]


def _with_properties(body: str, properties: dict[str | bytes, Any]) -> EventData:
    event = EventData(body)
    event.properties = properties
    event.message_id = f"id-of-{body}"
    event.content_type = "application/json"
    event.raw_amqp_message.annotations = {"iothub-enqueuedtime": datetime(2026, 11, 22, 10, 0, 0, 120_000, UTC)}
    return event


def test_each_batch_is_of_one_partition_in_order_and_of_the_size_of_host_json(
    hosts: Hosts, hub: Hub, record: Record
) -> None:
    for partition in range(4):
        send(hub, _numbered(f"p{partition}-", 250), partition_id=str(partition))
    hosts("events", **_settings(hub))

    record.wait_for_bodies([body for partition in range(4) for body in _numbered(f"p{partition}-", 250)])

    for line in record.lines():
        assert len(line["events"]) <= 100
        assert {event["body"].split("-")[0] for event in line["events"]} == {f"p{line['partition']}"}
    for partition in range(4):
        given = [body for body in record.bodies() if body.startswith(f"p{partition}-")]
        assert given == _numbered(f"p{partition}-", 250)


def test_handlers_get_real_events_with_the_metadata_of_the_real_host(hosts: Hosts, hub: Hub, record: Record) -> None:
    before = datetime.now(UTC).replace(tzinfo=None, microsecond=0)
    send(hub, [_with_properties("a", {"asset": "site/1", "level": 7, "ok": True})], partition_id="2")
    send(hub, ["keyed"], partition_key="device-1")
    hosts("events", **_settings(hub, KEEP_METADATA="1"))
    record.wait_for_bodies(["a", "keyed"])

    line = next(line for line in record.lines() if line["events"][0]["body"] == "a")
    event, metadata = line["events"][0], line["metadata"]
    assert (event["key"], event["sequence"], event["offset"]) == (None, 0, 0)
    assert before <= datetime.fromisoformat(event["enqueued"]) <= datetime.now(UTC).replace(tzinfo=None)
    assert metadata["PartitionContext"] == {
        "IsCheckpointingAfterInvocation": True,
        "FullyQualifiedNamespace": "127.0.0.1",
        "EventHubName": hub.name,
        "ConsumerGroup": "store",
        "PartitionId": "2",
    }
    assert metadata["PropertiesArray"] == [{"asset": "site/1", "level": 7, "ok": True}]
    system = metadata["SystemPropertiesArray"][0]
    assert system["message-id"] == "id-of-a"
    assert system["content-type"] == "application/json"
    assert system["iothub-enqueuedtime"] == "2026-11-22T10:00:00.12Z"
    assert system["x-opt-sequence-number"] == system["SequenceNumber"] == 0
    assert system["x-opt-offset"] == system["Offset"] == "0"
    assert system["PartitionKey"] is None
    assert system["x-opt-enqueued-time"] == system["EnqueuedTimeUtc"] + "+00:00"
    assert metadata["EnqueuedTimeUtcArray"] == [system["EnqueuedTimeUtc"]]
    assert (metadata["SequenceNumberArray"], metadata["OffsetArray"]) == ([0], ["0"])
    assert metadata["PartitionKeyArray"] == []
    keyed = next(line for line in record.lines() if line["events"][-1]["body"] == "keyed")
    assert keyed["events"][-1]["key"] == "device-1"
    assert keyed["metadata"]["PartitionKeyArray"] == ["device-1"]


def test_checkpoint_follows_the_invocation_and_a_restart_goes_on_from_it(
    hosts: Hosts, hub: Hub, record: Record, blobs: BlobServiceClient
) -> None:
    send(hub, _numbered("first-", 5), partition_id="1")
    host = hosts("events", **_settings(hub))
    record.wait_for_bodies(_numbered("first-", 5))
    eventually(lambda: checkpoints(blobs, hub) == {"1": 4}, lambda: f"checkpoints: {checkpoints(blobs, hub)}")

    assert host.terminate() == 0
    assert set(owners(blobs, hub).values()) == {""}
    send(hub, _numbered("second-", 5), partition_id="1")
    hosts("events", **_settings(hub))
    record.wait_for_bodies(_numbered("second-", 5))

    assert record.bodies() == [*_numbered("first-", 5), *_numbered("second-", 5)]


def test_batch_that_fails_without_a_retry_policy_is_checkpointed_and_lost(
    hosts: Hosts, hub: Hub, record: Record, outage: Path, blobs: BlobServiceClient
) -> None:
    outage.touch()
    send(hub, ["lost"], partition_id="0")
    hosts("events", **_settings(hub))
    record.wait_for_bodies(["lost"], ends="failed")
    eventually(lambda: checkpoints(blobs, hub) == {"0": 0}, lambda: f"checkpoints: {checkpoints(blobs, hub)}")

    outage.unlink()
    send(hub, ["later"], partition_id="0")
    record.wait_for_bodies(["later"])

    assert record.bodies() == ["later"]
    assert record.bodies(ends="failed") == ["lost"]


def test_finite_retry_policy_loses_the_batch_once_it_is_exhausted(
    hosts: Hosts, hub: Hub, record: Record, outage: Path, blobs: BlobServiceClient
) -> None:
    outage.touch()
    send(hub, ["lost"], partition_id="0")
    hosts("events", **_settings(hub, RETRIES="2"))
    eventually(lambda: checkpoints(blobs, hub) == {"0": 0}, lambda: f"checkpoints: {checkpoints(blobs, hub)}")

    assert [line["attempt"] for line in record.lines()] == [0, 1, 2]
    outage.unlink()
    send(hub, ["later"], partition_id="0")
    record.wait_for_bodies(["later"])
    assert record.bodies() == ["later"]


def test_endless_retries_block_their_partition_alone_and_lose_nothing(
    hosts: Hosts, hub: Hub, record: Record, outage: Path, blobs: BlobServiceClient
) -> None:
    outage.write_text("0")
    send(hub, ["blocked"], partition_id="0")
    hosts("events", **_settings(hub, RETRIES="-1"))
    record.wait(lambda lines: any(line["attempt"] >= 2 for line in lines))
    send(hub, ["behind it"], partition_id="0")
    send(hub, ["elsewhere"], partition_id="3")
    record.wait_for_bodies(["elsewhere"])

    assert record.bodies() == ["elsewhere"]
    eventually(lambda: "3" in checkpoints(blobs, hub), lambda: f"checkpoints: {checkpoints(blobs, hub)}")
    assert "0" not in checkpoints(blobs, hub)
    outage.unlink()
    record.wait_for_bodies(["blocked", "behind it"])
    assert record.bodies() == ["elsewhere", "blocked", "behind it"]
    eventually(lambda: checkpoints(blobs, hub)["0"] == 1, lambda: f"checkpoints: {checkpoints(blobs, hub)}")


def test_host_stopped_during_a_retry_does_not_checkpoint_and_the_batch_comes_again(
    hosts: Hosts, hub: Hub, record: Record, outage: Path, blobs: BlobServiceClient
) -> None:
    outage.touch()
    send(hub, ["again"], partition_id="0")
    host = hosts("events", **_settings(hub, RETRIES="-1"))
    record.wait_for_bodies(["again"], ends="failed")

    assert host.terminate() == 0
    assert checkpoints(blobs, hub) == {}
    outage.unlink()
    hosts("events", **_settings(hub, RETRIES="-1"))
    record.wait_for_bodies(["again"])


def test_host_stopped_during_an_invocation_lets_it_finish_but_does_not_checkpoint(
    hosts: Hosts, hub: Hub, record: Record, blobs: BlobServiceClient
) -> None:
    send(hub, ["slow"], partition_id="0")
    host = hosts("events", **_settings(hub, HANDLER_SECONDS="0.8"))
    eventually(lambda: "Executing 'Functions.batches'" in host.output, lambda: host.output)

    assert host.terminate() == 0
    assert record.bodies() == ["slow"]
    assert "Executed 'Functions.batches' (Succeeded" in host.output
    assert checkpoints(blobs, hub) == {}
    assert set(owners(blobs, hub).values()) == {""}
    hosts("events", **_settings(hub))
    record.wait(lambda lines: len(lines) == 2)
    assert record.bodies() == ["slow", "slow"]


def test_partition_lost_during_an_invocation_is_not_checkpointed_and_its_batch_comes_again(
    hosts: Hosts, hub: Hub, record: Record, blobs: BlobServiceClient
) -> None:
    send(hub, ["stolen"], partition_id="0")
    host = hosts("events", **_settings(hub, HANDLER_SECONDS="2"))
    eventually(lambda: "Executing 'Functions.batches'" in host.output, lambda: host.output)
    steal(blobs, hub, "0", thief="a host that dies at once")

    record.wait_for_bodies(["stolen"])
    assert checkpoints(blobs, hub) == {}
    record.wait(lambda lines: len(lines) == 2)
    assert record.bodies() == ["stolen", "stolen"]
    eventually(lambda: checkpoints(blobs, hub) == {"0": 0}, lambda: f"checkpoints: {checkpoints(blobs, hub)}")


def test_host_that_drains_for_too_long_ends_all_the_same(hosts: Hosts, hub: Hub, blobs: BlobServiceClient) -> None:
    send(hub, ["endless"], partition_id="0")
    host = hosts("events", "--drain", "1", **_settings(hub, HANDLER_SECONDS="600"))
    eventually(lambda: "Executing 'Functions.batches'" in host.output, lambda: host.output)

    assert host.terminate() == 0
    assert "did not drain in time" in host.output
    assert set(owners(blobs, hub).values()) == {""}


def test_killed_host_loses_nothing_another_one_takes_over(
    hosts: Hosts, hub: Hub, record: Record, blobs: BlobServiceClient
) -> None:
    wanted = [body for partition in range(4) for body in _numbered(f"p{partition}-", 120)]
    for partition in range(4):
        send(hub, _numbered(f"p{partition}-", 120), partition_id=str(partition))
    killed = hosts("events", **_settings(hub, HOST_NAME="killed", HANDLER_SECONDS="0.2"))
    record.wait(lambda lines: len(lines) >= 2)

    killed.kill()
    assert not set(wanted) <= set(record.bodies())
    hosts("events", **_settings(hub, HOST_NAME="heir"))
    record.wait_for_bodies(wanted)

    last = {str(partition): 119 for partition in range(4)}
    eventually(lambda: checkpoints(blobs, hub) == last, lambda: f"checkpoints: {checkpoints(blobs, hub)}")


def test_two_hosts_share_the_partitions_and_one_takes_all_when_the_other_goes(
    hosts: Hosts, hub: Hub, record: Record, blobs: BlobServiceClient
) -> None:
    hosts("events", **_settings(hub, HOST_NAME="stays"))
    eventually(lambda: len(owners(blobs, hub)) == 4, lambda: f"owners: {owners(blobs, hub)}")
    second = hosts("events", **_settings(hub, HOST_NAME="goes"))
    eventually(lambda: _shares(blobs, hub) == [2, 2], lambda: f"owners: {owners(blobs, hub)}")
    for partition in range(4):
        send(hub, [f"shared-{partition}"], partition_id=str(partition))
    record.wait_for_bodies(_numbered("shared-", 4))
    assert sorted(line["host"] for line in record.lines()) == ["goes", "goes", "stays", "stays"]

    assert second.terminate() == 0
    for partition in range(4):
        send(hub, [f"alone-{partition}"], partition_id=str(partition))
    record.wait_for_bodies(_numbered("alone-", 4))

    alone = [line for line in record.lines() if line["events"][0]["body"].startswith("alone-")]
    assert {line["host"] for line in alone} == {"stays"}
    assert len(record.bodies()) == 8


def _shares(blobs: BlobServiceClient, hub: Hub) -> list[int]:
    names = list(owners(blobs, hub).values())
    return sorted(names.count(name) for name in set(names))


def test_small_batches_wait_for_more_events_but_not_beyond_the_longest_wait(
    hosts: Hosts, hub: Hub, record: Record
) -> None:
    sizes = {
        "AzureFunctionsJobHost__extensions__eventHubs__minEventBatchSize": "10",
        "AzureFunctionsJobHost__extensions__eventHubs__maxEventBatchSize": "20",
        "AzureFunctionsJobHost__extensions__eventHubs__maxWaitTime": "00:00:02",
    }
    hosts("events", **_settings(hub, **sizes))
    send(hub, ["the first partial batch does not wait"], partition_id="0")
    record.wait(lambda lines: len(lines) == 1)
    send(hub, _numbered("few-", 9), partition_id="0")
    record.wait(lambda lines: len(lines) == 2)
    send(hub, _numbered("many-", 40), partition_id="0")
    record.wait_for_bodies(_numbered("many-", 40))

    first, few, *many = (len(line["events"]) for line in record.lines())
    assert (first, few) == (1, 9)
    assert all(10 <= size <= 20 for size in many)


def test_checkpoint_frequency_spares_checkpoints(
    hosts: Hosts, hub: Hub, record: Record, blobs: BlobServiceClient
) -> None:
    frequency = {"AzureFunctionsJobHost__extensions__eventHubs__batchCheckpointFrequency": "3"}
    hosts("events", **_settings(hub, KEEP_METADATA="1", **frequency))
    for number in range(3):
        send(hub, [f"b{number}"], partition_id="0")
        record.wait(lambda lines, wanted=number: len(lines) == wanted + 1)  # type: ignore[misc]
        if number < 2:
            assert checkpoints(blobs, hub) == {}

    eventually(lambda: checkpoints(blobs, hub) == {"0": 2}, lambda: f"checkpoints: {checkpoints(blobs, hub)}")
    told = [line["metadata"]["PartitionContext"]["IsCheckpointingAfterInvocation"] for line in record.lines()]
    assert told == [False, False, True]


def test_partition_without_a_checkpoint_starts_where_host_json_says(hosts: Hosts, hub: Hub, record: Record) -> None:
    send(hub, ["before"], partition_id="0")
    offset = {"AzureFunctionsJobHost__extensions__eventHubs__initialOffsetOptions__type": "fromEnd"}
    host = hosts("events", **_settings(hub, **offset))
    health = f"{host.url}/_local/health"
    assert httpx.get(health).json()["functions"] == ["batches"]

    def is_seen() -> bool:
        send(hub, ["after"], partition_id="0")
        return bool(record.lines())

    eventually(is_seen, lambda: host.output)
    assert set(record.bodies()) == {"after"}


def test_single_events_strings_and_untyped_bodies_behave_as_in_the_real_host(
    hosts: Hosts, hub: Hub, record: Record, blobs: BlobServiceClient
) -> None:
    send(hub, [_with_properties('{"t":"2025-02-04T11:24:52.000Z"}', {"n": 1})], partition_key="k")
    host = hosts("single", EventHubs=hub.connection, HUB=hub.name)
    record.wait(lambda lines: len(lines) == 3)

    lines = {line["function"]: line for line in record.lines()}
    one = lines["one"]
    assert (one["body"], one["key"], one["sequence"], one["offset"]) == (
        '{"t":"2025-02-04T11:24:52.000Z"}',
        "k",
        0,
        "0",
    )
    assert one["metadata"]["Properties"] == {"n": 1}
    assert one["metadata"]["SystemProperties"]["message-id"].startswith("id-of-")
    assert lines["strings"]["bodies"] == ['{"t":"2025-02-04T11:24:52.000Z"}']
    assert lines["untyped"]["bodies"] == ['{"t":"2025-02-04T11:24:52Z"}'], "dates in untyped bodies are rewritten"

    send(hub, ["", "not JSON"], partition_key="k")
    eventually(lambda: "Number of bodies and metadata mismatched" in host.output, lambda: host.output)
    eventually(lambda: "is not JSON" in host.output, lambda: host.output)
    for group in ("strings", "untyped"):
        eventually(
            lambda group=group: list(checkpoints(blobs, hub, group).values()) == [2],  # type: ignore[misc]
            lambda: f"checkpoints: {checkpoints(blobs, hub, 'strings')}",
        )


def test_function_runs_by_hand_with_one_event(hosts: Hosts, hub: Hub, record: Record) -> None:
    host = hosts("single", EventHubs=hub.connection, HUB=hub.name)
    answer = httpx.post(f"{host.url}/admin/functions/one", json={"input": "by hand"})

    assert answer.status_code == 202
    assert record.wait(lambda lines: len(lines) == 1)[0]["body"] == "by hand"


def test_output_binding_sends_an_event(hosts: Hosts, hub: Hub, record: Record) -> None:
    host = hosts("single", EventHubs=hub.connection, HUB=hub.name)
    assert httpx.post(f"{host.url}/api/emit", content='{"sent": 1}').text == "emitted"

    lines = record.wait(lambda lines: len(lines) == 3)
    assert next(line for line in lines if line["function"] == "one")["body"] == '{"sent": 1}'


def test_injected_faults_fail_invocations_before_the_handler(hosts: Hosts, hub: Hub, record: Record) -> None:
    host = hosts("events", **_settings(hub, RETRIES="-1"))
    rule = {"match": "invoke:batches", "action": "status", "count": 2}
    assert httpx.put(f"{host.url}/_local/faults", json={"rules": [rule]}).status_code == 200
    send(hub, ["third time"], partition_id="0")

    assert record.wait(lambda lines: len(lines) == 1)[0]["attempt"] == 2


def test_host_prints_functions_and_executions_like_func(hosts: Hosts, hub: Hub, record: Record) -> None:
    send(hub, _numbered("n", 3), partition_id="0")
    host = hosts("events", **_settings(hub))
    record.wait_for_bodies(_numbered("n", 3))
    eventually(lambda: "Executed 'Functions.batches' (Succeeded, Id=" in host.output, lambda: host.output)

    first, *rest = host.output.splitlines()
    assert first == f"ready {host.url}"
    assert "Functions:" in rest
    assert "  batches: eventHubTrigger" in rest
    assert "Executing 'Functions.batches' (Reason='(null)', Id=" in host.output
    assert "PartitionId: 0, " in host.output
    assert "SequenceNumber: 0-2, Count: 3" in host.output
    assert "\x1b[" not in host.output, "no colours when it is not a terminal"


def test_missing_settings_put_a_function_in_error_by_name(hosts: Hosts, record: Record) -> None:
    host = hosts("events", HUB="h", GROUP="g")
    assert "The 'batches' function is in error: the connection EventHubs is not set" in host.output
    assert "No job functions found." in host.output
    without_hub = hosts("events", EventHubs="Endpoint=sb://127.0.0.1:1;SharedAccessKeyName=a;SharedAccessKey=b")
    assert "The 'batches' function is in error: '%HUB%' does not resolve to a value: set HUB." in without_hub.output
    assert host.terminate() == 0
