"""What came of an invocation of update_twins or propagate_twins."""

import json
from collections import Counter
from dataclasses import dataclass, field

from shared.consumers.outcomes import Outcome


@dataclass
class TwinOutcome(Outcome):
    """An Outcome that counts the readings within its elements, or the properties of places, too."""

    updated: int = 0
    """Elements that the graph is up to date with."""
    fates: Counter[str] = field(default_factory=Counter)
    """Readings (update_twins) or properties of places (propagate_twins) by what came of them."""
    unattached: int = 0
    """Twins that could not be tied to their place, since Digital Twins refused a place or a relationship."""

    def as_json(self) -> str:
        """One line, with these members behind those of every outcome."""
        counts = json.loads(super().as_json())
        counts["updated"] = self.updated
        counts["fates"] = {str(fate): count for fate, count in sorted(self.fates.items())}
        counts["unattached"] = self.unattached
        return json.dumps(counts, separators=(",", ":"))
