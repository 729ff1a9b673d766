"""forward_telemetry: telemetry hub → analytics hub, beside store_telemetry (ANALYTICS_ROUTE=parallel)."""

from typing import List

import azure.functions as func

from functions.retries import FOR_EVER
from shared.consumers.invocations import forward_batch
from shared.topology import ANALYTICS_GROUP

bp = func.Blueprint()  # type: ignore[no-untyped-call]


@bp.function_name("forward_telemetry")
@bp.event_hub_message_trigger(
    arg_name="events",
    event_hub_name="%TELEMETRY_HUB%",
    connection="EventHubs",
    consumer_group=ANALYTICS_GROUP,
    cardinality=func.Cardinality.MANY,
    data_type=func.DataType.BINARY,
)
@bp.retry(**FOR_EVER)
async def forward_telemetry(events: List[func.EventHubEvent]) -> None:
    await forward_batch(events)
