"""The main job, shown: recorded telemetry in, KQL answers out, and every count on the way compared."""

import asyncio
import threading
import time
from bisect import bisect_left
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial

from rich.console import Console
from rich.table import Table

from local.stack.connections import TOPOLOGY
from local.stack.counts import Counting, Counts
from local.stack.servers import Servers
from local.stack.supervisor import Supervisor
from local.stack.twin_graph import TwinGraph
from local.stack.twin_proof import (
    Newest,
    held_by_history,
    held_by_twins,
    newest_of,
    wait_until_held,
    wait_until_settled,
)
from local.stack.twin_tree import twin_tree
from simulator.recordings import motes
from simulator.replay import replay_with_progress
from simulator.samples import Message, message_of
from simulator.senders import HubSender

STALLED_SECONDS = 60
"""Without any progress for so long, what is missing is not on its way."""
_SAMPLE_SECONDS = 0.25
"""Between two looks at how many are queryable: each costs both sides some milliseconds of processor time."""

QUERIES = (
    (
        "The newest reading of each tag",
        "LatestReadings | project Asset, TagName, SourceTimestamp, ValueReal | sort by Asset asc, TagName asc",
    ),
    (
        "Temperature by hour and mote",
        "ReadingsPerHour | where TagName == 'temperature' | summarize Readings = sum(Count), "
        "Average = round(sum(Sum) / sum(Count), 2), Coldest = min(Min), Warmest = max(Max) by Asset, Hour = Timestamp "
        "| sort by Hour desc, Asset asc | take 8",
    ),
    (
        "How the sensors are",
        "FleetHealth | project Asset, TagName, LastSeen, Silent, Stuck, Late | sort by Asset asc, TagName asc",
    ),
)
HISTORY = (
    "declare query_parameters(id: string); TwinHistory(id) | where Event == 'Property' "
    "| project TimeStamp, Key, Value, SourceTimeStamp | top 6 by TimeStamp desc"
)


@dataclass(frozen=True, slots=True)
class Curve:
    """How many events had passed a point at which time (monotonic seconds)."""

    times: list[float]
    counts: list[int]

    def note(self, count: int) -> None:
        self.times.append(time.monotonic())
        self.counts.append(count)


def prove(servers: Servers, supervisor: Supervisor, console: Console) -> bool:
    """Replays the recorded data and prints what became of it, once it is queryable: whether all counts match."""
    assert servers.connections is not None
    counting = Counting(servers.connections, servers.by_name["event_hubs"])
    before = counting.take()
    samples = motes()
    readings = sum(len(sample.tags) for sample in samples)
    messages = [message_of(sample) for sample in samples]
    console.print(f"Replaying {len(messages):,} recorded messages of 4 motes (humidity, temperature) …")
    sent, queryable = Curve([], []), Curve([], [])
    seconds = _replay_and_wait(messages, counting, before, supervisor, console, (sent, queryable))
    with TwinGraph(servers.connections.digital_twins_http) as graph:
        twins = _wait_for_twins(graph, counting, newest_of(samples), supervisor)
        passed = counting.take().since(before)
        holds = _print_counts(passed, len(messages), readings, twins, console)
        _print_speed(sent, queryable, len(messages), seconds, console)
        for title, query in QUERIES:
            _print_answer(counting, title, query, console)
        _print_twins(counting, graph, samples[-1].asset, console)
    return holds


Row = tuple[str, int, int]
"""What was counted, how many, and how many there should be."""


def _wait_for_twins(graph: TwinGraph, counting: Counting, newest: Newest, supervisor: Supervisor) -> list[Row]:
    by_twins, by_history = partial(held_by_twins, graph, newest), partial(held_by_history, counting, newest)
    return [
        (name, wait_until_held(held, len(newest), supervisor, STALLED_SECONDS), len(newest))
        for name, held in (("twins at the newest value", by_twins), ("and their history", by_history))
    ]


def _print_twins(counting: Counting, graph: TwinGraph, asset: str, console: Console) -> None:
    """The graph of the asset's site, and the asset's history."""
    site = [asset.partition("/")[0]]
    wait_until_settled(graph, site)
    console.print(twin_tree(graph, site))
    for twin in graph.with_paths([asset]):
        _print_answer(counting, f"What happened to {twin['$dtId']}", HISTORY, console, id=twin["$dtId"])


def _replay_and_wait(
    messages: Sequence[Message],
    counting: Counting,
    before: Counts,
    supervisor: Supervisor,
    console: Console,
    curves: tuple[Curve, Curve],
) -> float:
    """Seconds from the first message to the last being queryable; returns earlier when nothing moves any more."""
    sent, queryable = curves
    start = time.monotonic()
    sending = threading.Thread(target=_send, args=(messages, counting, sent, console))
    sending.start()
    moved = start
    while not supervisor.is_stopping:
        supervisor.mend()
        count = counting.bronze() - before.bronze
        if not queryable.counts or count > queryable.counts[-1]:
            moved = time.monotonic()
        queryable.note(count)
        if count >= len(messages) or (time.monotonic() - moved > STALLED_SECONDS and not sending.is_alive()):
            break
        time.sleep(_SAMPLE_SECONDS)
    sending.join()
    return time.monotonic() - start


def _send(messages: Sequence[Message], counting: Counting, sent: Curve, console: Console) -> None:
    async def send() -> None:
        hub = next(iter(TOPOLOGY["eventHubs"]))
        async with HubSender(counting.connections.event_hubs, hub) as sender:
            await replay_with_progress(messages, sender, console, told=sent.note)

    asyncio.run(send())


def _print_counts(passed: Counts, messages: int, readings: int, twins: Sequence[Row], console: Console) -> bool:
    letters = sum(passed.letters.values())
    stored = messages - letters
    rows: list[Row] = [
        ("sent", messages, messages),
        ("accepted by the telemetry hub", passed.telemetry, messages),
        ("stored in Cosmos DB", passed.stored, stored),
        ("forwarded to the analytics hub", passed.analytics, stored),
        ("Bronze", passed.bronze, stored),
        ("Silver (readings)", passed.silver, readings),
        ("Readings (each once)", passed.readings, readings),
        *twins,
        ("dead letters", letters, 0),
    ]
    table = Table("", "counted", "expected", "", title="What became of them", title_justify="left")
    for column in table.columns[1:3]:
        column.justify = "right"
    for name, counted, expected in rows:
        table.add_row(name, f"{counted:,}", f"{expected:,}", "[green]✓[/]" if counted == expected else "[red]✗[/]")
    for reason, count in sorted(passed.letters.items()):
        table.add_row(f"  {reason}", f"{count:,}", "", "")
    console.print(table)
    return all(counted == expected for _, counted, expected in rows)


def _print_speed(sent: Curve, queryable: Curve, messages: int, seconds: float, console: Console) -> None:
    seen = sorted(waits(sent, queryable))
    if not seen:
        return
    middle, slow = seen[len(seen) // 2], seen[min(len(seen) - 1, len(seen) * 99 // 100)]
    console.print(
        f"{messages / seconds:,.0f} events/s from the device to a KQL answer; "
        f"an event was queryable {middle:.1f} s after it was sent (p50), {slow:.1f} s (p99)."
    )


def waits(sent: Curve, queryable: Curve) -> list[float]:
    """For each point of the sending: how long until as many events were queryable as had been sent by then."""
    found_after = []
    for moment, count in zip(sent.times, sent.counts, strict=True):
        found = bisect_left(queryable.counts, count)
        if found < len(queryable.counts):
            found_after.append(max(0.0, queryable.times[found] - moment))
    return found_after


def _print_answer(counting: Counting, title: str, query: str, console: Console, **parameters: str) -> None:
    columns, rows = counting.query(query, **parameters)
    table = Table(*columns, title=f"{title}\n[dim]{query}[/]", title_justify="left")
    for row in rows:
        table.add_row(*("" if value is None else str(value) for value in row))
    console.print(table)
