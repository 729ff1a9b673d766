"""Which right each SDK operation needs, and which rights each role gives.

A right is the end of an Azure data action. Sources: "Azure built-in roles" (learn.microsoft.com), Cosmos DB's "Data
plane security reference", Data Explorer's "Security roles". An operation without a right makes no request of its own,
or one that comes with the right of the client it belongs to.
"""

import fnmatch
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from checks.bicep.source import PROJECT

Rights = frozenset[str]
NONE: Rights = frozenset()


@dataclass(frozen=True)
class Sdk:
    """A package: the service it speaks to, its client classes by module, and what their operations need."""

    service: str
    clients: Mapping[str, tuple[str, ...]]
    operations: Mapping[str, Rights]


def _needs(**operations: str) -> dict[str, Rights]:
    return {name: frozenset(rights.split()) for name, rights in operations.items()}


SDKS = {
    "azure.eventhub": Sdk(
        "eventHubs",
        {"azure.eventhub.aio": ("EventHubProducerClient", "EventHubConsumerClient")},
        _needs(
            create_batch="send",
            send_batch="send",
            send_event="send",
            receive="receive",
            receive_batch="receive",
            get_partition_ids="",
            get_partition_properties="",
            get_eventhub_properties="",
            from_connection_string="",
            close="",
        ),
    ),
    "azure.cosmos": Sdk(
        "cosmos",
        {"azure.cosmos.aio": ("CosmosClient", "DatabaseProxy", "ContainerProxy")},
        _needs(
            CosmosClient="readMetadata",
            create_item="items/create",
            read_item="items/read",
            upsert_item="items/upsert",
            replace_item="items/replace",
            delete_item="items/delete",
            execute_item_batch="",  # the verbs in its arguments say what it needs: sdk_calls.py
            query_items="executeQuery",
            read_all_items="items/read",
            query_items_change_feed="readChangeFeed",
            get_database_client="",
            get_container_client="",
            from_connection_string="",
            close="",
        ),
    ),
    "azure.storage.blob": Sdk(
        "storage",
        {"azure.storage.blob.aio": ("BlobServiceClient", "ContainerClient", "BlobClient", "StorageStreamDownloader")},
        _needs(
            upload_blob="blobs/write",
            download_blob="blobs/read",
            list_blobs="blobs/read",
            delete_blob="blobs/delete",
            create_container="containers/write",
            get_container_client="",
            from_connection_string="",
            readall="",
            close="",
        ),
    ),
    "azure.digitaltwins.core": Sdk(
        "digitalTwins",
        {"azure.digitaltwins.core.aio": ("DigitalTwinsClient",), "azure.digitaltwins.core": ("DigitalTwinsClient",)},
        _needs(
            get_digital_twin="digitaltwins/read",
            upsert_digital_twin="digitaltwins/write",
            update_digital_twin="digitaltwins/write",
            delete_digital_twin="digitaltwins/delete",
            get_relationship="digitaltwins/relationships/read",
            list_relationships="digitaltwins/relationships/read",
            list_incoming_relationships="digitaltwins/relationships/read",
            upsert_relationship="digitaltwins/relationships/write",
            delete_relationship="digitaltwins/relationships/delete",
            query_twins="query/action",
            get_model="models/read",
            list_models="models/read",
            create_models="models/write",
            decommission_model="models/write",
            delete_model="models/delete",
            get_event_route="eventroutes/read",
            list_event_routes="eventroutes/read",
            upsert_event_route="eventroutes/write",
            delete_event_route="eventroutes/delete",
            close="",
        ),
    ),
    "azure.kusto.data": Sdk(
        "dataExplorer",
        {"azure.kusto.data": ("KustoClient",)},
        _needs(execute_query="query", execute_mgmt="admin", close=""),
    ),
    "azure.monitor.opentelemetry": Sdk(
        "monitoring", {"azure.monitor.opentelemetry": ()}, _needs(configure_azure_monitor="publish")
    ),
}
BATCH_VERBS = frozenset(["create", "read", "upsert", "replace", "delete"])

ROLES: Mapping[str, Mapping[str, Rights]] = {
    "eventHubs": _needs(
        **{
            "Azure Event Hubs Data Sender": "send",
            "Azure Event Hubs Data Receiver": "receive",
            "Azure Event Hubs Data Owner": "send receive manage",
        }
    ),
    "storage": _needs(
        **{
            "Storage Blob Data Reader": "blobs/read",
            "Storage Blob Data Contributor": "blobs/read blobs/write blobs/delete containers/write",
            "Storage Blob Data Owner": "blobs/read blobs/write blobs/delete containers/write blobs/own",
        }
    ),
    "digitalTwins": _needs(
        **{
            "Azure Digital Twins Data Reader": "digitaltwins/read digitaltwins/relationships/read models/read",
            "Azure Digital Twins Data Owner": "digitaltwins/* query/action models/* eventroutes/*",
        }
    ),
    "dataExplorer": _needs(Viewer="query", Admin="query admin", Contributor="resource"),
    "monitoring": _needs(**{"Monitoring Metrics Publisher": "publish"}),
    "iotHub": _needs(
        **{"IoT Hub Data Reader": "devices/read", "IoT Hub Data Contributor": "devices/read devices/write"}
    ),
}
_COSMOS_PREFIXES = (
    "Microsoft.DocumentDB/databaseAccounts/sqlDatabases/containers/",
    "Microsoft.DocumentDB/databaseAccounts/",
)


def roles_of(service: str) -> Mapping[str, Rights]:
    """The roles of a service with what they give; Cosmos DB's are our own (infra/cosmos-roles.json)."""
    if service != "cosmos":
        return ROLES[service]
    described = json.loads((PROJECT / "infra" / "cosmos-roles.json").read_text())
    return {role: frozenset(map(_cosmos_right, actions)) for role, actions in described.items()}


def _cosmos_right(action: str) -> str:
    for prefix in _COSMOS_PREFIXES:
        action = action.removeprefix(prefix)
    return action


def gives(rights: Iterable[str], wanted: str) -> bool:
    return any(fnmatch.fnmatchcase(wanted, each) for each in rights)
