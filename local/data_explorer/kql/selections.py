"""top-nested, top-hitters, sample, sample-distinct: which rows or values of many.

Learn, the page of each operator. top-hitters is exact here, where the service estimates.
"""

from dataclasses import dataclass
from typing import Any, ClassVar

from duckdb_kql import ir, lower
from duckdb_kql.translate import naming, quote_ident, render_aggregate, render_expr

from local.data_explorer.kql.operators import Operator, Schema, clauses


@dataclass(frozen=True)
class Sample(Operator):
    """`count` rows, any of them; with `values`, so many of the distinct values of a column."""

    count: ir.Expr
    values: ir.NamedExpr | None = None

    def columns(self, columns: list[str], schema: Schema) -> list[str]:
        return columns if self.values is None else naming.distinct_names([self.values])

    def sql(self, relation: str, columns: list[str]) -> str:
        limit = f"LIMIT greatest({render_expr(self.count)}, 0)"
        if self.values is None:
            return f"SELECT * FROM {relation} ORDER BY random() {limit}"
        (name,) = self.columns(columns, {})
        return f"SELECT DISTINCT {render_expr(self.values.expr)} AS {quote_ident(name)} FROM {relation} {limit}"


@dataclass(frozen=True)
class TopHitters(Operator):
    """The values that most rows have, or that have the greatest sum."""

    count: ir.Expr
    value: ir.NamedExpr
    summed: ir.NamedExpr | None

    gives_order: ClassVar[bool] = True

    def columns(self, columns: list[str], schema: Schema) -> list[str]:
        (value,) = naming.distinct_names([self.value])
        if self.summed is None:
            return [value, f"approximate_count_{value}"]
        return [value, f"approximate_sum_{naming.expression_name(self.summed.expr) or ''}"]

    def sql(self, relation: str, columns: list[str]) -> str:
        value, measure = map(quote_ident, self.columns(columns, {}))
        measured = "count(*)" if self.summed is None else f"coalesce(sum({render_expr(self.summed.expr)}), 0)"
        return (
            f"SELECT {render_expr(self.value.expr)} AS {value}, {measured} AS {measure} FROM {relation} "
            f"GROUP BY 1 ORDER BY 2 DESC LIMIT greatest({render_expr(self.count)}, 0)"
        )


@dataclass(frozen=True)
class Level(ir.Node):
    """One `top-nested` clause; all values when there is no `count`, and one more for the `others`."""

    count: ir.Expr | None
    value: ir.NamedExpr
    others: ir.Expr | None
    aggregate: ir.NamedExpr
    ascending: bool


@dataclass(frozen=True)
class TopNested(Operator):
    """The top values of each level within those of the level before."""

    levels: tuple[Level, ...]

    def columns(self, columns: list[str], schema: Schema) -> list[str]:
        names: list[str] = []
        for level in self.levels:
            value = level.value.name or naming.expression_name(level.value.expr) or f"Column{len(names) // 2 + 1}"
            names += [value, level.aggregate.name or f"aggregated_{value}"]
        return names

    def sql(self, relation: str, columns: list[str]) -> str:
        keys = ", ".join(f"{render_expr(each.value.expr)} AS k{place}" for place, each in enumerate(self.levels))
        steps = [f"within0 AS (SELECT *, {keys} FROM {relation})"]
        for place, level in enumerate(self.levels):
            steps += _top(place, level)
        found = [f"SELECT * FROM top{len(self.levels) - 1}"]
        found += [
            self._rest(place) for place, _ in enumerate(self.levels) if any(each.others for each in self.levels[place:])
        ]
        names = self.columns(columns, {})
        selected = [
            f"{prefix}{place} AS {quote_ident(names[2 * place + offset])}"
            for place in range(len(self.levels))
            for offset, prefix in enumerate(("k", "a"))
        ]
        steps.append(f"found AS ({' UNION ALL BY NAME '.join(found)})")
        return f"WITH {', '.join(steps)} SELECT {', '.join(selected)} FROM found"

    def _rest(self, first: int) -> str:
        """One row for all that is within the top of the levels before `first`, and not in its own.

        From there on a level with `others` shows them and its aggregate, one without shows nothing.
        """
        before = _path(first)
        selected = [
            f"{render_expr(level.others)} AS k{place}, {render_aggregate(level.aggregate)} AS a{place}"
            for place, level in enumerate(self.levels)
            if place >= first and level.others is not None
        ]
        grouped = f"GROUP BY {', '.join(before)}" if before else "HAVING count(*) > 0"
        rows = f"within{first} AS rows ANTI JOIN top{first} AS best ON {_same_path(first + 1)}"
        return f"SELECT {', '.join([*before, *selected])} FROM {rows} {grouped}"


def _path(levels: int) -> list[str]:
    return [f"{prefix}{place}" for place in range(levels) for prefix in ("k", "a")]


def _same_path(levels: int) -> str:
    return " AND ".join(f"rows.k{place} IS NOT DISTINCT FROM best.k{place}" for place in range(levels))


def _top(place: int, level: Level) -> list[str]:
    """`top…`, a level's top values within those before, and `within…`, the rows that have them."""
    path = [*_path(place), f"k{place}"]
    aggregate = render_aggregate(level.aggregate)
    partition = "PARTITION BY " + ", ".join(f"k{number}" for number in range(place)) if place else ""
    direction = "ASC" if level.ascending else "DESC"
    ranked = (
        f"SELECT {', '.join(path)}, {aggregate} AS a{place}, "
        f"row_number() OVER ({partition} ORDER BY {aggregate} {direction} NULLS LAST) AS place "
        f"FROM within{place} GROUP BY {', '.join(path)}"
    )
    kept = "true" if level.count is None else f"place <= {render_expr(level.count)}"
    rows = f"within{place} AS rows JOIN top{place} AS best ON {_same_path(place + 1)}"
    return [
        f"top{place} AS (SELECT * EXCLUDE (place) FROM ({ranked}) WHERE {kept})",
        f"within{place + 1} AS (SELECT rows.*, best.a{place} FROM {rows})",
    ]


def read_sample(node: Any) -> Sample:
    """The operator from its node."""
    count, *values = lower._rule_children(node)
    return Sample(lower._lower_expr(count), lower._lower_named(values[0]) if values else None)


def read_top_hitters(node: Any) -> TopHitters:
    """The operator from its node."""
    count, value, *by = lower._rule_children(node)
    summed = lower._lower_named(_ordered(by[0])[0]) if by else None
    return TopHitters(lower._lower_expr(count), lower._lower_named(value), summed)


def read_top_nested(node: Any) -> TopNested:
    """The operator from its node."""
    return TopNested(tuple(map(_level, clauses(node, "TopNestedOperatorPart") or [node])))


def _level(node: Any) -> Level:
    count: ir.Expr | None = None
    others: ir.Expr | None = None
    *parts, ordered = lower._rule_children(node)
    if lower._cls(parts[-1]) == "TopNestedOperatorWithOthersClause":
        others = lower._lower_expr(lower._rule_children(parts.pop())[-1])
    if len(parts) == 2:
        count = lower._lower_expr(parts[0])
    aggregate, is_ascending = _ordered(ordered)
    return Level(count, lower._lower_named(parts[-1]), others, lower._lower_named(aggregate), is_ascending)


def _ordered(node: Any) -> tuple[Any, bool]:
    """An expression with `asc` or `desc`: itself, and whether it is ascending."""
    (found,) = lower._find_all(node, "OrderedExpression")
    expression, *ordering = lower._rule_children(found)
    return expression, any(part.getText().lower().startswith("asc") for part in ordering)


READERS = {
    "SampleOperator": read_sample,
    "SampleDistinctOperator": read_sample,
    "TopHittersOperator": read_top_hitters,
    "TopNestedOperator": read_top_nested,
    "TopNestedOperatorPart": read_top_nested,
}
