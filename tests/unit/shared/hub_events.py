"""Hub events for the tests of the pure core."""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from shared.telemetry.decoding import Telemetry, decode
from shared.telemetry.events import HubEvent, Rejection

ENQUEUED = datetime(2026, 11, 22, 10, 0, 0, 123000, tzinfo=UTC)
TIME = "2026-11-22T09:00:00.1234567Z"


def hub_event(
    body: bytes,
    *,
    sequence_number: int = 7,
    enqueued_time: datetime = ENQUEUED,
    partition_key: str | None = "freezer01",
    properties: Mapping[str, Any] | None = None,
    system: Mapping[str, Any] | None = None,
    partition: str = "2",
) -> HubEvent:
    return HubEvent(
        body, "telemetry", partition, sequence_number, enqueued_time, partition_key, properties or {}, system or {}
    )


def tag_map(value: str = "1", tag: str = "temperature", time: str = TIME) -> bytes:
    """One reading, its value written just so."""
    return f'{{"{tag}":{{"SourceTimestamp":"{time}","Value":{value}}}}}'.encode()


def decoded_one(body: bytes, **rest: Any) -> Telemetry:
    decoded = decode([hub_event(body, **rest)])
    assert not decoded.rejections, decoded.rejections[0].detail
    (telemetry,) = decoded.telemetry
    return telemetry


def rejected_one(body: bytes, **rest: Any) -> Rejection:
    decoded = decode([hub_event(body, **rest)])
    assert not decoded.telemetry
    (rejection,) = decoded.rejections
    return rejection
