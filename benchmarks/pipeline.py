"""The whole stack: how many events a second it carries, how soon they are queryable, what it takes for that.

A first run is as fast as the hub takes events; the latencies are measured at a given rate, as a fleet sends.
"""

import asyncio
import os
import threading
import time
from argparse import ArgumentParser
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import count, islice

import psutil

from benchmarks.table import Measure, percentile, print_table
from local.iot_hub.access import SERVICE_KEY, SERVICE_POLICY
from local.process import collect_garbage_rarely
from local.stack.connections import TOPOLOGY, Connections
from local.stack.counts import Counting
from local.stack.proof import Curve, waits
from local.stack.servers import Servers
from local.stack.temporary import temporary_stack
from simulator.fleet import Fleet, FleetPlan
from simulator.recordings import motes
from simulator.replay import replay
from simulator.samples import Message, message_of
from simulator.senders import HttpsSender, HubSender, IotHubAddress, Sender

FULL_RATE, HTTPS_RATE, CALM_RATE = 3_000, 1_500, 1_000
WARM_UP = 1_000
QUARTERS = 4
PATIENCE_SECONDS = 300.0
_SAMPLE_SECONDS = 0.1
_SELDOM_SECONDS = 0.5
"""Between two looks when no latency is measured: each costs both sides some milliseconds of processor time."""
_MEGABYTE = 1_000_000


@dataclass(frozen=True, slots=True)
class Passage:
    """Messages on their way through: seconds until the last was queryable, and each point's wait.

    `cpu` is in seconds by process, `resident` in megabytes by server, once after each quarter of the messages.
    """

    messages: int
    sending_seconds: float
    seconds: float
    waits: list[float]
    cpu: Mapping[str, float]
    resident: list[Mapping[str, float]]

    @property
    def rate(self) -> float:
        return self.messages / self.seconds


@dataclass(frozen=True, slots=True)
class Load:
    """How much is sent: events at full speed by each way, seconds at each given rate."""

    events: int
    https_events: int
    seconds: int
    fleet: int | None

    def messages(self, number: int) -> list[Message]:
        """Each call makes others, so that none is a duplicate of an earlier run's."""
        return list(islice(self._of_fleet(self.fleet) if self.fleet else _recorded(), number))

    def _of_fleet(self, devices: int) -> Iterator[Message]:
        fleet = Fleet(FleetPlan(devices=devices, duplicates=0, name=f"{time.monotonic_ns()}-"))
        return fleet.messages(datetime.now(UTC) - timedelta(hours=12), timedelta(seconds=1))


_DAYS = count(1)


def _recorded() -> Iterator[Message]:
    """The recorded data over and over, each time as of another day."""
    for day in _DAYS:
        yield from map(message_of, motes(datetime.now(UTC) - timedelta(days=day)))


class Stack:
    """A running stack, and how much its processes have used."""

    def __init__(self, servers: Servers, connections: Connections) -> None:
        self._servers = servers
        self.connections = connections
        self._counting = Counting(connections, servers.by_name["event_hubs"])

    def pass_through(self, messages: list[Message], sender: Sender, rate: float | None) -> Passage:
        """Sends the messages and waits until all are queryable. Raises TimeoutError."""
        collect_garbage_rarely()  # the messages are not to be looked through again and again
        used, sent = self._cpu(), Curve([], [])
        before, start = self._counting.bronze(), time.monotonic()
        sending = threading.Thread(target=_send, args=(messages, sender, rate, sent.note))
        sending.start()
        every = _SELDOM_SECONDS if rate is None else _SAMPLE_SECONDS
        queryable, resident = self._watch(before, len(messages), every)
        seconds = queryable.times[-1] - start
        sending.join()
        cpu = {name: seconds - used[name] for name, seconds in self._cpu().items()}
        return Passage(len(messages), sent.times[-1] - start, seconds, waits(sent, queryable), cpu, resident)

    def _watch(self, before: int, messages: int, every: float) -> tuple[Curve, list[Mapping[str, float]]]:
        """How many of the messages were queryable when, and what was resident after each quarter of them."""
        queryable, resident = Curve([], []), list[Mapping[str, float]]()
        deadline = time.monotonic() + PATIENCE_SECONDS
        while True:
            count = self._counting.bronze() - before
            queryable.note(count)
            while len(resident) < QUARTERS and count * QUARTERS >= messages * (len(resident) + 1):
                resident.append(self.resident_by_server())
            if count >= messages:
                return queryable, resident
            if time.monotonic() > deadline:
                raise TimeoutError(f"{count:,} of {messages:,} were queryable in time")
            time.sleep(every)

    def resident(self) -> float:
        """Megabytes of all servers together."""
        return sum(self.resident_by_server().values())

    def resident_by_server(self) -> Mapping[str, float]:
        """Megabytes."""
        trees = self._trees().items()
        return {name: sum(each.memory_info().rss for each in tree) / _MEGABYTE for name, tree in trees}

    def _cpu(self) -> dict[str, float]:
        used = {name: sum(_cpu_seconds(each) for each in tree) for name, tree in self._trees().items()}
        return {**used, "the sender and this benchmark": _cpu_seconds(psutil.Process())}

    def _trees(self) -> dict[str, list[psutil.Process]]:
        roots = {name: psutil.Process(server.pid) for name, server in self._servers.by_name.items()}
        return {name: [root, *root.children(recursive=True)] for name, root in roots.items()}


def main() -> None:
    parser = ArgumentParser(prog="python -m benchmarks.pipeline", description=__doc__)
    parser.add_argument("--events", type=int, default=200_000, help="straight to the hub (default 200,000)")
    parser.add_argument("--https-events", type=int, default=20_000, help="as devices, over HTTPS (default 20,000)")
    parser.add_argument("--seconds", type=int, default=20, help="how long at each given rate (default 20)")
    parser.add_argument("--fleet", type=int, help="so many devices, 4 readings each, not the recorded motes' 2")
    asked = parser.parse_args()
    measures: list[Measure] = []
    try:
        with running() as stack:
            load = Load(asked.events, asked.https_events, asked.seconds, asked.fleet)
            measures.extend(measure(stack, load))
    finally:  # what was measured until then, when the stack does not get through in time
        who = (
            f"{asked.fleet} devices, 4 readings an event"
            if asked.fleet
            else "recorded data, 4 motes, 2 readings an event"
        )
        title = f"The pipeline, whole stack, {os.cpu_count()} cores; {who}"
        print_table(title, measures)


@contextmanager
def running() -> Iterator[Stack]:
    with temporary_stack() as servers:
        assert servers.connections is not None
        yield Stack(servers, servers.connections)


def measure(stack: Stack, load: Load) -> Iterator[Measure]:
    stack.pass_through(load.messages(WARM_UP), _hub_sender(stack.connections), None)  # first, clients are built
    fresh = stack.resident()
    yield from _straight(stack, load)
    https = stack.pass_through(load.messages(load.https_events), _https_sender(stack.connections), None)
    yield Measure(f"{load.https_events:,} events over HTTPS", https.rate, "/s", HTTPS_RATE)
    for rate, most in ((FULL_RATE, 5), (CALM_RATE, 2)):
        paced = stack.pass_through(load.messages(rate * load.seconds), _hub_sender(stack.connections), rate)
        yield Measure(f"device to queryable at {rate:,}/s, p50", percentile(paced.waits, 50), "s")
        yield Measure(f"device to queryable at {rate:,}/s, p99", percentile(paced.waits, 99), "s", most, "lower")
    yield Measure("resident memory before the first run", fresh, "MB")
    yield Measure("resident memory at the end", stack.resident(), "MB", 2_000, "lower")


def _straight(stack: Stack, load: Load) -> Iterator[Measure]:
    full = stack.pass_through(load.messages(load.events), _hub_sender(stack.connections), None)
    yield Measure(f"{load.events:,} events straight to the hub", full.rate, "/s", FULL_RATE)
    yield Measure("  accepted by the hub", full.messages / full.sending_seconds, "/s")
    for name, used in sorted(full.cpu.items(), key=lambda each: -each[1]):
        yield Measure(f"  processor time per event: {name}", used / load.events * 1e6, "µs")
    yield Measure("  processor time per event: all", sum(full.cpu.values()) / load.events * 1e6, "µs")
    yield from _resident(full)


def _resident(passage: Passage) -> Iterator[Measure]:
    """Whether memory is flat: all servers, then each, which was how large after the quarters before."""
    totals = [sum(each.values()) for each in passage.resident]
    yield Measure(f"resident memory after {passage.messages:,} events", totals[-1], "MB", 2_000, "lower")
    yield Measure("  of it grown in the second half", totals[-1] - totals[1], "MB")
    for name, last in sorted(passage.resident[-1].items(), key=lambda each: -each[1]):
        earlier = ", ".join(f"{each[name]:,.0f}" for each in passage.resident[:-1])
        yield Measure(f"  {name} (after the quarters before: {earlier})", last, "MB")


def _hub_sender(connections: Connections) -> HubSender:
    return HubSender(connections.event_hubs, next(iter(TOPOLOGY["eventHubs"])))


def _https_sender(connections: Connections) -> HttpsSender:
    authority = connections.trust.authority
    return HttpsSender(IotHubAddress(connections.iot_hub, authority, SERVICE_POLICY, SERVICE_KEY))


def _send(messages: list[Message], sender: Sender, rate: float | None, told: Callable[[int], None]) -> None:
    async def send() -> None:
        async with sender:
            await replay(messages, sender, rate=rate, told=told)

    asyncio.run(send())


def _cpu_seconds(process: psutil.Process) -> float:
    times = process.cpu_times()
    return times.user + times.system


if __name__ == "__main__":
    main()
