"""Property bags whose keys hold any character, or are known only at run time, which duckdb-kql 1.1.2 fails on."""

from typing import Any

from duckdb_kql import ir, translate

_by_path: Any = translate._mv_expand_elements
_static: Any = translate.render_path


def install() -> None:
    """Lets duckdb-kql take a bag's keys and values side by side, rather than each value by a path made of its key,
    and a member by a key of any type and content.
    """
    if translate._mv_expand_elements is not _elements:
        translate._mv_expand_elements = _elements
        translate.render_path = _accessed


def _accessed(node: ir.PathAccess) -> str:
    """`Bag.a["b c"][Key]`: each step is a name, an index, or an expression that is one of them."""
    if translate._static_path(node.steps) is not None and not any(_is_odd(step.name) for step in node.steps):
        sql: str = _static(node)
        return sql
    sql = translate.render_expr(node.base)
    for step in node.steps:
        if step.name is not None:
            key = _pointer(translate.quote_string(step.name))
        else:
            assert step.index is not None, "a step is a name or an index"
            key = _path_at_run_time(translate.render_expr(step.index))
        sql = f"json_extract({sql}, {key})"
    return sql


def _is_odd(name: str | None) -> bool:
    return name is not None and ('"' in name or "\\" in name)


def _pointer(text: str) -> str:
    """A JSON pointer (RFC 6901) to a member: unlike a JSON path it takes any key."""
    return f"'/' || replace(replace({text}, '~', '~0'), '/', '~1')"


def _path_at_run_time(key: str) -> str:
    text = f"CAST({key} AS VARCHAR)"
    of_dynamic = _pointer(f"TRY_CAST({text} AS JSON) ->> '$'")
    index = f"'$[' || CASE WHEN starts_with({text}, '-') THEN '#' ELSE '' END || {text} || ']'"
    return f"CASE typeof({key}) WHEN 'VARCHAR' THEN {_pointer(text)} WHEN 'JSON' THEN {of_dynamic} ELSE {index} END"


def _elements(op: ir.MvExpand, target: ir.MvExpandTarget) -> str:
    column = translate.quote_ident(target.column)
    sql: str = _by_path(op, target)
    for pair in ("json_array", "json_object"):
        by_path = (
            f"list_transform(json_keys({column}), lambda k: {pair}(k, json_extract({column}, '$.\"' || k || '\"')))"
        )
        side_by_side = (
            f"list_transform(list_zip(json_keys({column}), json_extract({column}, '$.*')), "
            f"lambda member: {pair}(member[1], member[2]))"
        )
        sql = sql.replace(by_path, side_by_side)
    return sql
