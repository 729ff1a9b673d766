"""Distances and areas on the globe: geo_distance_2points, geo_point_in_circle, geo_point_in_polygon, geohashes.

Learn, the page of each. Coordinates are degrees of WGS-84 on a sphere, edges of polygons are its great circles; only a
distance may ask for the spheroid (T. Vincenty, "Direct and inverse solutions of geodesics on the ellipsoid", 1975).
Coordinates that can't be are answered by null, or by an empty geohash.
"""

from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from local.data_explorer.kql.polygons import Polygon, polygons_of
from local.data_explorer.kql.python_functions import PythonFunction

Reals = npt.NDArray[np.float64]
Truths = npt.NDArray[np.bool_]
RADIUS = 6_371_010.0
"""Metres; the sphere of the S2 library, which gives the distances in the documentation."""
_EQUATOR, _FLATTENING = 6_378_137.0, 1 / 298.257_223_563
_ALPHABET = np.array(list("0123456789bcdefghjkmnpqrstuvwxyz"))


def on_globe(longitude: Reals, latitude: Reals) -> Truths:
    """Which coordinates can be; a NaN can't."""
    valid: Truths = (np.abs(longitude) <= 180) & (np.abs(latitude) <= 90)
    return valid


def distance(longitude: Reals, latitude: Reals, to_longitude: Reals, to_latitude: Reals) -> Reals:
    """Metres on the sphere (haversine)."""
    phi, to_phi = np.radians(latitude), np.radians(to_latitude)
    half_angle = np.radians(to_longitude - longitude) / 2
    chord = np.sin((to_phi - phi) / 2) ** 2 + np.cos(phi) * np.cos(to_phi) * np.sin(half_angle) ** 2
    metres: Reals = 2 * RADIUS * np.arcsin(np.sqrt(np.clip(chord, 0, 1)))
    return metres


def spheroid_distance(longitude: Reals, latitude: Reals, to_longitude: Reals, to_latitude: Reals) -> Reals:
    """Metres on the WGS-84 spheroid, by Vincenty's inverse formula; that on the sphere where it does not converge."""
    pole = _EQUATOR * (1 - _FLATTENING)
    u1, u2 = (np.arctan((1 - _FLATTENING) * np.tan(np.radians(each))) for each in (latitude, to_latitude))
    difference = np.radians(to_longitude - longitude)
    angle = difference.copy()
    for _ in range(200):
        sin_sigma = np.hypot(
            np.cos(u2) * np.sin(angle), np.cos(u1) * np.sin(u2) - np.sin(u1) * np.cos(u2) * np.cos(angle)
        )
        cos_sigma = np.sin(u1) * np.sin(u2) + np.cos(u1) * np.cos(u2) * np.cos(angle)
        sigma = np.arctan2(sin_sigma, cos_sigma)
        with np.errstate(divide="ignore", invalid="ignore"):
            sin_alpha = np.where(sin_sigma == 0, 0, np.cos(u1) * np.cos(u2) * np.sin(angle) / sin_sigma)
            cos2_alpha = 1 - sin_alpha**2
            cos_2m = np.where(cos2_alpha == 0, 0, cos_sigma - 2 * np.sin(u1) * np.sin(u2) / cos2_alpha)
        c = _FLATTENING / 16 * cos2_alpha * (4 + _FLATTENING * (4 - 3 * cos2_alpha))
        twist = sigma + c * sin_sigma * (cos_2m + c * cos_sigma * (2 * cos_2m**2 - 1))
        before, angle = angle, difference + (1 - c) * _FLATTENING * sin_alpha * twist
        if np.all(np.abs(angle - before) < 1e-12):
            break
    squared = cos2_alpha * (_EQUATOR**2 - pole**2) / pole**2
    a = 1 + squared / 16384 * (4096 + squared * (-768 + squared * (320 - 175 * squared)))
    b = squared / 1024 * (256 + squared * (-128 + squared * (74 - 47 * squared)))
    third = b / 6 * cos_2m * (4 * sin_sigma**2 - 3) * (4 * cos_2m**2 - 3)
    correction = b * sin_sigma * (cos_2m + b / 4 * (cos_sigma * (2 * cos_2m**2 - 1) - third))
    converged = np.abs(angle - before) < 1e-9
    metres: Reals = np.where(
        converged, pole * a * (sigma - correction), distance(longitude, latitude, to_longitude, to_latitude)
    )
    return metres


def geohash(longitude: Reals, latitude: Reals, accuracy: int) -> list[str]:
    """Geohashes of so many characters, 1 to 18: bits of longitude and latitude in turn, five a character."""
    bounds = {0: (longitude, np.full(len(longitude), -180.0), np.full(len(longitude), 180.0))}
    bounds[1] = (latitude, np.full(len(latitude), -90.0), np.full(len(latitude), 90.0))
    characters = np.zeros((len(longitude), accuracy), dtype=np.int64)
    for bit in range(accuracy * 5):
        value, low, high = bounds[bit % 2]
        middle = (low + high) / 2
        is_upper = value >= middle
        characters[:, bit // 5] = characters[:, bit // 5] * 2 + is_upper
        bounds[bit % 2] = (value, np.where(is_upper, middle, low), np.where(is_upper, high, middle))
    return ["".join(row) for row in _ALPHABET[characters]]


def _reals(column: Any) -> Reals:
    values: Reals = np.asarray(column.cast(pa.float64()).to_numpy(zero_copy_only=False), dtype=np.float64)
    return values


def _distances(longitude: Any, latitude: Any, to_longitude: Any, to_latitude: Any, use_spheroid: Any) -> pa.Array:
    points = [_reals(column) for column in (longitude, latitude, to_longitude, to_latitude)]
    valid = on_globe(*points[:2]) & on_globe(*points[2:])
    wanted = np.array([bool(each) for each in use_spheroid.to_pylist()])
    metres = distance(*points)
    if wanted.any():
        metres = np.where(wanted, spheroid_distance(*points), metres)
    return pa.array(metres, mask=~valid)


def _in_circle(longitude: Any, latitude: Any, to_longitude: Any, to_latitude: Any, radii: Any) -> pa.Array:
    points = [_reals(column) for column in (longitude, latitude, to_longitude, to_latitude)]
    radius = _reals(radii)
    valid = on_globe(*points[:2]) & on_globe(*points[2:]) & (radius > 0)
    return pa.array(distance(*points) <= radius, mask=~valid)


def _in_polygon(longitudes: Any, latitudes: Any, texts: Any) -> pa.Array:
    longitude, latitude = _reals(longitudes), _reals(latitudes)
    given = texts.to_pylist()
    inside = np.zeros(len(longitude), dtype=np.bool_)
    valid = on_globe(longitude, latitude)
    for text in set(given):
        rows = np.array([each == text for each in given])
        polygons: tuple[Polygon, ...] | None = polygons_of(text)
        if polygons is None:
            valid &= ~rows
            continue
        for polygon in polygons:
            inside[rows] |= polygon.contains(longitude[rows], latitude[rows])
    return pa.array(inside, mask=~valid)


def _geohashes(longitudes: Any, latitudes: Any, accuracies: Any) -> pa.Array:
    longitude, latitude = _reals(longitudes), _reals(latitudes)
    valid = on_globe(longitude, latitude)
    accuracy = accuracies.to_pylist()
    hashes = [""] * len(longitude)
    for characters in {each for each in accuracy if each is not None and 1 <= each <= 18}:
        rows = np.flatnonzero(valid & np.array([each == characters for each in accuracy]))
        for row, found in zip(rows, geohash(longitude[rows], latitude[rows], characters), strict=True):
            hashes[row] = found
    return pa.array(hashes, pa.string())


FUNCTIONS = (
    PythonFunction("kql_geo_distance", _distances, ("DOUBLE",) * 4 + ("BOOLEAN",), "DOUBLE"),
    PythonFunction("kql_geo_in_circle", _in_circle, ("DOUBLE",) * 5, "BOOLEAN"),
    PythonFunction("kql_geo_in_polygon", _in_polygon, ("DOUBLE", "DOUBLE", "VARCHAR"), "BOOLEAN"),
    PythonFunction("kql_geohash", _geohashes, ("DOUBLE", "DOUBLE", "INTEGER"), "VARCHAR"),
)
