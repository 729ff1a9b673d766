"""A materialized view's query as SQL in parts: what new rows make, how that merges with what is kept, what is shown."""

import dataclasses
from dataclasses import dataclass

from duckdb_kql import ir
from duckdb_kql.schema import output_columns
from duckdb_kql.translate import arg_max_targets, summarize_names

from local.data_explorer.errors import SemanticMistake
from local.data_explorer.kql.rewriting import OF_ANY_ROW
from local.data_explorer.kql.translation import Translator
from local.data_explorer.materialization.aggregates import Kept, kept
from local.data_explorer.storage import quoted

SOURCE = "$source"
"""What the view's source is called in `Plan.fresh`: a relation of the rows that are not yet materialized."""
_ARG = ("arg_max", "arg_min")


@dataclass(frozen=True)
class Output:
    """A column of the view: its name, and its SQL over the kept columns."""

    name: str
    sql: str


@dataclass(frozen=True)
class Plan:
    """`fresh` is SQL over SOURCE; its columns are `keys`, then `state`, as the materialized part keeps them too."""

    keys: tuple[str, ...]
    state: tuple[str, ...]
    fresh: str
    merged: tuple[str, ...]
    outputs: tuple[Output, ...]
    is_take_any: bool


def plan(translator: Translator, source: str, columns: list[str], query: str) -> Plan:
    """Raises KustoError when the query is none that a materialized view may have."""
    tree = translator.lowered(query)
    if not isinstance(tree.source, ir.TableRef) or tree.source.name != source:
        raise SemanticMistake(f"materialized view: the query must start from its source, '{source}'.")
    before, summarize = tree.operators[:-1], tree.operators[-1] if tree.operators else None
    if not isinstance(summarize, ir.Summarize):
        raise SemanticMistake("materialized view: the query must end with one summarize operator.")
    if any(isinstance(operator, ir.Summarize | ir.Sort | ir.Take | ir.Top) for operator in before):
        raise SemanticMistake("materialized view: only its last operator may be summarize, and none sort, take or top.")
    schema = {**translator.schema, SOURCE: columns}
    pipeline = ir.Query(dataclasses.replace(tree.source, name=SOURCE), list(before), tree.lets, tree.parameters)
    return _planned(translator, pipeline, summarize, output_columns(pipeline, schema), schema)


def _planned(
    translator: Translator, pipeline: ir.Query, summarize: ir.Summarize, given: list[str], schema: dict[str, list[str]]
) -> Plan:
    keys, names = summarize_names(summarize, given)
    inputs = [ir.NamedExpr(key.expr, name) for key, name in zip(summarize.by, keys, strict=True)]
    parts: list[Kept] = []
    state: list[str] = []
    for number, aggregate in enumerate(summarize.aggregates):
        function, arguments = _call(aggregate, keys, given)
        columns = []
        for place, argument in enumerate(arguments):
            if isinstance(argument, ir.Literal) and isinstance(argument.value, int | float):
                columns.append(str(argument.value))
                continue
            columns.append(quoted(f"$a{number}_{place}"))
            inputs.append(ir.NamedExpr(argument, f"$a{number}_{place}"))
        own = [f"$s{number}_{place}" for place in range(max(2, len(arguments)))]
        part = kept(function, columns, [quoted(column) for column in own])
        parts.append(part)
        state += own[: len(part.initial)]
    if not inputs:
        inputs = [ir.NamedExpr(ir.Literal(0, "long"), "$none")]
    pipeline.operators.append(ir.Project(tuple(inputs)))
    rows = translator.rendered(pipeline, schema)
    grouped = ", ".join(quoted(key) for key in keys)
    initial = [sql for part in parts for sql in part.initial]
    selected = [quoted(key) for key in keys]
    selected += [f"{sql} AS {quoted(column)}" for sql, column in zip(initial, state, strict=True)]
    fresh = f"SELECT {', '.join(selected)} FROM ({rows})" + (f" GROUP BY {grouped}" if keys else " HAVING count(*) > 0")
    outputs = [Output(key, quoted(key)) for key in keys]
    for own_names, part in zip(names, parts, strict=True):
        outputs += [Output(name, sql) for name, sql in zip(own_names, part.final, strict=True)]
    return Plan(
        keys=tuple(keys),
        state=tuple(state),
        fresh=fresh,
        merged=tuple(sql for part in parts for sql in part.merged),
        outputs=tuple(outputs),
        is_take_any=all(_is_take_any(aggregate.expr) for aggregate in summarize.aggregates),
    )


def _call(aggregate: ir.NamedExpr, keys: list[str], given: list[str]) -> tuple[str, list[ir.Expr]]:
    """An aggregate's function and what it is given, with the `*` of arg_max written out."""
    call = aggregate.expr
    if not isinstance(call, ir.FunctionCall):
        raise SemanticMistake("materialized view: each aggregate must be a call of an aggregation function.")
    if call.name == OF_ANY_ROW:
        row, member = call.args
        assert isinstance(row, ir.FunctionCall)
        assert isinstance(member, ir.Literal)
        return "take_any", [row.args[int(str(member.value)[1:])]]
    if call.name.lower() in _ARG:
        targets = arg_max_targets(aggregate, keys, given)
        assert targets is not None
        _, maximised, picked = targets
        return call.name, [maximised, *picked]
    return call.name, list(call.args)


def _is_take_any(call: ir.Expr) -> bool:
    return isinstance(call, ir.FunctionCall) and call.name.lower() in ("take_any", "any", OF_ANY_ROW)
