"""Event Hub functions that write what they get to the file RECORD, one JSON line for each invocation.

While the file OUTAGE exists, the handlers write their attempt and then fail.
"""

import asyncio
import json
import os
import typing
from pathlib import Path

import azure.functions as func

app = func.FunctionApp()


def _record(line: dict[str, object]) -> None:
    with Path(os.environ["RECORD"]).open("a") as record:
        record.write(json.dumps(line) + "\n")


def _is_down() -> bool:
    return Path(os.environ["OUTAGE"]).exists()


def _described(event: func.EventHubEvent) -> dict[str, object]:
    return {
        "body": event.get_body().decode(),
        "key": event.partition_key,
        "sequence": event.sequence_number,
        "offset": event.offset,
        "enqueued": event.enqueued_time.isoformat() if event.enqueued_time else None,
        "iothub": dict(event.iothub_metadata or {}),
    }


@app.event_hub_message_trigger(
    arg_name="events",
    event_hub_name="%HUB%",
    connection="EventHubs",
    consumer_group="%GROUP%",
    cardinality=func.Cardinality.MANY,
    data_type=func.DataType.BINARY,
)
async def batches(
    events: typing.List[func.EventHubEvent],  # noqa: UP006 - the worker refuses list[…]
    context: func.Context,
) -> None:
    metadata = events[0].metadata or {}
    line: dict[str, object] = {
        "function": "batches",
        "host": os.environ.get("HOST_NAME", ""),
        "invocation": context.invocation_id,
        "attempt": context.retry_context.retry_count,
        "partition": metadata["PartitionContext"]["PartitionId"],
        "events": [_described(event) for event in events],
        "ends": "failed",
    }
    if os.environ.get("KEEP_METADATA"):
        line["metadata"] = metadata
    await asyncio.sleep(float(os.environ.get("HANDLER_SECONDS", "0")))
    if _is_down():
        _record(line)
        raise ConnectionError("the service is down")
    _record({**line, "ends": "succeeded"})
