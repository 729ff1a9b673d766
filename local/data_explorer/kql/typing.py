"""Types where they can be told from the catalog, so that the SQL need not ask for them value by value.

duckdb-kql knows no column's type and writes every case out, which takes long to bind. This pass over the IR follows
the types of columns from a table through `where`, `extend`, `project` and `mv-expand`, and replaces calls whose
arguments' types are known by the forms of `FORMS`.
"""

import dataclasses
from collections.abc import Callable, Mapping
from typing import Any

from duckdb_kql import ir

from local.data_explorer.kql.column_choices import ColumnChoice
from local.data_explorer.types import KustoType

Types = Mapping[str, KustoType]
STRING = "$string"
"""Marks a string column, in a place that would ask for its type."""
_RESULTS: dict[str, KustoType] = {
    **dict.fromkeys(("tostring", "strcat", "tolower", "toupper", "substring", "gettype", "hash_sha256"), "string"),
    **dict.fromkeys(("todatetime", "now", "ago", "startofday", "make_datetime"), "datetime"),
    "tolong": "long",
    "toint": "int",
    "toreal": "real",
    "todouble": "real",
    "tobool": "bool",
    "parse_json": "dynamic",
    "todynamic": "dynamic",
}
_INTEGER = "'^\\s*[+-]?([0-9]+|0[xX][0-9a-fA-F]+)\\s*$'"
FORMS: dict[tuple[str, KustoType], str] = {
    ("tostring", "dynamic"): "coalesce({0} ->> '$', '')",
    ("gettype", "dynamic"): (
        "coalesce(MAP {{'ARRAY': 'array', 'OBJECT': 'dictionary', 'BIGINT': 'long', 'UBIGINT': 'long', "
        "'DOUBLE': 'double', 'VARCHAR': 'string', 'BOOLEAN': 'bool'}}[json_type({0})], 'null')"
    ),
    ("tolong", "dynamic"): (
        "CASE json_type({0}) WHEN 'DOUBLE' THEN CAST(trunc(least(greatest(CAST({0} AS DOUBLE), "
        "-9223372036854775808), 9223372036854774784)) AS BIGINT) "
        "WHEN 'BOOLEAN' THEN CAST(CAST({0} AS BOOLEAN) AS BIGINT) "
        f"ELSE CASE WHEN regexp_matches({{0}} ->> '$', {_INTEGER}) THEN TRY_CAST(trim({{0}} ->> '$') AS BIGINT) END END"
    ),
    ("toreal", "dynamic"): "TRY_CAST(trim({0} ->> '$') AS DOUBLE)",
    ("todouble", "dynamic"): "TRY_CAST(trim({0} ->> '$') AS DOUBLE)",
    ("tobool", "dynamic"): "TRY_CAST({0} ->> '$' AS BOOLEAN)",
    ("todatetime", "dynamic"): "kql_datetime_of_text({0} ->> '$')",
    ("todatetime", "string"): "kql_datetime_of_text({0})",
    ("todatetime", "datetime"): "{0}",
    ("hash_sha256", "string"): "sha256({0})",
}
"""SQL of a call by the type of its one argument; the same answers as duckdb-kql's, for that type only."""


def form_name(function: str, kind: KustoType) -> str:
    """The name that a typed call has in the function tables."""
    return f"${function}_of_{kind}"


def typed(query: ir.Query, tables: Mapping[str, Types]) -> ir.Query:
    """The query with calls of known types replaced."""
    return _typed_query(query, dict(tables))


def _typed_query(query: ir.Query, tables: dict[str, Types]) -> ir.Query:
    lets: list[tuple[str, Any]] = []
    for name, value in query.lets:
        tables.pop(name, None)
        lets.append((name, _typed_query(value, dict(tables)) if isinstance(value, ir.Query) else value))
    source = query.source
    columns: dict[str, KustoType] = {}
    if isinstance(source, ir.TableRef) and source.database is None and source.cluster is None:
        columns = dict(tables.get(source.name, {}))
    operators = []
    for operator in query.operators:
        operators.append(_typed_operator(operator, columns, tables))
        columns = _after(operator, columns)
    return ir.Query(source, operators, lets, list(query.parameters))


def _typed_operator(operator: ir.Operator, columns: Types, tables: dict[str, Types]) -> ir.Operator:
    if isinstance(operator, ir.Where):
        return dataclasses.replace(operator, predicate=_expression(operator.predicate, columns))
    if isinstance(operator, ir.Extend | ir.Project):
        return dataclasses.replace(operator, expressions=tuple(_named(each, columns) for each in operator.expressions))
    if isinstance(operator, ir.Join | ir.Lookup):
        return dataclasses.replace(operator, right=_typed_query(operator.right, dict(tables)))
    return operator


def _named(each: ir.NamedExpr, columns: Types) -> ir.NamedExpr:
    """Only where the output has a name of its own: a replaced call would give it another."""
    return dataclasses.replace(each, expr=_expression(each.expr, columns)) if each.name else each


def _after(operator: ir.Operator, columns: dict[str, KustoType]) -> dict[str, KustoType]:
    """The types that are known of an operator's output."""
    if isinstance(operator, ir.Where | ir.Take | ir.Sort | ir.Top):
        return columns
    if isinstance(operator, ColumnChoice):
        return {name: columns[name] for name in operator.chosen(list(columns))}
    if isinstance(operator, ir.Extend | ir.Project):
        found = dict(columns) if isinstance(operator, ir.Extend) else {}
        for each in operator.expressions:
            name = each.name or getattr(each.expr, "name", None)
            kind = type_of_expression(each.expr, columns)
            if not isinstance(name, str):
                continue
            found.pop(name, None)
            if kind is not None:
                found[name] = kind
        return found
    if isinstance(operator, ir.MvExpand):
        expanded = {target.name or target.column for target in operator.targets}
        dynamic: dict[str, KustoType] = dict.fromkeys(expanded, "dynamic")
        kept = {name: kind for name, kind in columns.items() if name not in expanded}
        return {**kept, **dynamic} if all(getattr(t, "type", None) is None for t in operator.targets) else kept
    return {}


def type_of_expression(expression: Any, columns: Types) -> KustoType | None:
    """The expression's type, None when it can't be told."""
    if isinstance(expression, ir.ColumnRef):
        return columns.get(expression.name)
    if isinstance(expression, ir.PathAccess):
        return "dynamic"
    if isinstance(expression, ir.Literal):
        return "string" if expression.kind == "string" else None
    if not isinstance(expression, ir.FunctionCall):
        return None
    name = expression.name.lower()
    if name in ("coalesce", "iff", "iif"):
        branches = expression.args if name == "coalesce" else expression.args[1:]
        kinds = {type_of_expression(branch, columns) for branch in branches}
        return kinds.pop() if len(kinds) == 1 else None
    return _RESULTS.get(name)


def _expression(node: Any, columns: Types) -> Any:
    if isinstance(node, ir.Query | ir.ToScalar):
        return node
    if isinstance(node, tuple | list):
        return type(node)(_expression(item, columns) for item in node)
    if isinstance(node, ir.FunctionCall):
        return _call(node, columns)
    if not dataclasses.is_dataclass(node) or isinstance(node, type | ir.ColumnRef | ir.PathAccess | ir.Literal):
        return node
    marks = isinstance(node, ir.BinaryOp | ir.InList)
    values = {field.name: getattr(node, field.name) for field in dataclasses.fields(node) if field.init}
    changed = {name: _expression(value, columns) for name, value in values.items()}
    if marks:
        changed = {name: _marked(value, columns) for name, value in changed.items()}
    return dataclasses.replace(node, **changed)


def _marked(node: Any, columns: Types) -> Any:
    """A string column as a string that the translator sees to be one."""
    if isinstance(node, ir.ColumnRef) and columns.get(node.name) == "string":
        return ir.FunctionCall("tostring", (ir.FunctionCall(STRING, (node,)),))
    return node


def _call(node: ir.FunctionCall, columns: Types) -> Any:
    name = node.name.lower()
    arguments = tuple(_expression(argument, columns) for argument in node.args)
    kinds = [type_of_expression(argument, columns) for argument in node.args]
    if name == "coalesce" and len(set(kinds)) == 1 and kinds[0] is not None:
        return ir.FunctionCall("$coalesce_strings" if kinds[0] == "string" else "$coalesce", arguments)
    if name == "tostring" and kinds == ["string"]:
        return ir.FunctionCall("tostring", (ir.FunctionCall(STRING, arguments),))
    if name == "substring" and kinds and kinds[0] == "string":
        arguments = (ir.FunctionCall("tostring", (ir.FunctionCall(STRING, arguments[:1]),)), *arguments[1:])
    if len(kinds) == 1 and kinds[0] is not None and (name, kinds[0]) in FORMS:
        return ir.FunctionCall(form_name(name, kinds[0]), arguments)
    return dataclasses.replace(node, args=arguments)


Form = Callable[[ir.FunctionCall], str | None]


def forms(render: Callable[[ir.Expr], str]) -> dict[str, Form]:
    """How the replaced calls are written as SQL."""

    def single(template: str) -> Form:
        return lambda node: template.format(render(node.args[0]))

    def strings(node: ir.FunctionCall) -> str:
        return "coalesce(" + ", ".join(f"nullif({render(argument)}, '')" for argument in node.args) + ", '')"

    def plain(node: ir.FunctionCall) -> str:
        return f"coalesce({', '.join(map(render, node.args))})"

    typed_forms = {form_name(function, kind): single(template) for (function, kind), template in FORMS.items()}
    return {**typed_forms, "$coalesce_strings": strings, "$coalesce": plain, STRING: single("{0}")}
