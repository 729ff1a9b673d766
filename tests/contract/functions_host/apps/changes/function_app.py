"""A Cosmos DB function that writes what it gets to the file RECORD, one JSON line for each invocation.

While the file OUTAGE exists, the handler writes its attempt and then fails.
"""

import asyncio
import json
import os
from pathlib import Path

import azure.functions as func

app = func.FunctionApp()


def _record(line: dict[str, object]) -> None:
    with Path(os.environ["RECORD"]).open("a") as record:
        record.write(json.dumps(line) + "\n")


def _is_down() -> bool:
    return Path(os.environ["OUTAGE"]).exists()


@app.cosmos_db_trigger(
    arg_name="documents",
    connection="CosmosDB",
    database_name="%DATABASE%",
    container_name="telemetry",
    lease_container_name="leases",
    lease_container_prefix="changes",
    create_lease_container_if_not_exists=True,
    start_from_beginning="%FROM_BEGINNING%",  # type: ignore[arg-type]
    max_items_per_invocation=10,
    feed_poll_delay=200,
    lease_acquire_interval=500,
    lease_renew_interval=500,
    lease_expiration_interval=3000,
)
@app.retry(strategy="fixed_delay", max_retry_count=os.environ.get("RETRIES", "-1"), delay_interval="00:00:01")
async def changes(documents: func.DocumentList, context: func.Context) -> None:
    line: dict[str, object] = {
        "host": os.environ.get("HOST_NAME", ""),
        "attempt": context.retry_context.retry_count,
        "documents": [dict(document) for document in documents],
        "ends": "failed",
    }
    await asyncio.sleep(float(os.environ.get("HANDLER_SECONDS", "0")))
    if _is_down():
        _record(line)
        raise ConnectionError("the service is down")
    _record({**line, "ends": "succeeded"})
