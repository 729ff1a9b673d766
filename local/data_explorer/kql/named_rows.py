"""as: a name for the rows so far, in the rest of the query. Learn, "as operator"."""

from dataclasses import dataclass
from typing import Any, ClassVar

from duckdb_kql import ir, lower, translate

from local.data_explorer.kql.operators import Operator, Schema
from local.data_explorer.kql.serialization import Serialize
from local.data_explorer.kql.spellings import BARE_SERIALIZE


@dataclass(frozen=True)
class As(Operator):
    """`with_lets` makes a `let` of the rows before it; `is_bound` when it is the last operator of that."""

    name: str
    is_bound: bool = False

    keeps_order: ClassVar[bool] = True

    def columns(self, columns: list[str], schema: Schema) -> list[str]:
        return columns

    def sql(self, relation: str, columns: list[str]) -> str:
        return f"SELECT * FROM {relation}"


def with_lets(query: ir.Query) -> ir.Query:
    """The query with a `let` for the rows before each `as`."""
    for place, operator in enumerate(query.operators):
        if isinstance(operator, As) and not operator.is_bound:
            rows = ir.Query(query.source, [*query.operators[:place], As(operator.name, is_bound=True)])
            lets = [*query.lets, (operator.name, rows)]
            rest = query.operators[place + 1 :]
            return with_lets(ir.Query(ir.TableRef(operator.name), rest, lets, list(query.parameters)))
    return query


def install() -> None:
    """Lets `union withsource` call these rows by their name."""
    translate._alias_label = _labelled(translate._alias_label)


def _labelled(original: Any) -> Any:
    def label(bound: ir.Query) -> str | None:
        last = bound.operators[-1] if bound.operators else None
        known: str | None = last.name if isinstance(last, As) else original(bound)
        return known

    return label


def read(node: Any) -> Operator:
    """`as Name`, or the bare `serialize` that is spelt so."""
    (name,) = lower._find_names(lower._rule_children(node)[-1])
    return Serialize() if name == BARE_SERIALIZE else As(name)


READERS = {"AsOperator": read}
