"""What a Bicep file declares, and whether every name in it is declared."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from tree_sitter import Node

from checks.bicep.language import DECORATORS, FUNCTIONS, NAMESPACES
from checks.bicep.source import Source, identifier, walk
from checks.findings import Finding

KINDS = {
    "parameter_declaration": "param",
    "variable_declaration": "var",
    "resource_declaration": "resource",
    "module_declaration": "module",
    "type_declaration": "type",
    "user_defined_function": "func",
}


SPLIT = ("binary_expression", "member_expression", "subscript_expression", "ternary_expression")
"""The grammar reads `x => x.a == b` as `((x => x).a) == b`: what a lambda brings reaches as far as these do."""


@dataclass(frozen=True)
class Declared:
    """`decorators` is the node before a declaration that holds them."""

    kind: str
    node: Node
    decorators: Node | None


@dataclass(frozen=True)
class Declarations:
    symbols: Mapping[str, Declared]
    outputs: Mapping[str, Node]
    doubles: list[Finding] = field(default_factory=list)

    def of(self, kind: str) -> dict[str, Declared]:
        return {name: each for name, each in self.symbols.items() if each.kind == kind}

    @property
    def required(self) -> set[str]:
        """Parameters that have no default and may not be null."""
        return {name for name, each in self.of("param").items() if not has_default(each.node)}


def has_default(parameter: Node) -> bool:
    kinds = [each.type for each in parameter.named_children]
    is_nullable = any(each.type == "nullable_type" for each in walk(parameter))
    return is_nullable or kinds[-1] != "type"


def value_of(declaration: Node) -> Node | None:
    """The value of a variable."""
    return declaration.named_children[-1] if declaration.named_child_count > 1 else None


def declarations(source: Source) -> Declarations:
    symbols: dict[str, Declared] = {}
    outputs: dict[str, Node] = {}
    doubles: list[Finding] = []
    decorators: Node | None = None
    for node in source.root.named_children:
        if node.type == "decorators":
            decorators = node
            continue
        name = identifier(node)
        if name is not None and (node.type in KINDS or node.type == "output_declaration"):
            text = source.text(name)
            group: dict[str, Node] | dict[str, Declared] = outputs if node.type == "output_declaration" else symbols
            if text in group:
                doubles.append(source.finding(name, "name", f"'{text}' is declared twice"))
            elif node.type == "output_declaration":
                outputs[text] = node
            else:
                symbols[text] = Declared(KINDS[node.type], node, decorators)
        decorators = None
    return Declarations(symbols, outputs, doubles)


def unresolved(source: Source, declared: Declarations) -> Iterator[Finding]:
    """Names that nothing declares, functions that there are not, and parameters and variables that nobody uses."""
    used: set[str] = set()
    nested = {
        source.text(name)
        for node in walk(source.root)
        if node.type == "object_property" and node.named_children[0].type == "resource_declaration"
        if (name := identifier(node.named_children[0])) is not None
    }
    for top in source.root.named_children:
        for name in _names(source, top, frozenset()):
            text = source.text(name)
            if text in declared.symbols:
                used.add(text)
            elif text not in NAMESPACES and text not in nested:
                yield source.finding(name, "name", f"'{text}' is not declared")
        yield from _calls(source, top)
    for text, each in declared.symbols.items():
        if each.kind in ("param", "var") and text not in used:
            yield source.finding(each.node, "unused", f"'{text}' is not used")


def _names(source: Source, node: Node, local: frozenset[str]) -> Iterator[Node]:
    """The identifiers under a node that refer to something outside of it."""
    if node.type == "identifier":
        if source.text(node) not in local:
            yield node
        return
    inner = local | _introduced(source, node)
    for index, each in enumerate(node.children):
        if each.is_named and not _is_label(node, each, index):
            yield from _names(source, each, inner)


def _is_label(parent: Node, node: Node, index: int) -> bool:
    """An identifier that names a thing instead of referring to one."""
    if parent.type in KINDS or parent.type in ("output_declaration", "metadata_declaration"):
        return node == identifier(parent)
    if node.type == "identifier" and parent.type in ("object_property", "lambda_expression"):
        return node == parent.named_children[0]
    field_name = parent.field_name_for_child(index)
    return (parent.type, field_name) in {
        ("call_expression", "function"),
        ("resource_expression", "resource"),
        ("for_statement", "initializer"),
    }


def _introduced(source: Source, node: Node) -> frozenset[str]:
    """The names that a loop or lambda brings with it."""
    if node.type == "for_statement":
        initializer = node.child_by_field_name("initializer")
        variables = [initializer] if initializer is not None else []
        variables += [
            each for each in walk(node.named_children[0]) if each.type in ("loop_variable", "loop_enumerator")
        ]
        return frozenset(source.text(each) for each in variables)
    if node.type in SPLIT:
        return _introduced(source, node.named_children[0])
    if node.type == "lambda_expression":
        first = node.named_children[0]
        return frozenset(source.text(each) for each in walk(first) if each.type == "identifier")
    return frozenset()


def _calls(source: Source, top: Node) -> Iterator[Finding]:
    for node in walk(top):
        function = node.child_by_field_name("function") if node.type == "call_expression" else None
        if function is None or function.type != "identifier":
            continue
        is_decorator = node.parent is not None and node.parent.type == "decorator"
        known = DECORATORS if is_decorator else FUNCTIONS
        if source.text(function) not in known:
            kind = "decorator" if is_decorator else "function"
            yield source.finding(function, "name", f"there is no {kind} '{source.text(function)}'")
