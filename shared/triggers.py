"""A trigger's events → our own: the one place in shared/ that knows the shapes of azure.functions.

Sources: azure.functions.eventhub (what the library reads), EventHubTriggerBindingStrategy.cs (what the host sends).
"""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from shared.telemetry.events import HubEvent

if TYPE_CHECKING:
    from azure.functions import EventHubEvent

_NEVER = datetime(1, 1, 1, tzinfo=UTC)
"""Stands for an enqueued time that the host left out."""


def hub_events(events: Sequence["EventHubEvent"], hub: str) -> list[HubEvent]:
    """The events of one invocation, all from one partition. `hub` is its name if the host does not say.

    `metadata` parses the whole batch's anew for each event that it is read from, so it is read once.
    """
    if not events:
        return []
    metadata: Mapping[str, Any] = events[0].metadata or {}
    context = metadata.get("PartitionContext") or {}
    name = str(context.get("EventHubName") or hub)
    partition = str(context.get("PartitionId") or "0")
    properties = _aligned(metadata.get("PropertiesArray"), len(events))
    systems = _aligned(metadata.get("SystemPropertiesArray"), len(events))
    return [
        HubEvent(
            event.get_body(),
            name,
            partition,
            event.sequence_number or 0,
            _in_utc(event.enqueued_time),
            event.partition_key,
            given,
            system or _iothub_properties(event),
        )
        for event, given, system in zip(events, properties, systems, strict=True)
    ]


def _aligned(array: Any, count: int) -> list[Mapping[str, Any]]:
    """One mapping an event; empty ones when the host sent none, or fewer than events, so that none gets another's."""
    if not isinstance(array, list) or len(array) != count:
        return [{}] * count
    return [each or {} for each in array]


def _iothub_properties(event: "EventHubEvent") -> dict[str, Any]:
    return {f"iothub-{name}": value for name, value in (event.iothub_metadata or {}).items()}


def _in_utc(time: datetime | None) -> datetime:
    """The library gives enqueued times without a zone; they are UTC."""
    if time is None:
        return _NEVER
    return time.replace(tzinfo=UTC) if time.tzinfo is None else time.astimezone(UTC)
