"""Reading models: documents of DTDL version 2 or 3 to declarations.

Source: "DTDL version 2" and "DTDL version 3" (Azure/opendigitaltwins-dtdl): names, limits and where each is allowed.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from local.digital_twins.dtdl.interfaces import (
    Command,
    Component,
    Declaration,
    DtdlError,
    Element,
    Property,
    Relationship,
    Telemetry,
)
from local.digital_twins.dtdl.schema_parsing import SchemaReader, as_list, kind_of, named
from local.digital_twins.dtdl.schemas import Schema
from local.digital_twins.errors import not_served

CONTEXTS = {"dtmi:dtdl:context;2": 2, "dtmi:dtdl:context;3": 3}
_EXTENSION = re.compile(r"dtmi:(dtdl:extension|iotcentral):[!-~]+")
_DTMI = re.compile(
    r"dtmi:[A-Za-z]([A-Za-z0-9_]*[A-Za-z0-9])?(:[A-Za-z_]([A-Za-z0-9_]*[A-Za-z0-9])?)*"
    r";[1-9][0-9]{0,8}(\.[0-9]{1,6})?"
)
_KINDS = ("Property", "Telemetry", "Command", "Relationship", "Component")
_COMMON = frozenset(("@id", "@type", "comment", "description", "displayName"))
_KEYS: Mapping[str, frozenset[str]] = {
    "Interface": _COMMON | {"@context", "contents", "extends", "schemas"},
    "Property": _COMMON | {"name", "schema", "writable", "unit"},
    "Telemetry": _COMMON | {"name", "schema", "unit"},
    "Command": _COMMON | {"name", "request", "response", "commandType"},
    "Relationship": _COMMON | {"name", "target", "properties", "minMultiplicity", "maxMultiplicity", "writable"},
    "Component": _COMMON | {"name", "schema"},
}
_MAX_ID = 128
_MAX_CONTENTS = {2: 300, 3: 100_000}
_MAX_EXTENDS = {2: 2, 3: 1024}


def is_model_id(text: object) -> bool:
    """Whether it is the id of an interface: a DTMI of at most 128 characters."""
    return isinstance(text, str) and len(text) <= _MAX_ID and _DTMI.fullmatch(text) is not None


def declarations(documents: object) -> dict[str, Declaration]:
    """The models of one upload, by id. Raises DtdlError, and ServiceError (501) for what is not served."""
    if not isinstance(documents, list) or not documents:
        raise DtdlError("The payload must be an array of models.", "InvalidArgument")
    read: dict[str, Declaration] = {}
    for document in documents:
        declaration = _declaration(document)
        if declaration.id in read:
            raise DtdlError(f"{declaration.id} is given twice.")
        read[declaration.id] = declaration
    return read


def _declaration(document: object) -> Declaration:
    if not isinstance(document, dict):
        raise DtdlError("A model must be a JSON object.")
    model_id = document.get("@id")
    if model_id is None:
        raise DtdlError(
            "Top-level element requires an identifer but none provided. Add an '@id' property whose value is a string"
            " that conforms to the DTMI syntax -- see"
            " https://github.com/Azure/digital-twin-model-identifier."
        )
    if not is_model_id(model_id):
        raise DtdlError(f"Identifier '{model_id}' is invalid: it must conform to the DTMI syntax of an Interface.")
    if "Interface" not in as_list(document.get("@type")):
        raise DtdlError(f"{model_id} has @type {document.get('@type')!r}, but a model must be an Interface.")
    version = _version(model_id, document)
    _check_keys(document, "Interface", model_id, version)
    _check_texts(document, model_id, version)
    schemas = SchemaReader(model_id, version, document.get("schemas"))
    own = _Contents(model_id, version, schemas).read(document.get("contents"))
    return Declaration(model_id, version, _extended(model_id, version, document), own, document)


def _version(model_id: str, document: Mapping[str, Any]) -> int:
    contexts = as_list(document.get("@context"))
    versions = [CONTEXTS[context] for context in contexts if isinstance(context, str) and context in CONTEXTS]
    others = [context for context in contexts if not (isinstance(context, str) and context in CONTEXTS)]
    if len(versions) != 1:
        raise DtdlError(
            f"{model_id} has @context {document.get('@context')!r}, but must name one of {', '.join(CONTEXTS)}.",
            "ModelVersionNotSupported",
        )
    for other in others:
        if not isinstance(other, str) or _EXTENSION.fullmatch(other) is None:
            raise DtdlError(f"{model_id} names the context {other!r}, which is unknown.")
    return versions[0]


def _extended(model_id: str, version: int, document: Mapping[str, Any]) -> tuple[str, ...]:
    extended = as_list(document.get("extends"))
    for each in extended:
        if isinstance(each, dict):
            raise not_served(f"interfaces defined within another one's extends ({model_id})")
        if not is_model_id(each):
            raise DtdlError(f"{model_id} extends {each!r}, which is no DTMI.")
    if len(extended) > _MAX_EXTENDS[version]:
        raise DtdlError(f"{model_id} extends {len(extended)} interfaces, more than {_MAX_EXTENDS[version]}.")
    return tuple(dict.fromkeys(extended))


@dataclass(frozen=True)
class _Contents:
    """Reads an interface's contents."""

    model_id: str
    version: int
    schemas: SchemaReader

    def read(self, contents: object) -> dict[str, Element]:
        listed = as_list(contents)
        if len(listed) > _MAX_CONTENTS[self.version]:
            raise DtdlError(f"{self.model_id} has {len(listed)} contents, more than {_MAX_CONTENTS[self.version]}.")
        own: dict[str, Element] = {}
        for document in listed:
            element = self._element(document)
            if element.name in own:
                raise DtdlError(f"{self.model_id} has two elements with the name {element.name}.")
            own[element.name] = element
        return own

    def _element(self, document: object) -> Element:
        kind = kind_of(document, _KINDS, self.model_id)
        assert isinstance(document, dict)
        name = named(document, self.model_id, self.version)
        where = f"{self.model_id}, {kind} {name}"
        _check_keys(document, kind, where, self.version)
        _check_texts(document, where, self.version)
        match kind:
            case "Property":
                return Property(name, self._schema(document, where, kind))
            case "Telemetry":
                return Telemetry(name, self._schema(document, where, kind))
            case "Command":
                return Command(name)
            case "Relationship":
                return self._relationship(name, document, where)
            case _:
                return self._component(name, document, where)

    def _schema(self, document: Mapping[str, Any], where: str, kind: str) -> Schema:
        if "schema" not in document:
            raise DtdlError(f"{where} requires a schema but none is provided.")
        return self.schemas.read(document["schema"], where, is_stored=kind != "Telemetry")

    def _relationship(self, name: str, document: Mapping[str, Any], where: str) -> Relationship:
        target = document.get("target")
        if target is not None and not is_model_id(target):
            raise DtdlError(f"{where} has the target {target!r}, which is no DTMI.")
        properties: dict[str, Schema] = {}
        for each in as_list(document.get("properties")):
            kind_of(each, ("Property",), where)
            key = named(each, where, self.version)
            _check_keys(each, "Property", f"{where}, Property {key}", self.version)
            if key in properties:
                raise DtdlError(f"{where} has two properties with the name {key}.")
            properties[key] = self._schema(each, f"{where}, Property {key}", "Property")
        return Relationship(name, target, properties)

    def _component(self, name: str, document: Mapping[str, Any], where: str) -> Component:
        model = document.get("schema")
        if isinstance(model, dict):
            raise not_served(f"interfaces defined within a component ({where})")
        if not is_model_id(model):
            raise DtdlError(f"{where} has the schema {model!r}, but must name an interface.")
        return Component(name, str(model))


def _check_keys(document: Mapping[str, Any], kind: str, where: str, version: int) -> None:
    """An element may have DTDL's own keys only, but in version 3 a type from an extension may bring more."""
    if version == 3 and len(as_list(document.get("@type"))) > 1:
        return
    unknown = sorted(key for key in document if key not in _KEYS[kind])
    if unknown:
        raise DtdlError(f"{where} has the undefined properties {', '.join(unknown)}.")


def _check_texts(document: Mapping[str, Any], where: str, version: int) -> None:
    for key in ("displayName", "description"):
        value = document.get(key)
        texts = list(value.values()) if isinstance(value, dict) else [] if value is None else [value]
        if not all(isinstance(text, str) for text in texts):
            raise DtdlError(f"{where} has a {key} that is neither a string nor strings by language.")
        longest = 64 if (key, version) == ("displayName", 2) else 512
        if any(len(text) > longest for text in texts):
            raise DtdlError(f"{where} has a {key} of more than {longest} characters.")
    comment = document.get("comment")
    if comment is not None and not isinstance(comment, str):
        raise DtdlError(f"{where} has a comment that is no string.")
