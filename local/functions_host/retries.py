"""Delays between the attempts of one invocation.

Source: azure-webjobs-sdk, FunctionExecutorExtensions.cs and RandomizedExponentialBackoffStrategy.cs: the first delay
is the minimum and doubles from there with ±20 % of chance; once it reaches the maximum it stays there.
"""

import random
from collections.abc import Iterator

from local.functions_host.functions import RetryPolicy

_CHANCE = 0.2
WITHOUT_END = -1
_LONGEST_GROWTH = 64
"""Doublings after which any interval has reached its maximum (or is zero)."""


def delays(policy: RetryPolicy, chance: random.Random | None = None) -> Iterator[float]:
    """Seconds to wait before each retry; ends when the policy is exhausted."""
    steps = _backoff_delays(policy, chance or random.Random())
    if policy.limit == WITHOUT_END:
        yield from steps
    for _, delay in zip(range(policy.limit), steps, strict=False):
        yield delay


def _backoff_delays(policy: RetryPolicy, chance: random.Random) -> Iterator[float]:
    minimum, maximum = policy.minimum.total_seconds(), policy.maximum.total_seconds()
    if policy.strategy == "fixed_delay":
        while True:
            yield minimum
    yield min(minimum, maximum)
    for exponent in range(_LONGEST_GROWTH):
        current = minimum + chance.uniform(1 - _CHANCE, 1 + _CHANCE) * 2.0**exponent * minimum
        if current >= maximum:
            break
        yield current
    while True:
        yield maximum if minimum else 0.0
