"""A result as the server holds it: typed columns, and rows already in their wire form."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from local.data_explorer.types import KustoType


@dataclass(frozen=True)
class ResultColumn:
    name: str
    type: KustoType


@dataclass(frozen=True)
class ResultTable:
    """Rows hold JSON-ready values: datetimes and timespans as the service writes them, dynamics as plain values."""

    columns: tuple[ResultColumn, ...]
    rows: Sequence[Sequence[Any]]
    size: int = 0
    """Bytes it takes in memory, about what truncationmaxsize counts; 0 when it was not measured."""


def table(columns: str, rows: Sequence[Sequence[Any]]) -> ResultTable:
    """A table from a compact declaration: `table("TableName Rows:long", [("T", 1)])`; a type left out is string."""
    declared = [name.partition(":") for name in columns.split()]
    return ResultTable(tuple(ResultColumn(name, kind or "string") for name, _, kind in declared), rows)  # type: ignore[arg-type]
