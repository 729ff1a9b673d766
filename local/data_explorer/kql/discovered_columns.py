"""bag_unpack and pivot: plugins whose columns, without an output schema, are those of the data.

Learn, the page of each. Such a plugin is `Discovering`, and a first query finds its columns.
"""

from dataclasses import dataclass, replace
from typing import ClassVar

from duckdb_kql import ir
from duckdb_kql.errors import KqlSchemaError, KqlUnsupportedError
from duckdb_kql.translate import quote_ident, quote_string, render_aggregate, render_expr

from local.data_explorer.kql.operators import Operator, Schema
from local.data_explorer.types import KustoType

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


def converted(value: ir.Expr, kind: KustoType) -> str:
    """SQL of a value as a type of Kusto's; null when it can't be."""
    conversion = _CONVERSIONS.get(kind)
    return render_expr(ir.FunctionCall(conversion, (value,)) if conversion else value)


def _type_of(types: list[str]) -> KustoType:
    kinds = {_JSON_TYPES.get(each, "dynamic") for each in types}
    return kinds.pop() if len(kinds) == 1 else "dynamic"
