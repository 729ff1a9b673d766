"""From declarations to interfaces: inheritance and components resolved, and what must not be refused."""

from collections.abc import Callable, Mapping
from typing import NamedTuple

from local.digital_twins.dtdl.interfaces import Component, Declaration, DtdlError, Element, Interface

MAX_INHERITANCE = 10
Lookup = Callable[[str], Declaration | None]


def link(declaration: Declaration, lookup: Lookup) -> Interface:
    """The interface with all that it inherits. Raises DtdlError."""
    inheritance = _Inheritance(lookup)
    contents, bases, _ = inheritance.of(declaration, ())
    components = {
        name: _component(declaration.id, element, inheritance)
        for name, element in contents.items()
        if isinstance(element, Component)
    }
    return Interface(declaration.id, contents, bases, components)


class _Inherited(NamedTuple):
    """`levels` is how deep the deepest chain of bases is."""

    contents: Mapping[str, Element]
    bases: frozenset[str]
    levels: int


class _Inheritance:
    """What models inherit, each worked out once: bases may share bases many times over."""

    def __init__(self, lookup: Lookup) -> None:
        self._lookup = lookup
        self._known: dict[str, _Inherited] = {}

    def of(self, declaration: Declaration, below: tuple[str, ...]) -> _Inherited:
        """`below` are the models on the way here. Raises DtdlError."""
        if declaration.id in below:
            raise DtdlError(f"{declaration.id} extends itself by way of {' and '.join(below)}.")
        if len(below) > MAX_INHERITANCE:
            raise _too_deep(below[0])
        found = self._known.get(declaration.id)
        if found is None:
            found = self._worked_out(declaration, (*below, declaration.id))
            self._known[declaration.id] = found
        return found

    def known(self, model: str, whose: str) -> Declaration:
        """Raises DtdlError when there is no such model."""
        found = self._lookup(model)
        if found is None:
            raise DtdlError(f"{whose} {model}, which is neither in the request nor uploaded before.")
        return found

    def _worked_out(self, declaration: Declaration, below: tuple[str, ...]) -> _Inherited:
        contents: dict[str, Element] = {}
        bases = {declaration.id}
        levels = 0
        for base in declaration.extends:
            inherited = self.of(self.known(base, f"{declaration.id} extends"), below)
            for name, element in inherited.contents.items():
                if contents.get(name, element) is not element:
                    raise DtdlError(f"{declaration.id} inherits two elements with the name {name}.")
                contents[name] = element
            bases |= inherited.bases
            levels = max(levels, inherited.levels + 1)
        for name, element in declaration.own.items():
            if name in contents:
                raise DtdlError(f"{declaration.id} has an element with the name {name}, which it inherits already.")
            contents[name] = element
        if levels > MAX_INHERITANCE:
            raise _too_deep(declaration.id)
        return _Inherited(contents, frozenset(bases), levels)


def _component(owner: str, element: Component, inheritance: _Inheritance) -> Interface:
    """Digital Twins takes one level of components only (Learn, "DTDL models", service-specific DTDL notes)."""
    model = inheritance.known(element.model, f"{owner} has the component {element.name} of")
    contents, bases, _ = inheritance.of(model, ())
    for name, inner in contents.items():
        if isinstance(inner, Component):
            raise DtdlError(f"{owner} has the component {element.name}, whose model has a component itself, {name}.")
    return Interface(model.id, contents, bases, {})


def _too_deep(model: str) -> DtdlError:
    return DtdlError(f"{model} extends more than {MAX_INHERITANCE} levels deep.")
