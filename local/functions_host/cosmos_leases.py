"""Leases of the change feed: one document for each feed range in the lease container, guarded by its etag.

Source: azure-cosmos-dotnet-v3, DocumentServiceLeaseCoreEpk.cs (the document),
DocumentServiceLeaseManagerCosmos.cs (who may update it), EqualPartitionsBalancingStrategy.cs (who takes which).
"""

import math
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from azure.core import MatchConditions
from azure.cosmos.aio import ContainerProxy
from azure.cosmos.exceptions import (
    CosmosAccessConditionFailedError,
    CosmosResourceExistsError,
    CosmosResourceNotFoundError,
)

_ATTEMPTS = 5


class LeaseLost(Exception):
    """Another host owns the lease now, or it is gone."""


@dataclass(frozen=True)
class Lease:
    """A feed range, who owns it (None: nobody), and how far it was processed (None: not at all)."""

    id: str
    feed_range: Mapping[str, Any]
    owner: str | None
    continuation: str | None
    touched: datetime

    def is_free(self, now: datetime, expiration: timedelta) -> bool:
        return not self.owner or self.touched + expiration < now


def leases_to_take(me: str, leases: Sequence[Lease], now: datetime, expiration: timedelta) -> Sequence[Lease]:
    """What `me` should acquire now: free leases up to an equal share, else one from the host that has most."""
    free = [lease for lease in leases if lease.is_free(now, expiration)]
    owned = Counter({me: 0})
    owned.update(lease.owner for lease in leases if lease.owner and lease not in free)
    target = max(1, math.ceil(len(leases) / len(owned)))
    needed = target - owned[me]
    if needed <= 0:
        return ()
    if free:
        return free[:needed]
    richest, most = owned.most_common(1)[0]
    if richest == me or most <= target - (1 if needed > 1 else 0):
        return ()
    return [next(lease for lease in leases if lease.owner == richest)]


class LeaseStore:
    """One host's view of the leases under a prefix. Every method raises AzureError when Cosmos can't be used."""

    def __init__(self, container: ContainerProxy, prefix: str, me: str) -> None:
        self._container = container
        self._prefix = prefix
        self._me = me
        self._written: dict[str, Mapping[str, Any]] = {}

    async def create_missing(self, starts: Iterable[tuple[Mapping[str, Any], str | None]]) -> None:
        """A lease for each (feed range, first continuation) that has none yet."""
        for feed_range, continuation in starts:
            label = f"{feed_range['Range']['min']}-{feed_range['Range']['max']}"
            document = {
                "id": f"{self._prefix}..{label}",
                "version": 1,
                "LeaseToken": label,
                "FeedRange": dict(feed_range),
                "Owner": None,
                "ContinuationToken": continuation,
                "properties": {},
                "timestamp": _text(datetime.now(UTC)),
            }
            try:
                await self._container.create_item(document)
            except CosmosResourceExistsError:
                continue

    async def all(self) -> list[Lease]:
        query = "SELECT * FROM c WHERE STARTSWITH(c.id, @prefix)"
        parameters: list[dict[str, object]] = [{"name": "@prefix", "value": f"{self._prefix}.."}]
        return sorted(
            [_lease(document) async for document in self._container.query_items(query, parameters=parameters)],
            key=lambda lease: lease.id,
        )

    async def acquire(self, lease: Lease) -> Lease:
        """Takes a lease from whoever was seen to own it. Raises LeaseLost when another host was faster."""
        return await self._update(lease.id, lease.owner, lambda document: document.update(Owner=self._me))

    async def renew(self, lease: Lease) -> None:
        """Raises LeaseLost."""
        await self._update(lease.id, self._me, lambda document: None)

    async def checkpoint(self, lease: Lease, continuation: str) -> None:
        """Raises LeaseLost."""
        await self._update(lease.id, self._me, lambda document: document.update(ContinuationToken=continuation))

    async def release(self, lease: Lease) -> None:
        """Raises LeaseLost."""
        await self._update(lease.id, self._me, lambda document: document.update(Owner=None))

    async def _update(self, lease_id: str, owner: str | None, change: Callable[[dict[str, Any]], None]) -> Lease:
        for _ in range(_ATTEMPTS):
            try:
                return await self._replace(await self._found(lease_id, owner), owner, change)
            except CosmosAccessConditionFailedError:
                continue
            except CosmosResourceNotFoundError as error:
                raise LeaseLost(f"{lease_id} is gone") from error
        raise LeaseLost(f"{lease_id} changed each time it was to be updated")

    async def _found(self, lease_id: str, owner: str | None) -> dict[str, Any]:
        """The document: as this host wrote it last if that is what is looked for (its etag then tells), else read."""
        written = self._written.pop(lease_id, None)
        if written is not None and written.get("Owner") == owner:
            return dict(written)
        return dict(await self._container.read_item(lease_id, partition_key=lease_id))

    async def _replace(
        self, document: dict[str, Any], owner: str | None, change: Callable[[dict[str, Any]], None]
    ) -> Lease:
        if document.get("Owner") != owner:
            raise LeaseLost(f"{document['id']} was taken over by {document.get('Owner')}")
        change(document)
        document["timestamp"] = _text(datetime.now(UTC))
        written = await self._container.replace_item(
            document["id"], document, etag=document["_etag"], match_condition=MatchConditions.IfNotModified
        )
        lease = _lease(written)
        self._written[lease.id] = written
        return lease


def _lease(document: Mapping[str, Any]) -> Lease:
    return Lease(
        document["id"],
        document["FeedRange"],
        document.get("Owner"),
        document.get("ContinuationToken"),
        datetime.fromisoformat(document["timestamp"]),
    )


def _text(moment: datetime) -> str:
    return moment.isoformat().replace("+00:00", "Z")
