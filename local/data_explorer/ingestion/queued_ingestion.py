"""A batch of queued messages to committed rows, each message once, each with an outcome."""

import json
import logging
import time
from collections.abc import Sequence
from dataclasses import dataclass, replace

from local.data_explorer.cluster import Cluster
from local.data_explorer.database import Database
from local.data_explorer.errors import KustoError, Unavailable
from local.data_explorer.external.locations import delete_source, read_source
from local.data_explorer.external.places import StorageRefused
from local.data_explorer.ingested import Checkpoint
from local.data_explorer.ingestion.arrivals import Arrival, Prepared, prepare, refusal_failure, told_by_caller
from local.data_explorer.ingestion.failures import IngestionRefused
from local.data_explorer.ingestion.queued_messages import IngestionMessage
from local.data_explorer.striking import InjectedFault

OPERATION = "ingest.queued"
"""What fault rules call the ingestion of one queued message."""
_DONE = "$queued"
"""The name under which the ids of messages that are done stand among the checkpoints."""
_FORGET = "DELETE FROM meta.checkpoints WHERE connection = ? AND updated < now()::TIMESTAMP - INTERVAL 8 DAY"
"""A queue keeps a message for a week."""
_MOST_ATTEMPTS = 5
_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Taken:
    """A message, its id in the queue, and how often it has been received."""

    message: IngestionMessage
    id: str
    attempts: int


@dataclass(frozen=True)
class Outcome:
    """What became of a message: rows, a refusal for good, or nothing yet (`is_to_be_retried`)."""

    refusal: KustoError | None = None
    is_to_be_retried: bool = False


_SUCCEEDED = Outcome()
_RETRY = Outcome(is_to_be_retried=True)


class QueuedIngestion:
    """Ingests messages into the cluster's databases."""

    def __init__(self, cluster: Cluster) -> None:
        self._cluster = cluster
        self._done: dict[str, dict[str, Outcome]] = {}

    def record_unreadable(self, error: KustoError) -> None:
        """Keeps a failure of a message that doesn't even say what it is for."""
        arrival = Arrival("", "", operation_kind="QueuedIngest", source="ingestion queue")
        self._cluster.database(None).record_ingestion_failure(refusal_failure(arrival, error))

    def ingest(self, batch: Sequence[Taken]) -> list[Outcome]:
        """The outcome of each message, in order; all are for one table. Rows of all are committed together."""
        name = batch[0].message.database
        database = self._cluster.databases.get(name)
        if database is None:
            refusal = IngestionRefused("BadRequest_DatabaseNotExist", f"Database '{name}' does not exist")
            return [Outcome(refusal)] * len(batch)
        outcomes: dict[str, Outcome] = {}
        prepared: dict[str, Prepared] = {}
        for taken in batch:
            if taken.id in self._done_in(database):
                outcomes[taken.id] = self._done_in(database)[taken.id]
                continue
            try:
                prepared[taken.id] = self._prepare(database, taken.message)
            except KustoError as error:
                outcomes[taken.id] = self._refused(database, taken, error)
            except Exception as error:  # noqa: BLE001 - the boundary of a batch: no message may stop the queue
                refusal = IngestionRefused("Unknown", f"{type(error).__name__}: {error}")
                outcomes[taken.id] = self._refused(database, taken, refusal)
        outcomes |= self._append(database, [taken for taken in batch if taken.id in prepared], prepared)
        return [outcomes[taken.id] for taken in batch]

    def _done_in(self, database: Database) -> dict[str, Outcome]:
        """The outcomes of the messages that this database is done with, by id."""
        if database.name not in self._done:
            with database.change() as change:
                change.cursor.execute(_FORGET, [_DONE])
            kept = database.checkpoints(_DONE).values()
            self._done[database.name] = {each.partition: _outcome(each.offset) for each in kept}
        return self._done[database.name]

    def _prepare(self, database: Database, message: IngestionMessage) -> Prepared:
        """Fetches and reads a message's blob. Raises KustoError."""
        rule = self._cluster.faults.strike(OPERATION)
        if rule is not None:
            time.sleep(rule.delay_ms / 1000)
            if rule.action != "delay":
                raise InjectedFault(rule) if rule.action == "status" else Unavailable("Injected fault.")
        table = message.arrival.table
        if not table:
            raise IngestionRefused("BadRequest_InvalidOrEmptyTableName", "The message names no table")
        if table not in database.catalog.tables:
            raise IngestionRefused("BadRequest_TableNotExist", f"Table '{table}' does not exist")
        return prepare(database, read_source(message.blob), message.arrival)

    def _append(self, database: Database, batch: Sequence[Taken], prepared: dict[str, Prepared]) -> dict[str, Outcome]:
        """Commits what is prepared; when the database refuses it, message by message."""
        if not batch:
            return {}
        try:
            database.append(
                [prepared[taken.id].batch for taken in batch],
                checkpoint=[_mark(taken, _SUCCEEDED) for taken in batch],
                refused=[failure for taken in batch for failure in prepared[taken.id].failures],
                keep=told_by_caller,
            )
        except KustoError as error:
            if len(batch) > 1:
                single = [self._append(database, [taken], prepared) for taken in batch]
                return {id: outcome for outcomes in single for id, outcome in outcomes.items()}
            return {batch[0].id: self._refused(database, batch[0], error)}
        outcomes = dict.fromkeys((taken.id for taken in batch), _SUCCEEDED)
        self._done_in(database).update(outcomes)
        for taken in batch:
            _drop_blob(taken.message)
        return outcomes

    def _refused(self, database: Database, taken: Taken, error: KustoError) -> Outcome:
        """Keeps a refusal as the message's outcome; one that may pass is tried some more first."""
        if not error.permanent:
            if taken.attempts < _MOST_ATTEMPTS:
                return _RETRY
            error = IngestionRefused(
                "General_RetryAttemptsExceeded", f"Given up after {taken.attempts} attempts; the last: {error.message}"
            )
        arrival = replace(taken.message.arrival, operation_kind="QueuedIngest")
        outcome = Outcome(IngestionRefused(error.code, error.message))
        database.append([], checkpoint=_mark(taken, outcome), refused=[refusal_failure(arrival, error)])
        self._done_in(database)[taken.id] = outcome
        return outcome


def _drop_blob(message: IngestionMessage) -> None:
    if message.keep_blob:
        return
    try:
        delete_source(message.blob)
    except StorageRefused as error:
        _log.warning("the blob of an ingested message stays: %s", error.message)


def _mark(taken: Taken, outcome: Outcome) -> Checkpoint:
    """What remembers a message: its outcome stands in the place of an offset."""
    refusal = outcome.refusal
    return Checkpoint(_DONE, taken.id, 0, "" if refusal is None else json.dumps([refusal.code, refusal.message]))


def _outcome(kept: str) -> Outcome:
    return Outcome(IngestionRefused(*json.loads(kept))) if kept else _SUCCEEDED
