"""The seam by which this package adds operators to duckdb-kql: how one is read, its columns, and its SQL.

An operator is read from the node of duckdb-kql's grammar that is named after it. Names bound by `let` and query
parameters reach its expressions, and its nested queries, as they reach those of duckdb-kql's own operators.
"""

import dataclasses
from collections.abc import Callable, Mapping, Sequence
from typing import Any, ClassVar

from duckdb_kql import ir, lower, translate
from duckdb_kql import schema as tracking
from duckdb_kql.errors import KqlSchemaError

Schema = dict[str, list[str]]
Reader = Callable[[Any], ir.Operator | list[ir.Operator] | None]
_NOTHING = ir.PrintSource(())
_WRAPPERS = ("PipedOperator", "AfterPipeOperator")


class Operator(ir.Operator):
    """An operator of this package's own, a frozen dataclass.

    `constants` names the fields whose names are never columns: a `let` of a column's name wins there. An operator
    keeps the order of its rows when what it adds stands beside them, and gives one when its own rows are sorted.
    """

    constants: ClassVar[frozenset[str]] = frozenset()
    keeps_order: ClassVar[bool] = False
    gives_order: ClassVar[bool] = False

    def columns(self, columns: list[str], schema: Schema) -> list[str]:
        """The output's columns, from those of the input."""
        raise NotImplementedError

    def sql(self, relation: str, columns: list[str]) -> str:
        """A SELECT over the relation that holds the input."""
        raise NotImplementedError


_readers: dict[str, Reader] = {}


def install(readers: Mapping[str, Reader]) -> None:
    """Lets duckdb-kql read these operators, by the grammar's names (`MakeSeriesOperator`)."""
    if not _readers:
        lower._lower_operator = _lowered(lower._lower_operator)
        lower._resolve_in_subqueries = _with_tables(lower._resolve_in_subqueries)
        lower._substitute_operator = _substituted(lower._substitute_operator)
        tracking._operator_columns_unchecked = _tracked(tracking._operator_columns_unchecked)
        translate.render_operator = _rendered(translate.render_operator)
    _readers.update(readers)


def read_operators() -> frozenset[str]:
    """The grammar's names of the operators that are read here."""
    return frozenset(_readers)


def _lowered(original: Any) -> Any:
    def lowered(node: Any) -> Any:
        inner = node
        while lower._cls(inner) in _WRAPPERS and lower._rule_children(inner):
            inner = lower._rule_children(inner)[0]
        inner = lower._collapse(inner)
        reader = _readers.get(lower._cls(inner))
        if reader is not None:
            return reader(inner)
        return original(node)

    return lowered


def _substituted(original: Any) -> Any:
    def substituted(operator: ir.Operator, scalars: dict[str, ir.Expr]) -> ir.Operator:
        if not isinstance(operator, Operator):
            return original(operator, scalars)  # type: ignore[no-any-return]
        eager = {name: value.value if isinstance(value, ir.LetRef) else value for name, value in scalars.items()}
        changed = {
            field.name: _substituted_value(
                getattr(operator, field.name), eager if field.name in operator.constants else scalars
            )
            for field in dataclasses.fields(operator)  # type: ignore[arg-type]
        }
        return dataclasses.replace(operator, **changed)  # type: ignore[type-var]

    return substituted


def _substituted_value(value: Any, scalars: dict[str, ir.Expr]) -> Any:
    if isinstance(value, ir.Query):
        return lower._substitute_query(value, scalars)
    if isinstance(value, tuple):
        return tuple(_substituted_value(item, scalars) for item in value)
    if isinstance(value, ir.Expr | ir.NamedExpr | ir.SortKey):
        return lower._substitute(value, scalars)
    if isinstance(value, ir.Operator):
        return lower._substitute_operator(value, scalars)
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        changed = {
            field.name: _substituted_value(getattr(value, field.name), scalars) for field in dataclasses.fields(value)
        }
        return dataclasses.replace(value, **changed)
    return value


def _with_tables(original: Any) -> Any:
    """`x in (T)` where T is a tabular `let`, inside of these operators too."""

    def within(value: Any, names: set[str]) -> Any:
        if isinstance(value, ir.Query):
            return lower._resolve_in_subqueries(value, names)
        if isinstance(value, tuple):
            return tuple(within(item, names) for item in value)
        if isinstance(value, ir.NamedExpr):
            return original(ir.Query(_NOTHING, [ir.Project((value,))]), names).operators[0].expressions[0]
        if isinstance(value, Operator):
            return _changed(value, lambda field: within(field, names))
        if isinstance(value, ir.Operator):
            return original(ir.Query(_NOTHING, [value]), names).operators[0]
        return value

    def resolved(query: ir.Query, names: set[str]) -> ir.Query:
        found: ir.Query = original(query, names)
        found.operators[:] = [within(each, names) if isinstance(each, Operator) else each for each in found.operators]
        return found

    return resolved


def _changed(operator: Operator, change: Callable[[Any], Any]) -> Operator:
    fields = [field.name for field in dataclasses.fields(operator)]  # type: ignore[arg-type]
    return dataclasses.replace(operator, **{name: change(getattr(operator, name)) for name in fields})  # type: ignore[type-var]


def _tracked(original: Any) -> Any:
    def tracked(operator: ir.Operator, columns: list[str], schema: Schema | None) -> list[str]:
        if isinstance(operator, Operator):
            return operator.columns(columns, schema or {})
        known: list[str] = original(operator, columns, schema)
        return known

    return tracked


def _rendered(original: Any) -> Any:
    def rendered(operator: ir.Operator, relation: str, columns: list[str] | None = None) -> str:
        if not isinstance(operator, Operator):
            return original(operator, relation, columns)  # type: ignore[no-any-return]
        if columns is None:
            raise KqlSchemaError(type(operator).__name__, "the columns of its input are not known")
        return operator.sql(relation, columns)

    return rendered


def clauses(node: Any, kind: str) -> list[Any]:
    """A node's children of the grammar's kind."""
    return [child for child in lower._rule_children(node) if lower._cls(child) == kind]


def after_words(node: Any, words: Sequence[str]) -> dict[str, ir.Expr]:
    """What follows each of these words among a node's children: `from a to b` → {"from": a, "to": b}."""
    found: dict[str, ir.Expr] = {}
    word = ""
    for child in lower._children(node):
        if lower._cls(child) in ("TerminalNodeImpl", "TerminalNode"):
            word = child.getText().lower()
        elif word in words:
            found[word] = lower._lower_expr(child)
    return found
