"""From declarations to interfaces: inheritance and components resolved, and what must not be refused."""

from collections.abc import Callable

from local.digital_twins.dtdl.interfaces import Component, Declaration, DtdlError, Element, Interface

MAX_INHERITANCE = 10
Lookup = Callable[[str], Declaration | None]


def link(declaration: Declaration, lookup: Lookup) -> Interface:
    """The interface with all that it inherits. Raises DtdlError."""
    contents, bases = _inherited(declaration, lookup, ())
    components: dict[str, Interface] = {}
    for name, element in contents.items():
        if isinstance(element, Component):
            components[name] = _component(declaration.id, element, lookup)
    return Interface(declaration.id, contents, bases, components)


def _inherited(
    declaration: Declaration, lookup: Lookup, below: tuple[str, ...]
) -> tuple[dict[str, Element], frozenset[str]]:
    if declaration.id in below:
        raise DtdlError(f"{declaration.id} extends itself by way of {' and '.join(below)}.")
    if len(below) > MAX_INHERITANCE:
        raise DtdlError(f"{below[0]} extends more than {MAX_INHERITANCE} levels deep.")
    contents: dict[str, Element] = {}
    bases = {declaration.id}
    for base_id in declaration.extends:
        base = _known(base_id, lookup, f"{declaration.id} extends")
        inherited, more = _inherited(base, lookup, (*below, declaration.id))
        for name, element in inherited.items():
            if contents.get(name, element) is not element:
                raise DtdlError(f"{declaration.id} inherits two elements with the name {name}.")
            contents[name] = element
        bases |= more
    for name, element in declaration.own.items():
        if name in contents:
            raise DtdlError(f"{declaration.id} has an element with the name {name}, which it inherits already.")
        contents[name] = element
    return contents, frozenset(bases)


def _component(owner: str, element: Component, lookup: Lookup) -> Interface:
    """Digital Twins takes one level of components only (Learn, "DTDL models", service-specific DTDL notes)."""
    model = _known(element.model, lookup, f"{owner} has the component {element.name} of")
    contents, bases = _inherited(model, lookup, ())
    for name, inner in contents.items():
        if isinstance(inner, Component):
            raise DtdlError(f"{owner} has the component {element.name}, whose model has a component itself, {name}.")
    return Interface(model.id, contents, bases, {})


def _known(model_id: str, lookup: Lookup, whose: str) -> Declaration:
    found = lookup(model_id)
    if found is None:
        raise DtdlError(f"{whose} {model_id}, which is neither in the request nor uploaded before.")
    return found
