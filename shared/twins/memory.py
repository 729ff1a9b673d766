"""What a worker process remembers of the graph between invocations: to forget it costs requests, hardly a value."""

from collections import OrderedDict
from collections.abc import Hashable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import lru_cache
from typing import Any, Generic, TypeVar

Key = TypeVar("Key", bound=Hashable)
MAX_ENTRIES = 100_000
MAX_TWINS = 10_000


@dataclass
class NewestTimes(Generic[Key]):
    """The newest time of each key, of those used last. Times are texts that sort."""

    times: OrderedDict[Key, str] = field(default_factory=OrderedDict)

    def note(self, key: Key, time: str) -> None:
        self.times[key] = max(time, self.times.pop(key, time))
        if len(self.times) > MAX_ENTRIES:
            self.times.popitem(last=False)

    def of(self, key: Key) -> str:
        """Its time, or an empty text, which is before any time."""
        return self.times.get(key, "")


@dataclass
class KnownTwins:
    """Twins as they were last read or patched, of those used last. A patch of one holds only if nobody changed it."""

    documents: OrderedDict[str, Mapping[str, Any]] = field(default_factory=OrderedDict)

    def put(self, twin: Mapping[str, Any]) -> None:
        self.documents[twin["$dtId"]] = twin
        if len(self.documents) > MAX_TWINS:
            self.documents.popitem(last=False)

    def take(self, twin: str) -> Mapping[str, Any] | None:
        """The twin, which is not known any more until it is put again."""
        return self.documents.pop(twin, None)


SuppressedKey = tuple[str, str, str]
"""Twin, property, and when the property was last written: whoever writes it makes what was suppressed before void."""


@dataclass
class TwinMemory:
    """`suppressed`: readings that stayed within the deadband: nothing older may follow them.

    `aggregated`: children as they were when every place above them was last made of them, for events since `since`.
    `known`: saves reading a twin that only this worker writes.
    `places`: those that were found to stand in the graph, down from their site.
    """

    suppressed: NewestTimes[SuppressedKey] = field(default_factory=NewestTimes)
    aggregated: NewestTimes[str] = field(default_factory=NewestTimes)
    known: KnownTwins = field(default_factory=KnownTwins)
    places: set[str] = field(default_factory=set)
    since: str = field(default_factory=lambda: datetime.now(UTC).isoformat())


@lru_cache(maxsize=16)
def memory_of(instance: str) -> TwinMemory:
    """The process's memory of the instance at this URL."""
    return TwinMemory()
