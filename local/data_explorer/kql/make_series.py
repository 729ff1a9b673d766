"""make-series: aggregates by bins of an axis, as arrays without gaps.

Learn, "make-series operator". Bins of the main syntax start at `from` (bin_at), those of `in range(…)` are bin()'s, and
its stop is inclusive. Without `from` or `to` each series starts or ends at the first or last bin that has data.
"""

from dataclasses import dataclass
from typing import Any, ClassVar

from duckdb_kql import ir, lower, parse
from duckdb_kql.errors import KqlUnsupportedError
from duckdb_kql.translate import quote_ident, render_aggregate, render_expr, summarize_names

from local.data_explorer.kql.operators import Operator, Schema, after_words, clauses

LONGEST = 1_048_576
"""The most values that a series may have; more are an error."""


@dataclass(frozen=True)
class MakeSeries(Operator):
    """`start`, `end` and `step` are constants; `end` is the first value beyond, but with `binned` the last value."""

    aggregates: tuple[ir.NamedExpr, ...]
    defaults: tuple[ir.Expr | None, ...]
    axis: ir.NamedExpr
    start: ir.Expr | None
    end: ir.Expr | None
    step: ir.Expr
    by: tuple[ir.NamedExpr, ...]
    nonempty: bool
    binned: bool

    constants: ClassVar[frozenset[str]] = frozenset({"start", "end", "step", "defaults"})

    def columns(self, columns: list[str], schema: Schema) -> list[str]:
        keys, aggregates, axis = self._names(columns)
        return [*keys, *aggregates, axis]

    def _names(self, columns: list[str]) -> tuple[list[str], list[str], str]:
        keys, aggregates = summarize_names(ir.Summarize(self.aggregates, self.by), columns)
        axis = self.axis.name or getattr(self.axis.expr, "name", None)
        if axis is None:
            raise KqlUnsupportedError("make-series", hint="the axis of make-series needs a name: `on Name = …`")
        return keys, [name for names in aggregates for name in names], str(axis)

    def sql(self, relation: str, columns: list[str]) -> str:
        axis, step = render_expr(self.axis.expr), f"kql_step({render_expr(self.step)})"
        origin = self._origin(axis, step)
        keys = [f"k{place}" for place, _ in enumerate(self.by)]
        steps = [
            f"binned AS ({self._binned(relation, axis, origin, step, keys)})",
            f"spans AS ({self._spans(origin, step, keys)})",
            f"grid AS (SELECT *, unnest(kql_series_places(first, last, {LONGEST})) AS place FROM spans)",
            f"filled AS ({self._filled(keys)})",
            f"series AS ({self._series(keys)})",
            "axes AS (SELECT first, last, kql_dynamic_list(list_transform("
            f"kql_series_places(first, last, {LONGEST}), lambda place: kql_bin_start(origin, step, place)"
            ")) AS axis FROM (SELECT DISTINCT first, last, origin, step FROM spans))",
        ]
        return f"WITH {', '.join(steps)} {self._result(columns, keys)}"

    def _origin(self, axis: str, step: str) -> str:
        """Where the bin of number 0 starts."""
        if self.start is None:
            return f"kql_bin_origin({axis})"
        start = render_expr(self.start)
        return f"kql_bin({start}, {step})" if self.binned else start

    def _binned(self, relation: str, axis: str, origin: str, step: str, keys: list[str]) -> str:
        selected = [f"{render_expr(key.expr)} AS {name}" for key, name in zip(self.by, keys, strict=True)]
        selected.append(f"kql_bin_number({axis}, {origin}, {step}) AS place")
        selected += [f"{render_aggregate(each)} AS v{number}" for number, each in enumerate(self.aggregates)]
        if self.start is None:
            selected.append(f"any_value({origin}) AS origin")
        conditions = [f"{axis} IS NOT NULL"]
        if self.start is not None:
            conditions.append(f"{axis} >= {origin}")
        if self.end is not None:
            end = render_expr(self.end)
            last = f"kql_bin_number({axis}, {origin}, {step}) <= kql_bin_number({end}, {origin}, {step})"
            conditions.append(last if self.binned else f"{axis} < {end}")
        groups = ", ".join(str(number) for number in range(1, len(keys) + 2))
        return f"SELECT {', '.join(selected)} FROM {relation} WHERE {' AND '.join(conditions)} GROUP BY {groups}"

    def _spans(self, origin: str, step: str, keys: list[str]) -> str:
        """The numbers of each series' first and last bin."""
        first = "0::BIGINT" if self.start is not None else "min(place)"
        last = "max(place)"
        if self.end is not None and self.start is not None:
            end = render_expr(self.end)
            last = (
                f"kql_bin_number({end}, {origin}, {step})" if self.binned else f"kql_bins({end}, {origin}, {step}) - 1"
            )
        origin = "any_value(origin)" if self.start is None else origin
        named = [*keys, f"{first} AS first", f"{last} AS last", f"{origin} AS origin", f"{step} AS step"]
        grouped = f"GROUP BY {', '.join(keys)}" if keys else f"HAVING count(*) >= {0 if self.nonempty else 1}"
        return f"SELECT {', '.join(named)} FROM binned {grouped}"

    def _filled(self, keys: list[str]) -> str:
        """A row for each place of the grid, with the default where there was no data."""
        selected = ["grid.*"]
        for number, default in enumerate(self.defaults):
            value = f"binned.v{number}"
            missing = f"kql_series_default({value})" if default is None else render_expr(default)
            selected.append(f"CASE WHEN binned.place IS NULL THEN {missing} ELSE {value} END AS v{number}")
        on = " AND ".join(["grid.place = binned.place", *(f"grid.{k} IS NOT DISTINCT FROM binned.{k}" for k in keys)])
        return f"SELECT {', '.join(selected)} FROM grid LEFT JOIN binned ON {on}"

    def _series(self, keys: list[str]) -> str:
        values = [f"list(v{number} ORDER BY place) AS v{number}" for number, _ in enumerate(self.aggregates)]
        grouped = f"GROUP BY {', '.join(keys)}" if keys else "HAVING count(*) > 0"
        return f"SELECT {', '.join([*keys, *values])} FROM filled {grouped}"

    def _result(self, columns: list[str], keys: list[str]) -> str:
        """With `nonempty`, a series without a bin is still one, of nothing."""
        key_names, names, axis = self._names(columns)
        empty = "'[]'::JSON"
        selected = [f"spans.{key} AS {quote_ident(name)}" for key, name in zip(keys, key_names, strict=True)]
        selected += [
            f"coalesce(kql_dynamic_list(series.v{place}), {empty}) AS {quote_ident(name)}"
            for place, name in enumerate(names)
        ]
        selected.append(f"coalesce(axes.axis, {empty}) AS {quote_ident(axis)}")
        own = " AND ".join(f"spans.{key} IS NOT DISTINCT FROM series.{key}" for key in keys) or "true"
        return (
            f"SELECT {', '.join(selected)} FROM spans LEFT JOIN series ON {own} "
            "LEFT JOIN axes ON spans.first = axes.first AND spans.last = axes.last"
        )


def read(node: Any) -> MakeSeries:
    """The operator from its node. Raises KqlUnsupportedError."""
    aggregates = [(child, *_aggregate(child)) for child in clauses(node, "MakeSeriesOperatorAggregation")]
    nonempty, name_of_first = False, None
    for parameter in clauses(node, "RelaxedQueryOperatorParameter"):
        word, value = parameter.getText().split("=", 1)
        if word == "kind" and value == "nonempty":
            nonempty = True
        elif not word.startswith("hint."):
            name_of_first = parameter
    if name_of_first is not None:
        node_of_first, _, default = aggregates[0]
        aggregates[0] = (node_of_first, _rejoined(name_of_first, node_of_first), default)
    (on,) = clauses(node, "MakeSeriesOperatorOnClause")
    bounds = _bounds(node)
    return MakeSeries(
        aggregates=tuple(aggregate for _, aggregate, _ in aggregates),
        defaults=tuple(default for _, _, default in aggregates),
        axis=lower._lower_named(lower._rule_children(on)[0]),
        start=bounds.get("from"),
        end=bounds.get("to"),
        step=bounds["step"],
        by=tuple(
            lower._lower_named(key)
            for clause in clauses(node, "MakeSeriesOperatorByClause")
            for key in lower._rule_children(clause)
        ),
        nonempty=nonempty,
        binned=bool(clauses(node, "MakeSeriesOperatorInRangeClause")),
    )


def _aggregate(node: Any) -> tuple[ir.NamedExpr, ir.Expr | None]:
    expression, *defaults = lower._rule_children(node)
    default = lower._lower_expr(lower._rule_children(defaults[0])[-1]) if defaults else None
    named = lower._lower_named(expression)
    if isinstance(named.expr, ir.FunctionCall) and named.expr.name.lower() in ("arg_max", "arg_min", "percentiles"):
        raise KqlUnsupportedError(f"aggregate:{named.expr.name}", lower._span(expression), "it has several columns")
    return named, default


def _rejoined(parameter: Any, aggregate: Any) -> ir.NamedExpr:
    """The first aggregate: the grammar takes the `Name = avg` of `Name = avg(x)` for one of make-series' parameters."""
    expression = lower._rule_children(aggregate)[0]
    text = parameter.start.getInputStream().getText(parameter.start.start, expression.stop.stop)
    (printed,) = lower._find_all(parse(f"print {text}").tree, "PrintOperator")
    named: ir.NamedExpr = lower._lower_named(lower._rule_children(printed)[0])
    return named


def _bounds(node: Any) -> dict[str, ir.Expr]:
    for clause in clauses(node, "MakeSeriesOperatorInRangeClause"):
        start, stop, step = (lower._lower_expr(child) for child in lower._rule_children(clause))
        return {"from": start, "to": stop, "step": step}
    (clause,) = clauses(node, "MakeSeriesOperatorFromToStepClause")
    return after_words(clause, ("from", "to", "step"))


READERS = {"MakeSeriesOperator": read}
