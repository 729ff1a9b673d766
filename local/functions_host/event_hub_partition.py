"""Pumping one partition: events → batches → invocations → checkpoints, for as long as this host owns it.

Source: EventHubListener.PartitionProcessor.cs: the checkpoint follows the invocation whether it succeeded or not,
but never once the host is stopping or the partition is lost.
"""

import asyncio
import logging
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Protocol

from azure.core.exceptions import AzureError

from local.amqp.errors import Disconnected
from local.amqp.events import ReceivedEvent
from local.amqp.receiver import Position, Receiver
from local.functions_host.console import HOST, Console
from local.functions_host.event_hub_batches import Batches, first_wait
from local.functions_host.event_hub_data import (
    PartitionContext,
    UnreadableBody,
    call_of,
    is_single,
)
from local.functions_host.event_hub_ownership import Hub
from local.functions_host.host_json import EventHubOptions, InitialOffset
from local.functions_host.invocations import Invoker


@dataclass(frozen=True)
class Start:
    """Where a partition is read from, and when its checkpoint was written (None: there is none)."""

    position: Position
    checkpointed: datetime | None = None


class Checkpoints(Protocol):
    """Writes a partition's checkpoint."""

    async def __call__(self, partition: str, offset: str, sequence_number: int) -> None:
        """Raises AzureError when the storage can't be used."""


class BrokenReceiver(Exception):
    """The connection to the partition broke, and the client's own retries did not mend it."""


def initial_start(options: InitialOffset) -> Start:
    """Where a partition without a checkpoint starts, by host.json's initialOffsetOptions."""
    if options.type == "fromend":
        return Start(Position("@latest"))
    if options.type == "fromenqueuedtime" and isinstance(options.enqueued_time_utc, datetime):
        return Start(Position(options.enqueued_time_utc, is_inclusive=True))
    return Start(Position("-1"))


class PartitionPump:
    """One partition of one function's hub, from the moment it is claimed until it is lost or the host stops."""

    def __init__(
        self,
        invoker: Invoker,
        hub: Hub,
        partition: str,
        options: EventHubOptions,
        checkpoints: Checkpoints,
        console: Console,
    ) -> None:
        self._invoker = invoker
        self._hub = hub
        self.partition = partition
        self._options = options
        self._checkpoints = checkpoints
        self._console = console
        self._is_single = is_single(invoker.function.trigger)
        self._cut = asyncio.Event()
        self._batches: Batches[ReceivedEvent] = Batches(
            1 if self._is_single else options.min_event_batch_size, options.max_event_batch_size
        )
        self._is_first = True
        self._since_checkpoint = 0
        self._deadline: float | None = None

    def cut(self) -> None:
        """No more batches and no more checkpoints: the host stops, or another one owns the partition now.

        The invocation that runs is left to finish.
        """
        self._cut.set()

    async def run(self, receiver: Receiver, checkpointed: datetime | None) -> None:
        """Pumps until cut, and closes the receiver. Raises BrokenReceiver when events can no longer be received.

        `checkpointed` is when the partition's checkpoint was written; None when there is none.
        """
        cutting = asyncio.create_task(self._cut.wait())
        try:
            await self._pump(receiver, checkpointed, cutting)
        except Disconnected as error:
            raise BrokenReceiver(str(error)) from error
        finally:
            cutting.cancel()
            receiver.close()

    async def _pump(self, receiver: Receiver, checkpointed: datetime | None, cutting: "asyncio.Future[Any]") -> None:
        """While an invocation runs, events gather in the receiver, so that the next batch is fuller."""
        loop = asyncio.get_running_loop()
        arriving: asyncio.Task[Sequence[ReceivedEvent]] | None = None
        try:
            while not self._cut.is_set():
                if arriving is None:
                    arriving = asyncio.create_task(receiver.receive(self._options.max_event_batch_size))
                wait = None if self._deadline is None else max(0.0, self._deadline - loop.time())
                await asyncio.wait({arriving, cutting}, timeout=wait, return_when=asyncio.FIRST_COMPLETED)
                if cutting.done():
                    return
                if arriving.done():
                    self._batches.add(arriving.result())
                    arriving = None
                is_due = self._deadline is not None and loop.time() >= self._deadline
                await self._dispatch_ready(partial=is_due)
                self._set_deadline(loop.time(), checkpointed, was_due=is_due)
        finally:
            if arriving is not None:
                arriving.cancel()
                await asyncio.gather(arriving, return_exceptions=True)

    async def _dispatch_ready(self, *, partial: bool) -> None:
        while not self._cut.is_set() and (batch := self._batches.take(partial=partial)):
            self._deadline = None
            await self._dispatch(batch)

    def _set_deadline(self, now: float, checkpointed: datetime | None, *, was_due: bool) -> None:
        if not len(self._batches):
            self._deadline = None
        elif self._deadline is None or was_due:
            wait = self._options.max_wait_time
            if self._is_first:
                wait = first_wait(wait, datetime.now(UTC) - checkpointed if checkpointed else None)
            self._deadline = now + wait.total_seconds()

    async def _dispatch(self, batch: Sequence[ReceivedEvent]) -> None:
        self._since_checkpoint += 1
        is_checkpointing = (
            self._options.enable_checkpointing and self._since_checkpoint >= self._options.batch_checkpoint_frequency
        )
        context = PartitionContext(*self._hub_names(), self.partition, is_checkpointing)
        for group in [[event] for event in batch] if self._is_single else [batch]:
            if self._cut.is_set():
                return
            await self._invoke(group, context)
        self._is_first = False
        if is_checkpointing and not self._cut.is_set():
            await self._checkpoint(batch[-1])

    async def _invoke(self, events: Sequence[ReceivedEvent], context: PartitionContext) -> None:
        trigger = self._invoker.function.trigger
        try:
            call = call_of(events, context, trigger)
        except UnreadableBody as unreadable:
            text = f"Exception binding parameter '{trigger.name}' of Functions.{self._invoker.function.name}"
            self._console.show(HOST, f"{text}: {unreadable}", logging.ERROR)
            return
        await self._invoker.run(call, self._cut)

    async def _checkpoint(self, last: ReceivedEvent) -> None:
        try:
            await self._checkpoints(self.partition, last.offset or "-1", last.sequence_number or 0)
        except AzureError as error:
            text = f"The checkpoint of partition {self.partition} of {self._hub.name} could not be written"
            self._console.show(HOST, f"{text}, a later one will be: {error}", logging.ERROR)
            return
        self._since_checkpoint = 0

    def _hub_names(self) -> tuple[str, str, str]:
        return self._hub.namespace, self._hub.name, self._hub.group
