"""The promises of the architecture, on the whole stack: nothing lost, nothing doubled, whatever breaks."""

import time

import pytest

from local.launch import PROJECT
from simulator.samples import Message
from tests.e2e.pipeline import Pipeline, is_malformed, readings_of, well_formed
from tests.e2e.twins import assert_twins_hold_the_newest

pytestmark = pytest.mark.timeout(240)

RATE = 250
OUTAGE_SECONDS = 10


def assert_nothing_lost_or_doubled(pipeline: Pipeline, messages: list[Message]) -> None:
    """Every good message is stored once and each of its readings is in gold once, exactly; every other is a letter."""
    pipeline.wait_until_settled(messages)
    malformed = sum(is_malformed(message) for message in messages)
    pipeline.wait(lambda: len(pipeline.letters()) >= malformed)
    assert pipeline.readings() == readings_of(messages)
    assert pipeline.stored() == well_formed(messages)
    assert len(pipeline.letters()) == malformed


def test_one_outcome_for_each_of_good_malformed_late_and_duplicated_messages(pipeline: Pipeline) -> None:
    messages = pipeline.fleet(2_000, malformed=0.01, duplicates=0.01, late=0.01, bursts=0.002)
    assert any(is_malformed(message) for message in messages)
    assert well_formed(messages) < sum(not is_malformed(message) for message in messages)

    pipeline.send(messages)

    assert_nothing_lost_or_doubled(pipeline, messages)


@pytest.mark.parametrize(
    "victim", ["event_hubs", "cosmos", "functions_host", "data_explorer", "identity", "digital_twins"]
)
def test_a_kill_9_in_the_middle_loses_and_doubles_nothing(pipeline: Pipeline, victim: str) -> None:
    messages = pipeline.fleet(1_500, malformed=0.01, duplicates=0.01)
    head, tail = messages[:500], messages[500:]
    pipeline.send(head)

    pipeline.servers.by_name[victim].restart()
    if victim == "event_hubs":
        pipeline.send_until_accepted(tail, RATE)
    else:
        with pipeline.sending(tail, RATE):
            time.sleep(0.9)
            pipeline.servers.by_name[victim].restart()

    assert_nothing_lost_or_doubled(pipeline, messages)
    assert_twins_hold_the_newest(pipeline, messages)


def test_a_kill_9_of_the_iot_hub_loses_and_doubles_nothing_of_what_devices_send(pipeline: Pipeline) -> None:
    messages = pipeline.fleet(600, duplicates=0.01)
    with pipeline.sending(messages, RATE, pipeline.devices()):
        for _ in range(2):
            time.sleep(0.9)
            pipeline.servers.by_name["iot_hub"].restart()

    assert_nothing_lost_or_doubled(pipeline, messages)


def test_cosmos_throttled_for_ten_seconds_loses_nothing(pipeline: Pipeline) -> None:
    messages = pipeline.fleet(1_500, duplicates=0.01)
    rule = {"match": "*", "action": "status", "status": 429, "retryAfterMs": 200, "rate": 0.9}
    with pipeline.sending(messages, RATE):
        pipeline.faults("cosmos", rule)
        pause(OUTAGE_SECONDS)
        pipeline.no_faults("cosmos")

    assert_nothing_lost_or_doubled(pipeline, messages)


@pytest.mark.parametrize("server", ["event_hubs", "data_explorer"])
def test_a_server_away_for_ten_seconds_loses_nothing(pipeline: Pipeline, server: str) -> None:
    messages = pipeline.fleet(1_200, duplicates=0.01)
    pipeline.send(messages[:600])
    away = pipeline.servers.by_name[server]
    away.kill()
    away.close()
    pause(OUTAGE_SECONDS)
    away.start()
    pipeline.send_until_accepted(messages[600:], RATE)

    assert_nothing_lost_or_doubled(pipeline, messages)


def test_a_route_that_is_switched_mid_flow_loses_and_doubles_nothing(pipeline: Pipeline) -> None:
    messages = pipeline.fleet(1_500, malformed=0.01, duplicates=0.01)
    before, during, after = messages[:600], messages[600:900], messages[900:]
    try:
        with pipeline.sending(before, RATE):
            pipeline.switch_route("parallel")
        pipeline.send(during)
        pipeline.wait_until_settled([*before, *during])
        assert pipeline.readings() == readings_of([*before, *during])
    finally:
        with pipeline.sending(after, RATE):
            pipeline.switch_route("change-feed")

    assert_nothing_lost_or_doubled(pipeline, messages)


def test_sending_everything_again_changes_nothing(pipeline: Pipeline) -> None:
    messages = pipeline.fleet(800)
    pipeline.send(messages)
    assert_nothing_lost_or_doubled(pipeline, messages)
    gold = rollups(pipeline)

    last = pipeline.fleet(8, seed=2)
    pipeline.send([*messages, *last])

    assert_nothing_lost_or_doubled(pipeline, [*messages, *last])
    before = {key: row for key, row in rollups(pipeline).items() if key in gold}
    assert {key: before[key] for key in gold if gold[key] != before.get(key)} == {}


def rollups(pipeline: Pipeline) -> dict[tuple[str, str, str], list[object]]:
    """The gold rollup of this fleet, but the minute that a later message may still fall into."""
    rows = pipeline.query(
        f"ReadingsPerMinute | where Asset startswith '{pipeline.name}' | where Timestamp < ago(2m) "
        "| project Asset, TagName, Timestamp, Count, round(Sum, 6), Min, Max"
    )
    return {(asset, tag, time): rest for asset, tag, time, *rest in rows}


def test_the_newest_reading_wins_and_a_clock_ahead_does_not(pipeline: Pipeline) -> None:
    messages = pipeline.fleet(400, devices=4, late=0.2, clock_ahead=0.05)
    pipeline.send(messages)
    assert_nothing_lost_or_doubled(pipeline, messages)

    newest: dict[tuple[str, str], object] = {}
    for asset, tag, timestamp, kind, value in sorted(readings_of(messages), key=lambda reading: reading[2]):
        if timestamp.timestamp() <= time.time() + 300:
            newest[asset, tag] = (kind, value)
    latest = pipeline.query(
        f"LatestReadings | where Asset startswith '{pipeline.name}' "
        "| project Asset, TagName, ValueLong, ValueReal, ValueBool"
    )
    assert {
        (asset, tag): next(
            (kind, bool(value) if kind == "bool" else value)
            for kind, value in zip(("long", "real", "bool"), values, strict=True)
            if value is not None
        )
        for asset, tag, *values in latest
    } == newest


def test_the_app_knows_no_local_mode() -> None:
    app = [PROJECT / "function_app.py", *(PROJECT / "functions").rglob("*.py"), *(PROJECT / "shared").rglob("*.py")]

    imported = [line for path in app for line in path.read_text().splitlines() if line.startswith(("import", "from"))]
    assert [line for line in imported if line.split()[1].split(".")[0] in ("local", "simulator", "tests")] == []


def pause(seconds: float) -> None:
    """Lets an outage last."""
    time.sleep(seconds)
