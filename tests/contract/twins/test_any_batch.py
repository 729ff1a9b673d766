"""Whatever devices send, under whatever name: nothing sticks, and every element has one outcome."""

import asyncio
import json
import logging

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from functions.update_twins import update_twins
from shared.telemetry.decoding import decode
from shared.triggers import hub_events
from shared.twins.identifiers import twin_id
from tests.contract.twins.world import World
from tests.unit.functions.trigger_batches import ENQUEUED, Sent, trigger_batch
from tests.unit.shared.hub_events import tag_map
from tests.unit.shared.test_decoding import bodies, property_values, system_properties

names = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=40)
readings = st.builds(tag_map, st.sampled_from(["1", "1.5", "true", '"ok"']), st.sampled_from(["temperature", "status"]))
batches = st.lists(
    st.builds(
        Sent,
        bodies | readings,
        st.none() | names | names.map(lambda name: f"{name[:8]}/mote{name[8:16]}"),
        st.dictionaries(st.just("asset") | st.text(max_size=4), property_values, max_size=2),
        system_properties,
        st.just(ENQUEUED),
    ),
    min_size=1,
    max_size=4,
)


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(batches)
def test_every_element_has_one_outcome_and_every_asset_a_twin(
    world: World, worker: asyncio.Runner, caplog: pytest.LogCaptureFixture, messages: list[Sent]
) -> None:
    batch = trigger_batch(messages)
    decoded = decode(hub_events(batch, "telemetry"))
    caplog.clear()

    with caplog.at_level(logging.INFO, "iot-telemetry"):
        worker.run(update_twins(batch))

    (line,) = [json.loads(record.getMessage()) for record in caplog.records if record.name == "iot-telemetry"]
    assert line["deadLettered"] == {}
    assert (line["updated"], line["passed"]) == (len(decoded.telemetry), len(decoded.rejections))
    assert sum(line["fates"].values()) == sum(len(element.tags) for element in decoded.telemetry)
    for asset in {element.asset for element in decoded.telemetry}:
        assert world.twin(twin_id(asset)) is not None
