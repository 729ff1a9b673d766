"""Events of a hub as our own frozen types, and the reasons why an element of one can't be taken."""

from collections.abc import Mapping
from datetime import datetime
from enum import StrEnum
from typing import Any, NamedTuple


class HubEvent(NamedTuple):
    """One event of an Event Hub, as a trigger or a dead letter gives it.

    `enqueued_time` is aware, in UTC. `properties` are the sender's (application properties); `system` are the
    service's, under their AMQP names: `message-id`, `content-type`, `content-encoding`, `dt-dataschema`, `iothub-…`.
    """

    body: bytes
    hub: str
    partition: str
    sequence_number: int
    enqueued_time: datetime
    partition_key: str | None
    properties: Mapping[str, Any]
    system: Mapping[str, Any]


class Reason(StrEnum):
    """Why an element is dead-lettered; operators count and filter by these."""

    ENCODING = "encoding"
    """The body can't be unpacked: unknown content-encoding, broken gzip, or more than is taken."""
    NOT_JSON = "not-json"
    DUPLICATE_KEY = "duplicate-key"
    """An object names a key twice, so one of the two values would be lost."""
    SHAPE = "shape"
    """JSON, but neither a tag map, nor flat, nor a CloudEvent."""
    VALUE = "value"
    """A value that is no integer, finite real, boolean or string."""
    TIMESTAMP = "timestamp"
    NO_READINGS = "no-readings"
    NO_DEVICE = "no-device"
    SOURCE = "source"
    """A device or asset that can't be used as a partition key."""
    TOO_MANY = "too-many-elements"
    STORE_REFUSED = "store-refused"
    """Cosmos DB answered 400 or 413 to this one document."""
    TOO_LARGE = "too-large-to-forward"
    """The analytics event is larger than one Event Hubs batch."""
    NOT_TELEMETRY = "not-telemetry"
    """A document in the telemetry container that store_telemetry did not write."""
    NO_TWIN = "no-twin"
    """The asset has no twin, and none may be made: auto-provisioning is off, or no kind fits its path."""
    TWIN_REFUSED = "twin-refused"
    """Digital Twins answered 400 to all of it: its model was deleted, or never uploaded."""
    NOT_TWIN_EVENT = "not-twin-event"
    """An event in the twin-events hub that names itself a twin's, and is none."""
    UNEXPECTED = "unexpected"
    """The app's own fault: the detail names the exception."""


class Rejected(Exception):
    """An element that can't be taken, and why. `detail` is for people and the same every time."""

    def __init__(self, reason: Reason, detail: str) -> None:
        super().__init__(f"{reason}: {detail}")
        self.reason = reason
        self.detail = detail[:MAX_DETAIL]


MAX_DETAIL = 500
"""Characters of a detail that are kept."""


class Rejection(NamedTuple):
    """An element of a hub event that is to be dead-lettered. A message that can't be decoded at all is element 0."""

    event: HubEvent
    element: int
    reason: Reason
    detail: str
    device: str | None
    asset: str | None
    event_id: str | None
    whole: bool
    """Whether the message as a whole is meant, rather than one element of it."""
