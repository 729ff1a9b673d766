"""A batch → the newest value of each tag, whatever the order; and a twin as it is against that."""

import random
from collections import Counter
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from shared.telemetry.decoding import Telemetry
from shared.twins.coalescing import Fate, Newest, coalesce
from shared.twins.comparison import changes, patched
from shared.twins.memory import NewestTimes, SuppressedKey
from shared.twins.registry import registry
from tests.unit.shared.hub_events import decoded_one, tag_map


def reading(value: str, second: int, tag: str = "temperature", asset: str = "mote1") -> Telemetry:
    return decoded_one(tag_map(value, tag, f"2026-11-22T09:00:{second:02}Z"), partition_key=asset)


def twin(**values: tuple[Any, int]) -> dict[str, Any]:
    """A twin whose properties were set by readings of these seconds."""
    metadata = {
        name: {"sourceTime": f"2026-11-22T09:00:{second:02}Z", "lastUpdateTime": f"2026-11-22T10:00:{second:02}Z"}
        for name, (_, second) in values.items()
    }
    return {"$dtId": "t", "$metadata": metadata, **{name: value for name, (value, _) in values.items()}}


def newest(value: Any, second: int, deadband: float | None = None) -> Newest:
    return Newest(f"2026-11-22T09:00:{second:02}.0000000Z", value, deadband)


def one_fate(stored: dict[str, Any], given: Newest, suppressed: NewestTimes[SuppressedKey] | None = None) -> Fate:
    found, fates = changes(stored, {"a": given}, suppressed or NewestTimes())
    assert len(found) + fates.total() == 1
    return Fate.SENT if found else next(iter(fates))


@given(st.lists(st.tuples(st.sampled_from(["1.5", "-2", "7", '"x"', "true"]), st.integers(0, 5)), min_size=1))
def test_newest_does_not_depend_on_the_order(readings: list[tuple[str, int]]) -> None:
    batch = [reading(value, second) for value, second in readings]
    (one,) = coalesce(batch, registry())
    random.Random(1).shuffle(batch)
    (other,) = coalesce(batch, registry())

    assert one.newest == other.newest
    assert one.fates.total() + len(one.newest) == len(readings)


def test_assets_are_kept_apart() -> None:
    batch = [reading("1", 1), reading("2", 2, asset="a/mote2"), reading("3", 3, asset="unknown")]

    found = {each.twin_id: each for each in coalesce(batch, registry())}

    assert found["mote1"].newest["temperature"].value == 1
    assert found["a!mote2"].newest["temperature"].value == 2
    assert found["unknown"].fates == Counter({Fate.UNKNOWN: 1})


def test_mismatch_does_not_hide_an_older_value_that_fits() -> None:
    (found,) = coalesce([reading("1", 1), reading('"warm"', 2)], registry())

    assert found.newest["temperature"].value == 1
    assert found.fates == Counter({Fate.MISMATCH: 1})


def test_fates() -> None:
    assert one_fate(twin(), newest(1, 1)) is Fate.SENT
    assert one_fate(twin(a=(1, 5)), newest(2, 4)) is Fate.OLDER
    assert one_fate(twin(a=(1, 5)), newest(1, 5)) is Fate.HELD
    assert one_fate(twin(a=(1, 5)), newest(1, 6)) is Fate.SENT, "without a deadband its time is sent"
    assert one_fate(twin(a=(1.0, 5)), newest(1.5, 6, 0.5)) is Fate.WITHIN_DEADBAND
    assert one_fate(twin(a=(1.0, 5)), newest(1.6, 6, 0.5)) is Fate.SENT
    assert one_fate(twin(a=("x", 5)), newest("x", 6, 0)) is Fate.WITHIN_DEADBAND


def test_of_two_values_of_one_time_the_greater_stays() -> None:
    assert one_fate(twin(a=(1, 5)), newest(2, 5)) is Fate.SENT
    assert one_fate(twin(a=(2, 5)), newest(1, 5)) is Fate.OLDER
    assert one_fate(twin(a=("ok", 5)), newest("warning", 5)) is Fate.SENT


def test_value_that_no_reading_has_set_gives_way() -> None:
    by_hand = {"$dtId": "t", "$metadata": {"a": {"lastUpdateTime": "2099-01-01T00:00:00Z"}}, "a": 1}

    assert one_fate(by_hand, newest(2, 1)) is Fate.SENT
    assert one_fate({**by_hand, "$metadata": {"a": {"sourceTime": "rubbish"}}}, newest(2, 1)) is Fate.SENT


def test_nothing_older_than_a_suppressed_value_is_sent() -> None:
    suppressed: NewestTimes[SuppressedKey] = NewestTimes()

    assert one_fate(twin(a=(1.0, 1)), newest(1.1, 9, 0.5), suppressed) is Fate.WITHIN_DEADBAND
    assert one_fate(twin(a=(1.0, 1)), newest(7.0, 5, 0.5), suppressed) is Fate.OLDER
    assert one_fate(twin(a=(1.0, 1)), newest(7.0, 10, 0.5), suppressed) is Fate.SENT


def test_what_was_suppressed_is_void_once_the_property_is_written_anew() -> None:
    suppressed: NewestTimes[SuppressedKey] = NewestTimes()
    assert one_fate(twin(a=(1.0, 1)), newest(1.1, 9, 0.5), suppressed) is Fate.WITHIN_DEADBAND
    made_again = twin(a=(1.0, 1))
    made_again["$metadata"]["a"]["lastUpdateTime"] = "2026-11-22T11:00:00Z"

    assert one_fate(made_again, newest(7.0, 5, 0.5), suppressed) is Fate.SENT


def test_patch_sets_the_value_and_its_source_time() -> None:
    (change,), _ = changes(twin(), {"a": newest(1.5, 3)}, NewestTimes())

    assert change.operations == [
        {"op": "add", "path": "/a", "value": 1.5},
        {"op": "add", "path": "/$metadata/a/sourceTime", "value": "2026-11-22T09:00:03.0000000Z"},
    ]


def test_twin_after_its_patch_is_known_without_reading_it() -> None:
    before = twin(a=(1.0, 1), b=(2.0, 2))
    (change,), _ = changes(before, {"a": newest(1.5, 3)}, NewestTimes())

    after = patched(before, [*change.operations, {"op": "add", "path": "/path", "value": "x"}], "new")

    assert (after["a"], after["b"], after["path"], after["$etag"]) == (1.5, 2.0, "x", "new")
    assert after["$metadata"]["a"] == {"sourceTime": "2026-11-22T09:00:03.0000000Z"}
    assert after["$metadata"]["b"] == before["$metadata"]["b"]
    assert before["a"] == 1.0
    assert one_fate(after, newest(1.5, 3)) is Fate.HELD
