"""An Event Hub function that writes what it gets to the file RECORD, one JSON line for each invocation.

While the file OUTAGE exists, the handler writes its attempt and then fails (for the partition that the file names,
or for all when it is empty). RETRIES is its retry policy's limit; without it there is no policy.
"""

import asyncio
import json
import os
import typing
from collections.abc import Callable
from pathlib import Path

import azure.functions as func

app = func.FunctionApp(http_auth_level=func.AuthLevel.ANONYMOUS)
RETRIES = os.environ.get("RETRIES")


def _record(line: dict[str, object]) -> None:
    with Path(os.environ["RECORD"]).open("a") as record:
        record.write(json.dumps(line) + "\n")


def _is_down(partition: str) -> bool:
    outage = Path(os.environ["OUTAGE"])
    return outage.exists() and outage.read_text() in ("", partition)


def _retry(handler: Callable[..., object]) -> Callable[..., object]:
    if RETRIES is None:
        return handler
    policy = app.retry(
        strategy="exponential_backoff",
        max_retry_count=RETRIES,
        minimum_interval="00:00:01",
        maximum_interval="00:00:01",
    )
    decorated: Callable[..., object] = policy(handler)
    return decorated


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
@_retry
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
    if _is_down(metadata["PartitionContext"]["PartitionId"]):
        _record(line)
        raise ConnectionError("the service is down")
    _record({**line, "ends": "succeeded"})
