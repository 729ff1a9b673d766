"""Readings as devices send them."""

import json
from datetime import UTC, datetime, timedelta
from typing import Any

from tests.unit.functions.trigger_batches import ENQUEUED, Sent

START = ENQUEUED - timedelta(hours=1)


def at(seconds: float) -> str:
    """A source time, so many seconds into the hour before the events were enqueued."""
    return (START + timedelta(seconds=seconds)).astimezone(UTC).isoformat().replace("+00:00", "Z")


def sent(asset: str, second: float, enqueued: datetime = ENQUEUED, **values: Any) -> Sent:
    body = {tag: {"SourceTimestamp": at(second), "Value": value} for tag, value in values.items()}
    return Sent(json.dumps(body).encode(), asset, enqueued=enqueued)
