"""What a materialized view keeps of each aggregate, so that two parts of a group can be merged without their rows.

The functions are those that the service allows in a view (Learn, "Create materialized view", supported aggregations),
without hll, tdigest and make_bag.
"""

from collections.abc import Callable
from dataclasses import dataclass

from local.data_explorer.errors import SemanticMistake


@dataclass(frozen=True)
class Kept:
    """One aggregate as SQL: its state from rows, from two states, and its values from the state."""

    initial: tuple[str, ...]
    merged: tuple[str, ...]
    final: tuple[str, ...]


Build = Callable[[list[str], list[str]], Kept]
"""From the SQL of the arguments, and of the state's columns (as many as are used)."""


def kept(function: str, arguments: list[str], state: list[str]) -> Kept:
    """Raises SemanticMistake for an aggregate that a view can't have."""
    name = function.lower()
    condition = ""
    if name.endswith("if") and name.removesuffix("if") in _BUILDERS:
        name, condition = name.removesuffix("if"), f" FILTER (WHERE {arguments.pop()})"
    build = _BUILDERS.get(name)
    if build is None:
        raise SemanticMistake(
            f"materialized view: the aggregation function '{function}' is not supported in a materialized view."
        )
    built = build(arguments, state)
    return Kept(tuple(part.replace(_FILTER, condition) for part in built.initial), built.merged, built.final)


_FILTER = "/*filter*/"


def _count(arguments: list[str], state: list[str]) -> Kept:
    return Kept((f"count(*){_FILTER}",), (f"CAST(sum({state[0]}) AS BIGINT)",), (state[0],))


def _sum(arguments: list[str], state: list[str]) -> Kept:
    return Kept((f"sum({arguments[0]}){_FILTER}",), (f"sum({state[0]})",), (f"coalesce({state[0]}, 0)",))


def _avg(arguments: list[str], state: list[str]) -> Kept:
    total, number = state[:2]
    return Kept(
        (f"sum(CAST({arguments[0]} AS DOUBLE)){_FILTER}", f"count({arguments[0]}){_FILTER}"),
        (f"sum({total})", f"CAST(sum({number}) AS BIGINT)"),
        (f"CASE WHEN {number} = 0 THEN CAST('NaN' AS DOUBLE) ELSE {total} / {number} END",),
    )


def _same(aggregate: str) -> Build:
    def build(arguments: list[str], state: list[str]) -> Kept:
        return Kept((f"{aggregate}({arguments[0]}){_FILTER}",), (f"{aggregate}({state[0]})",), (state[0],))

    return build


def _extreme(extreme: str) -> Build:
    """arg_max and arg_min: every value from the one row that has the extreme."""

    def build(arguments: list[str], state: list[str]) -> Kept:
        state = state[: len(arguments)]
        return Kept(tuple(_picked(extreme, arguments)), tuple(_picked(extreme, state)), tuple(state))

    return build


def _picked(extreme: str, columns: list[str]) -> list[str]:
    row = "{" + ", ".join(f"'f{place}': {column}" for place, column in enumerate(columns)) + "}"
    best = f"coalesce(arg_{extreme}({row}, {columns[0]}), any_value({row}))"
    return [f"{best}.f{place}" for place in range(len(columns))]


def _values(distinct: bool, final: Callable[[str, list[str]], str]) -> Build:
    """Aggregates that need every value (or every distinct one) kept: exact, and as large as the values are."""

    def build(arguments: list[str], state: list[str]) -> Kept:
        chosen = "DISTINCT " if distinct else ""
        initial = f"list({chosen}{arguments[0]}){_FILTER}"
        flat = f"flatten(list({state[0]}) FILTER (WHERE {state[0]} IS NOT NULL))"
        merged = f"list_distinct({flat})" if distinct else flat
        return Kept((initial,), (merged,), (final(f"list_filter({state[0]}, lambda v: v IS NOT NULL)", arguments),))

    return build


_BUILDERS: dict[str, Build] = {
    "count": _count,
    "sum": _sum,
    "avg": _avg,
    "min": _same("min"),
    "max": _same("max"),
    "take_any": _same("any_value"),
    "any": _same("any_value"),
    "arg_max": _extreme("max"),
    "arg_min": _extreme("min"),
    "dcount": _values(True, lambda values, _: f"CAST(coalesce(len(list_distinct({values})), 0) AS BIGINT)"),
    "count_distinct": _values(True, lambda values, _: f"CAST(coalesce(len(list_distinct({values})), 0) AS BIGINT)"),
    "make_set": _values(True, lambda values, _: f"to_json(coalesce(list_distinct({values}), []))"),
    "make_list": _values(False, lambda values, _: f"to_json(coalesce({values}, []))"),
    "percentile": _values(
        False,
        lambda values, arguments: f"list_aggregate({values}, 'quantile_disc', CAST({arguments[1]} AS DOUBLE) / 100)",
    ),
}
