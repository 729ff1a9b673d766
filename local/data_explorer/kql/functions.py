"""What this server adds to duckdb-kql's function tables, or answers otherwise than they do.

Issue 7's place to widen the language: a scalar or aggregate is one row here; a function that needs its arguments'
expressions is a form.
"""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

from duckdb_kql import ir, translate
from duckdb_kql.errors import KqlUnsupportedError
from duckdb_kql.translate import functions as tables

from local.data_explorer.kql import (
    aggregates,
    bags,
    column_choices,
    conditionals,
    extremes,
    geography,
    key_values,
    macros,
    make_series,
    named_arguments,
    named_rows,
    operators,
    plugins,
    property_bags,
    selections,
    serialization,
    series_functions,
    sessions,
    subqueries,
    tabular_arguments,
    typing,
)
from local.data_explorer.kql.python_functions import PythonFunction
from local.data_explorer.kql.rewriting import OF_AGGREGATES, ROW
from local.data_explorer.storage import EXTENT

Form = Callable[[ir.FunctionCall], str | None]


def _reals(count: int) -> str:
    return ", ".join(f"CAST({{{place}}} AS DOUBLE)" for place in range(count))


_WITH_OPTIONS = (
    ("rand", ("random()", "floor(random() * {0})")),
    (
        "geo_distance_2points",
        ("", "", "", "", f"kql_geo_distance({_reals(4)}, false)", f"kql_geo_distance({_reals(4)}, {{4}})"),
    ),
    (
        "geo_point_to_geohash",
        ("", "", f"kql_geohash({_reals(2)}, 5)", f"kql_geohash({_reals(2)}, CAST({{2}} AS INTEGER))"),
    ),
)
"""Functions of optional arguments: their SQL by how many there are."""
_SCALARS = (
    ("bin_at", "kql_bin_at({0}, {1}, {2})", (3,)),
    ("unixtime_seconds_todatetime", "kql_unixtime({0}, 1000000000)", (1,)),
    ("unixtime_milliseconds_todatetime", "kql_unixtime({0}, 1000000)", (1,)),
    ("unixtime_microseconds_todatetime", "kql_unixtime({0}, 1000)", (1,)),
    ("unixtime_nanoseconds_todatetime", "kql_unixtime({0}, 1)", (1,)),
    ("bag_keys", "CASE json_type({0}) WHEN 'OBJECT' THEN to_json(json_keys(CAST({0} AS JSON))) END", (1,)),
    (
        "bag_has_key",
        "CASE WHEN starts_with({1}, '$.') THEN json_exists(CAST({0} AS JSON), {1}) "
        "ELSE list_contains(json_keys(CAST({0} AS JSON)), {1}) END",
        (2,),
    ),
    ("ingestion_time", f'make_timestamp_ns("{EXTENT}" * 1000)', (0,)),
    ("geo_point_in_circle", f"kql_geo_in_circle({_reals(5)})", (5,)),
    ("geo_point_in_polygon", f"kql_geo_in_polygon({_reals(2)}, CAST({{2}} AS VARCHAR))", (3,)),
    ("new_guid", "uuid()", (0,)),
)
PYTHON_FUNCTIONS: tuple[PythonFunction, ...] = (
    *series_functions.python_functions(),
    *sessions.FUNCTIONS,
    *bags.FUNCTIONS,
    *key_values.FUNCTIONS,
    *geography.FUNCTIONS,
)
"""What the translated SQL calls in Python."""
_installed: list[bool] = []


def install() -> None:
    """Puts the additions into duckdb-kql's tables, once in a process."""
    if _installed:
        return
    _installed.append(True)
    aggregates.install()
    extremes.install()
    named_arguments.install()
    named_rows.install()
    for module in (column_choices, make_series, named_rows, plugins, selections, serialization, subqueries):
        operators.install(module.READERS)
    property_bags.install()
    tabular_arguments.install()
    series_functions.install()
    translate.TYPE_MAP.update({"datetime": "TIMESTAMP_NS", "date": "TIMESTAMP_NS"})
    vars(translate).update(_TODATETIME=_DatetimeLiteral(), _kql_datetime_text=_datetime_text)
    for name, template, arities in _SCALARS:
        tables.SCALAR_FUNCTIONS[name] = tables.FunctionSpec(name, "template", template, arities)
    for name, templates in _WITH_OPTIONS:
        translate._SPECIAL_FORMS[name] = _with_options(templates)
    tables.SCALAR_FUNCTIONS["todatetime"] = replace(tables.SCALAR_FUNCTIONS["todatetime"], template="kql_datetime({0})")
    for operator, macro in (("+", "kql_add"), ("-", "kql_subtract")):
        spec = tables.BINARY_OPERATORS[operator]
        tables.BINARY_OPERATORS[OF_AGGREGATES[operator]] = replace(spec, op=OF_AGGREGATES[operator])
        tables.BINARY_OPERATORS[operator] = replace(spec, template=macro + "({0}, {1})")
    translate._SPECIAL_FORMS.update(conditionals.forms())
    own: dict[str, Form] = {
        "bag_merge": _merged_bags,
        "bin": _bin,
        "floor": _bin,
        "make_datetime": _made_datetime(),
        ROW: _row,
        serialization.SAME: lambda node: translate.render_expr(node.args[0]),
        "tostring": _text(),
    }
    translate._SPECIAL_FORMS.update({**own, **typing.forms(translate.render_expr), **series_functions.forms()})


def _datetime_text(rendered: str) -> str:
    """Seven digits of a datetime, whose cast to microseconds by duckdb-kql is taken off again."""
    inner = rendered.removeprefix("CAST(").removesuffix(" AS TIMESTAMP)")
    return f"kql_datetime_text({inner})"


def _bin(node: ir.FunctionCall) -> str:
    if len(node.args) != 2:
        raise KqlUnsupportedError(node.name, hint="expects (value, roundTo)")
    return f"kql_bin({translate.render_expr(node.args[0])}, {translate.render_expr(node.args[1])})"


def _with_options(templates: tuple[str, ...]) -> Form:
    def render(node: ir.FunctionCall) -> str:
        template = templates[len(node.args)] if len(node.args) < len(templates) else ""
        if not template:
            raise KqlUnsupportedError(f"function:{node.name}", hint=f"it does not take {len(node.args)} arguments")
        return template.format(*map(translate.render_expr, node.args))

    return render


def _merged_bags(node: ir.FunctionCall) -> str:
    texts = ", ".join(f"CAST({translate.render_expr(argument)} AS VARCHAR)" for argument in node.args)
    return f"CAST(kql_merge_bags([{texts}], {aggregates.LONGEST}) AS JSON)"


class _DatetimeLiteral:
    """The SQL of a `datetime(…)` literal; one beyond what TIMESTAMP_NS holds is its earliest or latest."""

    def format(self, quoted: str) -> str:
        year = quoted.strip("'\" ")[:4]
        if year.isdigit() and int(year) > 2261:
            return f"TIMESTAMP_NS '{macros.LATEST}'"
        if year.isdigit() and int(year) < 1678:
            return f"TIMESTAMP_NS '{macros.EARLIEST}'"
        return f"kql_datetime_of_text({quoted})"


def _text() -> Form:
    """tostring of what is known to be a string already is the string."""
    original: Any = translate._SPECIAL_FORMS["tostring"]

    def render(node: ir.FunctionCall) -> str | None:
        argument = node.args[0] if len(node.args) == 1 else None
        if isinstance(argument, ir.FunctionCall) and argument.name == typing.STRING:
            return translate.render_expr(argument.args[0])
        rendered: str | None = original(node)
        return rendered

    return render


def _row(node: ir.FunctionCall) -> str:
    members = (f"'f{place}': {translate.render_expr(argument)}" for place, argument in enumerate(node.args))
    return "{" + ", ".join(members) + "}"


def _made_datetime() -> Form:
    original: Any = translate._SPECIAL_FORMS["make_datetime"]
    return lambda node: f"kql_datetime({original(node)})"
