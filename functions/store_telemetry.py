"""store_telemetry: telemetry hub → Cosmos DB."""

from typing import List

import azure.functions as func

from functions.retries import FOR_EVER
from shared.consumers.invocations import store_batch
from shared.topology import STORE_GROUP

bp = func.Blueprint()  # type: ignore[no-untyped-call]


@bp.function_name("store_telemetry")
@bp.event_hub_message_trigger(
    arg_name="events",
    event_hub_name="%TELEMETRY_HUB%",
    connection="EventHubs",
    consumer_group=STORE_GROUP,
    cardinality=func.Cardinality.MANY,
    data_type=func.DataType.BINARY,
)
@bp.retry(**FOR_EVER)
async def store_telemetry(events: List[func.EventHubEvent]) -> None:
    await store_batch(events)
