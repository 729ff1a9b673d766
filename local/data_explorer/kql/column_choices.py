"""project-keep, project-reorder, and project-away with patterns: operators that need their input's columns."""

from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import Any, Literal

from duckdb_kql import ir, lower

Order = Literal["", "asc", "desc"]
_KINDS = ("ProjectKeepOperatorContext", "ProjectReorderOperatorContext", "ProjectAwayOperatorContext")
_NAME = "SimpleOrWildcardedNameReferenceContext"
_ORDERED = "ProjectReorderExpressionContext"


@dataclass(frozen=True)
class ColumnChoice(ir.Operator):
    """`patterns` are names, with `*` for any characters, and how what they match is ordered."""

    verb: Literal["keep", "reorder", "away"]
    patterns: tuple[tuple[str, Order], ...]

    def chosen(self, columns: list[str]) -> list[str]:
        """The operator's columns, from those of its input."""
        matched = [name for name in columns if any(fnmatchcase(name, pattern) for pattern, _ in self.patterns)]
        if self.verb == "keep":
            return matched
        if self.verb == "away":
            return [name for name in columns if name not in matched]
        front: list[str] = []
        for pattern, order in self.patterns:
            names = [name for name in columns if fnmatchcase(name, pattern) and name not in front]
            front += sorted(names, reverse=order == "desc") if order else names
        return front + [name for name in columns if name not in front]


def install() -> None:
    """Lets duckdb-kql lower these operators."""
    original = lower._lower_operator

    def lowered(node: Any) -> Any:
        operator = _operator(node)
        return original(node) if operator is None else operator

    lower._lower_operator = lowered


def _operator(node: Any) -> ColumnChoice | None:
    while type(node).__name__ not in _KINDS:
        children = [child for child in getattr(node, "children", None) or () if hasattr(child, "children")]
        if len(children) != 1:
            return None
        (node,) = children
    patterns = tuple(_pattern(child) for child in node.children if type(child).__name__ in (_NAME, _ORDERED))
    verb = type(node).__name__.removeprefix("Project").removesuffix("OperatorContext").lower()
    if verb == "away" and not any("*" in pattern for pattern, _ in patterns):
        return None
    return ColumnChoice(verb, patterns)  # type: ignore[arg-type]


def _pattern(node: Any) -> tuple[str, Order]:
    order: Order = ""
    if type(node).__name__ == _ORDERED:
        words = [child.getText() for child in node.children[1:]]
        order = "asc" if "asc" in words else "desc" if "desc" in words else ""
        node = node.children[0]
    names = lower._find_names(node)
    return (names[0] if names and "*" not in node.getText() else node.getText()), order
