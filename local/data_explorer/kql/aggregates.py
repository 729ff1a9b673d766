"""Aggregates that duckdb-kql 1.1.2 lacks, or takes without their optional arguments."""

from collections.abc import Callable
from dataclasses import dataclass

from duckdb_kql import ir
from duckdb_kql.translate import functions as tables
from duckdb_kql.translate import naming

from local.data_explorer.kql.rewriting import OF_ANY_ROW
from local.data_explorer.kql.serialization import IN_ORDER

LONGEST = "1048576"
"""The most elements of a list, set or bag unless a query says otherwise."""
Write = Callable[[list[str]], str]


@dataclass(frozen=True)
class Written(tables.AggregateSpec):
    """An aggregate whose SQL is more than a template; `arities` as in a template's."""

    write: Write = str

    def render(self, args: list[str]) -> str:
        if len(args) not in self.arities:
            raise ValueError(f"{self.name}() takes {self.arities} argument(s), got {len(args)}")
        return self.write(args)


def install() -> None:
    """Puts the aggregates into duckdb-kql's table."""
    for spec in _SPECS:
        tables.AGGREGATE_FUNCTIONS[spec.name] = spec
    naming._aggregate_name = _named(naming._aggregate_name)


def _named(original: Callable[[tables.AggregateSpec, ir.FunctionCall], str]) -> Callable[..., str]:
    """A percentile of 50.5 is named …_50_5: a name holds no point."""

    def name(spec: tables.AggregateSpec, call: ir.FunctionCall) -> str:
        return original(spec, call).replace(".", "_") if spec.name == "percentile" else original(spec, call)

    return name


def _listed(arguments: list[str], *, condition: str = "true", order: str = "", size: str = LONGEST) -> str:
    value = arguments[0]
    ordered = f" ORDER BY {order}" if order else ""
    listed = f"list({value}{ordered}) FILTER (WHERE {value} IS NOT NULL AND {condition})"
    return f"list_slice(coalesce({listed}, []), 1, {size})"


def _list(arguments: list[str]) -> str:
    return _listed(arguments, size=_size(arguments, 1))


def _list_in_order(arguments: list[str]) -> str:
    *rest, order = arguments
    return _listed(rest, order=order, size=_size(rest, 1))


def _list_if(arguments: list[str]) -> str:
    return _listed(arguments, condition=arguments[1], size=_size(arguments, 2))


def _list_if_in_order(arguments: list[str]) -> str:
    *rest, order = arguments
    return _listed(rest, condition=rest[1], order=order, size=_size(rest, 2))


def _list_with_nulls(arguments: list[str]) -> str:
    ordered = f" ORDER BY {arguments[1]}" if len(arguments) > 1 else ""
    return f"list_slice(coalesce(list({arguments[0]}{ordered}), []), 1, {LONGEST})"


def _set(arguments: list[str], condition: str = "true", size: str | None = None) -> str:
    """Arrays are taken for their elements."""
    value = arguments[0]
    elements = (
        f"CASE WHEN json_type(TRY_CAST({value} AS JSON)) = 'ARRAY' THEN CAST(to_json({value}) AS JSON[]) "
        f"ELSE [to_json({value})] END"
    )
    listed = f"list({elements}) FILTER (WHERE {value} IS NOT NULL AND {condition})"
    return f"to_json(list_slice(coalesce(list_distinct(flatten({listed})), []), 1, {size or _size(arguments, 1)}))"


def _set_if(arguments: list[str]) -> str:
    return _set(arguments, condition=arguments[1], size=_size(arguments, 2))


def _bag(arguments: list[str], condition: str = "true", size: str | None = None) -> str:
    listed = f"list(CAST({arguments[0]} AS VARCHAR)) FILTER (WHERE {condition})"
    return f"CAST(kql_merge_bags(coalesce({listed}, []), CAST({size or _size(arguments, 1)} AS BIGINT)) AS JSON)"


def _bag_if(arguments: list[str]) -> str:
    return _bag(arguments, condition=arguments[1], size=_size(arguments, 2))


def _percentiles_array(arguments: list[str]) -> str:
    """Nearest ranks. The percents are constants, or one constant array of them."""
    value, *percents = arguments
    ranks = f"[{', '.join(f'{percent} / 100.0' for percent in percents)}]"
    return f"to_json(quantile_disc({value}, {ranks}))"


def _size(arguments: list[str], place: int) -> str:
    return arguments[place] if len(arguments) > place else LONGEST


def _filtered(name: str, function: str) -> tables.AggregateSpec:
    return tables.AggregateSpec(name, function + "({0}) FILTER (WHERE {1})", (2,))


_SPECS = (
    _filtered("maxif", "max"),
    _filtered("minif", "min"),
    _filtered("take_anyif", "any_value"),
    tables.AggregateSpec(OF_ANY_ROW, "struct_extract(any_value({0}), {1})", (2,)),
    tables.AggregateSpec("count_distinct", "count(DISTINCT {0})", (1,)),
    tables.AggregateSpec("count_distinctif", "count(DISTINCT {0}) FILTER (WHERE {1})", (2,)),
    Written("make_list", "", (1, 2), "list", write=_list),
    Written(IN_ORDER["make_list"], "", (2, 3), "list", write=_list_in_order),
    Written("make_list_if", "", (2, 3), "list", write=_list_if),
    Written(IN_ORDER["make_list_if"], "", (3, 4), "list", write=_list_if_in_order),
    Written("make_list_with_nulls", "", (1,), "list", write=_list_with_nulls),
    Written(IN_ORDER["make_list_with_nulls"], "", (2,), "list", write=_list_with_nulls),
    Written("make_set", "", (1, 2), "set", write=_set),
    Written("make_set_if", "", (2, 3), "set", write=_set_if),
    tables.AggregateSpec("percentiles", "quantile_disc({0}, {1} / 100.0)", (2,), "percentile"),
    Written("percentiles_array", "", tuple(range(2, 100)), "percentiles", write=_percentiles_array),
    Written("make_bag", "", (1, 2), "bag", write=_bag),
    Written("make_bag_if", "", (2, 3), "bag", write=_bag_if),
)
