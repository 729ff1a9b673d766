"""What a model says, read: its own contents, and what it inherits."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from local.digital_twins.dtdl.schemas import Schema


class DtdlError(Exception):
    """A model that can't be taken; the message names the model and the element. `code` is the service's."""

    def __init__(self, message: str, code: str = "DTDLParserError") -> None:
        super().__init__(message)
        self.code = code


@dataclass(frozen=True)
class Property:
    name: str
    schema: Schema


@dataclass(frozen=True)
class Telemetry:
    name: str
    schema: Schema


@dataclass(frozen=True)
class Command:
    name: str


@dataclass(frozen=True)
class Relationship:
    """`target` is the model that targets must be of, or None for any."""

    name: str
    target: str | None
    properties: Mapping[str, Schema]


@dataclass(frozen=True)
class Component:
    """`model` is the id of the interface that the component is made of."""

    name: str
    model: str


Element = Property | Telemetry | Command | Relationship | Component


@dataclass(frozen=True)
class Declaration:
    """One interface as it stands in its document: `own` holds what it declares itself."""

    id: str
    version: int
    extends: tuple[str, ...]
    own: Mapping[str, Element]
    document: Mapping[str, Any]

    @property
    def dependencies(self) -> frozenset[str]:
        """The models that must be there for this one: its bases and its components'."""
        components = (element.model for element in self.own.values() if isinstance(element, Component))
        return frozenset((*self.extends, *components))


@dataclass(frozen=True)
class Interface:
    """A declaration with all that it inherits. `bases` are the models it is a kind of, itself included."""

    id: str
    contents: Mapping[str, Element]
    bases: frozenset[str]
    components: Mapping[str, "Interface"]
