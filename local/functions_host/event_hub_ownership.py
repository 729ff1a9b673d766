"""Sharing a hub's partitions between hosts: who claims which, by ownership blobs that all hosts see.

Source: Azure.Messaging.EventHubs, PartitionLoadBalancer.cs: each owner gets an equal share, give or take one; free
partitions are claimed greedily, and one is stolen at a time from whoever has too many.
"""

import random
import time
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from azure.eventhub.extensions.checkpointstoreblobaio import BlobCheckpointStore

NOBODY = ""


@dataclass(frozen=True)
class Hub:
    """The consumer group of a hub that checkpoints and ownership are kept for."""

    namespace: str
    name: str
    group: str

    def names(self) -> dict[str, str]:
        """The keys that name it in the checkpoint store's dictionaries."""
        return {
            "fully_qualified_namespace": self.namespace,
            "eventhub_name": self.name,
            "consumer_group": self.group,
        }


@dataclass(frozen=True)
class Ownership:
    """Who last claimed a partition, and when (seconds since 1970)."""

    partition: str
    owner: str
    claimed: float

    def is_free(self, now: float, expiration: float) -> bool:
        return self.owner == NOBODY or self.claimed + expiration < now


@dataclass(frozen=True)
class Share:
    """What one host claims: free partitions, and at most one that another host owns."""

    free: Sequence[str]
    stolen: str | None


def share_of(
    me: str, partitions: Sequence[str], known: Iterable[Ownership], now: float, expiration: float, chance: random.Random
) -> Share:
    """The partitions that `me` should claim now besides those it owns."""
    active = {one.partition: one.owner for one in known if not one.is_free(now, expiration)}
    owners = Counter({me: 0})
    owners.update(owner for partition, owner in active.items() if partition in partitions)
    least, rest = divmod(len(partitions), len(owners))
    most = least + (1 if rest else 0)
    free = [partition for partition in partitions if partition not in active]
    claimed = chance.sample(free, k=min(len(free), max(0, most - owners[me])))
    others = [owner for owner in owners if owner != me]
    if claimed or free or not others or owners[me] > least:
        return Share(claimed, None)
    richest = max(others, key=lambda owner: owners[owner])
    if owners[me] == least and (not rest or owners[richest] <= most):
        return Share((), None)
    stolen = chance.choice(sorted(partition for partition, owner in active.items() if owner == richest))
    return Share((), stolen)


class Ownerships:
    """One host's part in sharing a hub."""

    def __init__(self, store: BlobCheckpointStore, hub: Hub, me: str, expiration: timedelta) -> None:
        self._store = store
        self._hub = hub
        self._me = me
        self._expiration = expiration.total_seconds()
        self._chance = random.Random()
        self._mine: dict[str, dict[str, Any]] = {}

    async def balance(self, partitions: Sequence[str]) -> tuple[frozenset[str], bool]:
        """Renews what is owned and claims its share; the partitions owned now, and whether one was stolen.

        Raises AzureError when the storage can't be used; what was owned stays so.
        """
        names = self._hub.names()
        listed: list[dict[str, Any]] = list(await self._store.list_ownership(*names.values()))
        known = [
            Ownership(one["partition_id"], one["owner_id"] or NOBODY, one["last_modified_time"] or 0.0)
            for one in listed
        ]
        share = share_of(self._me, partitions, known, time.time(), self._expiration, self._chance)
        by_partition = {one["partition_id"]: one for one in listed}
        mine = [one.partition for one in known if one.owner == self._me]
        wanted = dict.fromkeys([*mine, *share.free, *([share.stolen] if share.stolen else [])])
        claims = [{**by_partition.get(each, {"partition_id": each, **names}), "owner_id": self._me} for each in wanted]
        claimed: list[Mapping[str, Any]] = list(await self._store.claim_ownership(claims)) if claims else []
        self._mine = {one["partition_id"]: dict(one) for one in claimed}
        return frozenset(self._mine), share.stolen is not None

    async def release(self) -> None:
        """Frees what is owned, so that another host need not wait for it to expire. Raises AzureError."""
        given_up = [{**one, "owner_id": NOBODY} for one in self._mine.values()]
        self._mine = {}
        if given_up:
            await self._store.claim_ownership(given_up)
