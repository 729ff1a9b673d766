"""Reads the ingestion queue: receives messages, holds them until their batch is due, ingests, deletes.

A message is deleted only after its rows are committed, and its id is kept in the same transaction: a server that is
killed between the two finds the message again, knows it, and ingests nothing twice.
"""

import asyncio
import base64
import binascii
import logging
import time
from collections.abc import Sequence
from dataclasses import dataclass

import duckdb
from azure.core.exceptions import AzureError, ResourceNotFoundError
from azure.storage.queue import QueueClient, QueueMessage, QueueServiceClient

from local.data_explorer.cluster import Cluster
from local.data_explorer.ingestion.background import in_thread
from local.data_explorer.ingestion.failures import IngestionRefused
from local.data_explorer.ingestion.queued_batches import batching
from local.data_explorer.ingestion.queued_ingestion import Outcome, QueuedIngestion, Taken
from local.data_explorer.ingestion.queued_messages import (
    EVERYTHING,
    NOTHING,
    IngestionMessage,
    failure_report,
    parse_message,
    success_report,
)
from local.data_explorer.ingestion.resources import FAILED, READY, SUCCEEDED, StorageAccount

INVISIBLE_SECONDS = 10
"""How long a message that a killed server had received stays away from the next one."""
_ROUND_SECONDS = 0.2
_IDLE_ROUND_SECONDS = 1.0
"""While no message is held: each look costs this process and Azurite some milliseconds of processor time."""
_RECEIVED_AT_ONCE = 32
_MOST_HELD = 2_000
_log = logging.getLogger(__name__)


@dataclass
class Held:
    """A received message; `since` and `renewed` are of the monotonic clock, `queued` is what deletes it."""

    message: IngestionMessage
    queued: QueueMessage
    since: float
    renewed: float


class QueueReader:
    """The data management service's reader of one storage account."""

    def __init__(self, cluster: Cluster, account: StorageAccount) -> None:
        self._cluster = cluster
        self._account = account
        self._ingestion = QueuedIngestion(cluster)
        self._held: dict[tuple[str, str], list[Held]] = {}

    async def run(self) -> None:
        """Reads without end; while the account can't be reached, it tries again."""
        told = False
        while True:
            try:
                await in_thread(self._account.create)
                with self._account.queues() as queues:
                    told = False
                    while True:
                        await in_thread(self._round, queues)
                        await asyncio.sleep(_ROUND_SECONDS if self._held else _IDLE_ROUND_SECONDS)
            except (AzureError, duckdb.Error, OSError) as error:
                if not told:
                    _log.warning("the ingestion queue can't be read, and is tried again: %s", error)
                told = True
                self._held.clear()
                await asyncio.sleep(1)

    def _round(self, queues: QueueServiceClient) -> None:
        ready = queues.get_queue_client(READY)
        self._receive(ready, queues)
        self._renew(ready)
        for key in list(self._held):
            if self._is_due(key):
                self._ingest(self._held.pop(key), queues)

    def _receive(self, ready: QueueClient, queues: QueueServiceClient) -> None:
        while sum(map(len, self._held.values())) < _MOST_HELD:
            received = list(
                ready.receive_messages(
                    max_messages=_RECEIVED_AT_ONCE,
                    messages_per_page=_RECEIVED_AT_ONCE,
                    visibility_timeout=INVISIBLE_SECONDS,
                )
            )
            now = time.monotonic()
            for queued in received:
                try:
                    message = parse_message(_text(queued.content))
                except IngestionRefused as error:
                    self._ingestion.record_unreadable(error)
                    _delete(ready, queued)
                    continue
                key = (message.database, message.arrival.table)
                self._held.setdefault(key, []).append(Held(message, queued, now, now))
            if len(received) < _RECEIVED_AT_ONCE:
                return

    def _renew(self, ready: QueueClient) -> None:
        """Keeps held messages away from others, that is from this server's successor."""
        now = time.monotonic()
        for held in [each for batch in self._held.values() for each in batch]:
            if now - held.renewed > INVISIBLE_SECONDS / 3:
                renewed = ready.update_message(held.queued, visibility_timeout=INVISIBLE_SECONDS)
                held.queued.pop_receipt = renewed.pop_receipt
                held.renewed = now

    def _is_due(self, key: tuple[str, str]) -> bool:
        held = self._held[key]
        databases = self._cluster.databases
        if any(each.message.flush_at_once for each in held) or key[0] not in databases:
            return True
        return batching(databases[key[0]], key[1]).is_due(
            age=time.monotonic() - held[0].since, items=len(held), size=sum(each.message.size for each in held)
        )

    def _ingest(self, held: Sequence[Held], queues: QueueServiceClient) -> None:
        ready = queues.get_queue_client(READY)
        taken = [Taken(each.message, each.queued.id, each.queued.dequeue_count or 1) for each in held]
        for each, outcome in zip(held, self._ingestion.ingest(taken), strict=True):
            if outcome.is_to_be_retried:
                continue
            _report(queues, each.message, outcome)
            _delete(ready, each.queued)


def _text(content: str) -> str:
    """Clients send base64; plain text is taken, too."""
    try:
        return base64.b64decode(content, validate=True).decode()
    except (binascii.Error, UnicodeDecodeError, ValueError):
        return content


def _delete(ready: QueueClient, queued: QueueMessage) -> None:
    try:
        ready.delete_message(queued)
    except ResourceNotFoundError:
        return  # it became visible and was received again: that receipt deletes it


def _report(queues: QueueServiceClient, message: IngestionMessage, outcome: Outcome) -> None:
    """Puts a status message where the client looks for it, if it wants one. Reports come at least once."""
    if message.report_level == NOTHING:
        return
    if outcome.refusal is not None:
        refusal = outcome.refusal
        text = failure_report(message, refusal.code, refusal.message, permanent=refusal.permanent)
        name = FAILED
    elif message.report_level == EVERYTHING:
        text, name = success_report(message), SUCCEEDED
    else:
        return
    queues.get_queue_client(name).send_message(base64.b64encode(text.encode()).decode())
