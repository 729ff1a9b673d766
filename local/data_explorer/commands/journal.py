"""`.show commands`: what ran since the server started, the last thousand."""

import threading
import time
import uuid
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager

from local.data_explorer.commands.reader import CommandReader
from local.data_explorer.errors import KustoError
from local.data_explorer.extensions import Command, CommandContext
from local.data_explorer.results import ResultTable, table
from local.data_explorer.wire import datetime_text, timespan_text

KEPT = 1000
_COLUMNS = (
    "ClientActivityId CommandType Text Database StartedOn:datetime LastUpdatedOn:datetime Duration:timespan State "
    "RootActivityId:guid FailureReason"
)
Entry = tuple[object, ...]


class Journal:
    """Commands that ran; safe for many threads."""

    def __init__(self) -> None:
        self._entries: deque[Entry] = deque(maxlen=KEPT)
        self._lock = threading.Lock()

    @contextmanager
    def keeping(self, context: CommandContext, kind: str, text: str) -> Iterator[None]:
        """Keeps what the block does, and how it ended."""
        began, state, reason = time.time_ns(), "Completed", ""
        try:
            yield
        except KustoError as error:
            state, reason = "Failed", str(error)
            raise
        finally:
            ended = time.time_ns()
            times = (datetime_text(began // 100), datetime_text(ended // 100), timespan_text((ended - began) // 100))
            entry = (
                context.client_request_id,
                kind,
                text,
                context.database.name,
                *times,
                state,
                str(uuid.uuid4()),
                reason,
            )
            with self._lock:
                self._entries.append(entry)

    def command(self) -> Command:
        def show(context: CommandContext, reader: CommandReader) -> ResultTable:
            reader.end()
            with self._lock:
                return table(_COLUMNS, list(self._entries))

        return Command(("show", "commands"), show)
