"""When messages of queued ingestion are ingested: the batching policy of their table.

Source: Microsoft Learn, "IngestionBatching policy": a batch is sealed by time, number of items, size of data, or
because a message asks for it. The service's default is 5 minutes; here it is one second, and a policy that was set is
kept to.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from local.data_explorer.database import Database
from local.data_explorer.ingestion.times import TICKS_PER_SECOND, timespan_ticks

_DEFAULT_SECONDS = 1.0
_DEFAULT_ITEMS = 500
_DEFAULT_MEGABYTES = 1024


@dataclass(frozen=True)
class Batching:
    """The bounds of one batch."""

    seconds: float = _DEFAULT_SECONDS
    items: int = _DEFAULT_ITEMS
    size: int = _DEFAULT_MEGABYTES * 1024 * 1024

    def is_due(self, *, age: float, items: int, size: int) -> bool:
        return age >= self.seconds or items >= self.items or size >= self.size


def batching(database: Database, table: str) -> Batching:
    """The policy of the table, or else of the database, or else the default."""
    catalog = database.catalog
    policy = catalog.policy("table", table, "ingestionbatching")
    if policy is None:
        policy = catalog.policy("database", database.name, "ingestionbatching")
    return _parsed(policy) if isinstance(policy, Mapping) else Batching()


def _parsed(policy: Mapping[str, object]) -> Batching:
    ticks = timespan_ticks(str(policy.get("MaximumBatchingTimeSpan", "")))
    return Batching(
        _DEFAULT_SECONDS if ticks is None else ticks / TICKS_PER_SECOND,
        int(str(policy.get("MaximumNumberOfItems", _DEFAULT_ITEMS))),
        int(str(policy.get("MaximumRawDataSizeMB", _DEFAULT_MEGABYTES))) * 1024 * 1024,
    )
