"""What places make of what they contain."""

import random
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.twins.aggregation import aggregates, children_first, place_operations
from shared.twins.registry import registry

SITE, MOTE = "dtmi:iot:Site;1", "dtmi:iot:Mote;1"


def child(model: str = MOTE, **values: Any) -> dict[str, Any]:
    return {"$metadata": {"$model": model}, **values}


numbers = st.integers(-50, 50) | st.floats(-1e6, 1e6)
children = st.lists(
    st.fixed_dictionaries(
        {},
        optional={
            "temperature": numbers,
            "door_open": st.booleans(),
            "power": numbers,
            "status": st.sampled_from(registry().severity),
        },
    ).map(lambda values: {"$metadata": {"$model": MOTE}, **values}),
    max_size=12,
)


@given(children)
def test_order_does_not_matter(known: list[dict[str, Any]]) -> None:
    shuffled = random.Random(1).sample(known, len(known))

    assert aggregates(known, registry()) == aggregates(shuffled, registry())


@given(st.lists(children, min_size=1, max_size=4))
def test_place_over_places_is_as_over_all_their_assets(areas: list[list[dict[str, Any]]]) -> None:
    of_areas = [child(SITE, **aggregates(area, registry())) for area in areas]

    found = aggregates(of_areas, registry())

    assert found == pytest.approx(aggregates([each for area in areas for each in area], registry()), abs=1e-6)


def test_values_that_are_no_numbers_bring_nothing() -> None:
    odd = [child(temperature="warm", status="unheard-of", door_open=True), child(temperature=True, door_open=False)]

    assert aggregates(odd, registry()) == {"assetCount": 2, "doorsOpen": 1}


@pytest.mark.parametrize("values", [(1e308, 1e308), (-1e308, -1e308), (1e308, 1e308, -1e308), (10**308, 1.5, 10**308)])
def test_numbers_too_large_to_add_up_leave_the_rest_as_it_is(values: tuple[float, ...]) -> None:
    found = aggregates([child(temperature=value, power=value) for value in values], registry())

    assert found["temperatureMax"] == max(values)
    assert found["temperatureCount"] == len(values)
    assert all(value not in (float("inf"), float("-inf")) for value in found.values())


def test_place_over_places_too_large_to_weigh_is_left_out() -> None:
    areas = [child(SITE, temperatureAverage=value, temperatureCount=10) for value in (1e308, -1e308)]

    assert "temperatureAverage" not in aggregates(areas, registry())


def test_nothing_below_is_nothing() -> None:
    assert aggregates([], registry()) == {}


def test_only_what_differs_is_set_and_what_is_gone_removed() -> None:
    place = {"assetCount": 2, "temperatureMin": 1.0, "path": "a"}

    operations = place_operations(place, {"assetCount": 2, "doorsOpen": 1}, registry().aggregates)

    assert operations == [
        {"op": "remove", "path": "/temperatureMin"},
        {"op": "add", "path": "/doorsOpen", "value": 1},
    ]


def test_children_come_before_their_places() -> None:
    above = {"room": {"floor"}, "floor": {"house", "street"}, "house": {"street"}, "street": set[str]()}

    assert children_first(above) == ([["room"], ["floor"], ["house"], ["street"]], set())


def test_places_in_a_circle_are_left_out_with_those_above_them() -> None:
    above = {"one": {"two"}, "two": {"one", "top"}, "top": set[str](), "other": set[str]()}

    steps, circling = children_first(above)

    assert steps == [["other"]]
    assert circling == {"one", "two", "top"}
