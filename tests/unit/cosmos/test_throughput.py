"""The token bucket of request units, on a clock of its own."""

import pytest

from local.cosmos.errors import ServiceError
from local.cosmos.throughput import Throughput


class Clock:
    def __init__(self) -> None:
        self.seconds = 100.0

    def __call__(self) -> float:
        return self.seconds


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def throughput(clock: Clock) -> Throughput:
    return Throughput(clock)


def retry_after(throughput: Throughput, resource: str = "c", rate: int = 400) -> int:
    with pytest.raises(ServiceError) as refused:
        throughput.admit(resource, rate)
    assert (refused.value.status, refused.value.substatus) == (429, 3200)
    return int(refused.value.headers["x-ms-retry-after-ms"])


def test_one_second_of_units_may_be_spent_at_once(throughput: Throughput) -> None:
    throughput.admit("c", 400)
    throughput.spend("c", 400, 399)
    throughput.admit("c", 400)
    throughput.spend("c", 400, 1)

    assert retry_after(throughput) > 0


def test_waiting_as_long_as_told_lets_the_request_in(throughput: Throughput, clock: Clock) -> None:
    throughput.admit("c", 400)
    throughput.spend("c", 400, 1000)

    wait = retry_after(throughput)
    assert wait == pytest.approx(1500, abs=5)
    clock.seconds += wait / 1000 - 0.01
    retry_after(throughput)
    clock.seconds += 0.01
    throughput.admit("c", 400)


def test_idle_time_is_not_saved_up(throughput: Throughput, clock: Clock) -> None:
    clock.seconds += 1000
    throughput.admit("c", 400)
    throughput.spend("c", 400, 401)

    assert retry_after(throughput) > 0


def test_resources_are_apart_and_a_new_rate_counts_at_once(throughput: Throughput) -> None:
    throughput.admit("c", 400)
    throughput.spend("c", 400, 500)

    retry_after(throughput)
    throughput.admit("d", 400)
    throughput.admit("c", 1000)
