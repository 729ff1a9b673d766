"""Functions, Digital Twins, and the logs."""

import math

from operations.size.facts import MEASURED_BY, Measured, Prices
from operations.size.fleet import HEADROOM, SECONDS_A_MONTH, Load
from operations.size.partitions import batches, busy_partitions, partitions
from operations.size.parts import Charge, Figure, Part, Use

FLEX = "https://learn.microsoft.com/azure/azure-functions/flex-consumption-plan"
TWINS = "https://learn.microsoft.com/azure/digital-twins/reference-service-limits"
APP = "operations/size/compute.py"
INSTANCE_GIGABYTES = 2
"""An instance of the Flex Consumption plan: 2,048 MB and one core."""
MOST_INSTANCES = 1_000
LEAST_SECONDS = 1.0
"""An execution is billed for at least so long."""
MOST_TWINS = 2_000_000
MOST_PATCHES, MOST_READS = 1_000, 1_000
PARENT_SHARE = 0.1
"""Patches of parents to each patch of an asset: propagate_twins sends one for a burst of children."""
LOGGED_BYTES = 2_000
"""Of one execution: its traces and metrics."""


def functions(load: Load, measured: Measured, prices: Prices) -> Part:
    """Each function scales by itself in the Flex Consumption plan."""
    seconds = measured.counted(load).seconds / 1000 / 2  # measured of two functions together
    count = partitions(busy_partitions(load, measured))
    flows = (load.messages, load.messages, load.twin_updates, load.twin_updates)
    executions = [batches(rate, count) for rate in flows]
    instances = sum(math.ceil(rate * seconds / HEADROOM) for rate in flows)
    busy = sum(
        max(rate * seconds, min(1.0, each * LEAST_SECONDS)) for rate, each in zip(flows, executions, strict=True)
    )
    return Part(
        "Functions",
        (
            Figure("instances of 2,048 MB", instances, f"{FLEX}; {MEASURED_BY}"),
            Figure("executions/s", sum(executions), "host.json, batch sizes"),
        ),
        (
            Charge("time", busy * INSTANCE_GIGABYTES * SECONDS_A_MONTH, prices["functionsTime"]),
            Charge("executions", sum(executions) * SECONDS_A_MONTH / 1e6, prices["functionsExecutions"]),
            Charge("logs", sum(executions) * LOGGED_BYTES * SECONDS_A_MONTH / 1e9, prices["logs"]),
        ),
        (Use("instances of an app", instances, MOST_INSTANCES, FLEX),),
    )


def digital_twins(load: Load, prices: Prices) -> Part:
    """One twin for each device; each update reads the twin and patches it, and its parent now and then."""
    if not load.twin_updates:
        return Part("Digital Twins", (Figure("operations/s", 0, APP),), (), ())
    patches = load.twin_updates * (1 + PARENT_SHARE)
    reads = load.twin_updates * (1 + PARENT_SHARE)
    messages = load.twin_updates * (1 + load.readings)
    return Part(
        "Digital Twins",
        (
            Figure("twins", load.devices, APP),
            Figure("patches/s", patches, APP),
            Figure("operations/s", patches + reads, APP),
        ),
        (
            Charge("operations", (patches + reads) * SECONDS_A_MONTH / 1e6, prices["twinOperations"]),
            Charge("messages to the hubs", messages * SECONDS_A_MONTH / 1e6, prices["twinMessages"]),
        ),
        (
            Use("twins of an instance", load.devices, MOST_TWINS, TWINS),
            Use("patches/s of an instance", patches / HEADROOM, MOST_PATCHES, TWINS),
            Use("reads/s of an instance", reads / HEADROOM, MOST_READS, TWINS),
        ),
    )
