"""percentiles and percentiles_array with their percents written out. Learn, "percentile(), percentiles()"."""

import json
from dataclasses import replace

from duckdb_kql import ir


def several_percentiles(operator: ir.Summarize) -> ir.Summarize:
    """`percentiles(x, 5, 95)` as a percentile each; a name given is the first one's."""
    aggregates: list[ir.NamedExpr] = []
    for each in operator.aggregates:
        call = each.expr
        if isinstance(call, ir.FunctionCall) and call.name.lower() == "percentiles_array":
            each = replace(each, expr=replace(call, args=(call.args[0], *_percents(call.args[1:]))))
        if not isinstance(call, ir.FunctionCall) or call.name.lower() != "percentiles":
            aggregates.append(each)
            continue
        for place, percent in enumerate(call.args[1:]):
            single = ir.FunctionCall("percentile", (call.args[0], percent))
            aggregates.append(ir.NamedExpr(single, each.name if place == 0 else None))
    return replace(operator, aggregates=tuple(aggregates))


def _percents(arguments: tuple[ir.Expr, ...]) -> tuple[ir.Expr, ...]:
    """The percents, that may be given as one dynamic array."""
    (first, *rest) = arguments
    if rest or not isinstance(first, ir.Literal) or first.kind != "dynamic":
        return arguments
    return tuple(ir.Literal(float(percent), "real") for percent in json.loads(str(first.value)))
