"""Event Hub functions of other kinds than batches of bytes: one event at a time, strings, and no data type."""

import json
import os
import typing
from pathlib import Path

import azure.functions as func

app = func.FunctionApp(http_auth_level=func.AuthLevel.ANONYMOUS)


def _record(line: dict[str, object]) -> None:
    with Path(os.environ["RECORD"]).open("a") as record:
        record.write(json.dumps(line, default=str) + "\n")


@app.event_hub_message_trigger(
    arg_name="event", event_hub_name="%HUB%", connection="EventHubs", data_type=func.DataType.BINARY
)
def one(event: func.EventHubEvent) -> None:
    _record(
        {
            "function": "one",
            "body": event.get_body().decode(),
            "key": event.partition_key,
            "sequence": event.sequence_number,
            "offset": event.offset,
            "enqueued": event.enqueued_time,
            "iothub": dict(event.iothub_metadata or {}),
            "metadata": dict(event.metadata or {}),
        }
    )


@app.event_hub_message_trigger(
    arg_name="events",
    event_hub_name="%HUB%",
    connection="EventHubs",
    consumer_group="strings",
    cardinality=func.Cardinality.MANY,
    data_type=func.DataType.STRING,
)
def strings(events: typing.List[func.EventHubEvent]) -> None:  # noqa: UP006 - the worker refuses list[…]
    _record({"function": "strings", "bodies": [event.get_body().decode() for event in events]})


@app.event_hub_message_trigger(
    arg_name="events",
    event_hub_name="%HUB%",
    connection="EventHubs",
    consumer_group="untyped",
    cardinality=func.Cardinality.MANY,
)
def untyped(events: typing.List[func.EventHubEvent]) -> None:  # noqa: UP006 - the worker refuses list[…]
    _record({"function": "untyped", "bodies": [event.get_body().decode() for event in events]})


@app.route(route="emit", methods=["POST"])
@app.event_hub_output(arg_name="out", event_hub_name="%HUB%", connection="EventHubs")
def emit(req: func.HttpRequest, out: func.Out[str]) -> str:
    out.set(req.get_body().decode())
    return "emitted"
