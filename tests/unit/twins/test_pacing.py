"""Turns to patch."""

from hypothesis import given
from hypothesis import strategies as st

from shared.topology import TELEMETRY_PARTITIONS, TWIN_EVENTS_PARTITIONS
from shared.twins.pacing import OF_PLACES, OF_READINGS, PATCHES_OF_A_TWIN, Rates

LIMIT = 200
asked = st.lists(
    st.tuples(
        st.floats(0, 0.05),
        st.sampled_from(["t1", "t2", "t3"]),
        st.sampled_from([("update", "0"), ("update", "1"), ("propagate", "0")]),
    ),
    max_size=200,
)


def most_in_a_second(turns: list[float]) -> int:
    ordered = sorted(turns)
    return max((sum(start <= turn < start + 1 for turn in ordered) for start in ordered), default=0)


@given(asked)
def test_no_twin_and_no_lane_has_more_than_its_share_in_any_second(
    asked: list[tuple[float, str, tuple[str, str]]],
) -> None:
    rates = Rates(LIMIT)
    now = 100.0
    turns: list[tuple[float, str, tuple[str, str]]] = []
    for pause, twin, lane in asked:
        now += pause
        turns.append((now + rates.reserve(twin, lane, now), twin, lane))

    shares = {
        "update": OF_READINGS * LIMIT / TELEMETRY_PARTITIONS,
        "propagate": OF_PLACES * LIMIT / TWIN_EVENTS_PARTITIONS,
    }
    for name in {twin for _, twin, _ in turns}:
        assert most_in_a_second([turn for turn, twin, _ in turns if twin == name]) <= PATCHES_OF_A_TWIN
    for lane in {lane for _, _, lane in turns}:
        assert most_in_a_second([turn for turn, _, its in turns if its == lane]) <= max(1, shares[lane[0]])


def test_first_patch_is_at_once_and_many_twins_are_forgotten_again() -> None:
    rates = Rates(1_000_000)
    waits = [rates.reserve(f"twin{number}", ("update", "0"), float(number)) for number in range(20_000)]

    assert set(waits) == {0.0}
    assert len(rates._twins) <= 10_001
