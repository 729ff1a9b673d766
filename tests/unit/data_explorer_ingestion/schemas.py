"""Tables that the ingestion tests fill."""

from local.data_explorer.schema import Column, TableSchema
from local.data_explorer.types import KUSTO_TYPES, KustoType


def table(**columns: KustoType) -> TableSchema:
    return TableSchema("T", tuple(Column(name, kind) for name, kind in columns.items()))


EVERY_TYPE = TableSchema("T", tuple(Column(f"a_{kind}", kind) for kind in KUSTO_TYPES))
"""One column of each type, named after it."""
