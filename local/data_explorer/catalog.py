"""A database's entities as one immutable snapshot, and how they are kept in its file."""

import dataclasses
import json
from collections.abc import Mapping as ReadOnly
from dataclasses import dataclass, field
from typing import Any

import duckdb

from local.data_explorer.errors import EntityNotFound
from local.data_explorer.schema import Column, Function, Mapping, MappingKind, MaterializedView, TableSchema

PolicyKey = tuple[str, str, str]
"""(owner's kind, owner's name, policy): ("table", "Silver", "update")."""


@dataclass(frozen=True)
class Catalog:
    """What a database holds at one moment. `version` rises with every change."""

    version: int = 0
    tables: ReadOnly[str, TableSchema] = field(default_factory=dict)
    functions: ReadOnly[str, Function] = field(default_factory=dict)
    mappings: ReadOnly[tuple[str, str, str], Mapping] = field(default_factory=dict)
    views: ReadOnly[str, MaterializedView] = field(default_factory=dict)
    view_columns: ReadOnly[str, TableSchema] = field(default_factory=dict)
    policies: ReadOnly[PolicyKey, str] = field(default_factory=dict)
    documents: ReadOnly[tuple[str, str], str] = field(default_factory=dict)

    def table(self, name: str) -> TableSchema:
        """Raises EntityNotFound."""
        found = self.tables.get(name)
        if found is None:
            raise EntityNotFound(f"Entity ID '{name}' of kind 'Table' was not found.")
        return found

    def relation(self, name: str) -> TableSchema | None:
        """The columns of a table or a materialized view, None when neither has the name."""
        return self.tables.get(name) or self.view_columns.get(name)

    def mapping(self, table: str, kind: MappingKind, name: str) -> Mapping:
        """A table's mapping, or the database's own of that name. Raises EntityNotFound."""
        found = self.mappings.get((table, kind, name)) or self.mappings.get(("", kind, name))
        if found is None:
            raise EntityNotFound(
                f"Entity ID '{name}' of kind 'MappingPersistent' was not found: table '{table}' has no {kind} mapping "
                "of that name.",
                code="BadRequest_MappingReferenceWasNotFound",
            )
        return found

    def policy(self, owner_kind: str, owner: str, policy: str) -> Any:
        """The policy's JSON value, None when none was set."""
        text = self.policies.get((owner_kind, owner, policy))
        return None if text is None else json.loads(text)


_SEPARATOR = "\x1f"


def load(cursor: duckdb.DuckDBPyConnection) -> Catalog:
    """The catalog that a database's file holds."""
    found: dict[str, dict[Any, Any]] = {member.name: {} for member in dataclasses.fields(Catalog)}
    found.pop("version")
    for kind, name, definition in cursor.execute("SELECT kind, name, definition FROM meta.entities").fetchall():
        key = tuple(name.split(_SEPARATOR)) if _SEPARATOR in name else name
        found[kind][key] = _decoded(kind, definition)
    return Catalog(version=1, **found)


def store(cursor: duckdb.DuckDBPyConnection, kind: str, key: str | tuple[str, ...], entity: object | None) -> None:
    """Keeps one entity of a Catalog field, in the transaction that is open; None removes it."""
    name = key if isinstance(key, str) else _SEPARATOR.join(key)
    cursor.execute("DELETE FROM meta.entities WHERE kind = ? AND name = ?", [kind, name])
    if entity is not None:
        cursor.execute("INSERT INTO meta.entities VALUES (?, ?, ?)", [kind, name, _encoded(entity)])


def _encoded(entity: Any) -> str:
    return entity if isinstance(entity, str) else json.dumps(dataclasses.asdict(entity))


def _decoded(kind: str, definition: str) -> object:
    if kind in ("policies", "documents"):
        return definition
    values = json.loads(definition)
    if kind in ("tables", "view_columns"):
        return TableSchema(**{**values, "columns": tuple(Column(**column) for column in values["columns"])})
    if kind == "views":
        return MaterializedView(**{**values, "source_columns": tuple(values["source_columns"])})
    shapes: dict[str, Any] = {"functions": Function, "mappings": Mapping}
    return shapes[kind](**values)
