"""Reading schemas: DTDL's documents to schemas. What a version does not allow is refused."""

import re
from collections.abc import Iterable, Mapping
from typing import Any

from local.digital_twins.dtdl.interfaces import DtdlError
from local.digital_twins.dtdl.schemas import (
    GEOSPATIAL,
    PRIMITIVES,
    Array,
    Enumeration,
    Geospatial,
    Map,
    Primitive,
    Schema,
    Structure,
)

_NAME = re.compile(r"[A-Za-z]([A-Za-z0-9_]*[A-Za-z0-9])?")
_MAX_NAME = {2: 64, 3: 512}
_MAX_DEPTH = {2: 5, 3: 8}
_MAX_FIELDS = {2: 30, 3: 100_000}
_MAX_ENUM_VALUES = {2: 100, 3: 100_000}
_COMPLEX = ("Enum", "Object", "Map", "Array")
_PRIMITIVE_ID = re.compile(r"dtmi:dtdl:instance:Schema:(\w+);[23]")
_GEOSPATIAL_ID = re.compile(r"dtmi:(?:standard:schema:geospatial|dtdl:instance:Schema):(\w+);[23]")


def as_list(value: Any) -> list[Any]:
    """JSON-LD's way: one value, an array of them, or none."""
    if value is None:
        return []
    return value if isinstance(value, list) else [value]


def kind_of(document: object, kinds: Iterable[str], where: str) -> str:
    """Which of DTDL's kinds an element is of; the other types it has are an extension's. Raises DtdlError."""
    if not isinstance(document, dict):
        raise DtdlError(f"{where} has {document!r} where an element should be.")
    types = as_list(document.get("@type"))
    found = [kind for kind in kinds if kind in types]
    if len(found) != 1 or not all(isinstance(each, str) for each in types):
        raise DtdlError(f"{where} has an element of @type {document.get('@type')!r}, not of {', '.join(kinds)}.")
    return found[0]


def named(document: Mapping[str, Any], where: str, version: int, key: str = "name") -> str:
    """An element's name. Raises DtdlError."""
    name = document.get(key)
    if not isinstance(name, str) or len(name) > _MAX_NAME[version] or _NAME.fullmatch(name) is None:
        raise DtdlError(
            f"{where} has the {key} {name!r}, which is missing, too long, or holds other than letters, digits and _."
        )
    return name


class SchemaReader:
    """Reads the schemas of one interface, which it may also declare by id for all of its elements."""

    def __init__(self, model_id: str, version: int, declared: object) -> None:
        self._version = version
        self._declared: dict[str, Any] = {}
        for document in as_list(declared):
            kind_of(document, _COMPLEX, f"{model_id}, schemas")
            if not isinstance(document.get("@id"), str):
                raise DtdlError(f"{model_id} declares a schema without @id.")
            self._declared[document["@id"]] = document

    def read(self, schema: object, where: str, *, is_stored: bool, depth: int = 0) -> Schema:
        """`is_stored`: for a property, where version 2 has no arrays. Raises DtdlError."""
        if depth > _MAX_DEPTH[self._version]:
            raise DtdlError(f"{where} has a schema of more than {_MAX_DEPTH[self._version]} levels.")
        if isinstance(schema, str):
            return self._by_name(schema, where, is_stored, depth)
        kind = kind_of(schema, _COMPLEX, where)
        assert isinstance(schema, dict)
        match kind:
            case "Enum":
                return self._enumeration(schema, where)
            case "Object":
                return self._structure(schema, where, is_stored, depth)
            case "Map":
                return self._map(schema, where, is_stored, depth)
            case _:
                return self._array(schema, where, is_stored, depth)

    def _by_name(self, name: str, where: str, is_stored: bool, depth: int) -> Schema:
        if name in self._declared:
            return self.read(self._declared[name], where, is_stored=is_stored, depth=depth + 1)
        short = next(
            (found[1] for found in (_PRIMITIVE_ID.fullmatch(name), _GEOSPATIAL_ID.fullmatch(name)) if found), name
        )
        if name in PRIMITIVES or (short != name and short in PRIMITIVES):
            return Primitive(short)
        if short in GEOSPATIAL:
            return Geospatial(short)
        raise DtdlError(f"{where} has the schema {name!r}, which is unknown.")

    def _enumeration(self, schema: Mapping[str, Any], where: str) -> Schema:
        kind = schema.get("valueSchema")
        if kind not in ("integer", "string"):
            raise DtdlError(f"{where} has an Enum with the valueSchema {kind!r}, not integer or string.")
        values: list[int | str] = []
        names: set[str] = set()
        for each in as_list(schema.get("enumValues")):
            if not isinstance(each, dict):
                raise DtdlError(f"{where} has the enumValue {each!r}, which is no object.")
            names.add(named(each, where, self._version))
            value = each.get("enumValue")
            if isinstance(value, bool) or not isinstance(value, str if kind == "string" else int):
                raise DtdlError(f"{where} has the enumValue {value!r}, which is not of its valueSchema {kind}.")
            values.append(value)
        if len(set(values)) != len(values) or len(names) != len(values):
            raise DtdlError(f"{where} has an Enum that repeats a name or an enumValue.")
        if len(values) > _MAX_ENUM_VALUES[self._version]:
            raise DtdlError(f"{where} has an Enum with {len(values)} values.")
        return Enumeration(kind, frozenset(values))

    def _structure(self, schema: Mapping[str, Any], where: str, is_stored: bool, depth: int) -> Schema:
        fields: dict[str, Schema] = {}
        for each in as_list(schema.get("fields")):
            if not isinstance(each, dict):
                raise DtdlError(f"{where} has the field {each!r}, which is no object.")
            name = named(each, where, self._version)
            if name in fields:
                raise DtdlError(f"{where} has two fields with the name {name}.")
            fields[name] = self.read(each.get("schema"), f"{where}.{name}", is_stored=is_stored, depth=depth + 1)
        if not fields or len(fields) > _MAX_FIELDS[self._version]:
            raise DtdlError(f"{where} has an Object with {len(fields)} fields.")
        return Structure(fields)

    def _map(self, schema: Mapping[str, Any], where: str, is_stored: bool, depth: int) -> Schema:
        key, value = schema.get("mapKey"), schema.get("mapValue")
        if not isinstance(key, dict) or not isinstance(value, dict):
            raise DtdlError(f"{where} has a Map without mapKey and mapValue.")
        named(key, f"{where}, mapKey", self._version)
        named(value, f"{where}, mapValue", self._version)
        if key.get("schema") not in ("string", "dtmi:dtdl:instance:Schema:string;2"):
            raise DtdlError(f"{where} has a Map with keys of {key.get('schema')!r}, not string.")
        return Map(self.read(value.get("schema"), f"{where}.mapValue", is_stored=is_stored, depth=depth + 1))

    def _array(self, schema: Mapping[str, Any], where: str, is_stored: bool, depth: int) -> Schema:
        if is_stored and self._version == 2:
            raise DtdlError(f"{where} has an Array, which DTDL version 2 allows in Telemetry only.")
        return Array(
            self.read(schema.get("elementSchema"), f"{where}.elementSchema", is_stored=is_stored, depth=depth + 1)
        )
