"""Telemetry as it is stored in Cosmos DB, and as the change feed gives it back."""

from collections.abc import Mapping
from typing import Any, NotRequired

import orjson
from typing_extensions import TypedDict

from shared.telemetry.analytics import AnalyticsEvent, envelope_of, splice
from shared.telemetry.decoding import Telemetry
from shared.telemetry.events import Reason, Rejected
from shared.telemetry.identity import iothub_time
from shared.telemetry.models import Reading
from shared.telemetry.timestamps import canonical
from shared.telemetry.trace_context import traceparent_of


class TelemetryDocument(TypedDict):
    """A document of the container `telemetry`; its partition key is (deviceId, day).

    `body` is the exact tag map as text, since Cosmos DB returns 0.0 as 0 and rounds long integers; `tags` is the same
    as JSON, for queries. `envelope` is the text of what the analytics event adds to the tag map.
    """

    id: str
    deviceId: str
    day: str
    asset: str
    body: str
    envelope: str
    tags: Mapping[str, Reading]
    enqueuedTime: str
    iothubEnqueuedTime: NotRequired[str]
    hub: str
    partition: str
    sequenceNumber: int
    element: int
    clock: NotRequired[str]
    modelId: NotRequired[str]
    contentType: NotRequired[str]
    messageId: NotRequired[str]
    properties: NotRequired[dict[str, Any]]
    traceparent: NotRequired[str]


def telemetry_document(telemetry: Telemetry) -> TelemetryDocument:
    event = telemetry.event
    document = TelemetryDocument(
        id=telemetry.event_id,
        deviceId=telemetry.device,
        day=telemetry.day,
        asset=telemetry.asset,
        body=telemetry.text.decode(),
        envelope=envelope_of(telemetry),
        tags=_queryable(telemetry.tags),
        enqueuedTime=canonical(event.enqueued_time),
        hub=event.hub,
        partition=event.partition,
        sequenceNumber=event.sequence_number,
        element=telemetry.element,
    )
    _add_what_the_message_brought(document, telemetry)
    return document


def _queryable(tags: Mapping[str, Reading]) -> Mapping[str, Reading]:
    """The tags with integers beyond 64 bits as reals, which is what Cosmos DB would make of them."""
    if all(type(tag["Value"]) is not int or _LOWEST <= tag["Value"] < -_LOWEST for tag in tags.values()):
        return tags
    return {
        name: {**tag, "Value": float(tag["Value"])} if type(tag["Value"]) is int else tag for name, tag in tags.items()
    }


_LOWEST = -(2**63)


def _add_what_the_message_brought(document: TelemetryDocument, telemetry: Telemetry) -> None:
    event = telemetry.event
    if telemetry.ahead:
        document["clock"] = "ahead"
    if (iothub := iothub_time(event)) is not None:
        document["iothubEnqueuedTime"] = iothub
    if model := event.system.get("dt-dataschema"):
        document["modelId"] = str(model)
    if content_type := event.system.get("content-type"):
        document["contentType"] = str(content_type)
    if message_id := event.system.get("message-id"):
        document["messageId"] = str(message_id)
    if event.properties:
        document["properties"] = dict(event.properties)
    if traceparent := traceparent_of(event.properties):
        document["traceparent"] = traceparent


def forwarded_event(document: Mapping[str, Any]) -> AnalyticsEvent:
    """The analytics event of a stored document. Raises Rejected for a document that is no telemetry of ours."""
    try:
        body, envelope = document["body"].encode(), document["envelope"].encode()
        members = orjson.loads(envelope)
        event_id, asset = str(members["_eventId"]), str(members["_asset"])
    except (KeyError, AttributeError, TypeError, ValueError) as error:
        raise Rejected(Reason.NOT_TELEMETRY, f"{type(error).__name__}: {error}") from error
    if body[:1] != b"{" or body[-1:] != b"}":
        raise Rejected(Reason.NOT_TELEMETRY, "the body is no JSON object")
    traceparent = document.get("traceparent")
    return AnalyticsEvent(
        event_id, asset, splice(body, envelope), traceparent if isinstance(traceparent, str) else None
    )
