"""topology.json against the database: what its data connections write to is what the scripts make."""

from collections.abc import Iterator, Mapping
from typing import Any

from checks.findings import Finding
from checks.kql.checker import Schema

FILE = "topology.json"
SYSTEM_PROPERTIES = frozenset(
    ["x-opt-enqueued-time", "x-opt-sequence-number", "x-opt-offset", "x-opt-publisher", "x-opt-partition-key"]
)
"""What an Event Hubs data connection can add (learn.microsoft.com, "Event Hubs data connection", system properties)."""


def broken_topology(topology: Mapping[str, Any], schema: Schema) -> Iterator[Finding]:
    """Data connections and data history that name something (hub, group, table, mapping…) that there is not."""
    for name, connection in topology["dataExplorer"]["dataConnections"].items():
        for problem in _problems(connection, topology["eventHubs"], schema):
            yield Finding(FILE, 1, 1, "topology", f"data connection '{name}': {problem}")
    for name, connection in topology["dataExplorer"].get("blobConnections", {}).items():
        for problem in (*_tables(connection, schema), *_containers(connection, topology["storage"]["containers"])):
            yield Finding(FILE, 1, 1, "topology", f"blob connection '{name}': {problem}")
    for key, table in topology.get("digitalTwins", {}).get("history", {}).items():
        if key.endswith("Table") and table not in schema.tables:
            yield Finding(FILE, 1, 1, "topology", f"data history: no script creates the table '{table}'")


def _problems(connection: Mapping[str, Any], hubs: Mapping[str, Any], schema: Schema) -> Iterator[str]:
    hub = hubs.get(connection["hub"])
    if hub is None:
        yield f"there is no hub '{connection['hub']}'"
    elif connection["consumerGroup"] not in hub["consumerGroups"]:
        yield f"hub '{connection['hub']}' has no consumer group '{connection['consumerGroup']}'"
    yield from _tables(connection, schema)
    for unknown in set(connection["eventSystemProperties"]) - SYSTEM_PROPERTIES:
        yield f"'{unknown}' is no event system property"


def _tables(connection: Mapping[str, Any], schema: Schema) -> Iterator[str]:
    table, mapping = connection.get("table"), connection.get("mapping")
    if table is not None and table not in schema.tables:
        yield f"no script creates the table '{table}'"
    if mapping is not None and f"{table}/{mapping}" not in schema.mappings:
        yield f"no script creates the mapping '{mapping}' of '{table}'"


def _containers(connection: Mapping[str, Any], containers: Mapping[str, str]) -> Iterator[str]:
    if connection["container"] not in containers.values():
        yield f"there is no container '{connection['container']}'"
