"""Partitions, and the batches that the triggers make of what comes in on them."""

from operations.size.facts import Measured
from operations.size.fleet import HEADROOM, Load
from shared.gateways.cosmos import CONCURRENT_PARTITIONS
from shared.gateways.event_hubs import LANES

REQUEST_SECONDS = 0.010
"""Of one request to Cosmos DB or Event Hubs in the same region (Cosmos DB's SLA: < 10 ms at the 99th percentile)."""
FEWEST, MOST = 4, 32
"""topology.json's, and what a hub of the standard tier can have."""
MOST_PARTITIONS_SOURCE = "https://learn.microsoft.com/azure/event-hubs/event-hubs-quotas"
SMALLEST_BATCH = 50
"""host.json: minEventBatchSize, unless maxWaitTime (1 s) is over."""


def store_seconds(load: Load, measured: Measured) -> float:
    """Of `store_telemetry`, for one event: processor time, and waiting for its share of the requests."""
    counted = measured.counted(load)
    return (counted.seconds + counted.requests * REQUEST_SECONDS / CONCURRENT_PARTITIONS) / 1000


def forward_seconds(load: Load, measured: Measured) -> float:
    """Of `forward_changes`, for one event: processor time, and waiting for its share of the sends."""
    counted = measured.counted(load)
    return (counted.seconds + counted.sends * REQUEST_SECONDS / LANES) / 1000


def busy_partitions(load: Load, measured: Measured) -> float:
    """Partitions of the telemetry hub that are kept busy all the time: one carries one batch after another."""
    return load.messages * store_seconds(load, measured)


def partitions(busy: float) -> int:
    """A power of two, so that it divides the work evenly among instances; MOST when even that is too few."""
    count = FEWEST
    while count < MOST and busy > HEADROOM * count:
        count *= 2
    return count


def batches(events: float, count: int) -> float:
    """Batches a second: none waits for more than a second for its 50 events."""
    return max(min(events, count), events / SMALLEST_BATCH)
