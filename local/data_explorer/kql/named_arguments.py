"""Calls of stored functions with named arguments, `FleetHealth(window = 1h)`, which duckdb-kql 1.1.2 refuses."""

from typing import Any

from duckdb_kql import ir, lower
from duckdb_kql.errors import KqlSchemaError
from duckdb_kql.stored_functions import StoredFunction

_CLAUSE = "NamedExpressionNameClause"


def install() -> None:
    """Lets duckdb-kql bind named arguments: positional ones come first, and what is left out takes its default."""
    if lower._bind_stored_arguments is not _bound:
        lower._bind_stored_arguments = _bound


_by_position: Any = lower._bind_stored_arguments


def _bound(node: Any, function: StoredFunction, arg_nodes: list[Any]) -> dict[str, ir.Expr]:
    """Parameter → its value. Raises KqlSchemaError."""
    if not any(lower._find_all(argument, _CLAUSE) for argument in arg_nodes):
        positional: dict[str, ir.Expr] = _by_position(node, function, arg_nodes)
        return positional
    parameters = lower._stored_parameters(function)
    values = {name: default for name, default in parameters if default is not None}
    given: set[str] = set()
    scope = lower._FN_STATE.get()
    scalars = scope.scalars if scope else {}
    for position, argument in enumerate(arg_nodes):
        expression = lower._lower_named(argument)
        name = _parameter(expression.name, position, parameters, given, function)
        given.add(name)
        values[name] = lower._substitute(expression.expr, scalars)
    missing = [name for name, _ in parameters if name not in values]
    if missing:
        raise _mistake(function, f"parameter '{missing[0]}' has no value")
    return values


def _parameter(
    name: str | None, position: int, parameters: list[Any], given: set[str], function: StoredFunction
) -> str:
    """The parameter that an argument is for."""
    if name is None:
        if position >= len(parameters):
            raise _mistake(function, f"takes {len(parameters)} arguments")
        name = parameters[position][0]
    if name not in [known for known, _ in parameters]:
        raise _mistake(function, f"has no parameter '{name}'")
    if name in given:
        raise _mistake(function, f"parameter '{name}' is given twice")
    return name


def _mistake(function: StoredFunction, what: str) -> KqlSchemaError:
    return KqlSchemaError(f"{function.name}()", f"{what}; Kusto: SEM0219")
