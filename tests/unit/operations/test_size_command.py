"""`size` as an operator calls it, its document, and the measurements it rests on."""

import json

import pytest
from typer.testing import CliRunner

from benchmarks.requests_per_event import message
from operations.__main__ import app
from operations.size.document import DOCUMENT, with_tables
from operations.size.facts import read_measured
from shared.telemetry.analytics import analytics_event
from shared.telemetry.documents import telemetry_document
from tests.unit.shared.hub_events import decoded_one

run = CliRunner()


def test_the_document_s_tables_are_what_the_code_says() -> None:
    text = DOCUMENT.read_text()
    assert with_tables(text) == text, "run `python -m operations.size.document`"


def test_a_document_without_a_table_s_place_is_refused() -> None:
    with pytest.raises(ValueError, match="places for the table"):
        with_tables(DOCUMENT.read_text().replace("<!-- limits -->", ""))


def test_json_names_the_source_of_every_figure_and_price() -> None:
    result = run.invoke(app, ["size", "--devices", "1000", "--rate", "1/60", "--json"])
    assert result.exit_code == 0
    told = json.loads(result.stdout)
    assert told["fleet"]["devices"] == 1000
    assert told["prices"]["region"] == "East US"
    assert all(figure["source"] for part in told["oneDeployment"] for figure in part["figures"])
    each = sum(charge["dollars"] for part in told["oneDeployment"] for charge in part["charges"])
    assert told["dollarsAMonth"] == pytest.approx(told["deployments"] * each, rel=1e-3)
    assert {limit["service"] for limit in told["limits"]} >= {"IoT Hub", "Event Hubs", "Cosmos DB", "Digital Twins"}


def test_the_tables_show_every_service_and_the_prices_region() -> None:
    result = run.invoke(app, ["size", "--devices", "1000", "--changed", "0"])
    assert result.exit_code == 0
    for service in ("IoT Hub", "Event Hubs", "Cosmos DB", "Functions", "Digital Twins", "Data Explorer", "Storage"):
        assert service in result.stdout
    assert "East US" in result.stdout


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["--devices", "0"], "--devices is 0: give 1 to 100,000,000."),
        (["--devices", "5", "--rate", "soon"], "--rate is 'soon'"),
        (["--devices", "5", "--bytes", "0"], "--bytes is 0"),
        (["--devices", "5", "--prices", "nowhere.json"], "nowhere.json is no price list"),
        (["--devices", "5", "--rate", "900", "--bytes", "200000"], "One device alone needs more than there is"),
    ],
)
def test_a_mistake_is_one_sentence_and_status_2(arguments: list[str], told: str) -> None:
    result = run.invoke(app, ["size", *arguments])
    assert result.exit_code == 2
    assert told in result.stderr
    assert "Traceback" not in result.output


def test_what_was_measured_is_still_what_the_app_makes_of_that_message() -> None:
    measured = read_measured()
    telemetry = decoded_one(json.dumps(message(100)).encode(), partition_key="warm-1000-100")
    document = telemetry_document(telemetry)
    assert len(telemetry.tags) == measured.readings
    assert len(telemetry.text) == pytest.approx(measured.message_bytes, rel=0.05)
    assert len(json.dumps(document)) == pytest.approx(measured.document_bytes, rel=0.15)
    assert len(analytics_event(telemetry).body) == pytest.approx(measured.analytics_bytes, rel=0.05)


def test_measurements_are_of_few_devices_and_of_many() -> None:
    measured = read_measured()
    assert measured.few.devices < measured.many.devices
    assert measured.few.requests <= 30
    assert measured.few.sends <= 10
    assert measured.few.requests < measured.many.requests
    assert 0 < measured.few.seconds < measured.many.seconds


def test_measurements_are_of_readings_that_go_all_the_way_up() -> None:
    """Of each place what is above it; its twin, relationships both ways and children, and again after the patch."""
    measured = read_measured()
    assert measured.levels == 2
    assert measured.update_reads == 1
    assert measured.place_reads(2) == 2 + 2 * (1 + 2 + measured.children)
