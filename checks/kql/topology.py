"""topology.json against the database: what its data connections write to is what the scripts make."""

from collections.abc import Iterator, Mapping
from typing import Any

from checks.kql.checker import Finding, Schema

FILE = "topology.json"
SYSTEM_PROPERTIES = frozenset(
    ["x-opt-enqueued-time", "x-opt-sequence-number", "x-opt-offset", "x-opt-publisher", "x-opt-partition-key"]
)
"""What an Event Hubs data connection can add (learn.microsoft.com, "Event Hubs data connection", system properties)."""


def broken_topology(topology: Mapping[str, Any], schema: Schema) -> Iterator[Finding]:
    """Data connections that name a hub, consumer group, table, mapping or property that there is not."""
    for name, connection in topology["dataExplorer"]["dataConnections"].items():
        for problem in _problems(connection, topology["eventHubs"], schema):
            yield Finding(FILE, 1, 1, "topology", f"data connection '{name}': {problem}")


def _problems(connection: Mapping[str, Any], hubs: Mapping[str, Any], schema: Schema) -> Iterator[str]:
    hub = hubs.get(connection["hub"])
    if hub is None:
        yield f"there is no hub '{connection['hub']}'"
    elif connection["consumerGroup"] not in hub["consumerGroups"]:
        yield f"hub '{connection['hub']}' has no consumer group '{connection['consumerGroup']}'"
    table, mapping = connection.get("table"), connection.get("mapping")
    if table is not None and table not in schema.tables:
        yield f"no script creates the table '{table}'"
    if mapping is not None and f"{table}/{mapping}" not in schema.mappings:
        yield f"no script creates the mapping '{mapping}' of '{table}'"
    for unknown in set(connection["eventSystemProperties"]) - SYSTEM_PROPERTIES:
        yield f"'{unknown}' is no event system property"
