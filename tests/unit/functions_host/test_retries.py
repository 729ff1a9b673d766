"""Delays of retry policies, as the host makes them."""

import itertools
import random
from datetime import timedelta

from hypothesis import given
from hypothesis import strategies as st

from local.functions_host.functions import RetryPolicy
from local.functions_host.retries import delays


def _policy(limit: int, minimum: float, maximum: float) -> RetryPolicy:
    return RetryPolicy("exponential_backoff", limit, timedelta(seconds=minimum), timedelta(seconds=maximum))


def test_fixed_delay_comes_as_often_as_the_policy_says() -> None:
    second = timedelta(seconds=1)
    assert list(delays(RetryPolicy("fixed_delay", 3, second, second))) == [1.0, 1.0, 1.0]
    assert list(delays(RetryPolicy("fixed_delay", 0, second, second))) == []


def test_policy_without_end_never_ends() -> None:
    assert len(list(itertools.islice(delays(_policy(-1, 1, 60)), 1000))) == 1000


def test_backoff_starts_at_the_minimum_doubles_and_stays_at_the_maximum() -> None:
    found = list(itertools.islice(delays(_policy(-1, 1, 60), random.Random(7)), 12))

    assert found[0] == 1
    for exponent, delay in enumerate(found[1:6]):
        assert 1 + 0.8 * 2**exponent <= delay <= 1 + 1.2 * 2**exponent
    assert found[8:] == [60, 60, 60, 60]


@given(st.floats(0, 100), st.floats(0, 1000), st.integers(0, 40), st.randoms())
def test_delays_stay_between_minimum_and_maximum(
    minimum: float, more: float, limit: int, chance: random.Random
) -> None:
    policy = _policy(limit, minimum, minimum + more)
    found = list(delays(policy, chance))

    assert len(found) == limit
    low, high = policy.minimum.total_seconds(), policy.maximum.total_seconds()
    assert all(low <= delay <= high for delay in found)
