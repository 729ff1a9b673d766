"""Functions of a row's neighbours, over rows that a hidden column numbers. Learn, "Window functions overview"."""

from collections.abc import Callable
from dataclasses import dataclass

from duckdb_kql import ir
from duckdb_kql.translate import quote_ident, render_expr

from local.data_explorer.kql.operators import Operator, Schema

ORDER = "$order"
"""The hidden column: rises with the rows' order."""
ROW_FUNCTIONS = frozenset({"prev", "next", "row_number", "row_cumsum", "row_window_session"})
RESTARTS = "$restarts"
"""How many rows so far began anew."""


@dataclass(frozen=True)
class Neighbours(Operator):
    """Adds columns of calls that look at other rows; none has another such call for an argument."""

    calls: tuple[ir.NamedExpr, ...]

    def columns(self, columns: list[str], schema: Schema) -> list[str]:
        return [*columns, *(str(call.name) for call in self.calls)]

    def sql(self, relation: str, columns: list[str]) -> str:
        selected, joined = ["rows.*"], ""
        for place, call in enumerate(self.calls):
            assert isinstance(call.expr, ir.FunctionCall), "only calls are hoisted"
            name = call.expr.name.lower()
            arguments = [render_expr(argument) for argument in call.expr.args]
            value = f"sessions{place}.start" if name == "row_window_session" else _FORMS[name](arguments)
            selected.append(f"{value} AS {quote_ident(str(call.name))}")
            if name == "row_window_session":
                joined += f" JOIN ({_sessions(arguments, relation)}) AS sessions{place}"
                joined += f" ON rows.{quote_ident(ORDER)} = sessions{place}.place"
        return f"SELECT {', '.join(selected)} FROM {relation} AS rows{joined}"


_OVER = f"(ORDER BY {quote_ident(ORDER)})"
_SO_FAR = f"ORDER BY {quote_ident(ORDER)} ROWS UNBOUNDED PRECEDING"


def _neighbour(function: str) -> Callable[[list[str]], str]:
    return lambda arguments: f"{function}({', '.join(arguments)}) OVER {_OVER}"


def _restarted(arguments: list[str]) -> str:
    return f"PARTITION BY {arguments[1]} " if len(arguments) > 1 else ""


def _number(arguments: list[str]) -> str:
    start = arguments[0] if arguments else "1"
    return f"row_number() OVER ({_restarted(arguments)}ORDER BY {quote_ident(ORDER)}) + {start} - 1"


def _cumulated(arguments: list[str]) -> str:
    return f"sum(coalesce({arguments[0]}, 0)) OVER ({_restarted(arguments)}{_SO_FAR})"


_FORMS: dict[str, Callable[[list[str]], str]] = {
    "prev": _neighbour("lag"),
    "next": _neighbour("lead"),
    "row_number": _number,
    "row_cumsum": _cumulated,
    RESTARTS: lambda arguments: f"count(CASE WHEN {arguments[0]} THEN 1 END) OVER ({_SO_FAR})",
}


def _sessions(arguments: list[str], relation: str) -> str:
    """Where each row's session starts, by the hidden column."""
    value, longest, apart, *restart = arguments
    order = quote_ident(ORDER)
    lists = ", ".join(
        f"list({each} ORDER BY {order})" for each in (order, f"epoch_ns({value})", restart[0] if restart else "false")
    )
    nanoseconds = f"epoch_us({longest}) * 1000, epoch_us({apart}) * 1000"
    return (
        "SELECT unnest(places) AS place, "
        "make_timestamp_ns(unnest(kql_sessions(times, restarts, longest, apart))) AS start "
        f"FROM (SELECT listed.*, {nanoseconds} "
        f"FROM (SELECT {lists} FROM {relation}) AS listed(places, times, restarts)) "
        "AS bounded(places, times, restarts, longest, apart)"
    )
