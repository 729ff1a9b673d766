"""Functions, and their logs."""

import math

from operations.size.facts import MEASURED_BY, Measured, Prices
from operations.size.fleet import HEADROOM, SECONDS_A_MONTH, Load
from operations.size.partitions import batches, busy_partitions, partitions
from operations.size.parts import Charge, Figure, Part, Use
from operations.size.twins import work

FLEX = "https://learn.microsoft.com/azure/azure-functions/flex-consumption-plan"
INSTANCE_GIGABYTES = 2
"""An instance of the Flex Consumption plan: 2,048 MB and one core."""
MOST_INSTANCES = 1_000
LEAST_SECONDS = 1.0
"""An execution is billed for at least so long."""
LOGGED_BYTES = 2_000
"""Of one execution: its traces and metrics."""


def functions(load: Load, measured: Measured, prices: Prices) -> Part:
    """Each function scales by itself in the Flex Consumption plan."""
    seconds = measured.counted(load).seconds / 1000 / 2  # measured of two functions together
    count = partitions(busy_partitions(load, measured))
    for_twins = (load.messages, work(load, measured).patches) if load.changed else ()
    flows = (load.messages, load.messages, *for_twins)
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
