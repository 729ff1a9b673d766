"""evaluate: the plugins bag_unpack, pivot and narrow, and parse-kv, which is spelt as one.

Learn, the page of each.
"""

import json
from dataclasses import dataclass
from typing import Any, ClassVar

from duckdb_kql import ir, lower
from duckdb_kql.errors import KqlUnsupportedError
from duckdb_kql.translate import quote_ident, quote_string, render_expr

from local.data_explorer.kql.discovered_columns import BagUnpack, Columns, Pivot, converted
from local.data_explorer.kql.operators import Operator, Schema, clauses
from local.data_explorer.kql.spellings import ALL_COLUMNS, PARSE_KV, REGEX
from local.data_explorer.types import kusto_type

_BAG_OPTIONS = ("OutputColumnPrefix", "columnsConflict", "ignoredProperties")
_KEY_VALUE_OPTIONS = ("pair_delimiter", "kv_delimiter", "quote", "escape", "greedy", REGEX)


@dataclass(frozen=True)
class Narrow(Operator):
    """A row for each column of each row."""

    def columns(self, columns: list[str], schema: Schema) -> list[str]:
        return ["Row", "Column", "Value"]

    def sql(self, relation: str, columns: list[str]) -> str:
        texts = [render_expr(ir.FunctionCall("tostring", (ir.ColumnRef(name),))) for name in columns]
        cells = ", ".join(
            f"{{'name': {quote_string(name)}, 'value': {text}}}" for name, text in zip(columns, texts, strict=True)
        )
        numbered = f"SELECT row_number() OVER () - 1 AS number, [{cells}] AS cells FROM {relation}"
        cell = f"SELECT number, unnest(cells) AS cell FROM ({numbered})"
        return f'SELECT number AS "Row", cell.name AS "Column", cell.value AS "Value" FROM ({cell})'


@dataclass(frozen=True)
class ParseKv(Operator):
    """`options` is what `key_values.options_of` reads, as JSON."""

    text: ir.Expr
    keys: Columns
    options: str

    keeps_order: ClassVar[bool] = True

    def columns(self, columns: list[str], schema: Schema) -> list[str]:
        return columns + [name for name, _ in self.keys if name not in columns]

    def sql(self, relation: str, columns: list[str]) -> str:
        names = json.dumps([name for name, _ in self.keys])
        text = render_expr(ir.FunctionCall("tostring", (self.text,)))
        found = f"kql_parse_kv({text}, {quote_string(names)}, {quote_string(self.options)})"
        values = {
            name: f"{converted(ir.RenderedAggregate(f'found[{place + 1}]'), kind)} AS {quote_ident(name)}"
            for place, (name, kind) in enumerate(self.keys)
        }
        selected = ", ".join(values.get(name, quote_ident(name)) for name in self.columns(columns, {}))
        return f"SELECT {selected} FROM (SELECT *, {found} AS found FROM {relation})"


def read(node: Any) -> Operator:
    """The plugin from its node. Raises KqlUnsupportedError."""
    call = lower._find_all(node, "NamedFunctionCallExpression")[0]
    name = str(lower._find_names(lower._rule_children(call)[0])[0])
    if name not in _READERS:
        raise KqlUnsupportedError(f"plugin:{name}", span=lower._span(call))
    arguments = [lower._lower_named(child) for child in lower._rule_children(call)[1:]]
    by_place = [each.expr for each in arguments if each.name is None]
    by_name = [(each.name, each.expr) for each in arguments if each.name is not None]
    return _READERS[name](by_place, by_name, _schema(node))


def _schema(node: Any) -> tuple[Columns | None, bool]:
    """The output schema if there is one, and whether it begins with `*`."""
    found: Columns | None = None
    has_star = False
    for clause in clauses(node, "EvaluateOperatorSchemaClause"):
        declarations = lower._find_all(clause, "RowSchemaColumnDeclaration")
        named = [lower._rule_children(each) for each in declarations]
        columns = [(lower._find_names(name)[0], kusto_type(kind.getText())) for name, kind in named]
        has_star = any(name == ALL_COLUMNS for name, _ in columns)
        found = tuple(column for column in columns if column[0] != ALL_COLUMNS)
    return found, has_star


def _read_bag_unpack(by_place: Any, by_name: Any, schema: Any) -> BagUnpack:
    _refuse_others(by_name, _BAG_OPTIONS)
    options = {**dict(zip(("column", *_BAG_OPTIONS), by_place, strict=False)), **dict(by_name)}
    ignored = options.get("ignoredProperties")
    conflict = str(options["columnsConflict"].value) if "columnsConflict" in options else "error"
    if conflict not in ("error", "replace_source", "keep_source"):
        raise KqlUnsupportedError(conflict, hint="columnsConflict is error, replace_source or keep_source")
    found, has_star = schema
    return BagUnpack(
        found,
        column=options["column"].name,
        prefix=str(options["OutputColumnPrefix"].value) if "OutputColumnPrefix" in options else "",
        conflict=conflict,
        ignored=tuple(json.loads(ignored.value)) if ignored is not None and ignored.value else (),
        is_given=found is not None,
        all_columns=has_star,
    )


def _read_pivot(by_place: Any, by_name: Any, schema: Any) -> Pivot:
    column, *rest = by_place
    aggregate = rest.pop(0) if rest and isinstance(rest[0], ir.FunctionCall) else ir.FunctionCall("count")
    found, _ = schema
    return Pivot(found, column.name, aggregate, tuple(each.name for each in rest), found is not None)


def _read_narrow(by_place: Any, by_name: Any, schema: Any) -> Narrow:
    return Narrow()


def _refuse_others(by_name: Any, known: tuple[str, ...]) -> None:
    for name, _ in by_name:
        if name not in known:
            raise KqlUnsupportedError(str(name), hint=f"the options are {', '.join(known)}")


def _read_parse_kv(by_place: Any, by_name: Any, schema: Any) -> ParseKv:
    _refuse_others(by_name, _KEY_VALUE_OPTIONS)
    options: dict[str, list[Any]] = {}
    for name, value in by_name:
        options.setdefault(str(name), []).append(value.value)
    return ParseKv(by_place[0], schema[0], json.dumps(options))


_READERS = {
    "bag_unpack": _read_bag_unpack,
    "pivot": _read_pivot,
    "narrow": _read_narrow,
    PARSE_KV: _read_parse_kv,
}
NAMES = frozenset(_READERS)
READERS = {"EvaluateOperator": read}
