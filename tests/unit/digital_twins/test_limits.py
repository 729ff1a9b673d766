"""The service's limits: exact numbers, by a clock that the test moves."""

import pytest

from local.digital_twins.errors import ServiceError
from local.digital_twins.limits import Limits, check_body, check_strings
from local.digital_twins.stamps import Clock


class Time:
    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


def admitted(limits: Limits, kind: str, twin: str | None, tries: int) -> int:
    count = 0
    for _ in range(tries):
        refused = refusal_of(limits, kind, twin)
        if refused is None:
            count += 1
        else:
            assert (refused.status, refused.headers["Retry-After"]) == (429, "1")
    return count


def refusal_of(limits: Limits, kind: str, twin: str | None) -> ServiceError | None:
    try:
        limits.admit(kind, twin)
    except ServiceError as refused:
        return refused
    return None


def test_twin_takes_ten_at_once_and_one_more_each_tenth_of_a_second() -> None:
    time = Time()
    limits = Limits(time)

    assert admitted(limits, "patch", "a", 50) == 10
    assert admitted(limits, "patch", "b", 50) == 10
    time.now += 0.35
    assert admitted(limits, "patch", "a", 50) == 3
    time.now += 100
    assert admitted(limits, "patch", "a", 50) == 10


@pytest.mark.parametrize(("kind", "rate"), [("patch", 1000), ("read", 1000), ("query", 500), ("create", 50)])
def test_instance_takes_what_the_service_takes_in_a_second(kind: str, rate: int) -> None:
    time = Time()
    limits = Limits(time)

    assert admitted(limits, kind, None, 2 * rate) == rate
    time.now += 1
    assert admitted(limits, kind, None, 2 * rate) == rate


def test_refused_query_has_the_service_s_code() -> None:
    limits = Limits(Time())
    admitted(limits, "query", None, 500)

    with pytest.raises(ServiceError) as refused:
        limits.admit("query", None)

    assert refused.value.code == "QuotaReachedError"


def test_sizes_are_counted_in_bytes() -> None:
    check_body(b"x" * 32_768)
    check_strings({"a": ["é" * 2048]})
    with pytest.raises(ServiceError):
        check_body(b"x" * 32_769)
    with pytest.raises(ServiceError):
        check_strings({"a": [{"b": "é" * 2049}]})


def test_moments_are_later_each_time() -> None:
    clock = Clock()
    moments = [clock.now() for _ in range(1000)]

    assert moments == sorted(set(moments))
    assert {len(moment) for moment in moments} == {28}
