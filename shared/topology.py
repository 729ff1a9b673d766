"""The names in topology.json that the app uses: hubs, consumer groups, containers."""

import json
from pathlib import Path
from typing import Any

_TOPOLOGY: dict[str, Any] = json.loads((Path(__file__).resolve().parent.parent / "topology.json").read_text())


def _only(section: str, name: str) -> str:
    """A name that topology.json must have. Raises KeyError at start otherwise."""
    if name not in _TOPOLOGY[section]["containers"]:
        raise KeyError(f"topology.json: {section}.containers has no {name!r}")
    return name


def _group(hub: str, name: str) -> str:
    """A consumer group that topology.json must have. Raises KeyError at start otherwise."""
    if name not in _TOPOLOGY["eventHubs"][hub]["consumerGroups"]:
        raise KeyError(f"topology.json: the hub {hub} has no consumer group {name!r}")
    return name


TELEMETRY_CONTAINER = _only("cosmos", "telemetry")
LEASE_CONTAINER = _only("cosmos", "leases")
COSMOS_DATABASE: str = _TOPOLOGY["cosmos"]["database"]
KUSTO_DATABASE: str = _TOPOLOGY["dataExplorer"]["database"]
DEAD_LETTER_CONTAINER: str = _TOPOLOGY["storage"]["containers"]["deadLetters"]
TELEMETRY_HUB, ANALYTICS_HUB, TWIN_EVENTS_HUB, TWIN_HISTORY_HUB = _TOPOLOGY["eventHubs"]
STORE_GROUP, ANALYTICS_GROUP, TWINS_GROUP = (_group(TELEMETRY_HUB, name) for name in ("store", "analytics", "twins"))
PROPAGATE_GROUP = _group(TWIN_EVENTS_HUB, "propagate")
TELEMETRY_PARTITIONS: int = _TOPOLOGY["eventHubs"]["telemetry"]["partitions"]
TWIN_EVENTS_PARTITIONS: int = _TOPOLOGY["eventHubs"]["twin-events"]["partitions"]
TWIN_ROUTES: dict[str, str] = {
    name: route.get("filter", "true") for name, route in _TOPOLOGY["digitalTwins"]["routes"].items()
}
"""Event routes of Digital Twins, each to the endpoint of its name, with its filter."""
