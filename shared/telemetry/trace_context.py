"""W3C trace context as telemetry carries it: the sender's application property `traceparent`, or `Diagnostic-Id`."""

import re
from collections.abc import Mapping
from typing import Any

_TRACEPARENT = re.compile(r"[0-9a-f]{2}-[0-9a-f]{32}-[0-9a-f]{16}-[0-9a-f]{2}")
_NAMES = ("traceparent", "Diagnostic-Id")
"""The Azure SDKs have sent the same value under either name."""


def traceparent_of(properties: Mapping[str, Any]) -> str | None:
    """The sender's traceparent when there is one of the right form (W3C Trace Context, 3.2)."""
    for name in _NAMES:
        value = properties.get(name)
        if isinstance(value, str) and _TRACEPARENT.fullmatch(value):
            return value
    return None
