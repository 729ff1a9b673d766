"""update_twins: telemetry hub → Digital Twins."""

from typing import List

import azure.functions as func

from functions.retries import FOR_EVER
from shared.consumers.invocations import update_twins_batch
from shared.topology import TWINS_GROUP

bp = func.Blueprint()  # type: ignore[no-untyped-call]


@bp.function_name("update_twins")
@bp.event_hub_message_trigger(
    arg_name="events",
    event_hub_name="%TELEMETRY_HUB%",
    connection="EventHubs",
    consumer_group=TWINS_GROUP,
    cardinality=func.Cardinality.MANY,
    data_type=func.DataType.BINARY,
)
@bp.retry(**FOR_EVER)
async def update_twins(events: List[func.EventHubEvent]) -> None:
    await update_twins_batch(events)
