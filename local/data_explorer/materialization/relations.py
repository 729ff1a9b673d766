"""A materialized view's tables and views in DuckDB.

For a view V: `views.V` is what is materialized (keys, states of the aggregates, and in "$extent" when each row was
merged last); `views."V$fresh"` is the same for the source's rows after the watermark; `main."V$materialized"` shows the
first, `main.V` both; of a take_any view, whose rows never change, `views."V$rows"` shows both with "$extent", for the
views over it.
"""

from local.data_explorer.catalog import Catalog
from local.data_explorer.database import Change
from local.data_explorer.kql.rewriting import MATERIALIZED
from local.data_explorer.materialization.plan import SOURCE, Output, Plan
from local.data_explorer.schema import Column, MaterializedView, TableSchema
from local.data_explorer.storage import EXTENT, quoted
from local.data_explorer.wire import type_of

FRESH, ROWS = "$fresh", "$rows"
_ALWAYS_FRESH = 2**63 - 1
_EXTENT = quoted(EXTENT)


def watermark(view: str) -> str:
    """SQL of the extent up to which a view is materialized."""
    name = "'" + view.replace("'", "''") + "'"
    return f"(SELECT max(extent) FROM meta.watermarks WHERE view_name = {name})"


def source_rows(catalog: Catalog, source: str) -> str:
    """The relation that holds a source's rows with their extents."""
    return f"views.{quoted(source + ROWS)}" if source in catalog.views else f"rows.{quoted(source)}"


def create_relations(change: Change, view: MaterializedView, plan: Plan) -> TableSchema:
    """Makes the view's relations, or gives those that are there the columns they lack. Gives the view's columns."""
    source = change.catalog.relation(view.source)
    assert source is not None
    columns = ", ".join(quoted(column.name) for column in source.columns)
    new = f"SELECT {columns} FROM {source_rows(change.catalog, view.source)} WHERE {_EXTENT} > {watermark(view.name)}"
    fresh = f"views.{quoted(view.name + FRESH)}"
    change.cursor.execute(f"CREATE OR REPLACE VIEW {fresh} AS WITH {quoted(SOURCE)} AS ({new}) {plan.fresh}")
    change.cursor.execute(
        f"CREATE TABLE IF NOT EXISTS views.{quoted(view.name)} AS SELECT *, 0::BIGINT AS {_EXTENT} FROM {fresh} LIMIT 0"
    )
    _add_columns(change, f"views.{quoted(view.name)}", fresh)
    return show_relations(change, view, plan)


def _add_columns(change: Change, kept: str, fresh: str) -> None:
    known = set(change.cursor.sql(f"SELECT * FROM {kept} LIMIT 0").columns)
    wanted = change.cursor.sql(f"SELECT * FROM {fresh} LIMIT 0")
    for name, kind in zip(wanted.columns, wanted.types, strict=True):
        if name not in known:
            change.cursor.execute(f"ALTER TABLE {kept} ADD COLUMN {quoted(name)} {kind}")


def show_relations(change: Change, view: MaterializedView, plan: Plan) -> TableSchema:
    """Makes what queries see of the view."""
    kept = f"views.{quoted(view.name)}"
    shown = _shown(plan.outputs)
    change.cursor.execute(
        f"CREATE OR REPLACE VIEW main.{quoted(view.name + MATERIALIZED)} AS SELECT {shown} FROM {kept}"
    )
    if plan.is_take_any:
        change.cursor.execute(
            f"CREATE OR REPLACE VIEW views.{quoted(view.name + ROWS)} AS {_take_any_rows(view.name, plan)}"
        )
        rows = f"SELECT {_names(plan)} FROM views.{quoted(view.name + ROWS)}"
    else:
        rows = f"SELECT {shown} FROM ({_combined(view.name, plan)})"
    change.cursor.execute(f"CREATE OR REPLACE VIEW main.{quoted(view.name)} AS {rows}")
    return _schema(change, view)


def _schema(change: Change, view: MaterializedView) -> TableSchema:
    relation = change.cursor.sql(f"SELECT * FROM main.{quoted(view.name)} LIMIT 0")
    columns = tuple(
        Column(name, type_of(str(kind))) for name, kind in zip(relation.columns, relation.types, strict=True)
    )
    return TableSchema(view.name, columns, view.folder, view.docstring)


def _shown(outputs: tuple[Output, ...]) -> str:
    return ", ".join(f"{output.sql} AS {quoted(output.name)}" for output in outputs)


def _names(plan: Plan) -> str:
    return ", ".join(quoted(output.name) for output in plan.outputs)


def same_keys(plan: Plan, left: str, right: str) -> str:
    """SQL: two rows are of one group (a null key is one too)."""
    equal = (f"{left}.{quoted(key)} IS NOT DISTINCT FROM {right}.{quoted(key)}" for key in plan.keys)
    return " AND ".join(equal) or "TRUE"


def _take_any_rows(view: str, plan: Plan) -> str:
    """What is kept, and of the fresh groups those that are not."""
    kept, fresh, shown = f"views.{quoted(view)}", f"views.{quoted(view + FRESH)}", _shown(plan.outputs)
    return (
        f"SELECT {shown}, {_EXTENT} FROM {kept} UNION ALL SELECT {shown}, {_ALWAYS_FRESH} FROM {fresh} f "
        f"ANTI JOIN {kept} k ON {same_keys(plan, 'f', 'k')}"
    )


def _combined(view: str, plan: Plan) -> str:
    """Groups that nothing fresh belongs to as they are kept, the others merged."""
    kept, fresh = f"views.{quoted(view)}", f"views.{quoted(view + FRESH)}"
    columns = ", ".join(quoted(column) for column in (*plan.keys, *plan.state))
    return (
        f"WITH fresh AS MATERIALIZED (SELECT * FROM {fresh}) "
        f"SELECT {columns} FROM {kept} k ANTI JOIN fresh f ON {same_keys(plan, 'k', 'f')} UNION ALL "
        f"{merged(kept, 'fresh', plan)}"
    )


def merged(kept: str, fresh: str, plan: Plan) -> str:
    """SQL of the fresh groups with what is kept of them."""
    columns = ", ".join(quoted(column) for column in (*plan.keys, *plan.state))
    keys = ", ".join(quoted(key) for key in plan.keys)
    states = [f"{sql} AS {quoted(column)}" for sql, column in zip(plan.merged, plan.state, strict=True)]
    selected = ", ".join([quoted(key) for key in plan.keys] + states)
    both = (
        f"SELECT {columns} FROM {fresh} UNION ALL "
        f"SELECT {columns} FROM {kept} k SEMI JOIN {fresh} f ON {same_keys(plan, 'k', 'f')}"
    )
    grouped = f" GROUP BY {keys}" if keys else " HAVING count(*) > 0"
    return f"SELECT {selected} FROM ({both}){grouped}"


def drop_relations(change: Change, view: str) -> None:
    for relation in (f"main.{quoted(view)}", f"main.{quoted(view + MATERIALIZED)}", f"views.{quoted(view + ROWS)}"):
        change.cursor.execute(f"DROP VIEW IF EXISTS {relation}")
    change.cursor.execute(f"DROP VIEW IF EXISTS views.{quoted(view + FRESH)}")
    change.cursor.execute(f"DROP TABLE IF EXISTS views.{quoted(view)}")
    change.cursor.execute("DELETE FROM meta.watermarks WHERE view_name = ?", [view])
