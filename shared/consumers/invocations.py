"""One invocation of each function, from what the trigger gave to the line in the log."""

import gc
import logging
from collections.abc import Awaitable, Callable, Mapping, Sequence
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from shared import topology
from shared.consumers.forward import forward_documents, forward_telemetry
from shared.consumers.observation import invocation, report, start_exporting
from shared.consumers.outcomes import Outcome
from shared.consumers.store import store
from shared.gateways.worker import Gateways, gateways
from shared.settings import settings
from shared.telemetry.decoding import decode
from shared.telemetry.events import HubEvent
from shared.telemetry.trace_context import traceparent_of
from shared.triggers import hub_events

if TYPE_CHECKING:
    from azure.functions import EventHubEvent


async def store_batch(events: Sequence["EventHubEvent"]) -> Outcome:
    """store_telemetry's work. Raises Unavailable."""

    async def work(given: Sequence[HubEvent], at: Gateways) -> Outcome:
        return await store(given, decode(given), at.telemetry, at.letter_box)

    return await _run_batch("store_telemetry", events, work)


async def forward_batch(events: Sequence["EventHubEvent"]) -> Outcome:
    """forward_telemetry's work. Raises Unavailable."""

    async def work(given: Sequence[HubEvent], at: Gateways) -> Outcome:
        return await forward_telemetry(given, decode(given), at.analytics, at.letter_box)

    return await _run_batch("forward_telemetry", events, work)


async def update_twins_batch(events: Sequence["EventHubEvent"]) -> Outcome:
    """update_twins' work. Raises Unavailable."""
    from shared.consumers.twins import update_twins

    async def work(given: Sequence[HubEvent], at: Gateways) -> Outcome:
        return await update_twins(given, decode(given), at)

    return await _run_batch("update_twins", events, work)


async def propagate_twins_batch(events: Sequence["EventHubEvent"]) -> Outcome:
    """propagate_twins' work. Raises Unavailable."""
    from shared.consumers.propagation import propagate_twins

    given = hub_events(events, settings().twin_events_hub)
    return await _run("propagate_twins", [], lambda at: propagate_twins(given, at))


async def forward_page(documents: Sequence[Mapping[str, Any]]) -> Outcome:
    """forward_changes' work. Raises Unavailable."""
    traceparents = [text for each in documents if isinstance(text := each.get("traceparent"), str)]

    async def work(at: Gateways) -> Outcome:
        return await forward_documents(documents, topology.TELEMETRY_CONTAINER, at.analytics, at.letter_box)

    return await _run("forward_changes", traceparents, work)


async def _run_batch(
    function: str,
    events: Sequence["EventHubEvent"],
    work: Callable[[Sequence[HubEvent], Gateways], Awaitable[Outcome]],
) -> Outcome:
    given = hub_events(events, settings().telemetry_hub)
    traceparents = [found for event in given if event.properties and (found := traceparent_of(event.properties))]
    return await _run(function, traceparents, lambda at: work(given, at))


async def _run(function: str, traceparents: Sequence[str], work: Callable[[Gateways], Awaitable[Outcome]]) -> Outcome:
    warm_up()
    with invocation(function, traceparents) as span:
        outcome = await work(gateways())
        report(outcome, span)
    return outcome


@lru_cache(maxsize=1)
def warm_up() -> None:
    """Once a worker: exporting begins, the SDKs stop logging every request, the collector forgets what was imported.

    A batch makes thousands of short-lived dicts; looking through all that the SDKs hold each 700 of them costs a
    tenth of the work.
    """
    start_exporting()
    logging.getLogger("azure").setLevel(logging.WARNING)
    gc.collect()
    gc.freeze()
    gc.set_threshold(100_000, 20, 50)
