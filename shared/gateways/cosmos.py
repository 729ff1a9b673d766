"""The container of telemetry: documents are created, each once, in transactional batches."""

import asyncio
import json
from collections.abc import AsyncIterator, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import orjson
from azure.core.exceptions import AzureError
from azure.core.pipeline.transport import AioHttpTransport
from azure.cosmos.aio import ContainerProxy, CosmosClient
from azure.cosmos.exceptions import CosmosBatchOperationError, CosmosHttpResponseError

from shared.gateways import proxies
from shared.gateways.errors import DATA_AT_FAULT, Refused, Unavailable

if TYPE_CHECKING:
    from azure.core.credentials_async import AsyncTokenCredential

Document = Mapping[str, Any]
Partition = tuple[str, str]

MAX_OPERATIONS = 100
MAX_BATCH_BYTES = 2 * 1024 * 1024 - 64 * 1024
"""A transactional batch takes 100 operations and 2 MB (Cosmos DB service quotas), less room for what frames them."""
OPERATION_BYTES = 64
"""What the request holds for each operation beside its document."""
CONCURRENT_PARTITIONS = 8
CONFLICT = 409


@dataclass
class Created:
    """What became of documents: every one is in one of the three."""

    stored: int = 0
    already_stored: int = 0
    refused: list[Refused] = field(default_factory=list)


def cosmos_client(
    connection: str | None, endpoint: str | None, credential: "AsyncTokenCredential | None"
) -> CosmosClient:
    """A client that retries 429 (as long as the service asks, up to a minute), 449 and lost connections by itself."""
    retries: dict[str, Any] = {"retry_total": 9, "retry_backoff_max": 60, "connection_timeout": 10, "read_timeout": 30}
    transport = AioHttpTransport(use_env_settings=proxies.are_named())
    if connection:
        return CosmosClient.from_connection_string(connection, transport=transport, **retries)
    if endpoint is None or credential is None:
        raise ValueError("an endpoint needs a credential")
    return CosmosClient(endpoint, credential=credential, transport=transport, **retries)


class TelemetryContainer:
    """Writes documents to `telemetry`."""

    def __init__(self, client: CosmosClient, database: str, container: str) -> None:
        self._client = client
        self._container: ContainerProxy = client.get_database_client(database).get_container_client(container)

    async def create(self, partitions: Mapping[Partition, Sequence[Document]]) -> Created:
        """Creates each partition's documents. Their ids differ from one another.

        All partitions are tried before Unavailable is raised for the first that failed.
        """
        created = Created()
        limit = asyncio.Semaphore(CONCURRENT_PARTITIONS)

        async def create_all(partition: Partition, documents: Sequence[Document]) -> None:
            async with limit:
                for batch in batches(documents):
                    await self._create(partition, batch, created)

        tasks = (create_all(partition, documents) for partition, documents in partitions.items())
        for outcome in await asyncio.gather(*tasks, return_exceptions=True):
            if isinstance(outcome, BaseException):
                raise outcome
        return created

    async def _create(self, partition: Partition, batch: Sequence[Document], created: Created) -> None:
        """Creates a batch's documents; those that stand in the way of the others are taken out one after another."""
        waiting = list(batch)
        while waiting:
            try:
                await self._container.execute_item_batch(
                    [("create", (document,)) for document in waiting],
                    partition_key=list(partition),
                    no_response=True,  # but for its documents, which would come back with each
                )
            except CosmosBatchOperationError as error:
                waiting = await self._without_culprits(partition, waiting, error, created)
            except CosmosHttpResponseError as error:
                waiting = await self._after_refusal(partition, waiting, error, created)
            except AzureError as error:
                raise Unavailable("Cosmos DB", error) from error
            else:
                created.stored += len(waiting)
                return

    async def _without_culprits(
        self, partition: Partition, waiting: list[Document], error: CosmosBatchOperationError, created: Created
    ) -> list[Document]:
        """What is left to create of a batch in which one operation failed, and none was done. Raises Unavailable."""
        culprit = waiting[error.error_index]
        if error.status_code == CONFLICT:
            existing = await self._existing(partition, waiting) | {culprit["id"]}
            left = [document for document in waiting if document["id"] not in existing]
            created.already_stored += len(waiting) - len(left)
            return left
        if error.status_code in DATA_AT_FAULT:
            created.refused.append(_refused(culprit, error.status_code))
            return [document for document in waiting if document is not culprit]
        raise Unavailable("Cosmos DB", error) from error

    async def _after_refusal(
        self, partition: Partition, waiting: list[Document], error: CosmosHttpResponseError, created: Created
    ) -> list[Document]:
        """What is left to create when the request as a whole was refused: halves, until one document is to blame."""
        if error.status_code == CONFLICT and len(waiting) == 1:
            created.already_stored += 1
            return []
        if error.status_code not in DATA_AT_FAULT:
            raise Unavailable("Cosmos DB", error) from error
        if len(waiting) == 1:
            created.refused.append(_refused(waiting[0], error.status_code))
            return []
        middle = len(waiting) // 2
        await self._create(partition, waiting[:middle], created)
        return waiting[middle:]

    async def existing(self, partition: Partition, ids: Sequence[str]) -> set[str]:
        """Which of these ids are stored: one request for each hundred. Raises Unavailable."""
        found: set[str] = set()
        for start in range(0, len(ids), MAX_OPERATIONS):
            found.update(
                [str(each) async for each in self._query("VALUE c.id", partition, ids[start:][:MAX_OPERATIONS])]
            )
        return found

    async def read(self, partition: Partition, ids: Sequence[str]) -> list[Document]:
        """The documents of these ids that are stored. Raises Unavailable."""
        found: list[Document] = []
        for start in range(0, len(ids), MAX_OPERATIONS):
            found += [each async for each in self._query("*", partition, ids[start:][:MAX_OPERATIONS])]
        return found

    async def all(self) -> AsyncIterator[Document]:
        """Every document. Raises Unavailable."""
        try:
            async for document in self._container.read_all_items():
                yield document
        except AzureError as error:
            raise Unavailable("Cosmos DB", error) from error

    async def _existing(self, partition: Partition, documents: Sequence[Document]) -> set[str]:
        """Which of these documents are stored: one request."""
        return await self.existing(partition, [document["id"] for document in documents])

    async def _query(self, what: str, partition: Partition, ids: Sequence[str]) -> AsyncIterator[Any]:
        names = [f"@p{index}" for index in range(len(ids))]
        found = self._container.query_items(
            f"SELECT {what} FROM c WHERE c.id IN ({', '.join(names)})",
            parameters=[{"name": name, "value": each} for name, each in zip(names, ids, strict=True)],
            partition_key=list(partition),
        )
        try:
            async for each in found:
                yield each
        except AzureError as error:
            raise Unavailable("Cosmos DB", error) from error

    async def close(self) -> None:
        await self._client.close()


def _refused(document: Document, status: int) -> Refused:
    return Refused(document, status, f"Cosmos DB answered {status} to this document ({_size(document)} bytes)")


def batches(documents: Iterable[Document]) -> Iterator[list[Document]]:
    """Cuts documents into what one transactional batch takes. One too large for any goes alone."""
    batch: list[Document] = []
    bytes_taken = 0
    for document in documents:
        size = _size(document) + OPERATION_BYTES
        if batch and (len(batch) == MAX_OPERATIONS or bytes_taken + size > MAX_BATCH_BYTES):
            yield batch
            batch, bytes_taken = [], 0
        batch.append(document)
        bytes_taken += size
    if batch:
        yield batch


def _size(document: Document) -> int:
    """Bytes of the document's JSON as the SDK sends it."""
    try:
        return len(orjson.dumps(document))
    except TypeError:  # an integer beyond 64 bits
        return len(json.dumps(document, separators=(",", ":")))
