"""Analytics events: the exact tag map with what tells whose it is, for Data Explorer's bronze table.

The envelope is made once, from the hub event, and stored with the document: so both routes send the same bytes, and
the Functions host, which rewrites ISO dates in a document's strings, has none in there to rewrite.
"""

import json
import re
from typing import NamedTuple

import orjson

from shared.telemetry.decoding import Telemetry
from shared.telemetry.json_text import object_members
from shared.telemetry.timestamps import canonical
from shared.telemetry.trace_context import traceparent_of

ESCAPE = "~"
"""Put before a tag's name that starts with one of the reserved beginnings; a reader drops one from the front."""
_RESERVED = ("_", "$", "x-opt-", ESCAPE)
_MAY_BE_RESERVED = re.compile(rb'"(?:[_$~\\]|x-opt-)')


class AnalyticsEvent(NamedTuple):
    """One event for the analytics hub. `asset` is its partition key."""

    event_id: str
    asset: str
    body: bytes
    traceparent: str | None


def envelope_of(telemetry: Telemetry) -> str:
    """The members that are added to the tag map, as one JSON object (RFC 8259, ASCII)."""
    members = {
        "_eventId": telemetry.event_id,
        "_deviceId": telemetry.device,
        "_asset": telemetry.asset,
        "_enqueuedTime": canonical(telemetry.event.enqueued_time),
    }
    model = telemetry.event.system.get("dt-dataschema")
    if model:
        members["_modelId"] = str(model)
    if telemetry.ahead:
        members["_clock"] = "ahead"
    return json.dumps(members, separators=(",", ":"))


def analytics_event(telemetry: Telemetry) -> AnalyticsEvent:
    body = splice(telemetry.text, envelope_of(telemetry).encode())
    return AnalyticsEvent(telemetry.event_id, telemetry.asset, body, traceparent_of(telemetry.event.properties))


def splice(tag_map: bytes, envelope: bytes) -> bytes:
    """The tag map's own text with the envelope's members behind its tags, and reserved names escaped."""
    if _MAY_BE_RESERVED.search(tag_map):
        tag_map = b"{" + b",".join(_escaped(key) + b":" + value for key, value in object_members(tag_map)) + b"}"
    return b"%b,%b" % (tag_map[:-1], envelope[1:])


def _escaped(key: bytes) -> bytes:
    name: str = orjson.loads(key)
    return orjson.dumps(ESCAPE + name) if name.startswith(_RESERVED) else key
