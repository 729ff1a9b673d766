"""One append: rows into their table, then through the update policies of what they make, in the open transaction."""

import contextlib
import datetime
import json
import uuid
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import duckdb
import pyarrow as pa

from local.data_explorer.catalog import Catalog
from local.data_explorer.errors import KustoError
from local.data_explorer.ingested import Batch, Extent, IngestionFailure
from local.data_explorer.kql.translation import Translator
from local.data_explorer.schema import Column, TableSchema
from local.data_explorer.storage import EXTENT, literal, quoted
from local.data_explorer.types import STORED_AS

INGEST_BY = "ingest-by:"
_INCOMING = "$incoming"


class PolicyFailure(Exception):
    """An update policy's query failed on the new rows."""

    def __init__(self, policy: "UpdatePolicy", reason: str) -> None:
        super().__init__(
            f"Update policy of table '{policy.target}' (source '{policy.source}', query '{policy.query}') "
            f"failed: {reason}"
        )
        self.policy = policy
        self.transactional = policy.transactional
        self.recorded = IngestionFailure(
            operation_id=str(uuid.uuid4()),
            table=policy.target,
            details=str(self),
            error_code="UpdatePolicy_UnknownError",
            operation_kind="UpdatePolicy",
            source=policy.source,
            from_update_policy=True,
        )


@dataclass(frozen=True)
class UpdatePolicy:
    """One element of a table's update policy: rows appended to `source` go through `query` into `target`."""

    target: str
    source: str
    query: str
    transactional: bool
    propagate_tags: bool


def update_policies(catalog: Catalog, source: str) -> list[UpdatePolicy]:
    """The enabled update policies that new rows of `source` set off."""
    found = []
    for (owner_kind, target, policy), text in catalog.policies.items():
        if owner_kind != "table" or policy != "update":
            continue
        for element in json.loads(text) or ():
            if element["Source"] == source and element["IsEnabled"]:
                found.append(
                    UpdatePolicy(
                        target,
                        source,
                        element["Query"],
                        element["IsTransactional"],
                        element["PropagateIngestionProperties"],
                    )
                )
    return found


class Appending:
    """Appends batches in the transaction that is open on `cursor`; policies in `failed` are left out.

    `rows` counts what was stored so far, in all tables.
    """

    def __init__(
        self,
        translator: Callable[[], Translator],
        cursor: duckdb.DuckDBPyConnection,
        next_extent: Callable[[], int],
        failed: Sequence[PolicyFailure],
    ) -> None:
        self._translator_now = translator
        self._cursor = cursor
        self._next_extent = next_extent
        self.rows = 0
        self._failed = [failure.policy for failure in failed]

    @property
    def _translator(self) -> Translator:
        return self._translator_now()

    @property
    def _catalog(self) -> Catalog:
        return self._translator.catalog

    def run(self, batches: Sequence[Batch]) -> list[Extent]:
        return [extent for batch in batches if not self._is_ingested(batch) for extent in self._append_batch(batch)]

    def query(self, table: str, sql: str, columns: Sequence[str], tags: tuple[str, ...] = ()) -> list[Extent]:
        """Appends what a SQL query gives; its columns are `columns`, by name."""
        schema = self._catalog.table(table)
        selected = ", ".join(_stored(column, set(columns)) for column in schema.columns)
        return self._append(schema, f"SELECT {selected} FROM ({sql})", Batch(table, pa.table({}), tags, "query"))

    def _is_ingested(self, batch: Batch) -> bool:
        tags = [INGEST_BY + value for value in batch.if_not_exists]
        if not tags:
            return False
        known = self._cursor.execute(
            "SELECT 1 FROM meta.extents WHERE table_name = ? AND list_has_any(tags, ?) LIMIT 1", [batch.table, tags]
        ).fetchall()
        return bool(known)

    def _append_batch(self, batch: Batch) -> list[Extent]:
        table = self._catalog.table(batch.table)
        self._cursor.register(_INCOMING, batch.rows)
        try:
            given = set(batch.rows.column_names)
            selected = ", ".join(_stored(column, given) for column in table.columns)
            source = f"SELECT {selected} FROM {quoted(_INCOMING)}"
            return self._append(table, source, batch)
        except duckdb.Error as error:
            raise KustoError(f"Rows can't be appended to table '{batch.table}': {error}") from error
        finally:
            with contextlib.suppress(duckdb.TransactionException):  # an aborted transaction's rollback forgets it
                self._cursor.unregister(_INCOMING)

    def _append(self, table: TableSchema, source: str, batch: Batch) -> list[Extent]:
        """Inserts the rows of the SQL query `source`, then runs the policies that they set off."""
        stored = self._store(table, source, batch)
        if stored is None:
            return []
        kept = [stored, *self._follow(table, stored, batch)]
        self._keep_extents(kept)
        return [stored.extent]

    def _store(self, table: TableSchema, source: str, batch: Batch) -> "_Stored | None":
        """Inserts rows as an extent; None when there are none."""
        number = self._next_extent()
        columns = ", ".join(quoted(column.name) for column in table.columns)
        ((inserted,),) = self._cursor.execute(
            f"INSERT INTO {self._rows(table)}({columns}, {quoted(EXTENT)}) SELECT {columns}, {number} FROM ({source})"
        ).fetchall()
        if not inserted:
            return None
        self.rows += inserted
        created = batch.creation_time or datetime.datetime.now(datetime.UTC)
        return _Stored(number, Extent(str(uuid.uuid4()), table.name, inserted, batch.tags, created), batch.source)

    def _follow(self, table: TableSchema, new: "_Stored", batch: Batch) -> list["_Stored"]:
        """What the policies make that the new rows of a table set off, and theirs."""
        policies = [policy for policy in update_policies(self._catalog, table.name) if policy not in self._failed]
        return [stored for policy in policies for stored in self._run_policy(policy, table, new, batch)]

    def _run_policy(self, policy: UpdatePolicy, source: TableSchema, new: "_Stored", batch: Batch) -> list["_Stored"]:
        """Runs a policy's query with the source table's name standing for the new rows only."""
        target = self._catalog.table(policy.target)
        inherited = batch if policy.propagate_tags else replace(batch, tags=(), creation_time=None)
        columns = ", ".join(quoted(column.name) for column in source.columns)
        rows = f"SELECT {columns}, {quoted(EXTENT)} FROM {self._rows(source)} WHERE {quoted(EXTENT)} = {new.number}"
        try:
            query = self._translator.translate(policy.query, shadowed=source.name).sql
            given = {column.name for column in target.columns}
            selected = ", ".join(_stored(column, given) for column in target.columns)
            shadowing = f"WITH {quoted(source.name)} AS NOT MATERIALIZED ({rows})"
            stored = self._store(target, f"{shadowing} SELECT {selected} FROM ({query})", inherited)
        except (duckdb.Error, KustoError) as error:
            raise PolicyFailure(policy, str(error)) from error
        return [] if stored is None else [stored, *self._follow(target, stored, inherited)]

    def _rows(self, table: TableSchema) -> str:
        return f"{quoted(self._translator.database)}.rows.{quoted(table.name)}"

    def _keep_extents(self, kept: Sequence["_Stored"]) -> None:
        places = ", ".join(["(?, ?, ?, ?, ?, ?, ?, ?)"] * len(kept))
        self._cursor.execute(
            f"INSERT INTO meta.extents VALUES {places}", [value for each in kept for value in each.record()]
        )


@dataclass(frozen=True)
class _Stored:
    """The rows with one number in "$extent"."""

    number: int
    extent: Extent
    source: str

    def record(self) -> list[object]:
        """A row of meta.extents."""
        extent = self.extent
        created = extent.created_on.astimezone(datetime.UTC).replace(tzinfo=None)
        tags = list(extent.tags)
        return [extent.id, extent.table, self.number, self.number, extent.rows, tags, self.source, created]


def _stored(column: Column, given: set[str]) -> str:
    """SQL that reads one column of the incoming rows as it is stored: strings have no null, nor dynamics a 'null'."""
    name, kind = quoted(column.name), STORED_AS[column.type]
    if column.name not in given:
        return f"{literal('') if column.type == 'string' else 'NULL'}::{kind} AS {name}"
    if column.type == "string":
        return f"coalesce({name}::VARCHAR, '') AS {name}"
    if column.type == "dynamic":
        return f"nullif({name}::JSON, 'null'::JSON) AS {name}"
    return f"{name}::{kind} AS {name}"
