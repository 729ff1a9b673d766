"""The analytics database: which events it holds.

The sync client, in threads: the aio one trusts only the authorities that were set when aiohttp was imported, which an
operator's command reads from its settings later than that.
"""

import asyncio
import json
import time
from collections.abc import Sequence

from azure.core.credentials import TokenCredential
from azure.identity import DefaultAzureCredential
from azure.kusto.data import ClientRequestProperties, KustoClient, KustoConnectionStringBuilder
from azure.kusto.data.exceptions import KustoError

from shared.gateways.errors import Unavailable

_UNDER_WAY = ("Scheduled", "InProgress")
_POLL_SECONDS = 0.5
MOST_IDS = 1_000
"""Ids per query: some 40 KB of text."""
_IN_BRONZE = """
declare query_parameters(ids: dynamic);
Bronze
| extend EventId = tostring(Data._eventId)
| where EventId in (ids)
| distinct EventId
"""
_IN_READINGS = """
declare query_parameters(ids: dynamic);
Readings
| where EventId in (ids)
| distinct EventId
"""

_TAGS = """
Readings
| distinct Asset, TagName
"""


def kusto_client(uri: str, client_id: str | None) -> KustoClient:
    credential: TokenCredential = DefaultAzureCredential(managed_identity_client_id=client_id)
    return KustoClient(KustoConnectionStringBuilder.with_azure_token_credential(uri, credential))


class AnalyticsDatabase:
    """Asks Data Explorer. Raises Unavailable."""

    def __init__(self, client: KustoClient, database: str) -> None:
        self._client = client
        self._database = database

    async def in_bronze(self, event_ids: Sequence[str]) -> set[str]:
        """Which of these events Bronze holds."""
        return await self._found(_IN_BRONZE, event_ids)

    async def in_readings(self, event_ids: Sequence[str]) -> set[str]:
        """Which of these events have a row in Readings."""
        return await self._found(_IN_READINGS, event_ids)

    async def tags(self) -> list[tuple[str, str]]:
        """Every asset and tag that has a reading."""
        try:
            answer = await asyncio.to_thread(self._client.execute_query, self._database, _TAGS)
        except (KustoError, OSError) as error:
            raise Unavailable("Data Explorer", error) from error
        return [(str(row["Asset"]), str(row["TagName"])) for row in answer.primary_results[0]]

    async def command(self, text: str) -> None:
        """Runs a management command."""
        try:
            await asyncio.to_thread(self._client.execute_mgmt, self._database, text)
        except (KustoError, OSError) as error:
            raise Unavailable("Data Explorer", error) from error

    async def async_command(self, text: str) -> None:
        """Runs a management command that answers with an operation, and returns when that has completed."""
        try:
            answer = await asyncio.to_thread(self._client.execute_mgmt, self._database, text)
            operation = str(answer.primary_results[0][0]["OperationId"])
            await asyncio.to_thread(self._wait_for, operation)
        except (KustoError, OSError) as error:
            raise Unavailable("Data Explorer", error) from error

    def _wait_for(self, operation: str) -> None:
        """Returns once an operation has completed (learn.microsoft.com/kusto/management/show-operations)."""
        while True:
            answer = self._client.execute_mgmt(self._database, f".show operations {operation}")
            state = answer.primary_results[0][0]
            if state["State"] == "Completed":
                return
            if state["State"] not in _UNDER_WAY:
                raise KustoError(f"operation {operation} {state['State']}: {state['Status']}")
            time.sleep(_POLL_SECONDS)

    async def _found(self, query: str, event_ids: Sequence[str]) -> set[str]:
        found: set[str] = set()
        for start in range(0, len(event_ids), MOST_IDS):
            properties = ClientRequestProperties()  # type: ignore[no-untyped-call]
            properties.set_parameter("ids", f"dynamic({json.dumps(list(event_ids[start : start + MOST_IDS]))})")
            try:
                answer = await asyncio.to_thread(self._client.execute_query, self._database, query, properties)
            except (KustoError, OSError) as error:
                raise Unavailable("Data Explorer", error) from error
            found.update(str(row[0]) for row in answer.primary_results[0])
        return found

    async def close(self) -> None:
        await asyncio.to_thread(self._client.close)
