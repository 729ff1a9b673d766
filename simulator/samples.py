"""What a device measures, and the message it makes of it (docs/device-messages.md: the tag map)."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

Value = int | float | bool | str


@dataclass(frozen=True, slots=True)
class Sample:
    """Readings of one asset that a device took at one time (aware, UTC)."""

    device: str
    asset: str
    time: datetime
    tags: Mapping[str, Value]


@dataclass(frozen=True, slots=True)
class Message:
    """A device-to-cloud message: who sends it, the asset it is of, its body."""

    device: str
    asset: str
    body: bytes


def message_of(sample: Sample) -> Message:
    """A sample as a tag map, each reading with its own timestamp."""
    timestamp = sample.time.strftime("%Y-%m-%dT%H:%M:%S.%f") + "0Z"
    tags = {name: {"SourceTimestamp": timestamp, "Value": value} for name, value in sample.tags.items()}
    return Message(sample.device, sample.asset, json.dumps(tags, separators=(",", ":")).encode())
