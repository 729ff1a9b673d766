"""`python -m benchmarks.digital_twins`: how fast the local Digital Twins is, through the unmodified aio SDK.

HTTPS with the token check, everything flushed before it is acknowledged. Clients are processes of their own
(benchmarks.digital_twins_client): a patch costs the SDK about three times what it costs the server.
"""

import contextlib
import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import httpx
import psutil

from benchmarks.digital_twins_client import INTERFACE, TWINS
from benchmarks.table import Measure, print_table
from local.event_hubs_namespace import connection_string
from local.launch import ServerProcess

PATCHES = 10_000
CLIENTS = 2
API = {"api-version": "2023-10-31"}
ROUTE = {"endpointName": "events", "filter": "type = 'Microsoft.DigitalTwins.Twin.Update'"}
EVENTS_PER_PATCH = 3
"""One event for the route, and a history record for each of two properties."""


@dataclass(frozen=True)
class Run:
    """What the clients did together, and what it cost on both sides, in CPU seconds."""

    operations: int
    seconds: float
    client_cpu: float
    server_cpu: float

    @property
    def speed(self) -> float:
        return self.operations / self.seconds


class Bench:
    """A server with a thousand twins, and its clients."""

    def __init__(self, server: ServerProcess, trust: Path) -> None:
        self.server = server
        self.process = psutil.Process(server.pid)
        self._trust = trust
        self._http = httpx.Client(base_url=str(server.admin), params=API, timeout=60)
        self._http.post("/models", json=[INTERFACE]).raise_for_status()
        self.run("put", TWINS)

    def route_updates(self) -> None:
        self._http.put("/eventroutes/updates", json=ROUTE).raise_for_status()

    def seconds_until_delivered(self) -> float:
        """Until Event Hubs has accepted all that the changes so far had to tell."""
        started = time.perf_counter()
        while self._http.get("/_local/health").json()["undelivered"]:
            time.sleep(0.05)
        return time.perf_counter() - started

    def run(self, kind: str, count: int) -> Run:
        """The work split between client processes that begin together."""
        before = self._cpu()
        share = count // CLIENTS
        command = [sys.executable, "-m", "benchmarks.digital_twins_client", kind, self.server.url, str(self._trust)]
        clients = [
            subprocess.Popen(
                [*command, str(number * share), str(share)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
            )
            for number in range(CLIENTS)
        ]
        for client in clients:
            assert client.stdout is not None
            client.stdout.readline()
        results = [json.loads(output) for output, _ in _together(clients)]
        return Run(
            sum(result["operations"] for result in results),
            max(result["seconds"] for result in results),
            sum(result["cpu"] for result in results),
            self._cpu() - before,
        )

    @property
    def resident(self) -> float:
        return float(self.process.memory_info().rss / 1e6)

    def _cpu(self) -> float:
        times = self.process.cpu_times()
        return float(times.user + times.system)


def _together(clients: list[subprocess.Popen[str]]) -> list[tuple[str, str]]:
    """Lets the waiting clients begin, and gives what each printed at its end."""
    for client in clients:
        assert client.stdin is not None
        client.stdin.write("\n")
        client.stdin.flush()
    return [client.communicate() for client in clients]


def main() -> None:
    with bench() as alone:
        rows = [*patches(alone), *reads(alone), Measure("resident memory, 1,000 twins", alone.resident, "MB")]
    with bench_with_events() as telling:
        rows += patches_that_tell(telling)
    print_table(f"Local Digital Twins (HTTPS, token check, flushed; {CLIENTS} client processes of the aio SDK)", rows)


def patches(bench: Bench) -> list[Measure]:
    """Two tags with their source times in each patch, over a thousand twins."""
    done = bench.run("patch", PATCHES)
    return [
        Measure("patches through the aio SDK", done.speed, "/s", 1000),
        Measure("CPU of a patch in the SDK", done.client_cpu / done.operations * 1e6, "µs"),
        Measure("CPU of a patch in the server", done.server_cpu / done.operations * 1e6, "µs"),
    ]


def reads(bench: Bench) -> list[Measure]:
    done = bench.run("get", PATCHES)
    return [
        Measure("twins read by id through the aio SDK", done.speed, "/s"),
        Measure("CPU of a read in the server", done.server_cpu / done.operations * 1e6, "µs"),
    ]


def patches_that_tell(bench: Bench) -> list[Measure]:
    """The same patches with a route and data history: three events each, delivered to the local Event Hubs."""
    bench.route_updates()
    bench.seconds_until_delivered()
    done = bench.run("patch", PATCHES)
    rest = bench.seconds_until_delivered()
    return [
        Measure("patches that tell of themselves, aio SDK", done.speed, "/s"),
        Measure("CPU of such a patch in the server, its events sent", done.server_cpu / done.operations * 1e6, "µs"),
        Measure("events delivered meanwhile", EVENTS_PER_PATCH * PATCHES / (done.seconds + rest), "/s"),
        Measure("until the last one was delivered", rest, "s"),
    ]


@contextlib.contextmanager
def bench(*arguments: str) -> Iterator[Bench]:
    """A server on temporary data, with a thousand twins."""
    with tempfile.TemporaryDirectory() as data:
        trust = Path(data) / "trust"
        common = ["--data", f"{data}/twins", "--trust", str(trust), "--http", "0"]
        with ServerProcess("digital_twins", [*common, *arguments], has_admin=True).start() as server:
            yield Bench(server, trust)


@contextlib.contextmanager
def bench_with_events() -> Iterator[Bench]:
    """The same, with endpoints in a local Event Hubs."""
    with (
        tempfile.TemporaryDirectory() as data,
        ServerProcess("event_hubs", ["--data", data], has_admin=True).start() as hubs,
        bench(
            *("--endpoint", "events=twin-events", "--history", "twin-history"),
            *("--event-hubs", connection_string(hubs.port)),
        ) as made,
    ):
        yield made


if __name__ == "__main__":
    main()
