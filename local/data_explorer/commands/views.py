"""Commands on materialized views."""

import dataclasses
from collections.abc import Callable, Iterable
from typing import Any, Literal

import duckdb

from local.data_explorer.commands.operations import operation
from local.data_explorer.commands.reader import CommandReader
from local.data_explorer.commands.schemas import shown_schema
from local.data_explorer.database import Change, Database
from local.data_explorer.errors import AlreadyExists, EntityNotFound, KustoError, SemanticMistake
from local.data_explorer.extensions import Command, CommandContext
from local.data_explorer.materialization.maintenance import view_plan
from local.data_explorer.materialization.plan import Plan
from local.data_explorer.materialization.relations import create_relations, drop_relations
from local.data_explorer.results import ResultTable, table
from local.data_explorer.schema import MaterializedView
from local.data_explorer.storage import quoted
from local.data_explorer.wire import datetime_text

_COLUMNS = (
    "Name SourceTable Query MaterializedTo:datetime LastRun:datetime LastRunResult IsHealthy:bool IsEnabled:bool "
    "Folder DocString AutoUpdateSchema:bool EffectiveDateTime:datetime Lookback:timespan LookbackColumn"
)
Run = Callable[[CommandContext, CommandReader], ResultTable]


def _declared(context: CommandContext, reader: CommandReader) -> tuple[MaterializedView, bool]:
    """`[with (…)] Name on table T { query }`; also whether to fill it from what the source holds already."""
    properties = reader.properties()
    name = reader.name()
    reader.expect("on")
    is_over_view = reader.accept("materialized-view")
    if not is_over_view:
        reader.expect("table")
    source = reader.name()
    query = reader.bracketed()[1:-1].strip()
    reader.end()
    catalog = context.database.catalog
    columns = catalog.view_columns.get(source) if is_over_view else catalog.table(source)
    if columns is None:
        raise EntityNotFound(f"Entity ID '{source}' of kind 'MaterializedView' was not found.")
    view = MaterializedView(
        name=name,
        source=source,
        query=query,
        source_columns=tuple(column.name for column in columns.columns),
        folder=properties.get("folder", ""),
        docstring=properties.get("docstring", ""),
        lookback=properties.get("lookback", ""),
        auto_update_schema=properties.get("autoupdateschema", "false").lower() == "true",
    )
    return view, properties.get("backfill", "false").lower() == "true"


Existing = Literal["refuse", "keep", "replace"]


def _creating(existing: Existing) -> Run:
    def run(context: CommandContext, reader: CommandReader) -> ResultTable:
        view, backfill = _declared(context, reader)
        known = context.database.catalog.views.get(view.name)
        if known is not None and existing == "keep":
            return _shown(context, [known])
        if known is not None and existing == "refuse":
            raise AlreadyExists(f"Entity '{view.name}' of kind 'MaterializedView' already exists.")
        if known is None:
            _create(context, view, backfill)
        else:
            _alter(context, known, view)
        return _shown(context, [view])

    return run


def _as_operation(creating: Run) -> Run:
    def run(context: CommandContext, reader: CommandReader) -> ResultTable:
        creating(context, reader)
        return operation(context, "MaterializedViewCreateOrAlter")

    return run


def _create(context: CommandContext, view: MaterializedView, backfill: bool) -> None:
    maintenance, database = context.cluster.maintenance(context.database), context.database
    with maintenance.paused(), database.change() as change:
        if change.catalog.relation(view.name) is not None:
            raise AlreadyExists(f"Entity '{view.name}' already exists.")
        planned = _checked_plan(database, change, view)
        start = 0 if backfill else database.last_extent
        change.cursor.execute("INSERT INTO meta.watermarks VALUES (?, ?, NULL)", [view.name, start])
        _keep(change, view, planned)
    maintenance.run()


def _checked_plan(database: Database, change: Change, view: MaterializedView) -> Plan:
    """Raises SemanticMistake when the view's source is a view whose rows may change."""
    source = change.catalog.views.get(view.source)
    if source is not None and not view_plan(database, change.catalog, source).is_take_any:
        raise SemanticMistake(
            f"materialized view: '{view.source}' can't be the source of a view: only a view whose aggregation is "
            "take_any can."
        )
    return view_plan(database, change.catalog, view)


def _keep(change: Change, view: MaterializedView, planned: Plan) -> None:
    try:
        schema = create_relations(change, view, planned)
    except duckdb.Error as error:
        raise SemanticMistake(f"materialized view: {error}") from error
    change.put("views", view.name, view)
    change.put("view_columns", view.name, schema)


def _alter(context: CommandContext, known: MaterializedView, view: MaterializedView) -> None:
    """Another query: the view is made anew from what its source holds."""
    if known.source != view.source:
        raise KustoError(f"The source of materialized view '{view.name}' can't be altered.")
    maintenance, database = context.cluster.maintenance(context.database), context.database
    with maintenance.paused(), database.change() as change:
        planned = _checked_plan(database, change, view)
        if known.query == view.query and known.source_columns == view.source_columns:
            change.put("views", view.name, view)
            return
        _refuse_readers(change, view.name)
        drop_relations(change, view.name)
        change.cursor.execute("INSERT INTO meta.watermarks VALUES (?, 0, NULL)", [view.name])
        _keep(change, view, planned)
    maintenance.run()


def _refuse_readers(change: Change, name: str) -> None:
    readers = [view.name for view in change.catalog.views.values() if view.source == name]
    if readers:
        raise KustoError(f"Materialized view '{name}' is the source of materialized view '{readers[0]}'.")


def _known(context: CommandContext, name: str) -> MaterializedView:
    found = context.database.catalog.views.get(name)
    if found is None:
        raise EntityNotFound(f"Entity ID '{name}' of kind 'MaterializedView' was not found.")
    return found


def _drop(context: CommandContext, reader: CommandReader) -> ResultTable:
    name = reader.name()
    may_be_missing = reader.accept("ifexists")
    reader.end()
    if name not in context.database.catalog.views and may_be_missing:
        return _shown(context, context.database.catalog.views.values())
    _known(context, name)
    with context.cluster.maintenance(context.database).paused(), context.database.change() as change:
        _refuse_readers(change, name)
        drop_relations(change, name)
        change.remove("views", name)
        change.remove("view_columns", name)
        for key in [key for key in change.catalog.policies if key[:2] == ("materialized-view", name)]:
            change.remove("policies", key)
        left = list(change.catalog.views.values())
    return _shown(context, left)


def _revise(context: CommandContext, name: str, **values: Any) -> ResultTable:
    view = dataclasses.replace(_known(context, name), **values)
    with context.cluster.maintenance(context.database).paused(), context.database.change() as change:
        change.put("views", name, view)
        columns = dataclasses.replace(change.catalog.view_columns[name], folder=view.folder, docstring=view.docstring)
        change.put("view_columns", name, columns)
    return _shown(context, [view])


def _switching(*, enabled: bool) -> Run:
    """A disabled view is materialized no more; queries of it stay right, and grow slower."""

    def run(context: CommandContext, reader: CommandReader) -> ResultTable:
        name = reader.name()
        reader.end()
        return _revise(context, name, enabled=enabled)

    return run


def _describing(attribute: str) -> Run:
    def run(context: CommandContext, reader: CommandReader) -> ResultTable:
        name = reader.name()
        reader.expect(attribute)
        text = reader.value()
        reader.end()
        return _revise(context, name, **{attribute: text})

    return run


def _clear(context: CommandContext, reader: CommandReader) -> ResultTable:
    """`.clear materialized-view V data`: forgets what is materialized; only what comes later is shown."""
    name = reader.name()
    reader.expect("data")
    reader.end()
    view = _known(context, name)
    with context.cluster.maintenance(context.database).paused(), context.database.change() as change:
        change.cursor.execute(f"DELETE FROM views.{quoted(name)}")
        change.cursor.execute(
            "UPDATE meta.watermarks SET extent = ? WHERE view_name = ?", [context.database.last_extent, name]
        )
    return _shown(context, [view])


def _show_all(context: CommandContext, reader: CommandReader) -> ResultTable:
    reader.accept("details")
    reader.end()
    return _shown(context, context.database.catalog.views.values())


def _show_one(context: CommandContext, reader: CommandReader) -> ResultTable:
    """`.show materialized-view V [details | schema [as json | as csl] | cslschema]`."""
    view = _known(context, reader.name())
    if reader.is_words("schema") or reader.is_words("cslschema"):
        return shown_schema(context.database, context.database.catalog.view_columns[view.name], reader)
    reader.accept("details")
    reader.end()
    return _shown(context, [view])


def _shown(context: CommandContext, views: Iterable[MaterializedView]) -> ResultTable:
    with context.database.storage.reading(context.database.name) as cursor:
        kept = cursor.execute("SELECT view_name, extent, epoch_us(materialized_on) FROM meta.watermarks").fetchall()
    marks = {name: (extent, run) for name, extent, run in kept}
    rows = []
    for view in views:
        extent, last_run = marks.get(view.name, (0, None))
        rows.append(
            (
                view.name, view.source, view.query, datetime_text(extent * 10),
                None if last_run is None else datetime_text(last_run * 10), "Completed", True, view.enabled,
                view.folder, view.docstring, view.auto_update_schema, None, view.lookback or None, "",
            )
        )  # fmt: skip
    return table(_COLUMNS, rows)


COMMANDS = (
    Command(("create", "materialized-view"), _creating("refuse")),
    Command(("create", "ifnotexists", "materialized-view"), _creating("keep")),
    Command(("create", "async", "materialized-view"), _as_operation(_creating("refuse"))),
    Command(("create", "async", "ifnotexists", "materialized-view"), _as_operation(_creating("keep"))),
    Command(("create-or-alter", "materialized-view"), _creating("replace")),
    Command(("alter", "materialized-view"), _creating("replace")),
    Command(("alter", "materialized-view", "*", "docstring"), _describing("docstring")),
    Command(("alter", "materialized-view", "*", "folder"), _describing("folder")),
    Command(("alter", "materialized-view", "*", "lookback"), _describing("lookback")),
    Command(("drop", "materialized-view"), _drop),
    Command(("enable", "materialized-view"), _switching(enabled=True)),
    Command(("disable", "materialized-view"), _switching(enabled=False)),
    Command(("clear", "materialized-view"), _clear),
    Command(("show", "materialized-views"), _show_all),
    Command(("show", "materialized-view"), _show_one),
)
