"""mv-apply and partition: operators that run a query over each row's elements, or over each key's rows.

Learn, "mv-apply operator" and "partition operator". The inner query is joined laterally to what it is run for.
"""

import dataclasses
from dataclasses import dataclass, replace
from typing import Any

from duckdb_kql import ir, lower, translate
from duckdb_kql.schema import output_columns
from duckdb_kql.translate import quote_ident

from local.data_explorer.kql.neighbours import ORDER
from local.data_explorer.kql.operators import Operator, Schema, clauses

MOST_LEGACY_PARTITIONS = 64


@dataclass(frozen=True, kw_only=True)
class Nested(Operator):
    """An operator with an inner query, that `bound` makes once the input's columns are known."""

    query: ir.Query | None = None

    def bound(self, columns: list[str], depth: int) -> "Nested":
        """The operator with its query; `depth` is how many such operators are around it."""
        raise NotImplementedError


@dataclass(frozen=True)
class MvApply(Nested):
    """`expansion` is an mv-expand, perhaps after an extend; `index` is a name for the elements' numbers."""

    expansion: tuple[ir.Operator, ...]
    operators: tuple[ir.Operator, ...]
    index: str | None
    outer: str = ""

    def bound(self, columns: list[str], depth: int) -> "MvApply":
        outer = f"$outer{depth}"
        selected = ", ".join(f"{quote_ident(outer)}.{quote_ident(name)} AS {quote_ident(name)}" for name in columns)
        source = ir.CommandSource(f"SELECT {selected}", tuple(columns), "mv-apply")
        *before, expand = self.expansion
        assert isinstance(expand, ir.MvExpand)
        operators = [*before, replace(expand, item_index=ORDER)]
        if self.index is not None:
            operators.append(ir.Extend((ir.NamedExpr(ir.ColumnRef(ORDER), self.index),)))
        return replace(self, query=ir.Query(source, [*operators, *self.operators]), operators=(), outer=outer)

    def _kept(self, columns: list[str]) -> list[str]:
        expand = self.expansion[-1]
        assert isinstance(expand, ir.MvExpand)
        replaced = {target.column for target in expand.targets if target.name in (None, target.column)}
        return [name for name in columns if name not in replaced]

    def columns(self, columns: list[str], schema: Schema) -> list[str]:
        assert self.query is not None, "a query is bound before it is rendered"
        kept = self._kept(columns)
        return kept + [name for name in output_columns(self.query, schema) if name not in kept]

    def sql(self, relation: str, columns: list[str]) -> str:
        assert self.query is not None, "a query is bound before it is rendered"
        schema = translate._nested_schema()
        inner = output_columns(self.query, schema)
        kept = self._kept(columns)
        outer = quote_ident(self.outer)
        selected = [f"{'inner_query' if name in inner else outer}.{quote_ident(name)}" for name in kept]
        selected += [f"inner_query.{quote_ident(name)}" for name in inner if name not in kept]
        rendered = _rendered(self.query)
        return f"SELECT {', '.join(selected)} FROM {relation} AS {outer}, LATERAL ({rendered}) AS inner_query"


@dataclass(frozen=True)
class Partition(Nested):
    """`operators` run over a key's rows, or `own` is a query of its own, that may ask for the key."""

    key: str
    operators: tuple[ir.Operator, ...]
    own: ir.Query | None
    is_legacy: bool
    depth: int = 0

    def bound(self, columns: list[str], depth: int) -> "Partition":
        key = f"{quote_ident(f'$outer{depth}')}.{quote_ident(self.key)}"
        if self.own is not None:
            value = ir.RenderedAggregate(key)
            own = _with_scalar(self.own, ir.TableRef(self.key), value)
            query = lower._substitute_query(own, {self.key: ir.LetRef(self.key, value)})
            return replace(self, query=query, own=None, depth=depth)
        rows = f"SELECT * FROM {self._rows(depth)} WHERE {quote_ident(self.key)} IS NOT DISTINCT FROM {key}"
        source = ir.CommandSource(rows, tuple(columns), "partition")
        return replace(self, query=ir.Query(source, list(self.operators)), operators=(), depth=depth)

    @staticmethod
    def _rows(depth: int) -> str:
        return quote_ident(f"$partitioned{depth}")

    def columns(self, columns: list[str], schema: Schema) -> list[str]:
        assert self.query is not None, "a query is bound before it is rendered"
        return output_columns(self.query, schema)

    def sql(self, relation: str, columns: list[str]) -> str:
        assert self.query is not None, "a query is bound before it is rendered"
        key = quote_ident(self.key)
        keys = f"SELECT {key} FROM {self._rows(self.depth)} GROUP BY {key}"
        if self.is_legacy:
            too_many = (
                f"error('partition: more than {MOST_LEGACY_PARTITIONS} keys need hint.strategy=native or shuffle')"
            )
            keys += f" QUALIFY CASE WHEN count(*) OVER () > {MOST_LEGACY_PARTITIONS} THEN {too_many} ELSE true END"
        rendered = _rendered(self.query)
        return (
            f"WITH {self._rows(self.depth)} AS (SELECT * FROM {relation}) SELECT inner_query.* "
            f"FROM ({keys}) AS {quote_ident(f'$outer{self.depth}')}, LATERAL ({rendered}) AS inner_query"
        )


def _rendered(query: ir.Query) -> str:
    """SQL with stages of other names than those around it: DuckDB takes one for the other in lateral joins."""
    names = translate._NAMES_STATE.get()
    assert names is not None, "rendering has begun"
    around = names.taken
    names.taken = around | {translate._stage_prefix(around) + "0"}
    try:
        return str(translate.to_sql(query, translate._nested_schema()))
    finally:
        names.taken = around


def _with_scalar(node: Any, asked: ir.TableRef, value: ir.Expr) -> Any:
    """The tree with `value` for each `toscalar(asked)`."""
    if isinstance(node, ir.ToScalar) and node.query.source == asked and not node.query.operators:
        return value
    if isinstance(node, tuple | list):
        return type(node)(_with_scalar(item, asked, value) for item in node)
    if not dataclasses.is_dataclass(node) or isinstance(node, type):
        return node
    fields = [field.name for field in dataclasses.fields(node) if field.init]
    return replace(node, **{name: _with_scalar(getattr(node, name), asked, value) for name in fields})


def read_mv_apply(node: Any) -> MvApply:
    """The operator from its node. Raises KqlUnsupportedError."""
    *own, query = lower._rule_children(node)
    expansion = lower._lower_mv_expand(node, own)
    *before, expand = expansion if isinstance(expansion, list) else [expansion]
    assert isinstance(expand, ir.MvExpand), "an expansion ends with one"
    index = expand.item_index
    return MvApply((*before, replace(expand, item_index=None)), _piped(query), index)


def read_partition(node: Any) -> Partition:
    """The operator from its node. Raises KqlUnsupportedError."""
    strategy = "legacy"
    for parameter in clauses(node, "RelaxedQueryOperatorParameter"):
        word, value = parameter.getText().split("=", 1)
        strategy = value if word == "hint.strategy" else strategy
    key, body = (each for each in lower._rule_children(node) if "Parameter" not in lower._cls(each))
    (name,) = lower._find_names(key)
    (inner,) = lower._rule_children(body)
    if lower._cls(body) == "PartitionOperatorFullExpressionBody":
        return Partition(name, (), lower._lower_query_node(inner), strategy == "legacy")
    return Partition(name, _piped(inner), None, strategy == "legacy")


def _piped(node: Any) -> tuple[ir.Operator, ...]:
    """The operators of a query without a source."""
    while lower._cls(node) in ("ContextualSubExpression", "PipeSubExpression") and len(lower._children(node)) == 1:
        (node,) = lower._rule_children(node)
    nodes = lower._rule_children(node) if lower._cls(node) == "PipeSubExpression" else [node]
    return tuple(lower._lower_operators(nodes))


READERS = {"MvapplyOperator": read_mv_apply, "PartitionOperator": read_partition}
