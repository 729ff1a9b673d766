"""Event Hub events as the real host sends them to the worker: bodies, and the trigger metadata of a batch or an event.

Source: EventHubTriggerBindingStrategy.cs and AmqpSystemProperties.cs (what the metadata holds),
GrpcMessageConversionExtensions.cs (how it travels: nulls and empty strings of string arrays are left out).
"""

import base64
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import lru_cache
from types import SimpleNamespace
from typing import Any

import orjson
from azure.functions.meta import Datum

from local.amqp.events import ReceivedEvent, Timestamp
from local.amqp.sections import ENQUEUED_TIME
from local.functions_host.functions import Binding
from local.functions_host.invocations import Call
from local.functions_host.newtonsoft import rewrite_json

_EPOCH = datetime(1970, 1, 1)
_NO_NUMBER = -(1 << 63)
"""What .NET shows as the sequence number of an event that did not come from a hub."""
_AS_THEY_ARE = frozenset({str, int, bool, float, type(None)})


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


def call_of(events: Sequence[ReceivedEvent], context: PartitionContext, trigger: Binding) -> Call:
    """One invocation: for one event when the trigger's cardinality is one, else for all. Raises UnreadableBody."""
    return single_call(events[0], context, trigger) if is_single(trigger) else batch_call(events, context, trigger)


def batch_call(events: Sequence[ReceivedEvent], context: PartitionContext, trigger: Binding) -> Call:
    """One invocation for a whole batch. Raises UnreadableBody."""
    data_type = (trigger.text("dataType") or "").lower()
    bodies = [event.body for event in events]
    systems = [_system_properties(event) for event in events]
    metadata = {
        "PartitionContext": Datum(context.json(), "json"),
        "PartitionKeyArray": _strings([system["PartitionKey"] for system in systems]),
        "OffsetArray": _strings([system["Offset"] for system in systems]),
        "SequenceNumberArray": Datum(
            SimpleNamespace(sint64=[s["SequenceNumber"] for s in systems]), "collection_sint64"
        ),
        "EnqueuedTimeUtcArray": Datum(_dumps([system["EnqueuedTimeUtc"] for system in systems]), "json"),
        "PropertiesArray": Datum(_dumps([_properties(event.application_properties) for event in events]), "json"),
        "SystemPropertiesArray": Datum(_dumps(systems), "json"),
    }
    return Call(_batch_data(bodies, data_type), metadata, details=_details(context.partition, systems))


def single_call(event: ReceivedEvent, context: PartitionContext, trigger: Binding) -> Call:
    """One invocation for one event. Raises UnreadableBody."""
    is_binary = (trigger.text("dataType") or "").lower() == "binary"
    system = _system_properties(event)
    metadata = {
        "PartitionContext": Datum(context.json(), "json"),
        "PartitionKey": Datum(system["PartitionKey"], "string"),
        "Offset": Datum(system["Offset"], "string"),
        "SequenceNumber": Datum(_dumps(system["SequenceNumber"]), "json"),
        "EnqueuedTimeUtc": Datum(_dumps(system["EnqueuedTimeUtc"]), "json"),
        "Properties": Datum(_dumps(_properties(event.application_properties)), "json"),
        "SystemProperties": Datum(_dumps(system), "json"),
    }
    given = {name: datum for name, datum in metadata.items() if datum.value is not None}
    data = Datum(event.body, "bytes") if is_binary else Datum(_text(event.body), "string")
    return Call(data, given, details=_details(context.partition, [system]))


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


def _system_properties(event: ReceivedEvent) -> dict[str, Any]:
    annotations = event.annotations
    found = _properties(event.properties) if event.properties else {}
    user = event.properties.get("user-id")
    if isinstance(user, bytes):
        found["user-id"] = base64.b64encode(user).decode()
    found |= _properties(annotations)
    enqueued = event.enqueued_ms
    if enqueued is not None:
        found[ENQUEUED_TIME] = _time(enqueued) + "+00:00"
    number = event.sequence_number
    found["SequenceNumber"] = _NO_NUMBER if number is None else number
    found["Offset"] = found.get("x-opt-offset")
    found["PartitionKey"] = found.get("x-opt-partition-key")
    found["EnqueuedTimeUtc"] = _time(enqueued) if enqueued is not None else "0001-01-01T00:00:00"
    return found


def _properties(given: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value if type(value) in _AS_THEY_ARE else _value(value) for name, value in given.items()}


def _value(value: Any) -> Any:
    """Times in UTC, bytes that are text as such, other ones in base64: as .NET writes them."""
    if isinstance(value, Timestamp):
        return _time(value) + "Z"
    if isinstance(value, bytes):
        try:
            return value.decode()
        except UnicodeDecodeError:
            return base64.b64encode(value).decode()
    if isinstance(value, dict):
        return {str(_value(name)): _value(inner) for name, inner in value.items()}
    if isinstance(value, list | tuple):
        return [_value(inner) for inner in value]
    return value if value is None or isinstance(value, bool | int | float | str) else str(value)


@lru_cache(maxsize=1024)
def _time(milliseconds: int) -> str:
    """A .NET DateTime as Newtonsoft writes it: no trailing zeros in the fraction, and none beyond years 1 to 9999."""
    try:
        moment = _EPOCH + timedelta(seconds=milliseconds // 1000)
    except OverflowError:
        return "0001-01-01T00:00:00" if milliseconds < 0 else "9999-12-31T23:59:59.9999999"
    fraction = milliseconds % 1000
    return f"{moment.isoformat()}.{fraction:03}".rstrip("0") if fraction else moment.isoformat()


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
