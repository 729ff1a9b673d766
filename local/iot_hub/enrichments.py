"""Message enrichments: properties that the hub adds to every message.

Source: Microsoft Learn, "Message enrichments for device-to-cloud IoT Hub messages": a value is static text, or a path
`$twin.tags.…` of the device's twin; a path that is not there leaves its own text.
"""

from dataclasses import dataclass
from typing import Any

from local.iot_hub.registry import Device

_TAGS = "$twin.tags."
MAX_ENRICHMENTS = 10
"""Per hub (same source, "Limitations")."""


@dataclass(frozen=True, slots=True)
class Enrichment:
    """One property: its key, and its value or the path to it."""

    key: str
    value: str

    def value_for(self, device: Device) -> str:
        if not self.value.startswith(_TAGS):
            return self.value
        found: Any = device.tags
        for name in self.value.removeprefix(_TAGS).split("."):
            found = found.get(name) if isinstance(found, dict) else None
        return self.value if found is None or isinstance(found, (dict, list)) else _text(found)


def _text(value: Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(value)
