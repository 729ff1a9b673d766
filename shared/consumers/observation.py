"""What an invocation shows of itself: a line in the log, metrics and a span, through OpenTelemetry's API.

Without a connection string of Application Insights nothing is set up, and the API does nothing.
"""

import json
import logging
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from functools import lru_cache
from typing import Any

from opentelemetry import metrics, trace
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

from shared.consumers.outcomes import Outcome
from shared.consumers.twin_outcomes import TwinOutcome
from shared.gateways.errors import Unavailable
from shared.settings import settings

NAME = "iot-telemetry"
MAX_LINKS = 128
"""OpenTelemetry's default limit of a span's links."""
log = logging.getLogger(NAME)


@lru_cache(maxsize=1)
def start_exporting() -> None:
    """Sets up Azure Monitor, once, when its connection string is set. The distribution is slow to import."""
    connection = settings().application_insights
    if connection:
        from azure.monitor.opentelemetry import configure_azure_monitor

        configure_azure_monitor(connection_string=connection)


@contextmanager
def invocation(function: str, traceparents: Iterable[str]) -> Iterator[trace.Span]:
    """A span for one invocation, linked to the traces of its events; a line in the log when a service was away."""
    tracer = trace.get_tracer(NAME)
    with tracer.start_as_current_span(function, kind=trace.SpanKind.CONSUMER) as span:
        if span.is_recording():
            for traceparent in sorted(set(traceparents))[:MAX_LINKS]:
                span.add_link(_context(traceparent))
        try:
            yield span
        except Unavailable as error:
            log.warning(json.dumps({"function": function, "unavailable": error.service, "detail": str(error)}))
            raise


def _context(traceparent: str) -> trace.SpanContext:
    carried = TraceContextTextMapPropagator().extract({"traceparent": traceparent})
    return trace.get_current_span(carried).get_span_context()


def report(outcome: Outcome, span: trace.Span) -> None:
    """Shows what came of an invocation."""
    line = outcome.as_json()
    log.info(line)
    span.set_attributes({"iot.received": outcome.received, "iot.dead_lettered": outcome.dead_lettered.total()})
    instruments = _instruments()
    labels = {"function": outcome.function}
    for name in ("received", "stored", "already_stored", "forwarded", "passed"):
        instruments[name].add(getattr(outcome, name), labels)
    if isinstance(outcome, TwinOutcome):
        instruments["updated"].add(outcome.updated, labels)
        for fate, count in outcome.fates.items():
            instruments["fates"].add(count, {**labels, "fate": str(fate)})
    for reason, count in outcome.dead_lettered.items():
        instruments["dead_lettered"].add(count, {**labels, "reason": str(reason)})
    instruments["lag"].record(outcome.lag_seconds, labels)


@lru_cache(maxsize=1)
def _instruments() -> dict[str, Any]:
    meter = metrics.get_meter(NAME)
    counters = {
        "received": "elements received",
        "stored": "elements stored for the first time",
        "already_stored": "elements that were stored before, or stood twice in a batch",
        "forwarded": "analytics events sent",
        "passed": "elements that another consumer dead-letters",
        "dead_lettered": "elements dead-lettered, by reason",
    }
    instruments: dict[str, Any] = {
        name: meter.create_counter(f"iot.telemetry.{name}", unit="{element}", description=text)
        for name, text in counters.items()
    }
    instruments["updated"] = meter.create_counter(
        "iot.twins.updated", unit="{element}", description="elements that the twin graph is up to date with"
    )
    instruments["fates"] = meter.create_counter(
        "iot.twins.fates", unit="{value}", description="readings, or properties of places, by what came of them"
    )
    instruments["lag"] = meter.create_histogram(
        "iot.telemetry.lag", unit="s", description="age of the oldest event of an invocation when it began"
    )
    return instruments
