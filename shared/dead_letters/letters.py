"""A dead letter: everything that is needed to see what was wrong with an element, and to run it again.

Name and content follow from the element alone, so that writing it again, by a retry, another owner of the partition
or after a batch was cut anew, writes over it with itself.
"""

import base64
import json
import re
from collections.abc import Mapping
from hashlib import blake2b
from typing import Annotated, Any, Self
from urllib.parse import quote

from pydantic import BaseModel, ConfigDict, Field, PlainSerializer, PlainValidator, ValidationError, WithJsonSchema
from pydantic.alias_generators import to_camel

from shared.telemetry.decoding import Telemetry
from shared.telemetry.events import HubEvent, Reason, Rejected, Rejection
from shared.telemetry.timestamps import canonical, moment

MAX_FILE = 200
STORE = "store"
FORWARD = "forward"
TWINS = "twins"
PROPAGATE = "propagate"


class NotALetter(Exception):
    """A blob among the dead letters that holds none, or one of another consumer's than was asked for."""


def _from_base64(value: Any) -> bytes:
    return value if isinstance(value, bytes) else base64.b64decode(value, validate=True)


RawBytes = Annotated[
    bytes,
    PlainValidator(_from_base64),
    PlainSerializer(lambda value: base64.b64encode(value).decode(), return_type=str, when_used="json"),
    WithJsonSchema({"type": "string", "contentEncoding": "base64"}),
]


class DeadLetter(BaseModel):
    """One element that could not be taken, with the raw bytes it came in."""

    model_config = ConfigDict(frozen=True, alias_generator=to_camel, populate_by_name=True, defer_build=True)

    consumer: str = Field(description="who could not take it: store, forward, twins…")
    source: str = Field(description="the hub it came from, or the container")
    partition: str = Field(description="the hub's partition; for a container the document's day")
    sequence_number: int | None = Field(description="in the hub's partition; null for a container")
    element: int = Field(description="index in the message's array; 0 when the message is no array")
    whole: bool = Field(description="whether the message as a whole is meant, rather than one element of its array")
    reason: Reason
    detail: str = Field(description="for people; the same whenever the same element is tried by the same code")
    device_id: str | None
    asset: str | None
    event_id: str | None = Field(description="null when the element could not be decoded far enough to have one")
    enqueued_time: str = Field(description="when the hub took it: ISO 8601 in UTC")
    partition_key: str | None
    properties: dict[str, Any]
    system_properties: dict[str, Any]
    body: RawBytes = Field(description="the whole message's raw bytes, or the document as JSON")
    replayed_at: str | None = Field(default=None, description="when it was last replayed with success")

    @property
    def name(self) -> str:
        """The blob's name: the same whenever and by whomever the letter is written."""
        if self.sequence_number is None:
            return f"{self.consumer}/{self.source}/{_as_path(self.partition)}/{_as_file(self.event_id or '')}.json"
        day = _as_path(self.enqueued_time[:10])
        last = f"{self.enqueued_time}-{self.sequence_number}-{self.element}.json"
        return f"{self.consumer}/{self.source}/{self.partition}/{day}/{last}"

    def to_json(self) -> bytes:
        """ASCII, so that whatever a property holds can be written and read again."""
        return json.dumps(self.model_dump(mode="json", by_alias=True), indent=1).encode()

    @classmethod
    def from_json(cls, content: bytes) -> Self:
        """Raises NotALetter."""
        try:
            return cls.model_validate(json.loads(content))
        except (ValidationError, ValueError) as error:
            raise NotALetter(f"no dead letter: {error}") from error

    def event(self) -> HubEvent:
        """The hub event as it was; whatever is made of it gets the ids it would have had. Raises NotALetter."""
        if self.sequence_number is None:
            raise NotALetter(f"{self.name} holds a document, not a hub's event")
        return HubEvent(
            body=self.body,
            hub=self.source,
            partition=self.partition,
            sequence_number=self.sequence_number,
            enqueued_time=moment(self.enqueued_time),
            partition_key=self.partition_key,
            properties=self.properties,
            system=self.system_properties,
        )

    def document(self) -> dict[str, Any]:
        """The document as the change feed gave it. Raises NotALetter."""
        if self.sequence_number is not None:
            raise NotALetter(f"{self.name} holds a hub's event, not a document")
        document: dict[str, Any] = json.loads(self.body)
        return document


_DAY = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")


def _as_path(day: str) -> str:
    return day.replace("-", "/") if _DAY.fullmatch(day) else "no-day"


def _as_file(document_id: str) -> str:
    """A document's id as the last part of a blob's name, which holds 1,024 characters in all."""
    encoded = document_id.encode(errors="backslashreplace")
    name = quote(encoded, safe="")
    return name if len(name) <= MAX_FILE else blake2b(encoded, digest_size=32).hexdigest()


def letter_of_rejection(consumer: str, rejection: Rejection) -> DeadLetter:
    """The letter of an element of a hub's event."""
    event = rejection.event
    return DeadLetter(
        consumer=consumer,
        source=event.hub,
        partition=event.partition,
        sequence_number=event.sequence_number,
        element=rejection.element,
        whole=rejection.whole,
        reason=rejection.reason,
        detail=rejection.detail,
        device_id=rejection.device,
        asset=rejection.asset,
        event_id=rejection.event_id,
        enqueued_time=canonical(event.enqueued_time),
        partition_key=event.partition_key,
        properties=dict(event.properties),
        system_properties=dict(event.system),
        body=event.body,
    )


def letter_of_telemetry(consumer: str, element: Telemetry, why: Rejected) -> DeadLetter:
    """The letter of an element that was decoded, and that its consumer can't take."""
    known = (element.device, element.asset, element.event_id)
    return letter_of_rejection(
        consumer, Rejection(element.event, element.element, why.reason, why.detail, *known, whole=False)
    )


def letter_of_document(consumer: str, container: str, document: Mapping[str, Any], rejected: Rejected) -> DeadLetter:
    """The letter of a document of the change feed."""
    return DeadLetter(
        consumer=consumer,
        source=container,
        partition=str(document.get("day")),
        sequence_number=None,
        element=0,
        whole=True,
        reason=rejected.reason,
        detail=rejected.detail,
        device_id=_text(document.get("deviceId")),
        asset=_text(document.get("asset")),
        event_id=str(document.get("id")),
        enqueued_time=str(document.get("enqueuedTime")),
        partition_key=None,
        properties={},
        system_properties={},
        body=json.dumps(dict(document), sort_keys=True).encode(),
    )


def _text(value: Any) -> str | None:
    return value if isinstance(value, str) else None
