"""Real EventHubEvents, made by the library itself from what the host sends with a batch."""

import json
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from types import SimpleNamespace
from typing import Any, NamedTuple

from azure.functions import EventHubEvent
from azure.functions.eventhub import EventHubTriggerConverter
from azure.functions.meta import Datum

ENQUEUED = datetime(2026, 11, 22, 10, 0, 0, 123000, tzinfo=UTC)


class Sent(NamedTuple):
    body: bytes
    key: str | None = "freezer01"
    properties: Mapping[str, Any] = {}
    system: Mapping[str, Any] = {}
    enqueued: datetime = ENQUEUED


def trigger_batch(messages: Sequence[Sent], *, partition: str = "2", first: int = 7) -> list[EventHubEvent]:
    """What a trigger with cardinality many and data_type binary gives for messages of one partition."""
    systems = [
        {
            **message.system,
            "SequenceNumber": first + index,
            "Offset": str(1000 + index),
            "PartitionKey": message.key,
            "EnqueuedTimeUtc": message.enqueued.astimezone(UTC).replace(tzinfo=None).isoformat(timespec="milliseconds"),
        }
        for index, message in enumerate(messages)
    ]
    metadata = {
        "PartitionContext": _json({"EventHubName": "telemetry", "ConsumerGroup": "store", "PartitionId": partition}),
        "PropertiesArray": _json([message.properties for message in messages]),
        "SystemPropertiesArray": _json(systems),
    }
    bodies = Datum(SimpleNamespace(bytes=[message.body for message in messages]), "collection_bytes")
    events = EventHubTriggerConverter.decode(bodies, trigger_metadata=metadata)
    assert isinstance(events, list)
    return events


def _json(value: Any) -> Datum:
    return Datum(json.dumps(value), "json")
