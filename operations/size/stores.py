"""Cosmos DB, Data Explorer, and the storage account."""

import math

from operations.size.facts import MEASURED_BY, Measured, Prices
from operations.size.fleet import HEADROOM, SECONDS_A_DAY, SECONDS_A_MONTH, Load
from operations.size.partitions import batches, busy_partitions, forward_seconds, partitions
from operations.size.parts import Charge, Figure, Part, Use
from operations.size.twins import work

COSMOS = "https://learn.microsoft.com/azure/cosmos-db/concepts-limits"
SERVERLESS = "https://learn.microsoft.com/azure/cosmos-db/serverless"
EXPLORER = "https://learn.microsoft.com/azure/data-explorer/manage-cluster-choose-sku"
STREAMING = "https://learn.microsoft.com/azure/data-explorer/ingest-data-streaming"
BLOBS = "https://learn.microsoft.com/azure/storage/common/scalability-targets-standard-account"
DAYS_KEPT = 30
"""Of a document: topology.json, defaultTtl."""
MOST_CONTAINER_UNITS, MOST_SERVERLESS_UNITS = 1_000_000, 5_000
PHYSICAL_UNITS, PHYSICAL_GIGABYTES = 10_000, 50
AUTOSCALE_STEP = 1_000
LEAST_UNITS_A_GIGABYTE = 10
LOGICAL_UNITS, LOGICAL_GIGABYTES = 10_000, 20
FEED_UNITS = 0.28
"""Request units to give one more kilobyte in a page of the change feed (local/cosmos/charges.py, page)."""
IDLE_UNITS = 2.3 / 0.5 + 10 / 17
"""A feed range without changes: an empty page each half second, a lease renewal each 17 s."""
CORE_MEGABYTES = 1.5
"""MB/s of raw events that one vCPU takes in: an eighth of the 200 MB/s a node that Data Explorer's overview names."""
COMPRESSION = 0.1
"""What is kept of raw bytes."""
SILVER_BYTES = 150
"""Of one reading, before compression."""
HOT_DAYS = {"Bronze": 7, "Silver": 31, "Readings": 31}
KEPT_DAYS = {"Bronze": 90, "Silver": 365, "Readings": 365}
"""kql/: what is hot, and what has gathered after a year."""
NODES = (("Standard_E2ads_v5", 2, 75), ("Standard_E4ads_v5", 4, 150), ("Standard_E8ads_v5", 8, 300))
LARGEST = ("Standard_E16ads_v5", 16, 600)
DEV = ("Dev(No SLA)_Standard_E2a_v4", 2, 24)
MOST_NODES = 1_000
STREAMED_GIGABYTES = 4
"""Of one table in an hour: above it, queued ingestion is cheaper."""
MOST_BLOB_REQUESTS = 20_000
_GIGABYTE = 1e9


def cosmos(load: Load, measured: Measured, prices: Prices) -> Part:
    """Serverless where that is cheaper, else autoscale.

    One feed range is read by one instance, one page after another, so there must be enough of them.
    """
    document = measured.document(load)
    stored = load.messages * document * SECONDS_A_DAY * DAYS_KEPT / _GIGABYTE
    documents = load.messages * (measured.storing(load) + 0.03 + FEED_UNITS * document / 1024)
    reading = load.messages * forward_seconds(load, measured) / HEADROOM
    ranges = max(1, math.ceil(documents / HEADROOM / PHYSICAL_UNITS), math.ceil(stored / PHYSICAL_GIGABYTES))
    used = documents + max(ranges, math.ceil(reading)) * IDLE_UNITS
    most = max(used / HEADROOM, reading * PHYSICAL_UNITS, stored * LEAST_UNITS_A_GIGABYTE)
    autoscale = math.ceil(most / AUTOSCALE_STEP) * AUTOSCALE_STEP
    billed = max(used, 0.1 * autoscale)
    by_autoscale = Charge("autoscale", billed / 100 * SECONDS_A_MONTH / 3600, prices["autoscaleThroughput"])
    by_use = Charge("serverless", used * SECONDS_A_MONTH / 1e6, prices["serverlessRequestUnits"])
    is_serverless = most <= MOST_SERVERLESS_UNITS and by_use.dollars < by_autoscale.dollars
    return Part(
        "Cosmos DB",
        (
            Figure("throughput", "serverless" if is_serverless else "autoscale", SERVERLESS),
            Figure("RU/s, most", autoscale, f"{MEASURED_BY}; local/cosmos/README.md, request charges"),
            Figure("RU/s, used", used, f"{MEASURED_BY}; local/cosmos/README.md, request charges"),
            Figure("requests/s", load.messages * measured.counted(load).requests / 1000, MEASURED_BY),
            Figure("GB stored", stored, "topology.json, defaultTtl"),
        ),
        (by_use if is_serverless else by_autoscale, Charge("documents", stored, prices["cosmosStorage"])),
        (
            Use("RU/s of a container", autoscale, MOST_CONTAINER_UNITS, COSMOS),
            Use("RU/s of one device's day", load.rate * measured.storing(load), LOGICAL_UNITS, COSMOS),
            Use("GB of one device's day", load.rate * document * SECONDS_A_DAY / _GIGABYTE, LOGICAL_GIGABYTES, COSMOS),
        ),
    )


def data_explorer(load: Load, measured: Measured, prices: Prices, *, is_only: bool) -> Part:
    """The smallest cluster that takes the events in and keeps the hot days on its disks.

    A fleet of one small deployment gets the developer SKU: one node, no SLA.
    """
    event = measured.analytics_event(load)
    megabytes = load.messages * event / 1e6
    rows = load.messages * load.readings * SILVER_BYTES
    each = {"Bronze": load.messages * event, "Silver": rows, "Readings": rows}
    a_day = {name: size * SECONDS_A_DAY * COMPRESSION / _GIGABYTE for name, size in each.items()}
    hot = sum(a_day[name] * days for name, days in HOT_DAYS.items())
    kept = sum(a_day[name] * days for name, days in KEPT_DAYS.items())
    (sku, cores, _), nodes = _cluster(megabytes / CORE_MEGABYTES / HEADROOM, hot / HEADROOM, is_only=is_only)
    hours = SECONDS_A_MONTH / 3600
    # Two more nodes of two vCPUs manage the data; the developer SKU has one. Neither pays the markup.
    machines = nodes * cores + (2 if sku == DEV[0] else 4)
    markup = 0 if sku == DEV[0] else nodes * cores
    return Part(
        "Data Explorer",
        (
            Figure("SKU", sku, EXPLORER),
            Figure("nodes", nodes, EXPLORER),
            Figure("MB/s in", megabytes, MEASURED_BY),
            Figure("GB hot", hot, "kql/, caching policies"),
            Figure("GB kept after a year", kept, "kql/, retention policies"),
        ),
        (
            Charge("machines", machines * hours, prices["explorerCores"]),
            Charge("Data Explorer markup", markup * hours, prices["explorerMarkup"]),
            Charge("data after a year", kept, prices["blobStorage"]),
        ),
        (
            Use("nodes of a cluster", nodes, MOST_NODES, EXPLORER),
            Use("GB an hour streamed into Bronze", megabytes * 3.6, STREAMED_GIGABYTES, STREAMING, is_advice=True),
        ),
    )


def _cluster(cores: float, gigabytes: float, *, is_only: bool) -> tuple[tuple[str, int, int], int]:
    """A SKU and its nodes. Clusters grow in powers of two, until only more of the largest nodes will do."""
    if is_only and cores <= DEV[1] and gigabytes <= DEV[2]:
        return DEV, 1
    for sku in NODES:
        if cores <= 2 * sku[1] and gigabytes <= 2 * sku[2]:
            return sku, 2
    return LARGEST, max(2, math.ceil(cores / LARGEST[1]), math.ceil(gigabytes / LARGEST[2]))


def storage(load: Load, measured: Measured, prices: Prices) -> Part:
    """The Functions host's account: a checkpoint for each batch, a renewal of each partition's lease each 10 s."""
    count = partitions(busy_partitions(load, measured))
    for_twins = (load.messages, work(load, measured).patches) if load.changed else ()
    writes = sum(batches(rate, count) + count / 10 for rate in (load.messages, *for_twins))
    return Part(
        "Storage",
        (Figure("blob writes/s", writes, "host.json; operations/size/partitions.py"),),
        (Charge("checkpoints and leases", writes * SECONDS_A_MONTH / 1e6, prices["blobWrites"]),),
        (Use("requests/s of an account", writes, MOST_BLOB_REQUESTS, BLOBS),),
    )
