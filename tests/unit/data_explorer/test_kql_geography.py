"""Distances and areas on the globe: Microsoft's documented examples, and geometry that needs none."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from local.data_explorer.kql.geography import RADIUS, distance, geohash, spheroid_distance
from local.data_explorer.kql.polygons import polygons_of
from tests.unit.data_explorer.conftest import Kql

SEATTLE_TO_LOS_ANGELES = "-122.407628, 47.578557, -118.275287, 34.019056"


def test_documented_distance_and_that_on_the_spheroid(kql: Kql) -> None:
    ((sphere, spheroid, nowhere),) = kql.rows(
        f"print geo_distance_2points({SEATTLE_TO_LOS_ANGELES}), geo_distance_2points({SEATTLE_TO_LOS_ANGELES}, true), "
        "geo_distance_2points(300, 1, 1, 1)"
    )

    assert sphere == pytest.approx(1546754.35197381, abs=1e-6)
    assert spheroid == pytest.approx(sphere, rel=0.003)
    assert spheroid != sphere
    assert nowhere is None


def test_published_geodesic_on_the_spheroid() -> None:
    """Geoscience Australia's test line of Vincenty's formula, Flinders Peak to Buninyong: 54972.271 m (on GRS80)."""
    flinders, buninyong = (144.424867889, -37.951033416), (143.926495528, -37.652821139)
    coordinates = [np.array([value]) for value in (*flinders, *buninyong)]

    assert spheroid_distance(*coordinates)[0] == pytest.approx(54972.271, abs=0.001)


def test_documented_geohashes(kql: Kql) -> None:
    assert kql.rows(
        "print geo_point_to_geohash(139.806115, 35.554128, 12), geo_point_to_geohash(-80.195829, 25.802215, 8), "
        "geo_point_to_geohash(200, 1, 8), geo_point_to_geohash(1, 1, int(null))"
    ) == [("xn76m27ty9g4", "dhwfz15h", "", "")]
    counted = """
        datatable(location_id:string, longitude:real, latitude:real)[
            "A", -122.303404, 47.570482, "B", -122.304745, 47.567052, "C", -122.278156, 47.566936]
        | summarize count = count(), locations = make_list(location_id)
          by geohash = geo_point_to_geohash(longitude, latitude)
        """
    assert sorted((geohash, count, sorted(names)) for geohash, count, names in kql.rows(counted)) == [
        ("c23n8", 2, ["A", "B"]),
        ("c23n9", 1, ["C"]),
    ]


def test_documented_places_in_a_circle(kql: Kql) -> None:
    places = """
        datatable(longitude:real, latitude:real, place:string)[
            -122.317404, 47.609119, 'Seattle', -123.497688, 47.458098, 'Olympic National Forest',
            -122.201741, 47.677084, 'Kirkland', -122.443663, 47.247092, 'Tacoma', -122.121975, 47.671345, 'Redmond']
        | where geo_point_in_circle(longitude, latitude, -122.317404, 47.609119, 18000)
        | project place
        """
    assert sorted(kql.rows(places)) == [("Kirkland",), ("Redmond",), ("Seattle",)]
    assert kql.rows(
        "print geo_point_in_circle(-122.143564, 47.535677, -122.100896, 47.527351, 3500), "
        "geo_point_in_circle(-122.137575, 47.630683, -122.100896, 47.527351, 3500), "
        "geo_point_in_circle(200, 1, 1, 1, 1), geo_point_in_circle(1, 1, 1, 1, -1)"
    ) == [(True, False, None, None)]


MANHATTAN = """dynamic({"type":"Polygon","coordinates":[[
    [-73.92597198486328,40.87821814104651],[-73.94691467285156,40.85069618625578],[-73.94691467285156,40.841865966890786],
    [-74.01008605957031,40.7519385984599],[-74.01866912841797,40.704586878965245],[-74.01214599609375,40.699901911003046],
    [-73.99772644042969,40.70875101828792],[-73.97747039794922,40.71083299030839],[-73.97026062011719,40.7290474687069],
    [-73.97506713867186,40.734510840309376],[-73.970947265625,40.74543623770158],[-73.94210815429688,40.77586181063573],
    [-73.9434814453125,40.78080140115127],[-73.92974853515625,40.79691751000055],[-73.93077850341797,40.804454347291006],
    [-73.93489837646484,40.80965166748853],[-73.93524169921875,40.837190668541105],[-73.92288208007812,40.85770758108904],
    [-73.9101791381836,40.871728144624974],[-73.92597198486328,40.87821814104651]],
   [[-73.95824432373047,40.80071852197889],[-73.98206233978271,40.76815921628347],[-73.97309303283691,40.76422632379533],
    [-73.94914627075195,40.796949998204596],[-73.95824432373047,40.80071852197889]]]})"""


def test_documented_places_in_manhattan_without_central_park(kql: Kql) -> None:
    rows = kql.rows(
        f"""
        datatable(longitude:real, latitude:real, description:string)[
            -73.985654, 40.748487, 'Empire State Building', -73.963249, 40.779525, 'The Metropolitan Museum of Art',
            -73.874367, 40.777356, 'LaGuardia Airport']
        | where geo_point_in_polygon(longitude, latitude, {MANHATTAN})
        | project description
        """
    )

    assert rows == [("Empire State Building",)]


@pytest.mark.parametrize(
    ("longitude", "latitude", "shape", "inside"),
    [
        (0, 0, '{"type":"Polygon","coordinates":[[[0,0],[1,1],[0,0]]]}', None),
        (0, 0, '{"type":"Polygon","coordinates":[[[0,0],[1,1],[1,0],[2,2]]]}', None),
        (0, 0, '{"type":"LineString","coordinates":[[0,0],[1,1]]}', None),
        (0, 0, '{"type":"Polygon","coordinates":[[[0,0],[181,1],[1,0],[0,0]]]}', None),
        (200, 0, '{"type":"Polygon","coordinates":[[[0,0],[1,1],[1,0],[0,0]]]}', None),
        (179.5, 0, '{"type":"MultiPolygon","coordinates":[[[[179,-1],[-179,-1],[-179,1],[179,1],[179,-1]]]]}', True),
        (-179.5, 0, '{"type":"Polygon","coordinates":[[[179,-1],[179,1],[-179,1],[-179,-1],[179,-1]]]}', True),
        (10, 89, '{"type":"Polygon","coordinates":[[[0,80],[90,80],[180,80],[-90,80],[0,80]]]}', True),
        (10, -89, '{"type":"Polygon","coordinates":[[[0,80],[90,80],[180,80],[-90,80],[0,80]]]}', False),
        (45, 80.5, '{"type":"Polygon","coordinates":[[[0,80],[90,80],[180,80],[-90,80],[0,80]]]}', False),
    ],
)
def test_polygons_at_the_edges_of_the_map(
    kql: Kql, longitude: float, latitude: float, shape: str, inside: bool | None
) -> None:
    assert kql.rows(f"print geo_point_in_polygon({longitude}, {latitude}, dynamic({shape}))") == [(inside,)]


places = st.tuples(st.floats(-180, 180), st.floats(-89, 89))


@settings(max_examples=50, deadline=None)
@given(places, places)
def test_distances_are_those_of_the_angle_between_two_directions(
    one: tuple[float, float], other: tuple[float, float]
) -> None:
    def direction(place: tuple[float, float]) -> np.ndarray[tuple[int], np.dtype[np.float64]]:
        longitude, latitude = map(math.radians, place)
        return np.array(
            [math.cos(latitude) * math.cos(longitude), math.cos(latitude) * math.sin(longitude), math.sin(latitude)]
        )

    a, b = direction(one), direction(other)
    angle = math.atan2(float(np.linalg.norm(np.cross(a, b))), float(np.dot(a, b)))
    metres = distance(*(np.array([value]) for value in (*one, *other)))[0]

    assert metres == pytest.approx(angle * RADIUS, abs=0.5)


@settings(max_examples=50, deadline=None)
@given(places, st.integers(1, 18))
def test_shorter_geohashes_are_prefixes_and_hold_their_place(place: tuple[float, float], accuracy: int) -> None:
    longitude, latitude = (np.array([value]) for value in place)
    (found,) = geohash(longitude, latitude, accuracy)
    (longest,) = geohash(longitude, latitude, 18)

    assert len(found) == accuracy
    assert longest.startswith(found)
    bits = "".join(f"{'0123456789bcdefghjkmnpqrstuvwxyz'.index(character):05b}" for character in longest)
    west = -180 + 360 * int(bits[0::2], 2) / 2**45
    south = -90 + 180 * int(bits[1::2], 2) / 2**45
    assert west == pytest.approx(place[0], abs=1e-9)
    assert south == pytest.approx(place[1], abs=1e-9)


@settings(max_examples=50, deadline=None)
@given(st.tuples(st.floats(-170, 170), st.floats(-70, 70)), st.floats(-2, 2), st.floats(-2, 2), st.booleans())
def test_small_squares_hold_what_is_between_their_sides(
    corner: tuple[float, float], east: float, north: float, is_clockwise: bool
) -> None:
    x, y = corner
    ring = [[x - 1, y - 1], [x + 1, y - 1], [x + 1, y + 1], [x - 1, y + 1], [x - 1, y - 1]]
    shape = '{"type": "Polygon", "coordinates": [' + str(ring[::-1] if is_clockwise else ring) + "]}"
    polygons = polygons_of(shape)
    assert polygons is not None
    (inside,) = polygons[0].contains(np.array([x + east]), np.array([y + north]))

    if max(abs(east), abs(north)) < 0.95:
        assert inside
    elif max(abs(east), abs(north)) > 1.05:
        assert not inside
