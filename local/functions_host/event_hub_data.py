"""Event Hub events as the real host sends them to the worker: bodies, and the trigger metadata of a batch or an event.

Source: EventHubTriggerBindingStrategy.cs and AmqpSystemProperties.cs (what the metadata holds),
GrpcMessageConversionExtensions.cs (how it travels: nulls and empty strings of string arrays are left out).
"""

import base64
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from types import SimpleNamespace
from typing import Any

import orjson
from azure.eventhub import EventData
from azure.eventhub.amqp import AmqpMessageBodyType
from azure.functions.meta import Datum

from local.functions_host.functions import Binding
from local.functions_host.invocations import Call
from local.functions_host.newtonsoft import rewrite_json

_ENQUEUED = "x-opt-enqueued-time"
_NO_NUMBER = -(1 << 63)
"""What .NET shows as the sequence number of an event that did not come from a hub."""
_BINARY_PROPERTIES = frozenset({"user-id"})


class UnreadableBody(ValueError):
    """A body that the binding's data type can't take; the real host fails such a batch before the worker sees it."""


@dataclass(frozen=True)
class PartitionContext:
    """Which partition a batch is of; `is_checkpointing` tells whether a checkpoint follows the invocation."""

    namespace: str
    hub: str
    group: str
    partition: str
    is_checkpointing: bool

    def json(self) -> str:
        return _dumps(
            {
                "IsCheckpointingAfterInvocation": self.is_checkpointing,
                "FullyQualifiedNamespace": self.namespace,
                "EventHubName": self.hub,
                "ConsumerGroup": self.group,
                "PartitionId": self.partition,
            }
        )


def is_single(trigger: Binding) -> bool:
    """Whether the trigger's cardinality is one (the default, as in the host)."""
    return (trigger.text("cardinality") or "one").lower() == "one"


def call_of(events: Sequence[EventData], context: PartitionContext, trigger: Binding) -> Call:
    """One invocation: for one event when the trigger's cardinality is one, else for all. Raises UnreadableBody."""
    return single_call(events[0], context, trigger) if is_single(trigger) else batch_call(events, context, trigger)


def batch_call(events: Sequence[EventData], context: PartitionContext, trigger: Binding) -> Call:
    """One invocation for a whole batch. Raises UnreadableBody."""
    data_type = (trigger.text("dataType") or "").lower()
    bodies = [body_of(event) for event in events]
    systems = [_system_properties(event) for event in events]
    metadata = {
        "PartitionContext": Datum(context.json(), "json"),
        "PartitionKeyArray": _strings([system["PartitionKey"] for system in systems]),
        "OffsetArray": _strings([system["Offset"] for system in systems]),
        "SequenceNumberArray": Datum(
            SimpleNamespace(sint64=[s["SequenceNumber"] for s in systems]), "collection_sint64"
        ),
        "EnqueuedTimeUtcArray": Datum(_dumps([system["EnqueuedTimeUtc"] for system in systems]), "json"),
        "PropertiesArray": Datum(_dumps([_properties(event) for event in events]), "json"),
        "SystemPropertiesArray": Datum(_dumps(systems), "json"),
    }
    return Call(_batch_data(bodies, data_type), metadata, details=_details(context.partition, systems))


def single_call(event: EventData, context: PartitionContext, trigger: Binding) -> Call:
    """One invocation for one event. Raises UnreadableBody."""
    is_binary = (trigger.text("dataType") or "").lower() == "binary"
    body = body_of(event)
    system = _system_properties(event)
    metadata = {
        "PartitionContext": Datum(context.json(), "json"),
        "PartitionKey": Datum(system["PartitionKey"], "string"),
        "Offset": Datum(system["Offset"], "string"),
        "SequenceNumber": Datum(_dumps(system["SequenceNumber"]), "json"),
        "EnqueuedTimeUtc": Datum(_dumps(system["EnqueuedTimeUtc"]), "json"),
        "Properties": Datum(_dumps(_properties(event)), "json"),
        "SystemProperties": Datum(_dumps(system), "json"),
    }
    given = {name: datum for name, datum in metadata.items() if datum.value is not None}
    data = Datum(body, "bytes") if is_binary else Datum(_text(body), "string")
    return Call(data, given, details=_details(context.partition, [system]))


def body_of(event: EventData) -> bytes:
    """The event's body; one that is no AMQP data section becomes its text."""
    if event.body_type != AmqpMessageBodyType.DATA:
        return event.body_as_str().encode()
    sections: Any = event.body
    return sections if isinstance(sections, bytes) else b"".join(sections)


def offset_of(event: EventData) -> str:
    """The event's offset, which the service always gives."""
    return event.offset or "-1"


def _batch_data(bodies: list[bytes], data_type: str) -> Datum:
    if data_type == "binary":
        return Datum(SimpleNamespace(bytes=bodies), "collection_bytes")
    if data_type == "string":
        return _strings([_text(body) for body in bodies])
    try:
        documents = [orjson.loads(body) for body in bodies]
    except orjson.JSONDecodeError as error:
        raise UnreadableBody(
            f"an event's body is not JSON ({error}), which a trigger of cardinality many without data_type needs: "
            "set data_type=func.DataType.BINARY"
        ) from error
    return Datum(rewrite_json(_dumps(documents)), "json")


def _strings(values: Sequence[str | None]) -> Datum:
    return Datum(SimpleNamespace(string=[value for value in values if value]), "collection_string")


def _text(body: bytes) -> str:
    return body.decode("utf-8", errors="replace")


def _system_properties(event: EventData) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for raw, value in event.system_properties.items():
        name = _name(raw)
        if name == _ENQUEUED:
            found[name] = _time(value) + "+00:00"
        elif name in _BINARY_PROPERTIES and isinstance(value, bytes):
            found[name] = base64.b64encode(value).decode()
        else:
            found[name] = _value(value)
    enqueued = event.system_properties.get(b"x-opt-enqueued-time")
    found["SequenceNumber"] = _NO_NUMBER if event.sequence_number is None else event.sequence_number
    found["Offset"] = found.get("x-opt-offset")
    found["PartitionKey"] = found.get("x-opt-partition-key")
    found["EnqueuedTimeUtc"] = _time(enqueued) if enqueued is not None else "0001-01-01T00:00:00"
    return found


def _properties(event: EventData) -> dict[str, Any]:
    return {_name(name): _value(value) for name, value in (event.properties or {}).items()}


def _name(raw: object) -> str:
    return raw.decode("utf-8", errors="replace") if isinstance(raw, bytes) else str(raw)


def _value(value: Any) -> Any:
    """AMQP strings reach us as bytes; bytes that are no text are binary, which .NET writes in base64."""
    if isinstance(value, bytes):
        try:
            return value.decode()
        except UnicodeDecodeError:
            return base64.b64encode(value).decode()
    if isinstance(value, dict):
        return {_name(name): _value(inner) for name, inner in value.items()}
    if isinstance(value, list | tuple):
        return [_value(inner) for inner in value]
    if value is None or isinstance(value, bool | int | float | str):
        return value
    return value.isoformat() if isinstance(value, datetime) else str(value)


def _time(milliseconds: int) -> str:
    """A .NET DateTime as Newtonsoft writes it: no trailing zeros in the fraction."""
    moment = datetime.fromtimestamp(milliseconds / 1000, UTC)
    seconds = moment.strftime("%Y-%m-%dT%H:%M:%S")
    fraction = milliseconds % 1000
    return f"{seconds}.{fraction:03}".rstrip("0") if fraction else seconds


def _dumps(value: Any) -> str:
    return orjson.dumps(value, default=str).decode()


def _details(partition: str, systems: Sequence[dict[str, Any]]) -> str:
    first, last = systems[0], systems[-1]
    span: Callable[[str], str] = (
        (lambda key: f"{first[key]}") if len(systems) == 1 else (lambda key: f"{first[key]}-{last[key]}")
    )
    return (
        f"PartitionId: {partition}, OffsetString: {span('Offset')}, EnqueueTimeUtc: {span('EnqueuedTimeUtc')}, "
        f"SequenceNumber: {span('SequenceNumber')}, Count: {len(systems)}"
    )
