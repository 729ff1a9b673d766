"""One invocation of each function, from what the trigger gave to the line in the log."""

import gc
import logging
from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from shared import topology
from shared.consumers.forward import forward_documents, forward_telemetry
from shared.consumers.observation import invocation, report, start_exporting
from shared.consumers.outcomes import Outcome
from shared.consumers.store import store
from shared.gateways.worker import gateways
from shared.settings import settings
from shared.telemetry.decoding import decode
from shared.telemetry.events import HubEvent
from shared.telemetry.trace_context import traceparent_of
from shared.triggers import hub_events

if TYPE_CHECKING:
    from azure.functions import EventHubEvent


async def store_batch(events: Sequence["EventHubEvent"]) -> Outcome:
    """store_telemetry's work. Raises Unavailable."""
    warm_up()
    given = hub_events(events, settings().telemetry_hub)
    with invocation("store_telemetry", _traceparents(given)) as span:
        at = gateways()
        outcome = await store(given, decode(given), at.telemetry, at.letter_box)
        report(outcome, span)
    return outcome


async def forward_batch(events: Sequence["EventHubEvent"]) -> Outcome:
    """forward_telemetry's work. Raises Unavailable."""
    warm_up()
    given = hub_events(events, settings().telemetry_hub)
    with invocation("forward_telemetry", _traceparents(given)) as span:
        at = gateways()
        outcome = await forward_telemetry(given, decode(given), at.analytics, at.letter_box)
        report(outcome, span)
    return outcome


async def forward_page(documents: Sequence[Mapping[str, Any]]) -> Outcome:
    """forward_changes' work. Raises Unavailable."""
    warm_up()
    traceparents = [text for each in documents if isinstance(text := each.get("traceparent"), str)]
    with invocation("forward_changes", traceparents) as span:
        at = gateways()
        outcome = await forward_documents(documents, topology.TELEMETRY_CONTAINER, at.analytics, at.letter_box)
        report(outcome, span)
    return outcome


def _traceparents(events: Sequence[HubEvent]) -> list[str]:
    return [found for event in events if event.properties and (found := traceparent_of(event.properties))]


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
