"""What an invocation shows: metrics and a span linked to its events' traces, through OpenTelemetry."""

import json
import logging
from collections.abc import Iterator

import pytest
from opentelemetry import metrics, trace
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import InMemoryMetricReader, NumberDataPoint
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from shared.consumers import observation
from shared.consumers.observation import MAX_LINKS, invocation, report
from shared.consumers.outcomes import Outcome
from shared.consumers.twin_outcomes import TwinOutcome
from shared.gateways.errors import Unavailable
from shared.telemetry.events import Reason


@pytest.fixture
def spans(monkeypatch: pytest.MonkeyPatch) -> InMemorySpanExporter:
    exporter = InMemorySpanExporter()
    provider = TracerProvider()
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    monkeypatch.setattr(trace, "get_tracer", provider.get_tracer)
    return exporter


@pytest.fixture
def measured(monkeypatch: pytest.MonkeyPatch) -> Iterator[InMemoryMetricReader]:
    reader = InMemoryMetricReader()
    provider = MeterProvider([reader])
    monkeypatch.setattr(metrics, "get_meter", provider.get_meter)
    observation._instruments.cache_clear()
    yield reader
    observation._instruments.cache_clear()
    provider.shutdown()


def traceparent(number: int) -> str:
    return f"00-{number:032x}-{number:016x}-01"


def points(reader: InMemoryMetricReader) -> dict[str, dict[str, float]]:
    """Counters by name, their values by reason or fate (or by nothing)."""
    found: dict[str, dict[str, float]] = {}
    data = reader.get_metrics_data()
    assert data is not None
    for metric in data.resource_metrics[0].scope_metrics[0].metrics:
        for point in metric.data.data_points:
            if isinstance(point, NumberDataPoint):
                labels = point.attributes or {}
                label = labels.get("reason", labels.get("fate", ""))
                found.setdefault(metric.name, {})[str(label)] = point.value
    return found


def test_counts_become_metrics(measured: InMemoryMetricReader) -> None:
    outcome = Outcome("store_telemetry", received=6, stored=3, already_stored=1, lag_seconds=1.5)
    outcome.dead_lettered.update([Reason.VALUE, Reason.NOT_JSON])

    for _ in range(2):
        report(outcome, trace.INVALID_SPAN)

    counted = points(measured)
    assert counted["iot.telemetry.received"] == {"": 12}
    assert counted["iot.telemetry.stored"] == {"": 6}
    assert counted["iot.telemetry.already_stored"] == {"": 2}
    assert counted["iot.telemetry.dead_lettered"] == {"value": 2, "not-json": 2}


def test_fates_of_twins_readings_become_metrics(measured: InMemoryMetricReader) -> None:
    outcome = TwinOutcome("update_twins", received=5, updated=5)
    outcome.fates.update({"sent": 3, "older": 2})

    report(outcome, trace.INVALID_SPAN)

    counted = points(measured)
    assert counted["iot.twins.updated"] == {"": 5}
    assert counted["iot.twins.fates"] == {"sent": 3, "older": 2}


def test_span_is_linked_to_the_traces_of_its_events(spans: InMemorySpanExporter) -> None:
    with invocation("store_telemetry", [traceparent(1), traceparent(2), traceparent(1)]):
        pass

    (span,) = spans.get_finished_spans()
    assert span.name == "store_telemetry"
    assert [link.context.trace_id for link in span.links] == [1, 2]


def test_span_has_no_more_links_than_are_taken(spans: InMemorySpanExporter) -> None:
    with invocation("store_telemetry", map(traceparent, range(1, 1000))):
        pass

    assert len(spans.get_finished_spans()[0].links) == MAX_LINKS


def test_service_that_is_away_is_told_and_passed_on(caplog: pytest.LogCaptureFixture) -> None:
    with pytest.raises(Unavailable), invocation("store_telemetry", []):
        raise Unavailable("Cosmos DB", TimeoutError("too slow"))

    (record,) = [each for each in caplog.records if each.levelno == logging.WARNING]
    assert json.loads(record.getMessage())["unavailable"] == "Cosmos DB"


def test_nothing_is_exported_without_a_connection_string() -> None:
    assert type(trace.get_tracer_provider()).__name__ == "ProxyTracerProvider"
