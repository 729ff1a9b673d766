"""percentiles and percentiles_array with their percents written out. Learn, "percentile(), percentiles()"."""

import json
from dataclasses import replace
from itertools import zip_longest

from duckdb_kql import ir
from duckdb_kql.errors import KqlUnsupportedError

from local.data_explorer.kql.series_functions import NamedColumns


def several_percentiles(operator: ir.Summarize) -> ir.Summarize:
    """`percentiles(x, 5, 95)` as a percentile each, with the names that are given. Raises KqlUnsupportedError."""
    return replace(operator, aggregates=tuple(single for each in operator.aggregates for single in _single(each)))


def _single(each: ir.NamedExpr) -> list[ir.NamedExpr]:
    call = each.expr
    names = each.names if isinstance(each, NamedColumns) else (each.name,)
    name = call.name.lower() if isinstance(call, ir.FunctionCall) else ""
    if isinstance(call, ir.FunctionCall) and name == "percentiles":
        percents = call.args[1:]
        if len(names) > len(percents):
            raise KqlUnsupportedError("aggregate:percentiles", hint="there are more names than percentiles")
        named = zip_longest(names, percents)
        return [ir.NamedExpr(ir.FunctionCall("percentile", (call.args[0], percent)), own) for own, percent in named]
    if len(names) > 1:
        raise KqlUnsupportedError(f"aggregate:{name}", hint="only percentiles takes several names here")
    if isinstance(call, ir.FunctionCall) and name == "percentiles_array":
        return [replace(each, expr=replace(call, args=(call.args[0], *_percents(call.args[1:]))))]
    return [each]


def _percents(arguments: tuple[ir.Expr, ...]) -> tuple[ir.Expr, ...]:
    """The percents, that may be given as one dynamic array."""
    (first, *rest) = arguments
    constant = first.value if isinstance(first, ir.LetRef) else first
    if rest or not isinstance(constant, ir.Literal) or constant.kind != "dynamic":
        return arguments
    return tuple(ir.Literal(float(percent), "real") for percent in json.loads(str(constant.value)))
