"""Calls of functions with a table for their first argument, which duckdb-kql 1.1.2 takes as `invoke` only."""

from typing import Any

from duckdb_kql import ir, lower

_original: Any = lower._lower_head


def install() -> None:
    """Lets duckdb-kql take `F(T, 1h) | …` for `T | invoke F(1h) | …`."""
    if lower._lower_head is not _headed:
        lower._lower_head = _headed


def _headed(head: Any, rest: list[Any]) -> ir.Query:
    node = lower._collapse(head)
    if lower._cls(node) == "NamedFunctionCallExpression":
        name, *arguments = lower._rule_children(node)
        function = lower._LET_FUNCTIONS_STATE.get().get(name.getText())
        if function is not None and function.tabular is not None and arguments:
            return _called(node, function, arguments, rest)
    query: ir.Query = _original(head, rest)
    return query


def _called(node: Any, function: Any, arguments: list[Any], rest: list[Any]) -> ir.Query:
    table, *scalars = arguments
    rows = lower._lower_query_node(table)
    binding = lower._bind_let_arguments(node, function, tuple(map(lower._lower_expr, scalars)))
    body = [lower._substitute_operator(operator, lower._pipeline_scope(binding)) for operator in function.operators]
    return ir.Query(rows.source, [*rows.operators, *body, *lower._lower_operators(rest)], list(rows.lets))
