"""Rewrites of duckdb-kql's trees: references among the tokens before they are parsed, operators on the IR after."""

import contextlib
import dataclasses
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from duckdb_kql import ir
from duckdb_kql.errors import KqlSchemaError
from duckdb_kql.schema import output_columns
from duckdb_kql.translate.functions import lookup_aggregate

from local.data_explorer.commands.tokens import Kind, tokenize
from local.data_explorer.kql.discovered_columns import Discovering
from local.data_explorer.kql.named_rows import with_lets
from local.data_explorer.kql.neighbours import ORDER
from local.data_explorer.kql.operators import Operator
from local.data_explorer.kql.percentiles import several_percentiles
from local.data_explorer.kql.serialization import serialized, with_source_in_order
from local.data_explorer.kql.series_functions import with_columns
from local.data_explorer.kql.subqueries import Nested
from local.data_explorer.storage import EXTENT

MATERIALIZED = "$materialized"
"""What follows a view's name in the relation that holds only its materialized part."""
EXTERNAL = "$external:"
"""What precedes an external table's name in the relation that its rows are read from."""
ROW, OF_ANY_ROW = "$row", "$of_any_row"
"""Functions of our own that `expand` writes: a row's values as one, and one of them of any row of a group."""
OF_AGGREGATES = {"+": "+ of aggregates", "-": "- of aggregates"}
REFERENCES = {"materialized_view": "{}" + MATERIALIZED, "external_table": EXTERNAL + "{}", "table": "{}"}
Schema = dict[str, list[str]]
Discover = Callable[[ir.Query], list[tuple[str, list[str]]]]


def resolve_references(text: str) -> tuple[str, tuple[str, ...]]:
    """The query with `materialized_view("V")`, `external_table("E")` and `table("T")` as plain names.

    Also the names of the external tables that it reads. Everything keeps its place. It works on tokens, since the
    grammar takes `table` for a keyword.
    """
    if not any(function in text for function in REFERENCES):
        return text, ()
    external = []
    tokens = tokenize(text)
    for place in range(len(tokens) - 4, -1, -1):
        function, opening, name, closing = tokens[place : place + 4]
        is_call = opening.text == "(" and name.kind is Kind.STRING and closing.text == ")"
        if function.text not in REFERENCES or not is_call:
            continue
        if function.text == "external_table":
            external.append(name.value)
        relation = f"['{REFERENCES[function.text].format(name.value)}']"
        text = text[: function.start] + relation.ljust(closing.end - function.start) + text[closing.end :]
    return text, tuple(external)


def expand(query: ir.Query, schema: Mapping[str, Sequence[str]], discover: Discover | None = None) -> ir.Query:
    """Writes out what the translator has no form for.

    `take_any(*)` and `take_any(a, b)`: one column each. Sums and differences of aggregates: operators of their own,
    since DuckDB knows their types too late for macros. `parse_json("null")`: a null that fits any type.

    `discover` runs a query that finds a plugin's columns; without it these have to be given.
    """
    expanded: ir.Query = _Expansion(discover, any(map(_needs_columns, nodes(query)))).of(
        query, {name: list(columns) for name, columns in schema.items()}
    )
    return expanded


class _Expansion:
    """One pass over a tree, whose nodes may be shared: each is done once in each query it is read in."""

    def __init__(self, discover: Discover | None, needs_columns: bool) -> None:
        self._needs_columns = needs_columns
        self._done: dict[int, tuple[object, Any]] = {}
        self._depth = 0
        self._discover = discover
        self._lets: list[tuple[str, Any]] = []
        self._around: list[tuple[str, Any]] = []

    def of(self, node: Any, schema: Schema) -> Any:
        known = self._done.get(id(node))
        if known is None:
            known = self._done[id(node)] = (node, self._of(node, schema))
        return known[1]

    def _of(self, node: Any, schema: Schema) -> Any:
        if isinstance(node, ir.Query):
            return self._query(node, schema)
        if isinstance(node, tuple | list):
            items = [self.of(item, schema) for item in node]
            return node if all(a is b for a, b in zip(items, node, strict=True)) else type(node)(items)
        if not dataclasses.is_dataclass(node) or isinstance(node, type):
            return node
        if isinstance(node, ir.FunctionCall) and _is_null(node):
            return ir.Literal(None, "null")
        values = {field.name: getattr(node, field.name) for field in dataclasses.fields(node) if field.init}
        changed = {name: self.of(value, schema) for name, value in values.items()}
        if all(changed[name] is values[name] for name in values):
            return with_columns(node)
        return with_columns(dataclasses.replace(node, **changed))

    def _query(self, query: ir.Query, schema: Schema) -> ir.Query:
        query = with_source_in_order(with_lets(query), self._around)
        schema = dict(schema)
        lets: list[tuple[str, Any]] = []
        for name, value in query.lets:
            bound = self.of(value, schema)
            if isinstance(bound, ir.Query) and self._needs_columns:
                with contextlib.suppress(KqlSchemaError):
                    schema[name] = output_columns(bound, schema)
            lets.append((name, bound))
            self._lets.append((name, bound))
            self._around.append((name, value))
        expanded = ir.Query(self.of(query.source, schema), [], lets, list(query.parameters))
        for operator in query.operators:
            expanded.operators.append(self._operator(operator, expanded, schema))
        expanded.operators[:] = serialized(expanded)
        if any(isinstance(operator, Operator) for operator in expanded.operators):
            output_columns(expanded, schema)
        del self._lets[len(self._lets) - len(lets) :], self._around[len(self._around) - len(lets) :]
        return expanded

    def _operator(self, operator: ir.Operator, before: ir.Query, schema: Schema) -> Any:
        """An operator of a query's own; `before` is the query as far as it."""
        done = self.of(operator, schema)
        if isinstance(done, Discovering) and done.found is None:
            return self._told(done, before)
        if isinstance(done, Nested):
            return self._nested(done, _columns(before, schema), schema)
        if not isinstance(done, ir.Summarize):
            return done
        done = several_percentiles(done)
        if any(_is_any_row(aggregate.expr) for aggregate in done.aggregates):
            done = _expanded_summarize(done, _columns(before, schema))
        aggregates = tuple(dataclasses.replace(each, expr=_of_aggregates(each.expr)) for each in done.aggregates)
        return dataclasses.replace(done, aggregates=aggregates)

    def _told(self, plugin: Discovering, before: ir.Query) -> Any:
        """The plugin with its columns, found by running what is before it."""
        if self._discover is None or self._depth:
            return plugin
        rows = ir.Query(before.source, [*serialized(before), plugin.discovery], list(self._lets))
        return plugin.told(self._discover(rows))

    def _nested(self, operator: Nested, columns: list[str], schema: Schema) -> Any:
        self._depth += 1
        bound = operator.bound(columns, self._depth)
        done = dataclasses.replace(bound, query=self.of(bound.query, schema))
        self._depth -= 1
        return done


def _columns(query: ir.Query, schema: Schema) -> list[str]:
    return [name for name in output_columns(query, schema) if name != ORDER]


def _needs_columns(node: object) -> bool:
    """Whether a node can only be written out with its input's columns known."""
    return isinstance(node, Operator) or _is_any_row(node)


def _is_null(call: ir.FunctionCall) -> bool:
    """`parse_json("null")`: a dynamic null, which Kusto lets stand for a null of any type."""
    if call.name.lower() not in ("parse_json", "todynamic") or len(call.args) != 1:
        return False
    argument = call.args[0]
    return isinstance(argument, ir.Literal) and str(argument.value).strip() == "null"


def _of_aggregates(expression: Any) -> Any:
    if isinstance(expression, ir.FunctionCall):
        if lookup_aggregate(expression.name) is not None:
            return expression
        return dataclasses.replace(expression, args=tuple(_of_aggregates(argument) for argument in expression.args))
    if not isinstance(expression, ir.BinaryOp):
        return expression
    return dataclasses.replace(
        expression,
        op=OF_AGGREGATES.get(expression.op, expression.op),
        left=_of_aggregates(expression.left),
        right=_of_aggregates(expression.right),
    )


def _expanded_summarize(operator: ir.Summarize, columns: list[str]) -> ir.Summarize:
    keys = {key.name or getattr(key.expr, "name", None) for key in operator.by}
    aggregates: list[ir.NamedExpr] = []
    for aggregate in operator.aggregates:
        if not _is_any_row(aggregate.expr):
            aggregates.append(aggregate)
            continue
        assert isinstance(aggregate.expr, ir.FunctionCall)
        arguments = aggregate.expr.args
        if isinstance(arguments[0], ir.Wildcard):
            arguments = tuple(ir.ColumnRef(name) for name in columns if name not in keys)
        row = ir.FunctionCall(ROW, tuple(arguments))
        for place, argument in enumerate(arguments):
            picked = ir.FunctionCall(OF_ANY_ROW, (row, ir.Literal(f"f{place}", "string")))
            aggregates.append(ir.NamedExpr(picked, getattr(argument, "name", None)))
    return dataclasses.replace(operator, aggregates=tuple(aggregates))


def _is_any_row(node: object) -> bool:
    """`take_any(*)`, or one of several columns: all of them from one row."""
    return (
        isinstance(node, ir.FunctionCall)
        and node.name.lower() in ("take_any", "any")
        and (len(node.args) > 1 or any(isinstance(argument, ir.Wildcard) for argument in node.args))
    )


def with_extents(query: ir.Query, tables: Sequence[str], shadowed: str | None) -> ir.Query:
    """The query over the stored rows themselves, with their hidden column, when it calls ingestion_time()."""

    def stored(node: Any) -> Any:
        if isinstance(node, ir.TableRef) and node.database is None and node.name in tables and node.name != shadowed:
            return dataclasses.replace(node, database="rows")
        if isinstance(node, tuple | list):
            return type(node)(stored(item) for item in node)
        if dataclasses.is_dataclass(node) and not isinstance(node, type):
            values = {field.name: getattr(node, field.name) for field in dataclasses.fields(node) if field.init}
            return dataclasses.replace(node, **{name: stored(value) for name, value in values.items()})
        return node

    rewritten: ir.Query = stored(query)
    return rewritten


def asks_ingestion_time(query: ir.Query) -> bool:
    return any(isinstance(node, ir.FunctionCall) and node.name.lower() == "ingestion_time" for node in nodes(query))


def nodes(root: object) -> Iterator[object]:
    """Every node of an IR tree, whose nodes may be shared, once."""
    pending = [root]
    seen: set[int] = set()
    while pending:
        node = pending.pop()
        if id(node) in seen:
            continue
        seen.add(id(node))
        if isinstance(node, tuple | list):
            pending.extend(node)
        elif dataclasses.is_dataclass(node) and not isinstance(node, type):
            yield node
            pending.extend(getattr(node, field.name) for field in dataclasses.fields(node))


def hidden(schema: Schema, tables: Sequence[str]) -> Schema:
    """The schema with the hidden column on the tables that have it."""
    known = {name: [*columns, EXTENT] if name in tables else columns for name, columns in schema.items()}
    return {**known, **{f"rows.{name}": known[name] for name in tables}}
