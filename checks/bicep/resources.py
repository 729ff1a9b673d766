"""Each resource against its published type: that there is one, its body, and what its name may be."""

from collections.abc import Iterator
from dataclasses import dataclass

from tree_sitter import Node

from checks.bicep.contracts import contract_of
from checks.bicep.declarations import Declarations
from checks.bicep.source import Source, body_of, identifier, walk
from checks.bicep.types import Type, Types, known_versions, resource_type
from checks.bicep.values import Values
from checks.findings import Finding


@dataclass(frozen=True)
class Resource:
    """A declared resource: `kind` is Namespace/type, without its version."""

    symbol: str
    kind: str
    version: str
    node: Node
    is_existing: bool

    @property
    def full_type(self) -> str:
        return f"{self.kind}@{self.version}"


def resources(source: Source) -> Iterator[Resource]:
    """Every resource of a file, those inside others too."""
    for node in walk(source.root):
        if node.type != "resource_declaration":
            continue
        kind, version = _type_of(source, node)
        name = identifier(node)
        is_existing = any(source.text(each) == "existing" for each in node.children)
        yield Resource(source.text(name) if name is not None else "", kind, version, node, is_existing)


def _type_of(source: Source, node: Node) -> tuple[str, str]:
    written = source.literal(next((each for each in node.named_children if each.type == "string"), None)) or ""
    kind, _, version = written.partition("@")
    outer = node.parent
    while outer is not None and outer.type != "resource_declaration":
        outer = outer.parent
    if outer is None:
        return kind, version
    outer_kind, outer_version = _type_of(source, outer)
    return f"{outer_kind}/{kind}", version or outer_version


def broken_resources(source: Source, declared: Declarations) -> Iterator[Finding]:
    for resource in resources(source):
        types = resource_type(resource.full_type)
        if types is None:
            known = ", ".join(known_versions(resource.kind)) or "none"
            message = f"{resource.full_type} is not in checks/bicep/types (known versions: {known})"
            yield source.finding(resource.node, "resource", message)
            continue
        body = body_of(resource.node)
        if body is None:
            continue
        expected = _body(source, body, types.body)
        if resource.is_existing:
            expected = _existing(expected)
        yield from Values(source, declared, types).check_body(expected, body, resource.symbol)
        yield from _name(source, declared, types, resource, body)
        yield from _parentless(source, resource, body)
    yield from _unknown_members(source, declared)


def _body(source: Source, body: Node, expected: Type) -> Type:
    """What the body may hold. A name with slashes says its parents' names, too: the type's own is then not meant."""
    _, name = source.properties(body)[0].get("name", (None, None))
    known: Type = expected.get("properties", {})
    if name is None or "/" not in source.text(name) or "name" not in known:
        return expected
    return {**expected, "properties": {**known, "name": {"type": known["id"]["type"], "flags": 0}}}


def _existing(expected: Type) -> Type:
    """What an existing resource's body may hold: of what is required, only the name must be there."""
    known = expected.get("properties") or expected["baseProperties"]
    optional = {name: each if name == "name" else {**each, "flags": 0} for name, each in known.items()}
    return {"$type": "ObjectType", "properties": optional}


def _name(source: Source, declared: Declarations, types: Types, resource: Resource, body: Node) -> Iterator[Finding]:
    """A name that is a parameter must have limits, and they must lie within the type's."""
    _, value = source.properties(body)[0].get("name", (None, None))
    parameter = declared.of("param").get(source.text(value)) if value is not None else None
    if parameter is None or value is None:
        return
    properties = types.body.get("properties") or types.body.get("baseProperties", {})
    expected = types.at(properties["name"]["type"])
    limits = contract_of(source, parameter).limits
    low, high = limits.get("minLength"), limits.get("maxLength")
    if low is None or high is None:
        yield source.finding(value, "length", f"'{source.text(value)}' needs @minLength and @maxLength: it is a name")
    elif low < expected.get("minLength", 0) or high > expected.get("maxLength", high):
        yield source.finding(
            value,
            "length",
            f"'{source.text(value)}' may have {low} to {high} characters, a name of {resource.kind} "
            f"{expected.get('minLength', 0)} to {expected.get('maxLength', 'any')}",
        )


def _parentless(source: Source, resource: Resource, body: Node) -> Iterator[Finding]:
    """A child that says neither its parent nor, in its name, its parents' names."""
    properties, _ = source.properties(body)
    _, name = properties.get("name", (None, None))
    parents = resource.kind.count("/") - 1
    is_inside = "/" not in (source.literal(resource.node.named_children[1]) or "").partition("@")[0]
    if parents and not is_inside and "parent" not in properties and name is not None:
        slashes = sum(source.text(each).count("/") for each in walk(name) if each.type == "string_content")
        if slashes != parents:
            yield source.finding(resource.node, "required", f"{resource.symbol}: 'parent' is missing")


def _unknown_members(source: Source, declared: Declarations) -> Iterator[Finding]:
    """`resource.properties.x` where the type has no x."""
    by_symbol = {each.symbol: each for each in resources(source) if each.symbol in declared.symbols}
    for node in walk(source.root):
        is_inner = node.parent is not None and node.parent.type == "member_expression"
        if node.type != "member_expression" or (is_inner and node == node.parent.named_children[0]):  # type: ignore[union-attr]
            continue
        chain = _chain(source, node)
        if not chain or chain[0] not in by_symbol:
            continue
        types = resource_type(by_symbol[chain[0]].full_type)
        if types is not None and not _leads_somewhere(types, types.body, chain[1:]):
            yield source.finding(node, "property", f"{by_symbol[chain[0]].full_type} has no {'.'.join(chain[1:])}")


def _chain(source: Source, node: Node) -> list[str]:
    """`a.b.c` or `a[i].b.c` as its parts; nothing when something else is among them."""
    if node.type == "identifier":
        return [source.text(node)]
    if node.type == "subscript_expression":
        return _chain(source, node.named_children[0]) if node.named_children[0].type == "identifier" else []
    if node.type == "member_expression":
        before = _chain(source, node.named_children[0])
        return [*before, source.text(node.named_children[1])] if before else []
    return []


def _leads_somewhere(types: Types, at: Type, names: list[str]) -> bool:
    for name in names:
        if at["$type"] == "DiscriminatedObjectType":
            return True
        if at["$type"] != "ObjectType" or at.get("additionalProperties"):
            return True
        found = at.get("properties", {}).get(name)
        if found is None:
            return False
        at = types.at(found["type"])
    return True
