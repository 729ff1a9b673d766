"""`python -m benchmarks.functions_host`: events per second through a trivial handler, and what each costs.

The broker, Azurite and the host are processes of their own; CPU seconds are the host's alone.
"""

import json
import tempfile
import time
from pathlib import Path

import psutil
from azure.eventhub import EventData, EventHubProducerClient

from benchmarks.table import Measure, print_table
from local.azurite import Azurite
from local.event_hubs_namespace import connection_string
from local.launch import ServerProcess

EVENTS = 100_000
PARTITIONS = 4
BODY = json.dumps(
    {"temperature": {"SourceTimestamp": "2025-02-04T11:24:52.9911021Z", "Value": 11.23}, "pad": "x" * 150}
)
HOST_JSON = {"version": "2.0", "extensions": {"eventHubs": {"maxEventBatchSize": 256, "prefetchCount": 1000}}}
APP = """
import os
import typing
from pathlib import Path
import azure.functions as func

app = func.FunctionApp()
seen = 0

@app.event_hub_message_trigger(
    arg_name="events", event_hub_name="hub", connection="EventHubs", cardinality="many", data_type="binary"
)
async def count(events: typing.List[func.EventHubEvent]) -> None:
    global seen
    seen += len(events)
    if seen >= int(os.environ["EVENTS"]):
        Path(os.environ["DONE"]).touch()
"""


def main() -> None:
    with tempfile.TemporaryDirectory() as folder, Azurite() as azurite:
        data = Path(folder)
        broker = ServerProcess(
            "event_hubs", ["--data", str(data / "hubs"), "--hub", f"hub:{PARTITIONS}"], has_admin=True
        )
        with broker:
            connection = connection_string(broker.port)
            _fill(connection)
            print_table("Local Functions host", _measure(data, connection, azurite.connection_string))


def _fill(connection: str) -> None:
    with EventHubProducerClient.from_connection_string(connection, eventhub_name="hub") as producer:
        for first in range(0, EVENTS, 500):
            batch = producer.create_batch(partition_id=str(first // 500 % PARTITIONS))
            for _ in range(500):
                event = EventData(BODY)
                event.properties = {"asset": "site01/freezer01"}
                batch.add(event)
            producer.send_batch(batch)


def _measure(data: Path, connection: str, storage: str) -> list[Measure]:
    app = data / "app"
    app.mkdir()
    (app / "host.json").write_text(json.dumps(HOST_JSON))
    (app / "function_app.py").write_text(APP)
    done = data / "done"
    settings = {"EventHubs": connection, "AzureWebJobsStorage": storage, "EVENTS": str(EVENTS), "DONE": str(done)}
    arguments = ["--app", str(app), "--data", str(data / "host")]
    began = time.perf_counter()
    with ServerProcess("functions_host", arguments, environment=settings) as host:
        ready = time.perf_counter()
        cpu = _cpu(host)
        while not done.exists():
            time.sleep(0.01)
        wall, cpu = time.perf_counter() - ready, _cpu(host) - cpu
        return [
            Measure("events through a trivial handler", EVENTS / wall, "events/s", 5_000),
            Measure("events for each second of the host's CPU", EVENTS / cpu, "events/s"),
            Measure("start until it listens", (ready - began) * 1000, "ms"),
            Measure("resident memory", psutil.Process(host.pid).memory_info().rss / 2**20, "MiB"),
        ]


def _cpu(host: ServerProcess) -> float:
    times = psutil.Process(host.pid).cpu_times()
    return times.user + times.system


if __name__ == "__main__":
    main()
