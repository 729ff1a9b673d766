"""The one rule from asset path to twin id."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.telemetry.identity import MAX_ASSET
from shared.twins.identifiers import MAX_ID, is_twin_id, places_above, twin_id

paths = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=MAX_ASSET) | st.text(
    st.sampled_from("a/.!*%2E é"), min_size=1, max_size=MAX_ASSET
)


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("site01/channel22/freezer01", "site01!channel22!freezer01"),
        ("a b", "a*20b"),
        ("a!b", "a*21b"),
        ("a*21b", "a*2A21b"),
        ("ü", "*C3*BC"),
        (".", "*2E"),
        ("..", "*2E."),
        ("/", "!"),
        ("Pump-1.2_b", "Pump-1.2_b"),
    ],
)
def test_rule(path: str, expected: str) -> None:
    assert twin_id(path) == expected


@given(paths)
def test_every_path_has_an_id_that_the_service_takes(path: str) -> None:
    found = twin_id(path)

    assert is_twin_id(found)
    assert not found.startswith(".")


@given(paths, paths)
def test_no_two_paths_have_the_same_id(one: str, other: str) -> None:
    assert (twin_id(one) == twin_id(other)) == (one == other)


def test_long_paths_that_begin_alike_have_ids_of_their_own() -> None:
    long = [f"{'ä' * 120}{number}" for number in range(100)]

    assert len({twin_id(each) for each in long}) == 100
    assert all(len(twin_id(each)) == MAX_ID for each in long)


@given(paths, st.text(st.sampled_from("abc*!0"), min_size=1, max_size=MAX_ID))
def test_hashed_id_is_nobody_elses_plain_one(path: str, other: str) -> None:
    hashed = twin_id(f"{'ä' * 120}{path[:1]}")

    assert "**" in hashed
    assert "**" not in twin_id(other[:40])


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("site01/channel22/freezer01", ["site01", "site01/channel22"]),
        ("freezer01", []),
        ("/freezer01", []),
        ("a//b", ["a", "a/"]),
        ("a/", ["a"]),
    ],
)
def test_places_above(path: str, expected: list[str]) -> None:
    assert places_above(path) == expected


@given(paths)
def test_no_place_is_the_asset_itself(path: str) -> None:
    places = places_above(path)

    assert all(places)
    assert path not in places
    assert len({twin_id(each) for each in [*places, path]}) == len(places) + 1


@pytest.mark.parametrize(
    ("text", "expected"), [("a-.+%_#*?!(),=@$'", True), ("a/b", False), ("", False), (None, False)]
)
def test_ids_that_twins_may_have(text: object, expected: bool) -> None:
    assert is_twin_id(text) is expected
