"""evaluate: the plugins bag_unpack, pivot and narrow, and parse-kv, which is spelt as one.

Learn, the page of each. Without an output schema the columns of bag_unpack and pivot are those of the data: such a
plugin is `Discovering`, and a first query finds them.
"""

import json
from dataclasses import dataclass, replace
from typing import Any, ClassVar

from duckdb_kql import ir, lower
from duckdb_kql.errors import KqlSchemaError, KqlUnsupportedError
from duckdb_kql.translate import quote_ident, quote_string, render_aggregate, render_expr

from local.data_explorer.kql.operators import Operator, Schema, clauses
from local.data_explorer.kql.spellings import ALL_COLUMNS, PARSE_KV
from local.data_explorer.types import KustoType, kusto_type

Columns = tuple[tuple[str, KustoType], ...]
_JSON_TYPES: dict[str, KustoType] = {
    "BIGINT": "long",
    "UBIGINT": "long",
    "DOUBLE": "real",
    "VARCHAR": "string",
    "BOOLEAN": "bool",
}
_CONVERSIONS: dict[KustoType, str] = {
    "bool": "tobool",
    "int": "toint",
    "long": "tolong",
    "real": "toreal",
    "decimal": "todecimal",
    "string": "tostring",
    "datetime": "todatetime",
    "timespan": "totimespan",
    "guid": "toguid",
}


@dataclass(frozen=True)
class Discovery(Operator):
    """The query that finds a plugin's columns: rows of a name and a list of types."""

    select: str

    def columns(self, columns: list[str], schema: Schema) -> list[str]:
        return ["name", "types"]

    def sql(self, relation: str, columns: list[str]) -> str:
        return f"SELECT {self.select.format(relation)}"


@dataclass(frozen=True)
class Discovering(Operator):
    """A plugin that needs to know columns which only the data tells; None until `discovery` has told them."""

    found: Columns | None

    plugin: ClassVar[str]

    @property
    def discovery(self) -> Discovery:
        """What has to run before, over the plugin's input."""
        raise NotImplementedError

    def told(self, rows: list[tuple[str, list[str]]]) -> "Discovering":
        """The plugin with the columns that were found."""
        found = tuple((name, _type_of(types)) for name, types in rows)
        return replace(self, found=found)

    @property
    def known(self) -> Columns:
        if self.found is None:
            raise KqlUnsupportedError(
                f"plugin:{self.plugin}", hint="here its columns have to be given, as an output schema"
            )
        return self.found


@dataclass(frozen=True)
class BagUnpack(Discovering):
    """`conflict` is error, replace_source or keep_source; with `all_columns` a given schema has the input's too."""

    column: str
    prefix: str
    conflict: str
    ignored: tuple[str, ...]
    is_given: bool
    all_columns: bool

    plugin: ClassVar[str] = "bag_unpack"

    @property
    def discovery(self) -> Discovery:
        bag = quote_ident(self.column)
        members = f"unnest(json_keys({bag})) AS name, unnest(json_extract({bag}, '$.*')) AS value"
        return Discovery(
            f"name, list(DISTINCT json_type(value)) FILTER (WHERE json_type(value) <> 'NULL') AS types FROM "
            f"(SELECT {members} FROM {{}} WHERE json_type({bag}) = 'OBJECT') GROUP BY name ORDER BY name"
        )

    def _unpacked(self) -> list[tuple[str, str, KustoType]]:
        """Column, key and type of each."""
        if self.is_given:
            return [(name, name.removeprefix(self.prefix), kind) for name, kind in self.known]
        return [(self.prefix + key, key, kind) for key, kind in self.known if key not in self.ignored]

    def _source(self, columns: list[str]) -> list[str]:
        if self.is_given and not self.all_columns:
            return []
        names = {name for name, _, _ in self._unpacked()}
        source = [name for name in columns if name != self.column]
        if self.conflict == "error" and not self.is_given and names & set(source):
            clash = ", ".join(sorted(names & set(source)))
            raise KqlSchemaError(clash, "bag_unpack: the input has such a column; see columnsConflict")
        return [name for name in source if name not in names]

    def columns(self, columns: list[str], schema: Schema) -> list[str]:
        return self._source(columns) + [name for name, _, _ in self._unpacked()]

    def sql(self, relation: str, columns: list[str]) -> str:
        selected = [quote_ident(name) for name in self._source(columns)]
        for name, key, kind in self._unpacked():
            is_kept = self.conflict == "keep_source" and name in columns and name != self.column
            member = ir.PathAccess(ir.ColumnRef(self.column), (ir.PathStep(key),))
            value = quote_ident(name) if is_kept else converted(member, kind)
            selected.append(f"{value} AS {quote_ident(name)}")
        return f"SELECT {', '.join(selected)} FROM {relation}"


@dataclass(frozen=True)
class Pivot(Discovering):
    """A column for each value of `column`; `rows` are the columns that stay, all others when there are none."""

    column: str
    aggregate: ir.FunctionCall
    rows: tuple[str, ...]
    is_given: bool

    plugin: ClassVar[str] = "pivot"

    @property
    def discovery(self) -> Discovery:
        value = f"CAST({quote_ident(self.column)} AS VARCHAR)"
        return Discovery(f"{value} AS name, [] AS types FROM {{}} WHERE {value} <> '' GROUP BY 1 ORDER BY 1")

    def _kept(self, columns: list[str]) -> list[str]:
        if self.rows:
            return list(self.rows)
        used = {self.column} | {each.name for each in self.aggregate.args if isinstance(each, ir.ColumnRef)}
        return [name for name in columns if name not in used]

    def _values(self, columns: list[str]) -> list[str]:
        names = [name for name, _ in self.known]
        return [name for name in names if name not in self._kept(columns)] if self.is_given else names

    def columns(self, columns: list[str], schema: Schema) -> list[str]:
        return self._kept(columns) + self._values(columns)

    def sql(self, relation: str, columns: list[str]) -> str:
        kept = [quote_ident(name) for name in self._kept(columns)]
        selected = list(kept)
        for value in self._values(columns):
            aggregate = render_aggregate(ir.NamedExpr(self._of(value)))
            selected.append(f"{aggregate} AS {quote_ident(value)}")
        grouped = f" GROUP BY {', '.join(kept)}" if kept else ""
        return f"SELECT {', '.join(selected)} FROM {relation}{grouped}"

    def _of(self, value: str) -> ir.FunctionCall:
        """The aggregate over the rows of one value."""
        condition = f"CAST({quote_ident(self.column)} AS VARCHAR) = {quote_string(value)}"
        if not self.aggregate.args:
            return ir.FunctionCall("countif", (ir.RenderedAggregate(condition),))
        first, *rest = self.aggregate.args
        only = ir.RenderedAggregate(f"CASE WHEN {condition} THEN {render_expr(first)} END")
        return ir.FunctionCall(self.aggregate.name, (only, *rest))


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


def converted(value: ir.Expr, kind: KustoType) -> str:
    """SQL of a value as a type of Kusto's; null when it can't be."""
    conversion = _CONVERSIONS.get(kind)
    return render_expr(ir.FunctionCall(conversion, (value,)) if conversion else value)


def _type_of(types: list[str]) -> KustoType:
    kinds = {_JSON_TYPES.get(each, "dynamic") for each in types}
    return kinds.pop() if len(kinds) == 1 else "dynamic"


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
    options = dict(
        zip(("column", "OutputColumnPrefix", "columnsConflict", "ignoredProperties"), by_place, strict=False)
    )
    options |= dict(by_name)
    ignored = options.get("ignoredProperties")
    found, has_star = schema
    return BagUnpack(
        found,
        column=options["column"].name,
        prefix=str(options["OutputColumnPrefix"].value) if "OutputColumnPrefix" in options else "",
        conflict=str(options["columnsConflict"].value) if "columnsConflict" in options else "error",
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


def _read_parse_kv(by_place: Any, by_name: Any, schema: Any) -> ParseKv:
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
