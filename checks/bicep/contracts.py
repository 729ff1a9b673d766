"""What a parameter takes: its type and its decorators, and whether a value that stands in the text fits."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from tree_sitter import Node

from checks.bicep.declarations import Declarations, Declared
from checks.bicep.source import Source, walk

_LITERALS = {"string": "string", "number": "int", "boolean": "bool", "object": "object", "array": "array"}
_ARRAYS = ("array", "for_statement")


@dataclass(frozen=True)
class Contract:
    """`allowed` is empty without @allowed; `limits` are @minLength, @maxLength, @minValue, @maxValue by their names."""

    kind: str
    allowed: tuple[str, ...]
    limits: Mapping[str, int]

    def refusal(self, value: str) -> str | None:
        """Why a text or number is refused; None when it is taken."""
        if self.allowed and value not in self.allowed:
            return f"'{value}' is not one of {', '.join(self.allowed)}"
        size = _number(value) if self.kind == "int" else len(value)
        what = "Value" if self.kind == "int" else "Length"
        if size is None or self.kind not in ("int", "string"):
            return None
        low, high = self.limits.get(f"min{what}", size), self.limits.get(f"max{what}", size)
        return None if low <= size <= high else f"'{value}' is not within @min{what} and @max{what}"


def _number(text: str) -> int | None:
    return int(text) if text.lstrip("-").isdigit() else None


def contract_of(source: Source, parameter: Declared) -> Contract:
    decorators = list(walk(parameter.decorators)) if parameter.decorators is not None else []
    calls = {source.text(each.named_children[0]): each for each in decorators if each.type == "call_expression"}
    numbers = {name: _number(_argument(source, call)) for name, call in calls.items() if name[:3] in ("min", "max")}
    limits = {name: number for name, number in numbers.items() if number is not None}
    literals = (
        [each for each in walk(calls["allowed"]) if each.type in ("string", "number")] if "allowed" in calls else []
    )
    kind = next((source.text(each) for each in parameter.node.named_children if each.type == "type"), "")
    return Contract(kind.rstrip("?"), tuple(_text(source, each) for each in literals), limits)


def _argument(source: Source, call: Node) -> str:
    arguments = call.child_by_field_name("arguments")
    return source.text(arguments.named_children[0]) if arguments is not None and arguments.named_children else ""


def _text(source: Source, node: Node) -> str:
    literal = source.literal(node)
    return source.text(node) if literal is None else literal


def misfits(contract: Contract, source: Source, declared: Declarations, value: Node) -> Iterator[tuple[Node, str]]:
    """Where a value can't fit, and why. What is known only at deployment fits."""
    if value.type == "ternary_expression":
        for branch in value.named_children[1:]:
            yield from misfits(contract, source, declared, branch)
        return
    kind = _kind(source, declared, value)
    if kind is not None and contract.kind in _LITERALS.values() and kind != contract.kind:
        yield value, f"a value of type {kind}, not {contract.kind}"
        return
    if value.type == "number" or source.literal(value) is not None:
        reason = contract.refusal(_text(source, value))
        if reason is not None:
            yield value, reason


def _kind(source: Source, declared: Declarations, value: Node) -> str | None:
    """The type of a literal, or of a parameter that is passed on."""
    if value.type in _ARRAYS:
        return "array"
    if value.type == "identifier":
        parameter = declared.of("param").get(source.text(value))
        return contract_of(source, parameter).kind if parameter is not None else None
    return _LITERALS.get(value.type)
