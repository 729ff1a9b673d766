"""iff, case and coalesce where duckdb-kql 1.1.2 loses a type or is slow.

A branch that is a dynamic null, `iff(c, tolong(x), parse_json("null"))`, has the type of the others, as in Kusto.
`coalesce` passes over empty strings; for arguments that are seen to be no strings it need not look.
"""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

from duckdb_kql import ir, translate

_NULL = ir.Literal(None, "null")
_PARSERS = frozenset(["parse_json", "todynamic", "parsejson"])
_NO_STRINGS = frozenset(
    ["toreal", "todouble", "tolong", "toint", "todatetime", "totimespan", "tobool", "now", "ago", "bin"]
)
_NO_STRING_KINDS = frozenset(["long", "int", "real", "decimal", "bool", "datetime", "timespan", "guid"])
Form = Callable[[ir.FunctionCall], str | None]


def forms() -> dict[str, Form]:
    """Special forms for duckdb-kql, over its own."""
    originals: dict[str, Form] = {name: translate._SPECIAL_FORMS[name] for name in ("iff", "iif", "case")}
    coalesce: Any = translate._SPECIAL_FORMS["coalesce"]
    return {
        "iff": lambda node: _conditional(node, [1, 2], originals["iff"]),
        "iif": lambda node: _conditional(node, [1, 2], originals["iif"]),
        "case": lambda node: _conditional(node, [*range(1, len(node.args), 2), len(node.args) - 1], originals["case"]),
        "coalesce": lambda node: _coalesced(node, coalesce),
    }


def _conditional(node: ir.FunctionCall, branches: list[int], original: Form) -> str | None:
    nulls = [place for place in branches if place < len(node.args) and _is_dynamic_null(node.args[place])]
    if not nulls or len(nulls) == len(branches):
        return original(node)
    arguments = tuple(_NULL if place in nulls else argument for place, argument in enumerate(node.args))
    return translate.render_expr(replace(node, args=arguments))


def _is_dynamic_null(node: ir.Expr) -> bool:
    if isinstance(node, ir.Literal):
        return node.kind == "dynamic" and node.value in (None, "null")
    if not isinstance(node, ir.FunctionCall) or node.name.lower() not in _PARSERS or len(node.args) != 1:
        return False
    text = node.args[0]
    return isinstance(text, ir.Literal) and text.kind == "string" and str(text.value).strip() == "null"


def _coalesced(node: ir.FunctionCall, original: Form) -> str | None:
    if len(node.args) < 2 or not any(map(_is_no_string, node.args)):
        return original(node)
    return f"coalesce({', '.join(map(translate.render_expr, node.args))})"


def _is_no_string(node: ir.Expr) -> bool:
    if isinstance(node, ir.Literal):
        return node.kind in _NO_STRING_KINDS
    return isinstance(node, ir.FunctionCall) and node.name.lower() in _NO_STRINGS
