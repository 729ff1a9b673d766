"""propagate_twins: twin-events hub → the places above the twins that have changed."""

from typing import List

import azure.functions as func

from functions.retries import FOR_EVER
from shared.consumers.invocations import propagate_twins_batch
from shared.topology import PROPAGATE_GROUP

bp = func.Blueprint()  # type: ignore[no-untyped-call]


@bp.function_name("propagate_twins")
@bp.event_hub_message_trigger(
    arg_name="events",
    event_hub_name="%TWIN_EVENTS_HUB%",
    connection="EventHubs",
    consumer_group=PROPAGATE_GROUP,
    cardinality=func.Cardinality.MANY,
    data_type=func.DataType.BINARY,
)
@bp.retry(**FOR_EVER)
async def propagate_twins(events: List[func.EventHubEvent]) -> None:
    await propagate_twins_batch(events)
