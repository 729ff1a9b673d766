"""forward_changes: stored documents → analytics hub (ANALYTICS_ROUTE=change-feed)."""

import azure.functions as func

from functions.retries import FOR_EVER
from shared.consumers.invocations import forward_page
from shared.topology import LEASE_CONTAINER, TELEMETRY_CONTAINER

bp = func.Blueprint()  # type: ignore[no-untyped-call]


@bp.function_name("forward_changes")
@bp.cosmos_db_trigger(
    arg_name="documents",
    connection="CosmosDB",
    database_name="%COSMOS_DATABASE%",
    container_name=TELEMETRY_CONTAINER,
    lease_container_name=LEASE_CONTAINER,
    lease_container_prefix="forward-changes",
    start_from_beginning=True,  # type: ignore[arg-type]  # the library's annotation says time; the binding takes a boolean
    max_items_per_invocation=1000,
    feed_poll_delay=500,
)
@bp.retry(**FOR_EVER)
async def forward_changes(documents: func.DocumentList) -> None:
    await forward_page(documents)
