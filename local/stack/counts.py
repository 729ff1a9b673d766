"""How many events have passed each stage of a running stack."""

import json
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import httpx
from azure.cosmos import ContainerProxy, CosmosClient
from azure.kusto.data import ClientRequestProperties, KustoClient, KustoConnectionStringBuilder
from azure.storage.blob import ContainerClient

from local.launch import ServerProcess
from local.stack.connections import TOPOLOGY, Connections


@dataclass(frozen=True, slots=True)
class Counts:
    """Events at each stage; `silver` and `readings` are readings; `letters` are dead letters by reason."""

    telemetry: int
    stored: int
    analytics: int
    bronze: int
    silver: int
    readings: int
    letters: Mapping[str, int] = field(default_factory=dict)

    def since(self, before: "Counts") -> "Counts":
        """What has come since an earlier count."""
        letters = Counter(self.letters)
        letters.subtract(before.letters)
        return Counts(
            self.telemetry - before.telemetry,
            self.stored - before.stored,
            self.analytics - before.analytics,
            self.bronze - before.bronze,
            self.silver - before.silver,
            self.readings - before.readings,
            {reason: count for reason, count in letters.items() if count},
        )


class Counting:
    """Counts through the same SDKs that an operator would use."""

    def __init__(self, connections: Connections, event_hubs: ServerProcess) -> None:
        self.connections = connections
        self._event_hubs = event_hubs
        self._kusto = KustoClient(KustoConnectionStringBuilder.with_no_authentication(connections.kusto_http))
        self._database: str = TOPOLOGY["dataExplorer"]["database"]
        self._cosmos = CosmosClient.from_connection_string(connections.cosmos)
        self._letters = ContainerClient.from_connection_string(
            connections.storage, TOPOLOGY["storage"]["containers"]["deadLetters"]
        )

    def take(self) -> Counts:
        telemetry, analytics, *_ = (self._events(hub) for hub in TOPOLOGY["eventHubs"])
        _, ((bronze, silver, readings),) = self.query(
            "print Bronze = toscalar(Bronze | count), Silver = toscalar(Silver | count), "
            "Readings = toscalar(Readings | count)"
        )
        return Counts(telemetry, self._documents(), analytics, bronze, silver, readings, self._dead_letters())

    def bronze(self) -> int:
        _, ((count,),) = self.query("Bronze | count")
        return int(count)

    def query(self, text: str, **parameters: str) -> tuple[list[str], list[list[Any]]]:
        """(column names, rows) of a KQL query's answer."""
        properties = ClientRequestProperties()  # type: ignore[no-untyped-call]
        for name, value in parameters.items():
            properties.set_parameter(name, value)
        answer = self._kusto.execute_query(self._database, text, properties).primary_results[0]
        return [column.column_name for column in answer.columns], [list(row) for row in answer.raw_rows]

    def _events(self, hub: str) -> int:
        """How many events a hub has ever taken: its sequence numbers never restart."""
        health = httpx.get(f"{self._event_hubs.admin}/_local/health").json()
        return sum(partition["last"] + 1 for partition in health["hubs"][hub])

    def _documents(self) -> int:
        cosmos = TOPOLOGY["cosmos"]
        telemetry = next(iter(cosmos["containers"]))
        container: ContainerProxy = self._cosmos.get_database_client(cosmos["database"]).get_container_client(telemetry)
        counts: list[Any] = list(
            container.query_items("SELECT VALUE COUNT(1) FROM c", enable_cross_partition_query=True)
        )
        return sum(counts)

    def _dead_letters(self) -> Counter[str]:
        return Counter(
            json.loads(self._letters.download_blob(blob).readall())["reason"]
            for blob in self._letters.list_blob_names()
        )
