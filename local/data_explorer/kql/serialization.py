"""serialize, and functions of a row's neighbours: prev, next, row_number, row_cumsum, row_window_session.

Learn, "Window functions overview" and "serialize operator" (which operators give rows an order, and which lose it). A
query that uses these functions gets a hidden column that numbers its rows from where their order begins, and each call
is computed before the operator that it stands in, inner calls first. make_list after a sort keeps that order too.
"""

import dataclasses
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from duckdb_kql import ir, lower
from duckdb_kql.errors import KqlUnsupportedError
from duckdb_kql.schema import replacing
from duckdb_kql.translate import naming, quote_ident, render_sort_keys

from local.data_explorer.kql.column_choices import ColumnChoice
from local.data_explorer.kql.neighbours import ORDER, RESTARTS, ROW_FUNCTIONS, Neighbours
from local.data_explorer.kql.operators import Operator, Schema

IN_ORDER = {"make_list": "$list_in_order", "make_list_if": "$list_if_in_order", "make_list_with_nulls": "$all_in_order"}
SAME = "$same"
"""A function that answers its argument; a column made of it is named by its place, as one of a call is."""
_CALL = "$call"
_KEEPS_ORDER = (ir.Where, ir.Extend, ir.Project, ir.Take, ir.ProjectAway, ir.ProjectRename, ir.Parse)


@dataclass(frozen=True)
class Serialize(Operator):
    """`serialize Name = expression, …`: `serialized` makes an extend of it."""

    expressions: tuple[ir.NamedExpr, ...] = ()

    def columns(self, columns: list[str], schema: Schema) -> list[str]:
        return replacing(columns, naming.extend_names(self.expressions, columns))


@dataclass(frozen=True)
class Numbered(Operator):
    """Adds the hidden column, by the keys of a sort or as the rows come."""

    keys: tuple[ir.SortKey, ...] = ()

    def columns(self, columns: list[str], schema: Schema) -> list[str]:
        return [*columns, ORDER]

    def sql(self, relation: str, columns: list[str]) -> str:
        over = f"ORDER BY {render_sort_keys(self.keys)}" if self.keys else ""
        return f"SELECT *, row_number() OVER ({over}) AS {quote_ident(ORDER)} FROM {relation}"


@dataclass(frozen=True)
class Unnumbered(Operator):
    """Takes the hidden column off, from rows in its order."""

    def columns(self, columns: list[str], schema: Schema) -> list[str]:
        return [name for name in columns if name != ORDER]

    def sql(self, relation: str, columns: list[str]) -> str:
        return f"SELECT * EXCLUDE ({quote_ident(ORDER)}) FROM {relation} ORDER BY {quote_ident(ORDER)}"


def read(node: Any) -> Serialize:
    """The operator from its node."""
    return Serialize(tuple(lower._lower_named(child) for child in lower._rule_children(node)))


READERS = {"SerializeOperator": read}


def serialized(query: ir.Query) -> list[ir.Operator]:
    """The query's own operators, with the order of its rows where one of them asks for it.

    Raises KqlUnsupportedError when rows have no order where one is needed, as the service refuses it.
    """
    if not any(_asks_for_order(operator) for operator in query.operators):
        return [each for each in map(_plain, query.operators) if each is not None]
    return _Serialization(isinstance(query.source, ir.RangeSource)).of(query.operators)


Lets = list[tuple[str, Any]]


def with_source_in_order(query: ir.Query, around: Lets) -> ir.Query:
    """The query over a `let`, with the `let`'s own operators before its own, when these ask for the rows' order.

    `around` are the `let`s of the queries that it is in.
    """
    source = query.source
    if not isinstance(source, ir.TableRef) or source.database or not any(map(_asks_for_order, query.operators)):
        return query
    for place, (name, rows) in enumerate(query.lets):
        if name == source.name and isinstance(rows, ir.Query):
            if {each for each, _ in rows.lets} & {each for each, _ in query.lets}:
                return query
            return _over(query, rows, [*query.lets[:place], *rows.lets, *query.lets[place:]], around)
    for name, rows in reversed(around):
        if name == source.name and isinstance(rows, ir.Query) and not rows.lets:
            return _over(query, rows, query.lets, around)
    return query


def _over(query: ir.Query, rows: ir.Query, lets: Lets, around: Lets) -> ir.Query:
    whole = ir.Query(rows.source, [*rows.operators, *query.operators], lets, list(query.parameters))
    return whole if rows.source == query.source else with_source_in_order(whole, around)


class _Serialization:
    """One pass over the operators. `order` is where in `out` the rows got an order that is not yet numbered."""

    def __init__(self, is_ordered: bool) -> None:
        self.out: list[ir.Operator] = []
        self.order: tuple[int, tuple[ir.SortKey, ...]] | None = (0, ()) if is_ordered else None
        self.numbered = False
        self._hoisted = 0

    def of(self, operators: list[ir.Operator]) -> list[ir.Operator]:
        for operator in operators:
            self._take(operator)
        self._lose_order()
        return self.out

    def _take(self, operator: ir.Operator) -> None:
        if isinstance(operator, Serialize):
            if not self.numbered and self.order is None:
                self.order = (len(self.out), ())
            plain = _plain(operator)
            if plain is None:
                return
            operator = plain
        if _is_numbered_expansion(operator):
            self.out.append(operator)
            self.numbered = True
        elif isinstance(operator, ir.Sort | ir.Top):
            self._lose_order()
            self.out.append(operator)
            self.order = (len(self.out), operator.keys)
        elif isinstance(operator, ir.Summarize):
            self._summarize(operator)
        elif _mentions(operator, ROW_FUNCTIONS):
            self._number(operator)
            self.out += self._hoist(operator)
        elif isinstance(operator, _KEEPS_ORDER) or (isinstance(operator, Operator) and operator.keeps_order):
            self.out.append(_with_order(operator) if self.numbered else operator)
        else:
            self._lose_order()
            self.out.append(operator)
            if isinstance(operator, Operator) and operator.gives_order:
                self.order = (len(self.out), ())

    def _number(self, operator: ir.Operator) -> None:
        if self.numbered:
            return
        if self.order is None:
            name = next(iter(_mentions(operator, ROW_FUNCTIONS)))
            raise KqlUnsupportedError(f"function:{name}", hint="the row set must be serialized")
        place, keys = self.order
        kept = [_with_order(each) for each in self.out[place:]]
        is_sorted_before = place > 0 and isinstance(self.out[place - 1], ir.Sort)
        self.out[place - is_sorted_before :] = [Numbered(keys), *kept]
        self.order, self.numbered = None, True

    def _lose_order(self) -> None:
        if self.numbered:
            self.out.append(Unnumbered())
        self.order, self.numbered = None, False

    def _summarize(self, operator: ir.Summarize) -> None:
        if _mentions(operator, frozenset(IN_ORDER)) and (self.numbered or self.order is not None):
            self._number(operator)
            operator = _lists_in_order(operator)
        self.out.append(operator)
        self.order, self.numbered = None, False

    def _hoist(self, operator: ir.Operator) -> list[ir.Operator]:
        """The operator with a column for each call, and before it what makes these columns."""
        stages: list[list[ir.NamedExpr]] = []
        operator = _with_order(operator)
        changed = _map(operator, lambda node: self._column_of(node, stages)[0])
        own = tuple(str(call.name) for stage in stages for call in stage)
        before = [Neighbours(tuple(stage)) for stage in stages]
        after = [] if isinstance(operator, ir.Project) else [ir.ProjectAway(own)]
        return [*before, changed, *after]

    def _column_of(self, node: ir.FunctionCall, stages: list[list[ir.NamedExpr]]) -> tuple[Any, int]:
        """What stands for a call, and how many stages have to be before what reads it."""
        depths = [0]

        def inner(call: ir.FunctionCall) -> Any:
            column, depth = self._column_of(call, stages)
            depths.append(depth)
            return column

        arguments = tuple(_map(argument, inner) for argument in node.args)
        name = node.name.lower()
        depth = max(depths)
        if name in ("row_number", "row_cumsum") and len(arguments) > 1:
            restarts, depth = self._staged(ir.FunctionCall(RESTARTS, (arguments[1],)), depth, stages)
            arguments = (arguments[0], restarts)
        return self._staged(dataclasses.replace(node, args=arguments), depth, stages)

    def _staged(
        self, call: ir.FunctionCall, depth: int, stages: list[list[ir.NamedExpr]]
    ) -> tuple[ir.FunctionCall, int]:
        if depth == len(stages):
            stages.append([])
        name = f"{_CALL}{self._hoisted}"
        self._hoisted += 1
        stages[depth].append(ir.NamedExpr(call, name))
        return ir.FunctionCall(SAME, (ir.ColumnRef(name),)), depth + 1


def _asks_for_order(operator: ir.Operator) -> bool:
    is_list = isinstance(operator, ir.Summarize) and bool(_mentions(operator, frozenset(IN_ORDER)))
    return is_list or _is_numbered_expansion(operator) or bool(_mentions(operator, ROW_FUNCTIONS))


def _is_numbered_expansion(operator: ir.Operator) -> bool:
    """mv-apply's own mv-expand: its rows are in their array's order."""
    return isinstance(operator, ir.MvExpand) and operator.item_index == ORDER


def _plain(operator: ir.Operator) -> ir.Operator | None:
    if isinstance(operator, Serialize):
        return ir.Extend(operator.expressions) if operator.expressions else None
    return operator


def _with_order(operator: ir.Operator) -> ir.Operator:
    """The operator when its rows have the hidden column: it is kept, and the first rows are those of its order."""
    if isinstance(operator, ir.Project):
        return ir.Project((*operator.expressions, ir.NamedExpr(ir.ColumnRef(ORDER), ORDER)))
    if isinstance(operator, ir.Take):
        return ir.Top(operator.count, (ir.SortKey(ir.ColumnRef(ORDER), ascending=True),))
    if isinstance(operator, ColumnChoice):
        return dataclasses.replace(operator, hidden=ORDER)
    return operator


def _lists_in_order(operator: ir.Summarize) -> ir.Summarize:
    def ordered(node: ir.FunctionCall) -> ir.FunctionCall:
        return ir.FunctionCall(IN_ORDER[node.name.lower()], (*node.args, ir.ColumnRef(ORDER)))

    aggregates = tuple(_map(each, ordered, frozenset(IN_ORDER)) for each in operator.aggregates)
    return dataclasses.replace(operator, aggregates=aggregates)


def _mentions(node: Any, names: frozenset[str]) -> list[str]:
    """The names of the calls in a tree, but for those of nested queries."""
    found: list[str] = []

    def note(call: ir.FunctionCall) -> ir.FunctionCall:
        found.append(call.name)
        return call

    _map(node, note, names)
    return found


def _map(node: Any, change: Callable[[ir.FunctionCall], Any], names: frozenset[str] = ROW_FUNCTIONS) -> Any:
    """The tree with these calls changed, but for nested queries."""
    if isinstance(node, ir.FunctionCall) and node.name.lower() in names:
        return change(node)
    if isinstance(node, tuple):
        return tuple(_map(item, change, names) for item in node)
    if not dataclasses.is_dataclass(node) or isinstance(node, type | ir.Query):
        return node
    values = {field.name: getattr(node, field.name) for field in dataclasses.fields(node) if field.init}
    changed = {name: _map(value, change, names) for name, value in values.items()}
    return node if all(changed[name] is values[name] for name in values) else dataclasses.replace(node, **changed)
