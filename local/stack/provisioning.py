"""What infra and its hook make in Azure, made here: containers, the analytics database, twin models and routes."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from azure.core.exceptions import ResourceExistsError
from azure.cosmos import CosmosClient, PartitionKey
from azure.kusto.data import KustoClient, KustoConnectionStringBuilder
from azure.storage.blob import BlobServiceClient

from local.launch import PROJECT
from local.stack.connections import TOPOLOGY, Connections
from local.stack.twin_graph import TwinGraph

ARCHIVE_PLACEHOLDER = "{{ARCHIVE_CONNECTION}}"
SCRIPTS = PROJECT / "kql"
MODELS = PROJECT / "dtdl"


def provision(connections: Connections, archive: Path) -> None:
    """Makes what is not there yet; running it again changes nothing. `archive` is where Silver is exported to."""
    create_cosmos_containers(connections.cosmos)
    create_blob_containers(connections.storage)
    build_analytics_database(connections.kusto_http, archive)
    with TwinGraph(connections.digital_twins_http) as graph:
        model_twins(graph)


def create_cosmos_containers(connection_string: str) -> None:
    with CosmosClient.from_connection_string(connection_string) as client:
        database = client.create_database_if_not_exists(TOPOLOGY["cosmos"]["database"])
        for name, container in TOPOLOGY["cosmos"]["containers"].items():
            database.create_container_if_not_exists(name, **container_options(container))


def container_options(container: Mapping[str, Any]) -> dict[str, Any]:
    """A container of topology.json as azure-cosmos takes it: only the paths that are queried are indexed."""
    paths = container["partitionKey"]
    options: dict[str, Any] = {
        "partition_key": PartitionKey(
            path=paths if len(paths) > 1 else paths[0], kind="MultiHash" if len(paths) > 1 else "Hash"
        )
    }
    if "defaultTtl" in container:
        options["default_ttl"] = container["defaultTtl"]
    if "indexedPaths" in container:
        options["indexing_policy"] = {
            "indexingMode": "consistent",
            "includedPaths": [{"path": path} for path in container["indexedPaths"]],
            "excludedPaths": [{"path": "/*"}],
        }
    return options


def create_blob_containers(connection_string: str) -> None:
    with BlobServiceClient.from_connection_string(connection_string) as client:
        for name in TOPOLOGY["storage"]["containers"].values():
            try:
                client.create_container(name)
            except ResourceExistsError:
                continue


def build_analytics_database(url: str, archive: Path) -> None:
    """Runs the scripts of kql/, in order, as Azure's script resources do."""
    archive.mkdir(parents=True, exist_ok=True)
    database = TOPOLOGY["dataExplorer"]["database"]
    client = KustoClient(KustoConnectionStringBuilder.with_no_authentication(url))
    try:
        for script in sorted(SCRIPTS.glob("*.kql")):
            text = script.read_text().replace(ARCHIVE_PLACEHOLDER, str(archive.resolve()))
            client.execute_mgmt(database, f".execute database script with (ThrowOnErrors = true) <|\n{text}")
    finally:
        client.close()  # type: ignore[no-untyped-call]


def model_twins(graph: TwinGraph) -> None:
    """Uploads the models of dtdl/ that are not there, all at once since they extend each other; makes the routes."""
    graph.add_models([json.loads(path.read_text()) for path in sorted(MODELS.glob("*.json"))])
    for name, route in TOPOLOGY["digitalTwins"]["routes"].items():
        graph.put_route(name, name, route.get("filter", "true"))
