"""The whole stack for minutes under kill -9 and throttling, and one line that says whether anything was lost.

Sends without pause; kills a random server (not Azurite, which writes late), now and then throttles Cosmos DB; at the
end everything has to be in gold once, and `operations reconcile` must find no gap. Ends with 0 then, else with 1.
"""

import asyncio
import os
import random
import subprocess
import sys
import threading
import time
from argparse import ArgumentParser
from datetime import UTC, datetime, timedelta
from itertools import islice
from pathlib import Path

import httpx
from azure.core.exceptions import AzureError
from azure.eventhub.exceptions import EventHubError
from azure.kusto.data.exceptions import KustoError

from local.launch import PROJECT
from local.stack.connections import TOPOLOGY
from local.stack.counts import Counting, Counts
from local.stack.servers import Servers
from local.stack.temporary import temporary_stack
from simulator.fleet import Fleet, FleetPlan
from simulator.replay import replay
from simulator.samples import Message
from simulator.senders import HubSender

RATE = 200
"""Messages a second: what two cores carry besides starting servers all the time."""
DEVICES = 20
TAGS = 4
"""Readings in each good message of the fleet."""
THROTTLED_SHARE = 0.25
"""So many of the strikes throttle instead of killing."""
THROTTLE_SECONDS = 5.0
SETTLE_SECONDS = 120.0
_AWAY = (EventHubError, AzureError, KustoError, httpx.HTTPError, OSError)


class Sending:
    """A fleet that never stops: what the hub does not take is sent again. `join` ends it."""

    def __init__(self, connection_string: str) -> None:
        plan = FleetPlan(devices=DEVICES, duplicates=0.01, malformed=0.01, late=0.01, name="soak-")
        self.fleet = Fleet(plan)
        self.sent = 0
        self._hub = connection_string
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._send)
        self._thread.start()

    def join(self) -> None:
        self._stop.set()
        self._thread.join()

    def _send(self) -> None:
        messages = self.fleet.messages(datetime.now(UTC), timedelta(seconds=DEVICES / RATE))
        while not self._stop.is_set():
            begun = time.monotonic()
            second = list(islice(messages, RATE))
            while not self._accepted(second):
                time.sleep(0.2)
            self.sent += len(second)
            self._stop.wait(max(0.0, begun + 1 - time.monotonic()))

    def _accepted(self, messages: list[Message]) -> bool:
        async def send() -> None:
            async with HubSender(self._hub, next(iter(TOPOLOGY["eventHubs"]))) as sender:
                await replay(messages, sender)

        try:
            asyncio.run(send())
        except _AWAY:
            return False
        return True


class Harm:
    """What is done to the stack, by chance; `kills` and `throttles` count it."""

    def __init__(self, servers: Servers, seed: int) -> None:
        self._servers = servers
        self._chance = random.Random(seed)
        self.kills = self.throttles = 0

    def until(self, deadline: float, strikes_a_minute: float) -> None:
        while True:
            wait = self._chance.expovariate(strikes_a_minute / 60) if strikes_a_minute else float("inf")
            if time.monotonic() + wait >= deadline:
                time.sleep(max(0.0, deadline - time.monotonic()))
                return
            time.sleep(wait)
            self._strike()

    def _strike(self) -> None:
        if self._chance.random() < THROTTLED_SHARE:
            self._throttle()
            return
        victim = self._chance.choice([name for name in self._servers.by_name if name != "azurite"])
        self._servers.by_name[victim].restart()
        self.kills += 1

    def _throttle(self) -> None:
        faults = f"{self._servers.by_name['cosmos'].url}/_local/faults"
        rule = {"match": "*", "action": "status", "status": 429, "retryAfterMs": 200, "rate": 0.7}
        httpx.put(faults, json={"rules": [rule]}).raise_for_status()
        time.sleep(THROTTLE_SECONDS)
        httpx.delete(faults).raise_for_status()
        self.throttles += 1


def main() -> None:
    parser = ArgumentParser(prog="python -m benchmarks.soak", description=__doc__)
    parser.add_argument("--minutes", type=float, default=5, help="how long (default 5)")
    parser.add_argument("--kills", type=float, default=6, help="strikes a minute, a quarter of them throttling")
    parser.add_argument("--seed", type=int, default=1, help="the same seed strikes the same servers")
    asked = parser.parse_args()
    with temporary_stack("--takeover", "3") as servers:
        holds = soak(servers, asked.minutes, asked.kills, asked.seed)
    raise SystemExit(0 if holds else 1)


def soak(servers: Servers, minutes: float, strikes_a_minute: float, seed: int) -> bool:
    """Runs it and prints the verdict: whether nothing was lost or doubled."""
    assert servers.connections is not None
    sending, harm = Sending(servers.connections.event_hubs), Harm(servers, seed)
    try:
        harm.until(time.monotonic() + minutes * 60, strikes_a_minute)
    finally:
        sending.join()
    counts = settled(Counting(servers.connections, servers.by_name["event_hubs"]), sending.fleet)
    good, malformed = sending.fleet.made["good"], sending.fleet.made["malformed"]
    letters = sum(counts.letters.values())
    exact = counts.readings == good * TAGS and counts.stored == good and letters >= malformed
    reconciled = reconcile(servers.settings)
    holds = exact and reconciled.returncode == 0
    print(
        f"{'PASS' if holds else 'FAIL'}: {minutes:g} min, {sending.sent:,} messages, {harm.kills} kills, "
        f"{harm.throttles} throttles (seed {seed}); stored {counts.stored:,} of {good:,}, "
        f"readings {counts.readings:,} of {good * TAGS:,}, dead letters {letters:,} for {malformed:,} malformed; "
        f"reconcile: {reconciled.stdout.strip().splitlines()[-1] if reconciled.stdout.strip() else reconciled.stderr}"
    )
    return holds


def settled(counting: Counting, fleet: Fleet) -> Counts:
    """The counts once everything is through, or when patience ends."""
    deadline = time.monotonic() + SETTLE_SECONDS
    while True:
        counts = counting.take()
        if counts.readings >= fleet.made["good"] * TAGS or time.monotonic() > deadline:
            return counts
        time.sleep(0.5)


def reconcile(settings: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "operations", "reconcile", "--settings", str(settings)],
        cwd=PROJECT,
        capture_output=True,
        text=True,
        env={**os.environ, "COLUMNS": "160"},
        check=False,
    )


if __name__ == "__main__":
    main()
