"""One database: its catalog, its durable appends, and the transactions that change it.

Readers take a cursor of their own from `Storage.reading` and never wait; changes and appends are one at a time.
"""

import dataclasses
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any, TypeVar

import duckdb

from local.data_explorer import catalog as catalogs
from local.data_explorer.appending import Appending, PolicyFailure
from local.data_explorer.catalog import Catalog
from local.data_explorer.errors import SemanticMistake, UpdatePolicyFailed
from local.data_explorer.ingested import Batch, Checkpoint, Extent, ExternalTables, IngestionFailure
from local.data_explorer.kql.translation import Translator
from local.data_explorer.schema import Mapping, MappingKind, TableSchema
from local.data_explorer.storage import Storage, quoted

Result = TypeVar("Result")


class Change:
    """An open transaction on a database; what it does is seen, all of it, once the block ends without an error."""

    def __init__(self, database: "Database", cursor: duckdb.DuckDBPyConnection) -> None:
        self.cursor = cursor
        self.catalog = database.catalog

    def put(self, kind: str, key: str | tuple[str, ...], entity: object) -> None:
        """Adds or replaces an entity in a field of the Catalog."""
        if getattr(self.catalog, kind).get(key) == entity:
            return
        catalogs.store(self.cursor, kind, key, entity)
        self._revise(kind, {**getattr(self.catalog, kind), key: entity})

    def remove(self, kind: str, key: str | tuple[str, ...]) -> None:
        """Removes an entity from a field of the Catalog, if it is there."""
        if key not in getattr(self.catalog, kind):
            return
        catalogs.store(self.cursor, kind, key, None)
        self._revise(kind, {k: entity for k, entity in getattr(self.catalog, kind).items() if k != key})

    def _revise(self, kind: str, entities: dict[Any, Any]) -> None:
        revised: dict[str, Any] = {kind: entities}
        self.catalog = dataclasses.replace(self.catalog, version=self.catalog.version + 1, **revised)


class Database:
    """A database of the local cluster. Its methods may be called from any thread."""

    def __init__(self, storage: Storage, name: str) -> None:
        self.name = name
        self.storage = storage
        storage.attach(name)
        self._writer = storage.cursor(name)
        self._writing = threading.RLock()
        self.external_tables: ExternalTables | None = None
        self.catalog: Catalog = catalogs.load(self._writer)
        self._translator: Translator | None = None
        self._last_extent = self._last_kept_extent()
        self.appended_rows = 0
        """In all tables, by update policies too, since the process began."""

    def _last_kept_extent(self) -> int:
        ((kept,),) = self._writer.execute(
            "SELECT greatest((SELECT coalesce(max(last), 0) FROM meta.extents),"
            " (SELECT coalesce(max(extent), 0) FROM meta.watermarks))"
        ).fetchall()
        return int(kept)

    @property
    def translator(self) -> Translator:
        """Translates queries against the catalog as it is now; kept until the catalog changes."""
        return self.translator_of(self.catalog)

    def translator_of(self, catalog: Catalog) -> Translator:
        translator = self._translator
        if translator is None or translator.catalog is not catalog:
            translator = Translator(catalog, self.name)
            if catalog is self.catalog:
                self._translator = translator
        return translator

    def asked(self, sql: str, values: dict[str, Any]) -> list[Any]:
        """Rows of what a translation has to know before; see Translator.translate. Raises SemanticMistake."""
        with self.storage.reading(self.name) as cursor:
            try:
                return cursor.execute(sql, values or None).fetchall()
            except duckdb.Error as error:
                raise SemanticMistake(str(error).partition("\n")[0]) from error

    @property
    def last_extent(self) -> int:
        """The number of the newest append."""
        return self._last_extent

    def begin(self, cursor: duckdb.DuckDBPyConnection) -> tuple[int, Catalog]:
        """Begins a transaction beside the appends; it sees every append before the extent number that it gets."""
        with self._writing:
            cursor.execute("BEGIN")
            cursor.execute("SELECT 1 FROM meta.watermarks LIMIT 1").fetchall()
            return self.next_extent(), self.catalog

    def table_schema(self, name: str) -> TableSchema:
        """Raises EntityNotFound."""
        return self.catalog.table(name)

    def mapping(self, table: str, kind: MappingKind, name: str) -> Mapping:
        """Raises EntityNotFound."""
        return self.catalog.mapping(table, kind, name)

    def document(self, kind: str, name: str) -> str | None:
        """A definition that `put_document` kept: external tables, continuous exports, data connections."""
        return self.catalog.documents.get((kind, name))

    def documents(self, kind: str) -> dict[str, str]:
        return {name: text for (of_kind, name), text in self.catalog.documents.items() if of_kind == kind}

    def put_document(self, kind: str, name: str, text: str) -> None:
        with self.change() as change:
            change.put("documents", (kind, name), text)

    def remove_document(self, kind: str, name: str) -> None:
        with self.change() as change:
            change.remove("documents", (kind, name))

    @contextmanager
    def change(self) -> Iterator[Change]:
        """A durable transaction; an error in the block undoes it. Changes wait for each other, readers don't."""
        with self._writing:
            change = Change(self, self._writer)
            self._writer.execute("BEGIN")
            try:
                yield change
                self._writer.execute("COMMIT")
            except BaseException:
                self._rollback()
                raise
            self.catalog = change.catalog

    def _rollback(self) -> None:
        try:
            self._writer.execute("ROLLBACK")
        except duckdb.TransactionException:
            return  # a failed COMMIT has ended the transaction already

    def append(
        self,
        batches: Sequence[Batch],
        *,
        checkpoint: Checkpoint | Sequence[Checkpoint] | None = None,
        refused: Sequence[IngestionFailure] = (),
        keep: Callable[[IngestionFailure], None] | None = None,
    ) -> list[Extent]:
        """Appends rows, runs update policies on them and moves checkpoints: all of it, durably, or nothing.

        `refused` are failures of data that came with the batches, to be kept in the same transaction. `keep` gets
        the failure of a transactional policy (default: record_ingestion_failure).

        Returns the extents made in the batches' own tables (not those that update policies made). A policy that is
        not transactional and fails is recorded as an ingestion failure and its source's rows are kept. Raises
        EntityNotFound (no such table), KustoError (rows that don't fit), UpdatePolicyFailed (a transactional policy).
        """

        def work(change: Change, appending: Appending) -> list[Extent]:
            extents = appending.run(batches)
            self._keep((checkpoint,) if isinstance(checkpoint, Checkpoint) else checkpoint or ())
            for failure in refused:
                self._keep_failure(failure)
            return extents

        return self.appending(work, keep)

    def appending(
        self, work: Callable[[Change, Appending], Result], keep: Callable[[IngestionFailure], None] | None = None
    ) -> Result:
        """Does `work` in a transaction, again without each update policy that fails and is not transactional.

        Raises UpdatePolicyFailed when one that is transactional fails, and what `work` raises.
        """
        with self._writing:
            failures: list[PolicyFailure] = []
            while True:
                try:
                    with self.change() as change:
                        appending = Appending(
                            lambda: self.translator_of(change.catalog), self._writer, self.next_extent, failures
                        )
                        result = work(change, appending)
                        for failure in failures:
                            self._keep_failure(failure.recorded)
                    self.appended_rows += appending.rows
                    return result
                except PolicyFailure as failure:
                    if failure.transactional:
                        (keep or self.record_ingestion_failure)(failure.recorded)
                        raise UpdatePolicyFailed(str(failure)) from failure
                    failures.append(failure)

    def next_extent(self) -> int:
        """A number for "$extent": now in microseconds since 1970, more than any before."""
        with self._writing:
            self._last_extent = max(self._last_extent + 1, time.time_ns() // 1000)
            return self._last_extent

    def _keep(self, checkpoints: Sequence[Checkpoint]) -> None:
        if not checkpoints:
            return
        keys = [part for moved in checkpoints for part in (moved.connection, moved.partition)]
        self._writer.execute(
            f"DELETE FROM meta.checkpoints WHERE (connection, partition) IN ({_places('(?, ?)', checkpoints)})", keys
        )
        self._writer.execute(
            f"INSERT INTO meta.checkpoints VALUES {_places('(?, ?, ?, ?, now()::TIMESTAMP)', checkpoints)}",
            [part for moved in checkpoints for part in dataclasses.astuple(moved)],
        )

    def checkpoints(self, connection: str) -> dict[str, Checkpoint]:
        """How far a data connection has read, by partition."""
        with self.storage.reading(self.name) as cursor:
            rows = cursor.execute(
                "SELECT partition, sequence_number, event_offset FROM meta.checkpoints WHERE connection = ?",
                [connection],
            ).fetchall()
        return {partition: Checkpoint(connection, partition, number, offset) for partition, number, offset in rows}

    def record_ingestion_failure(self, failure: IngestionFailure) -> None:
        """Keeps a failure for `.show ingestion failures`."""
        with self.change():
            self._keep_failure(failure)

    def _keep_failure(self, failure: IngestionFailure) -> None:
        self._writer.execute(
            "INSERT INTO meta.failures VALUES (?, ?, now()::TIMESTAMP, ?, ?, ?, ?, ?, ?, ?)",
            [
                failure.operation_id,
                failure.table,
                failure.details,
                failure.error_code,
                failure.kind,
                failure.operation_kind,
                failure.source,
                failure.from_update_policy,
                failure.properties,
            ],
        )

    def qualified(self, relation: str) -> str:
        """A relation of `main` as SQL that means it from any database."""
        return f"{quoted(self.name)}.main.{quoted(relation)}"

    def close(self) -> None:
        """Waits for a change under way, and takes no more."""
        self._writing.acquire()
        self._writer.close()


def _places(one: str, values: Sequence[object]) -> str:
    """The SQL of as many rows of parameters as there are values."""
    return ", ".join([one] * len(values))
