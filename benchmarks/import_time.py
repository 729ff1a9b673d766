"""`python -m benchmarks.import_time`: what importing the app costs a cold worker beyond azure.functions itself.

Each run is a fresh interpreter; CPU milliseconds, so that a busy machine does not count; the median of several.
"""

import os
import subprocess
import sys

from benchmarks.table import Measure, median, print_table
from local.launch import PROJECT

RUNS = 11
SETTINGS = {
    "AzureWebJobsStorage": "UseDevelopmentStorage=true",
    "EventHubs": "Endpoint=sb://127.0.0.1;SharedAccessKeyName=n;SharedAccessKey=k",
    "CosmosDB": "AccountEndpoint=http://127.0.0.1:8081/;AccountKey=a2V5",
    "TELEMETRY_HUB": "telemetry",
    "COSMOS_DATABASE": "iot",
}
PROGRAM = """
import time
import azure.functions
before = time.process_time()
import function_app
import sys
after = time.process_time()
print((after - before) * 1000)
print(sum(name.startswith(("azure.cosmos", "azure.eventhub", "azure.storage", "azure.core")) for name in sys.modules))
"""


def main() -> None:
    runs = [_run() for _ in range(RUNS + 1)][1:]
    print_table(
        "Importing function_app",
        [
            Measure("beyond `import azure.functions`, median", median([cost for cost, _ in runs]), "ms", 120, "lower"),
            Measure("fastest", min(cost for cost, _ in runs), "ms"),
            Measure("modules of the Azure SDKs imported by it", runs[0][1], "", 0, "lower"),
        ],
    )


def _run() -> tuple[float, float]:
    result = subprocess.run(
        [sys.executable, "-c", PROGRAM],
        cwd=PROJECT,
        env={**os.environ, **SETTINGS},
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        check=True,
    )
    cost, modules = result.stdout.split()
    return float(cost), float(modules)


if __name__ == "__main__":
    main()
