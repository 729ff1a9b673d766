"""Fault rules: the one contract by which tests and operators make any local server misbehave.

`PUT /_local/faults` with {"rules": [{"match": "<operation glob>", "action": "status", "status": 429, …}]} replaces the
rules, `GET` shows them with what is left of their counts, `DELETE` clears them.
"""

import fnmatch
import random
from collections.abc import Callable
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field
from pydantic.alias_generators import to_camel

Action = Literal["status", "reset", "delay", "detach", "busy"]


class FaultRule(BaseModel):
    """One way to misbehave: which operations, how, how often."""

    model_config = ConfigDict(frozen=True, extra="forbid", alias_generator=to_camel, populate_by_name=True)

    match: str = Field(default="*", description="glob over the server's operation names (its README lists them)")
    action: Action
    status: int = Field(default=503, ge=400, le=599, description="HTTP status, for action `status`")
    condition: str | None = Field(
        default=None, pattern=r"^[!-~]+$", description="AMQP error condition (a symbol, so ASCII), for action `detach`"
    )
    retry_after_ms: int = Field(default=0, ge=0)
    delay_ms: int = Field(default=0, ge=0, description="milliseconds to wait, for action `delay`")
    rate: float = Field(default=1.0, gt=0, le=1, description="share of the matching operations that are hit")
    count: int | None = Field(default=None, ge=0, description="how many hits are left; none: without end")


class FaultRules(BaseModel):
    """The document that /_local/faults takes and shows."""

    model_config = ConfigDict(extra="forbid")

    rules: list[FaultRule] = []


class Faults:
    """The rules in force in one server process. They are not kept across a restart."""

    def __init__(self, chance: random.Random | None = None) -> None:
        self._rules: list[FaultRule] = []
        self._chance = chance or random.Random()
        self.on_change: Callable[[], None] = lambda: None
        """Called when rules were set, so that a server can strike what is idle."""

    @property
    def rules(self) -> FaultRules:
        return FaultRules(rules=list(self._rules))

    def replace(self, rules: FaultRules) -> None:
        self._rules = list(rules.rules)
        self.on_change()

    def clear(self) -> None:
        self._rules = []

    def strike(self, operation: str) -> FaultRule | None:
        """The first rule that hits this operation, its count taken down by one; None when none does.

        Cheap when there are no rules, so it may stand on a hot path.
        """
        if not self._rules:
            return None
        for index, rule in enumerate(self._rules):
            if not fnmatch.fnmatchcase(operation, rule.match):
                continue
            if rule.rate < 1 and self._chance.random() >= rule.rate:
                continue
            if rule.count is None:
                return rule
            if rule.count > 0:
                self._rules[index] = rule.model_copy(update={"count": rule.count - 1})
                return rule
        return None
