"""What came of an invocation: counts, as one line of JSON in the log, as metrics, and as a span's attributes."""

import json
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime

from shared.telemetry.events import Reason


@dataclass
class Outcome:
    """Elements of one invocation by what came of them: received is the sum of all the others."""

    function: str
    received: int = 0
    """Elements, of all messages."""
    messages: int = 0
    stored: int = 0
    already_stored: int = 0
    """Ids that were there before, or stood twice in the invocation."""
    forwarded: int = 0
    passed: int = 0
    """What another consumer dead-letters: undecodable messages belong to `store`."""
    dead_lettered: Counter[Reason] = field(default_factory=Counter)
    lag_seconds: float = 0.0
    """Age of the oldest event when the invocation began."""

    def as_json(self) -> str:
        """One line, always with the same members."""
        counts = {
            "function": self.function,
            "messages": self.messages,
            "received": self.received,
            "stored": self.stored,
            "alreadyStored": self.already_stored,
            "forwarded": self.forwarded,
            "passed": self.passed,
            "deadLettered": {str(reason): count for reason, count in sorted(self.dead_lettered.items())},
            "lagSeconds": round(self.lag_seconds, 3),
        }
        return json.dumps(counts, separators=(",", ":"))


def lag(times: Iterable[datetime]) -> float:
    """Seconds since the oldest of these times; 0 when there is none."""
    oldest = min(times, default=None)
    return 0.0 if oldest is None else max(0.0, (datetime.now(UTC) - oldest).total_seconds())
