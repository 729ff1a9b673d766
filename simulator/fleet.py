"""A made-up fleet with the faults of real ones: duplicates, late and malformed messages, bursts, wrong clocks."""

import math
import random
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from simulator.samples import Message, Sample, message_of

MALFORMED = (
    b"",
    b"not json",
    b'{"temperature": ',
    b'{"temperature": {"SourceTimestamp": "yesterday", "Value": 1}}',
    b'"text"',
)
LATE = timedelta(hours=2)
AHEAD = timedelta(days=365)


@dataclass(frozen=True, slots=True)
class FleetPlan:
    """How many devices, at how many sites, and how often what goes wrong (shares of the messages)."""

    devices: int = 10
    sites: int = 2
    duplicates: float = 0.001
    late: float = 0.0
    malformed: float = 0.0
    clock_ahead: float = 0.0
    bursts: float = 0.0
    burst_size: int = 50
    seed: int = 1
    name: str = ""
    """Put before every device and site, so that two fleets are not one."""


@dataclass
class Fleet:
    """Messages without end, all from the plan's seed. `made` counts what they were."""

    plan: FleetPlan
    made: Counter[str] = field(default_factory=Counter)

    def messages(self, start: datetime, interval: timedelta) -> Iterator[Message]:
        """One message per device and interval, in turn."""
        chance = random.Random(self.plan.seed)
        step = 0
        while True:
            for number in range(self.plan.devices):
                yield from self._of_device(number, start + interval * step, chance)
            step += 1

    def _of_device(self, number: int, time: datetime, chance: random.Random) -> Iterator[Message]:
        plan = self.plan
        if chance.random() < plan.malformed:
            self.made["malformed"] += 1
            yield Message(_device(plan, number), _asset(plan, number), chance.choice(MALFORMED))
            return
        count = plan.burst_size if chance.random() < plan.bursts else 1
        if count > 1:
            self.made["bursts"] += 1
        for index in range(count):
            message = message_of(self._sample(number, time + timedelta(milliseconds=index), chance))
            self.made["good"] += 1
            yield message
            if chance.random() < plan.duplicates:
                self.made["duplicates"] += 1
                yield message

    def _sample(self, number: int, time: datetime, chance: random.Random) -> Sample:
        if chance.random() < self.plan.late:
            self.made["late"] += 1
            time -= LATE
        if chance.random() < self.plan.clock_ahead:
            self.made["clock ahead"] += 1
            time += AHEAD
        wave = math.sin(time.timestamp() / 600 + number)
        tags = {
            "temperature": round(-4 + 2 * wave + chance.gauss(0, 0.1), 2),
            "humidity": round(11 + wave + chance.gauss(0, 0.2), 2),
            "door_open": chance.random() < 0.02,
            "cycles": int(time.timestamp()) // 60,
        }
        return Sample(_device(self.plan, number), _asset(self.plan, number), time, tags)


def _device(plan: FleetPlan, number: int) -> str:
    return f"{plan.name}freezer{number + 1:04d}"


def _asset(plan: FleetPlan, number: int) -> str:
    site, channel = number % plan.sites + 1, number // plan.sites % 8 + 1
    return f"{plan.name}site{site:02d}/channel{channel:02d}/{_device(plan, number)}"
