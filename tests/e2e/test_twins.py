"""The twins, on the whole stack: as the newest readings are, with all their history, whatever breaks."""

import time

import pytest

from tests.e2e.pipeline import Pipeline, readings_of
from tests.e2e.twins import assert_history_ends_as_the_twins_are, assert_twins_hold_the_newest

pytestmark = pytest.mark.timeout(240)

RATE = 250


def test_twins_and_history_end_at_the_newest_readings_after_kills_and_throttling(pipeline: Pipeline) -> None:
    messages = pipeline.fleet(900, malformed=0.01, duplicates=0.01, late=0.05, clock_ahead=0.01)
    throttling = {"match": "twins.*", "action": "status", "status": 429, "retryAfterMs": 200, "rate": 0.5}
    with pipeline.sending(messages, RATE):
        for _ in range(2):
            pipeline.faults("digital_twins", throttling)
            time.sleep(0.9)
            pipeline.servers.by_name["digital_twins"].restart()
    pipeline.no_faults("digital_twins")

    assert_twins_hold_the_newest(pipeline, messages)
    assert_history_ends_as_the_twins_are(pipeline, messages)


def test_a_twins_history_tells_how_it_was_made_and_which_readings_it_held(pipeline: Pipeline) -> None:
    messages = pipeline.fleet(40, devices=1)
    asset = messages[0].asset
    pipeline.send(messages)
    assert_twins_hold_the_newest(pipeline, messages)
    assert_history_ends_as_the_twins_are(pipeline, messages)
    pipeline.wait(lambda: sum(pipeline.readings().values()) >= sum(readings_of(messages).values()))

    [[twin]] = pipeline.query(f"TwinAsOf() | where Key == 'path' and Value == '{asset}' | project Id")
    told = pipeline.query(f"TwinHistory('{twin}') | project Event, Key, Name")
    readings = pipeline.query(f"TwinReadings('{twin}') | project TagName, SourceTimestamp, HeldAt")

    assert ["TwinCreate", "", ""] in told
    assert ["RelationshipCreate", "", "contains"] in told
    assert ["RelationshipCreate", "", "isPartOf"] in told
    assert ["Property", "cycles", ""] in told
    assert len(readings) == sum(readings_of(messages).values())
    of_cycles = [(time, held) for tag, time, held in readings if tag == "cycles"]
    assert max(of_cycles)[1] is not None
