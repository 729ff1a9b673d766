"""mv-expand of property bags whose keys hold any character; duckdb-kql 1.1.2 fails on a quote in one."""

from typing import Any

from duckdb_kql import ir, translate

_by_path: Any = translate._mv_expand_elements


def install() -> None:
    """Lets duckdb-kql take a bag's keys and values side by side, rather than each value by a path made of its key."""
    if translate._mv_expand_elements is not _elements:
        translate._mv_expand_elements = _elements


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
