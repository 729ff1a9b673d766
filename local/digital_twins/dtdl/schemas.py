"""Schemas of DTDL, and whether a JSON value conforms to one.

Source: "DTDL version 2" and "DTDL version 3" (Azure/opendigitaltwins-dtdl), sections Schemas, Primitive, Complex and
Geospatial schemas.
"""

import datetime
import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

_LARGEST_DOUBLE = 1.7976931348623157e308
_LARGEST_FLOAT = 3.4028235677973366e38
_WHOLE = {"integer": 2**31, "long": 2**63}
_REAL = {"double": _LARGEST_DOUBLE, "float": _LARGEST_FLOAT}
_DATE = re.compile(r"\d{4}-\d{2}-\d{2}", re.ASCII)
_TIME = re.compile(r"(\d{2}:\d{2}:\d{2})(\.\d+)?(Z|[+-]\d{2}:\d{2})?", re.ASCII)
_DURATION = re.compile(r"-?P(?=.)(\d+Y)?(\d+M)?(\d+W)?(\d+D)?(T(?=.)(\d+H)?(\d+M)?(\d+(\.\d+)?S)?)?", re.ASCII)
PRIMITIVES = frozenset(
    ("boolean", "date", "dateTime", "double", "duration", "float", "integer", "long", "string", "time")
)
GEOSPATIAL = {
    "point": "Point",
    "multiPoint": "MultiPoint",
    "lineString": "LineString",
    "multiLineString": "MultiLineString",
    "polygon": "Polygon",
    "multiPolygon": "MultiPolygon",
}
"""DTDL's name of each geospatial schema, and the GeoJSON type of its values (RFC 7946)."""


@dataclass(frozen=True)
class Primitive:
    name: str


@dataclass(frozen=True)
class Geospatial:
    name: str


@dataclass(frozen=True)
class Enumeration:
    """`kind` is integer or string."""

    kind: str
    values: frozenset[int | str]


@dataclass(frozen=True)
class Structure:
    """DTDL's Object."""

    fields: Mapping[str, "Schema"]


@dataclass(frozen=True)
class Map:
    value: "Schema"


@dataclass(frozen=True)
class Array:
    element: "Schema"


Schema = Primitive | Geospatial | Enumeration | Structure | Map | Array


def violations(schema: Schema, value: Any, path: str) -> Iterator[str]:
    """What is wrong with a value, one sentence for each place; nothing when it conforms."""
    match schema:
        case Array(element) if isinstance(value, list):
            for index, each in enumerate(value):
                yield from violations(element, each, f"{path}/{index}")
        case Map(inner) if isinstance(value, dict):
            for key, each in value.items():
                yield from violations(inner, each, f"{path}/{key}")
        case Structure(fields) if isinstance(value, dict):
            for key, each in value.items():
                if key in fields:
                    yield from violations(fields[key], each, f"{path}/{key}")
                else:
                    yield f"{path}/{key} is not a field of the object {path}."
        case Primitive(name) if _is_primitive(name, value):
            return
        case Enumeration(kind, values) if _is_member(kind, values, value):
            return
        case Geospatial(name) if _is_geometry(name, value):
            return
        case _:
            shown = json.dumps(value, ensure_ascii=False)[:100]
            yield f"{path} does not conform to its schema: expected {_described(schema)}, found {shown}."


def is_instant(value: Any) -> bool:
    """Whether a value is text as RFC 3339's date-time has it; an offset may be missing."""
    if not isinstance(value, str):
        return False
    day, separator, time = value.partition("T")
    return separator == "T" and _is_date(day) and _is_time(time)


def _is_member(kind: str, values: frozenset[int | str], value: Any) -> bool:
    wanted = str if kind == "string" else int
    return isinstance(value, wanted) and not isinstance(value, bool) and value in values


def _is_primitive(name: str, value: Any) -> bool:
    if name in _REAL:
        return _is_number(value) and abs(value) <= _REAL[name]
    if name in _WHOLE:
        return _is_number(value) and _is_whole(value) and -_WHOLE[name] <= value < _WHOLE[name]
    if name == "boolean":
        return isinstance(value, bool)
    if not isinstance(value, str):
        return False
    return _is_text_of(name, value)


def _is_text_of(name: str, value: str) -> bool:
    match name:
        case "dateTime":
            return is_instant(value)
        case "date":
            return _is_date(value)
        case "time":
            return _is_time(value)
        case "duration":
            return _DURATION.fullmatch(value) is not None
        case _:
            return True


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _is_whole(value: int | float) -> bool:
    """2.0 is whole; beyond 2**53 a float may stand for another number than the one that was sent."""
    return isinstance(value, int) or (value.is_integer() and abs(value) <= 2**53)


def _is_date(text: str) -> bool:
    try:
        return _DATE.fullmatch(text) is not None and bool(datetime.date.fromisoformat(text))
    except ValueError:
        return False


def _is_time(text: str) -> bool:
    """RFC 3339's time, with any number of digits after the second."""
    found = _TIME.fullmatch(text)
    if found is None:
        return False
    zone = (found[3] or "Z").replace("Z", "+00:00")
    try:
        datetime.time.fromisoformat(found[1] + zone)
    except ValueError:
        return False
    return True


def _is_geometry(name: str, value: Any) -> bool:
    if not isinstance(value, dict) or value.get("type") != GEOSPATIAL[name]:
        return False
    depth = {"point": 0, "multiPoint": 1, "lineString": 1, "multiLineString": 2, "polygon": 2, "multiPolygon": 3}[name]
    return set(value) <= {"type", "coordinates", "bbox"} and _is_position(value.get("coordinates"), depth)


def _is_position(value: Any, depth: int) -> bool:
    if not isinstance(value, list):
        return False
    if depth:
        return all(_is_position(each, depth - 1) for each in value)
    return len(value) in (2, 3) and all(_is_number(each) for each in value)


def _described(schema: Schema) -> str:
    match schema:
        case Primitive(name) | Geospatial(name):
            return name
        case Enumeration(_, values):
            return "one of " + ", ".join(sorted(map(str, values))[:20])
        case Structure():
            return "an object"
        case Map():
            return "a map"
        case Array():
            return "an array"
