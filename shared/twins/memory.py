"""What a worker remembers of the graph between invocations. To forget it costs requests, never a value."""

import asyncio
from collections import OrderedDict
from dataclasses import dataclass, field

MAX_ENTRIES = 100_000


@dataclass
class NewestTimes:
    """The newest time of each key, of those used last. Times are texts that sort."""

    times: OrderedDict[tuple[str, str], str] = field(default_factory=OrderedDict)

    def note(self, key: tuple[str, str], time: str) -> None:
        self.times[key] = max(time, self.times.pop(key, time))
        if len(self.times) > MAX_ENTRIES:
            self.times.popitem(last=False)

    def of(self, key: tuple[str, str]) -> str:
        """Its time, or an empty text, which is before any time."""
        return self.times.get(key, "")


@dataclass
class TwinMemory:
    """`suppressed`: readings that stayed within the deadband, by twin and property: nothing older may follow them.

    `aggregated`: children, by twin id and "", as they were when every place above them was last made of them.
    `places`: those that were found to stand in the graph, down from their site.
    """

    suppressed: NewestTimes = field(default_factory=NewestTimes)
    aggregated: NewestTimes = field(default_factory=NewestTimes)
    places: set[str] = field(default_factory=set)
    provisioning: asyncio.Lock = field(default_factory=asyncio.Lock)
