"""Views with autoUpdateSchema: `*` in their aggregates takes in the columns that their source gets."""

import dataclasses

from local.data_explorer.database import Change, Database
from local.data_explorer.materialization.maintenance import view_plan
from local.data_explorer.materialization.relations import create_relations


def widen_views(database: Database, change: Change, source: str) -> None:
    """Gives the views over a changed source its new columns, and the views over those."""
    relation = change.catalog.relation(source)
    assert relation is not None
    columns = tuple(column.name for column in relation.columns)
    for view in [view for view in change.catalog.views.values() if view.source == source]:
        if not view.auto_update_schema or columns == view.source_columns:
            continue
        widened = dataclasses.replace(view, source_columns=columns)
        change.put("views", view.name, widened)
        planned = view_plan(database, change.catalog, widened)
        change.put("view_columns", view.name, create_relations(change, widened, planned))
        widen_views(database, change, view.name)
