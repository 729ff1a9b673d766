"""Timer triggers: one host at a time fires a timer, and a firing that all hosts missed is made up for.

Source: webjobs-sdk-extensions, TimerListener.cs; azure-webjobs-sdk, SingletonListener.cs.
"""

import asyncio
import json
import logging
from datetime import UTC, datetime

from azure.core.exceptions import AzureError
from azure.functions.meta import Datum

from local.functions_host.console import HOST
from local.functions_host.host_blobs import Lock, LockLost, StatusBlob, host_container, status_document
from local.functions_host.invocations import Call, Invoker
from local.functions_host.listeners import wait_until
from local.functions_host.schedules import ScheduleStatus, check_past_due, parse_schedule, zone_of
from local.functions_host.storage_clients import blob_service
from local.functions_host.surroundings import Surroundings


class TimerListener:
    """Fires one function. Raises MissingSetting when its schedule can't be used."""

    def __init__(self, invoker: Invoker, surroundings: Surroundings) -> None:
        settings, trigger = surroundings.settings, invoker.function.trigger
        self._invoker = invoker
        self._surroundings = surroundings
        self._storage = surroundings.storage()
        self._schedule = parse_schedule(settings.resolve(trigger.text("schedule") or ""))
        self._zone = zone_of(settings)
        self._runs_on_startup = bool(trigger.properties.get("runOnStartup"))
        wants_monitor = trigger.properties.get("useMonitor", True)
        self._is_monitored = bool(wants_monitor) and not self._schedule.is_frequent
        self._status: ScheduleStatus | None = None

    @property
    def function(self) -> str:
        return self._invoker.function.name

    async def run(self, stop: asyncio.Event) -> None:
        options, takeover = self._surroundings.options.singleton, self._surroundings.takeover
        polling = takeover / 4 if takeover else options.listener_lock_recovery_polling_interval
        async with blob_service(self._storage) as storage:
            container = await host_container(storage)
            scope = f"Host.Functions.{self.function}.Listener"
            period = takeover or options.listener_lock_period
            lock = Lock(container, self._surroundings.host_id, scope, period)
            while not await lock.acquire():
                if await wait_until(stop, polling.total_seconds()):
                    return
            try:
                await self._fire_while_locked(
                    lock, StatusBlob(container, self._surroundings.host_id, self.function), stop
                )
            finally:
                await lock.release()

    async def invoke(self, text: str) -> None:
        await self._invoker.run(self._call(is_past_due=False, why=""))

    async def _fire_while_locked(self, lock: Lock, blob: StatusBlob, stop: asyncio.Event) -> None:
        firing = asyncio.create_task(self._fire(blob, stop))
        try:
            while not firing.done():
                await asyncio.wait({firing}, timeout=lock.renewal_seconds)
                if not firing.done():
                    await lock.renew()
            firing.result()
        except LockLost:
            self._tell(f"The lock of Functions.{self.function} was lost to another host", logging.WARNING)
        finally:
            firing.cancel()

    async def _fire(self, blob: StatusBlob, stop: asyncio.Event) -> None:
        now = datetime.now(self._zone)
        known = await blob.read() if self._is_monitored else None
        status, is_past_due = check_past_due(self._schedule, known, now)
        if status != known and self._is_monitored:
            await blob.write(status)
        self._status = status
        if is_past_due:
            self._tell(f"Function '{self.function}' is past due on startup. Executing now.")
            await self._fire_once(blob, stop, now, why="IsPastDue")
        elif self._runs_on_startup:
            self._tell(f"Function '{self.function}' is configured to run on startup. Executing now.")
            await self._fire_once(blob, stop, now, why="RunOnStartup")
        while not stop.is_set():
            due = self._status.next
            wait = (due - datetime.now(UTC)).total_seconds()
            if await wait_until(stop, wait):
                return
            await self._fire_once(blob, stop, max(due, datetime.now(self._zone)), why="")

    async def _fire_once(self, blob: StatusBlob, stop: asyncio.Event, moment: datetime, *, why: str) -> None:
        await self._invoker.run(self._call(is_past_due=why == "IsPastDue", why=why), stop)
        self._status = ScheduleStatus(moment, self._schedule.following(moment), moment)
        if not self._is_monitored:
            return
        try:
            await blob.write(self._status)
        except AzureError as error:
            self._tell(f"Function '{self.function}' failed to update the timer trigger status: {error}", logging.ERROR)

    def _call(self, *, is_past_due: bool, why: str) -> Call:
        status = status_document(self._status) if self._status and self._is_monitored else None
        info = {"Schedule": {"AdjustForDST": True}, "ScheduleStatus": status, "IsPastDue": is_past_due}
        fired = datetime.now(self._zone).isoformat()
        details = f"UnscheduledInvocationReason: {why}" if why else ""
        return Call(Datum(json.dumps(info), "json"), reason=f"Timer fired at {fired}", details=details)

    def _tell(self, text: str, level: int = logging.INFO) -> None:
        self._surroundings.console.show(HOST, text, level)
