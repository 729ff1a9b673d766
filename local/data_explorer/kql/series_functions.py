"""The series_* functions in SQL, and calls that give several columns: `extend (a, b) = series_fit_line(x)`.

A function's arguments go into Python as JSON texts, NULL for one left out; its columns come back as one STRUCT, which
DuckDB computes once for all the columns that are taken from it. Names of columns: Learn, "series_stats()",
"series_fit_2lines()", and Microsoft's parser.
"""

import inspect
import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

import orjson
import pyarrow as pa
from duckdb_kql import ir, lower, translate
from duckdb_kql.translate.functions import lookup

from local.data_explorer.errors import SemanticMistake
from local.data_explorer.kql.python_functions import PythonFunction
from local.data_explorer.series.catalogue import SERIES_FUNCTIONS, VALUE, ResultType, SeriesFunction

Form = Callable[[ir.FunctionCall], str | None]
_STORED: dict[ResultType, str] = {"dynamic": "JSON", "real": "DOUBLE", "long": "BIGINT"}
_ARROW: dict[ResultType, pa.DataType] = {"dynamic": pa.string(), "real": pa.float64(), "long": pa.int64()}
_OF = "$of:"
"""Stands between a function and its column in the name of a call that takes only that column."""


@dataclass(frozen=True)
class NamedColumns(ir.NamedExpr):
    """`(a, b) = f(x)`: `names` are a and b."""

    names: tuple[str, ...] = ()


def install() -> None:
    """Lets duckdb-kql read names in parentheses."""
    original = lower._lower_named

    def lowered(node: Any) -> ir.NamedExpr:
        named: ir.NamedExpr = original(node)
        names = _names(lower._collapse(node))
        return NamedColumns(named.expr, named.name, names) if len(names) > 1 else named

    lower._lower_named = lowered


def _names(node: Any) -> tuple[str, ...]:
    children = lower._rule_children(node)
    if len(children) != 2 or lower._cls(children[0]) != "NamedExpressionNameClause":
        return ()
    return tuple(lower._find_names(children[0]))


def with_columns(node: Any) -> Any:
    """An extend, project or print with a column for each that its calls of several columns give."""
    if not isinstance(node, ir.Extend | ir.Project | ir.PrintSource):
        return node
    expressions = tuple(column for each in node.expressions for column in _columns(each, isinstance(node, ir.Project)))
    return node if expressions == node.expressions else replace(node, expressions=expressions)


def _columns(each: ir.NamedExpr, all_columns: bool) -> Iterator[ir.NamedExpr]:
    """Named as given, in order. Those beyond the names given are left out, but for `project`, which has them all."""
    call = each.expr
    function = SERIES_FUNCTIONS.get(call.name.lower()) if isinstance(call, ir.FunctionCall) else None
    given = each.names if isinstance(each, NamedColumns) else (each.name,) if each.name else ()
    if function is None or not function.has_columns:
        if len(given) > 1 and _is_known(call):
            raise SemanticMistake(f"The names ({', '.join(given)}) have not as many expressions.", error="SEM0041")
        yield each
        return
    assert isinstance(call, ir.FunctionCall)
    if len(given) > len(function.columns):
        raise SemanticMistake(
            f"{call.name}() gives {len(function.columns)} columns, not {len(given)}.", error="SEM0041"
        )
    prefix = f"{call.name}_{_argument_name(call)}"
    names = [*given, *(f"{prefix}_{column}" for column, _ in function.columns[len(given) :])]
    taken = function.columns if all_columns or not given else function.columns[: len(given)]
    for name, (column, _) in zip(names, taken, strict=False):
        yield ir.NamedExpr(replace(call, name=f"{call.name.lower()}{_OF}{column}"), name)


def _is_known(expression: ir.Expr) -> bool:
    """Not so a call of a function that is not served, which is to be told instead."""
    if not isinstance(expression, ir.FunctionCall):
        return True
    name = expression.name.lower()
    return lookup(name) is not None or name in translate._SPECIAL_FORMS


def _argument_name(call: ir.FunctionCall) -> str:
    """What the names of columns have of the first argument: nothing, when it is neither a column nor a path."""
    argument = call.args[0] if call.args else None
    if isinstance(argument, ir.ColumnRef):
        return argument.name
    if isinstance(argument, ir.PathAccess) and isinstance(argument.base, ir.ColumnRef):
        steps = [step.name or getattr(step.index, "value", "") for step in argument.steps]
        return "_".join([argument.base.name, *map(str, steps)])
    return ""


def forms() -> dict[str, Form]:
    """How the calls are written as SQL, and those of the functions that series are made with."""
    found: dict[str, Form] = {"repeat": _repeated, "range": _range}
    for name, function in SERIES_FUNCTIONS.items():
        if not function.has_columns:
            found[name] = _form(name, function, VALUE)
            continue
        found[name] = _no_scalar(name)
        for column, _ in function.columns:
            found[f"{name}{_OF}{column}"] = _form(name, function, column)
    return found


def _form(name: str, function: SeriesFunction, column: str) -> Form:
    def rendered(node: ir.FunctionCall) -> str:
        count = len(node.args)
        if not function.least <= count <= function.most:
            wanted = f"{function.least}" if function.least == function.most else f"{function.least} to {function.most}"
            raise SemanticMistake(f"{name}() takes {wanted} arguments, not {count}.", error="SEM0219")
        given = [f"coalesce(CAST(to_json({translate.render_expr(each)}) AS VARCHAR), 'null')" for each in node.args]
        arguments = given + ["NULL"] * (function.most - count)
        return f"kql_{name}({', '.join(arguments)})['{column}']"

    return rendered


def _repeated(node: ir.FunctionCall) -> str:
    if len(node.args) != 2:
        raise SemanticMistake(f"repeat() takes 2 arguments, not {len(node.args)}.", error="SEM0219")
    value, count = map(translate.render_expr, node.args)
    return f"kql_dynamic_list(list_transform(range(CAST({count} AS BIGINT)), lambda place: {value}))"


def _range(node: ir.FunctionCall) -> str:
    if len(node.args) not in (2, 3):
        raise SemanticMistake(f"range() takes 2 or 3 arguments, not {len(node.args)}.", error="SEM0219")
    start, stop = map(translate.render_expr, node.args[:2])
    step = translate.render_expr(node.args[2]) if len(node.args) == 3 else "1"
    count = f"kql_bin_number({stop}, {start}, {step}) + 1"
    return f"kql_dynamic_list(list_transform(range({count}), lambda place: kql_bin_start({start}, {step}, place)))"


def _no_scalar(name: str) -> Form:
    def rendered(node: ir.FunctionCall) -> str:
        raise SemanticMistake(f"{name}() gives several columns, so it can't be part of an expression.", error="SEM0031")

    return rendered


def python_functions() -> list[PythonFunction]:
    """What the SQL of the forms calls."""
    return [_python_function(name, function) for name, function in SERIES_FUNCTIONS.items()]


def _python_function(name: str, function: SeriesFunction) -> PythonFunction:
    def compute(*columns: pa.ChunkedArray) -> pa.StructArray:
        rows = [_row(function, row) for row in zip(*(column.to_pylist() for column in columns), strict=True)]
        arrays = [
            pa.array([None if row is None else _stored(row[place], kind) for row in rows], _ARROW[kind])
            for place, (_, kind) in enumerate(function.columns)
        ]
        return pa.StructArray.from_arrays(arrays, names=[column for column, _ in function.columns])

    parameters = [inspect.Parameter(f"a{place}", inspect.Parameter.POSITIONAL_ONLY) for place in range(function.most)]
    compute.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined]
    members = ", ".join(f'"{column}" {_STORED[kind]}' for column, kind in function.columns)
    return PythonFunction(f"kql_{name}", compute, ("VARCHAR",) * function.most, f"STRUCT({members})")


def _row(function: SeriesFunction, texts: Sequence[str | None]) -> Sequence[Any] | None:
    found = function.answer(*(_value(text) for text in texts if text is not None))
    return found if found is None or function.has_columns else (found,)


def _value(text: str) -> Any:
    try:
        return orjson.loads(text)
    except orjson.JSONDecodeError:
        return json.loads(text)  # takes the NaN and Infinity that to_json() writes of a list of reals


def _stored(value: Any, kind: ResultType) -> Any:
    if kind != "dynamic":
        return value
    return None if value is None else orjson.dumps(value, option=orjson.OPT_SERIALIZE_NUMPY)
