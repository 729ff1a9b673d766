"""project-keep, project-reorder, and project-away with patterns: operators that need their input's columns."""

from collections.abc import Callable
from dataclasses import dataclass
from fnmatch import fnmatchcase
from itertools import groupby
from typing import Any, ClassVar, Literal, get_args

from duckdb_kql import lower
from duckdb_kql.translate import quote_ident

from local.data_explorer.kql.operators import Operator, Schema

Order = Literal["", "asc", "desc", "granny-asc", "granny-desc"]
_NAME = "SimpleOrWildcardedNameReference"
_ORDERED = "ProjectReorderExpression"


@dataclass(frozen=True)
class ColumnChoice(Operator):
    """`patterns` are names, with `*` for any characters, and how what they match is ordered.

    `hidden` is a column that no pattern touches and that stays.
    """

    verb: Literal["keep", "reorder", "away"]
    patterns: tuple[tuple[str, Order], ...]
    hidden: str = ""

    keeps_order: ClassVar[bool] = True

    def columns(self, columns: list[str], schema: Schema) -> list[str]:
        return self.chosen(columns)

    def sql(self, relation: str, columns: list[str]) -> str:
        return f"SELECT {', '.join(map(quote_ident, self.chosen(columns)))} FROM {relation}"

    def chosen(self, columns: list[str]) -> list[str]:
        """The operator's columns, from those of its input."""
        shown = [name for name in columns if name != self.hidden]
        return self._chosen(shown) + [name for name in columns if name == self.hidden]

    def _chosen(self, columns: list[str]) -> list[str]:
        matched = [name for name in columns if any(fnmatchcase(name, pattern) for pattern, _ in self.patterns)]
        if self.verb == "keep":
            return matched
        if self.verb == "away":
            return [name for name in columns if name not in matched]
        front: list[str] = []
        for pattern, order in self.patterns:
            names = [name for name in columns if fnmatchcase(name, pattern) and name not in front]
            front += _sorted(names, order) if order else names
        return front + [name for name in columns if name not in front]


def _sorted(names: list[str], order: Order) -> list[str]:
    """As texts, or the granny way: numbers within the names by their value, a20 before a100."""

    def by_value(name: str) -> list[tuple[int, str]]:
        runs = ("".join(run) for _, run in groupby(name, str.isdecimal))
        return [(int(run), "") if run.isdecimal() else (-1, run) for run in runs]

    key: Callable[[str], Any] = by_value if order.startswith("granny") else str
    return sorted(names, key=key, reverse=order.endswith("desc"))


def read(node: Any) -> ColumnChoice:
    """The operator from its node."""
    names = [child for child in lower._rule_children(node) if lower._cls(child) in (_NAME, _ORDERED)]
    verb: Any = lower._cls(node).removeprefix("Project").removesuffix("Operator").lower()
    return ColumnChoice(verb, tuple(map(_pattern, names)))


def _pattern(node: Any) -> tuple[str, Order]:
    order: Order = ""
    if lower._cls(node) == _ORDERED:
        words = {child.getText() for child in node.children[1:]}
        order = next((each for each in get_args(Order) if each in words), "")
        node = node.children[0]
    names = lower._find_names(node)
    return (names[0] if names and "*" not in node.getText() else node.getText()), order


READERS = {f"Project{verb}Operator": read for verb in ("Keep", "Reorder", "Away")}
