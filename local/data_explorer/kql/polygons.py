"""Polygons on the sphere, from GeoJSON (RFC 7946). Learn, "geo_point_in_polygon()": definition and constraints."""

import json
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np
import numpy.typing as npt

Reals = npt.NDArray[np.float64]
Truths = npt.NDArray[np.bool_]
_FEWEST = 4
"""A ring has three places at least, and the first one again."""


@dataclass(frozen=True)
class Ring:
    """Longitudes and latitudes in radians, the first place again at the end; it encloses its smaller side."""

    longitude: Reals
    latitude: Reals

    def contains(self, longitude: Reals, latitude: Reals) -> Truths:
        """Which places, in radians, are inside.

        A ring whose edges turn once around a place lies between it and the opposite place; turning with the ring's
        smaller side, it is inside.
        """
        turned = self._turns(longitude, latitude)
        side = 1.0 if self._left_side <= 2 * np.pi else -1.0
        inside: Truths = np.abs(turned - side) < 0.5
        return inside

    def _turns(self, longitude: Reals, latitude: Reals) -> Reals:
        """How often the ring turns counterclockwise around each place, seen from there."""
        angle = self.longitude[None, :] - longitude[:, None]
        east = np.sin(angle) * np.cos(self.latitude)
        north = np.cos(latitude)[:, None] * np.sin(self.latitude) - np.sin(latitude)[:, None] * np.cos(
            self.latitude
        ) * np.cos(angle)
        steps = _shortest(np.diff(np.arctan2(east, north), axis=1))
        turns: Reals = -np.sum(steps, axis=1) / (2 * np.pi)
        return turns

    @property
    def _left_side(self) -> float:
        """The area, on the sphere of radius 1, on the left of who goes along the ring."""
        angle = _shortest(np.diff(self.longitude))
        tangents = np.tan(self.latitude / 2)
        one, other = tangents[:-1], tangents[1:]
        above_equator = 2 * np.arctan2(np.tan(angle / 2) * (one + other), 1 + one * other)
        area: float = (np.sum(angle) - np.sum(above_equator)) % (4 * np.pi)
        return area


@dataclass(frozen=True)
class Polygon:
    """What is in the shell and in none of the holes."""

    shell: Ring
    holes: tuple[Ring, ...]

    def contains(self, longitude: Reals, latitude: Reals) -> Truths:
        """Which places, in degrees, are inside."""
        place = (np.radians(longitude), np.radians(latitude))
        inside = self.shell.contains(*place)
        for hole in self.holes:
            inside &= ~hole.contains(*place)
        return inside


def _shortest(angle: Reals) -> Reals:
    """Angles as they are turned on the shorter way."""
    turned: Reals = (angle + np.pi) % (2 * np.pi) - np.pi
    return turned


@lru_cache(maxsize=200)
def polygons_of(text: str | None) -> tuple[Polygon, ...] | None:
    """The polygons of a GeoJSON Polygon or MultiPolygon, None when it is none."""
    try:
        shape = json.loads(text or "null")
        parts = {"Polygon": [shape["coordinates"]], "MultiPolygon": shape["coordinates"]}
        return tuple(_polygon(rings) for rings in parts[shape["type"]])
    except (KeyError, TypeError, ValueError):
        return None


def _polygon(rings: list[Any]) -> Polygon:
    """Raises ValueError, TypeError when these are no rings."""
    if not rings:
        raise ValueError("a polygon has a shell")
    shell, *holes = map(_ring, rings)
    return Polygon(shell, tuple(holes))


def _ring(places: list[Any]) -> Ring:
    """Raises ValueError, TypeError."""
    coordinates = np.array([place[:2] for place in places], dtype=np.float64)
    if len(coordinates) < _FEWEST or np.any(coordinates[0] != coordinates[-1]):
        raise ValueError("a ring has four places at least, and ends where it begins")
    if np.any(np.abs(coordinates) > np.array([180, 90])) or len(np.unique(coordinates[:-1], axis=0)) < _FEWEST - 1:
        raise ValueError("a ring's places are different places on the globe")
    longitude, latitude = np.radians(coordinates).T
    return Ring(longitude, latitude)
