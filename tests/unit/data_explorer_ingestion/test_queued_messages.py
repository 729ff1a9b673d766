"""Messages of the ingestion queue, as azure-kusto-ingest and others write them."""

import datetime
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from local.data_explorer.ingestion.failures import IngestionRefused
from local.data_explorer.ingestion.queued_batches import Batching
from local.data_explorer.ingestion.queued_messages import failure_report, parse_message, success_report

MALFORMED = "BadRequest_MalformedIngestionProperty"
MESSAGE = {
    "Id": "4f5b1f9e-9e2b-4f0c-8f0e-3c1f6d9a5a10",
    "BlobPath": "http://127.0.0.1:10000/devstoreaccount1/c/b.json?sv=1&sig=secret",
    "RawDataSize": 10,
    "DatabaseName": "iot",
    "TableName": "T",
    "RetainBlobOnSuccess": False,
    "FlushImmediately": True,
    "ReportLevel": 2,
    "AdditionalProperties": {
        "format": "json",
        "ingestionMappingReference": "m",
        "tags": '["ingest-by:a","b"]',
        "ingestIfNotExists": '["a"]',
        "ignoreFirstRecord": True,
        "creationTime": "2025-02-04T11:24:52.9911021Z",
    },
}


def test_message_tells_what_to_ingest_and_how() -> None:
    message = parse_message(json.dumps(MESSAGE))

    assert (message.database, message.size, message.flush_at_once, message.keep_blob) == ("iot", 10, True, False)
    arrival = message.arrival
    assert (arrival.table, arrival.format, arrival.mapping_name) == ("T", "json", "m")
    assert (arrival.tags, arrival.if_not_exists) == (("ingest-by:a", "b"), ("a",))
    assert arrival.ignore_first_record
    assert arrival.creation_time == datetime.datetime(2025, 2, 4, 11, 24, 52, 991102, tzinfo=datetime.UTC)


def test_reports_name_the_source_without_its_secrets() -> None:
    message = parse_message(json.dumps(MESSAGE))

    failure = json.loads(failure_report(message, "BadRequest_InvalidBlob", "why", permanent=True))
    success = json.loads(success_report(message))

    assert failure["FailureStatus"] == "Permanent"
    assert success["IngestionSourceId"] == failure["IngestionSourceId"] == MESSAGE["Id"]
    assert "secret" not in json.dumps([failure, success])


@pytest.mark.parametrize(
    ("message", "code"),
    [
        ("no json", "BadRequest_CorruptedMessage"),
        ("[]", "BadRequest_CorruptedMessage"),
        ("{}", "BadRequest_EmptyBlobUri"),
        ('{"BlobPath": "x", "AdditionalProperties": {"tags": "{}"}}', "BadRequest_MalformedIngestionProperty"),
        (
            '{"BlobPath": "x", "AdditionalProperties": {"creationTime": "soon"}}',
            "BadRequest_MalformedIngestionProperty",
        ),
    ],
)
def test_messages_that_cannot_be_followed_are_refused(message: str, code: str) -> None:
    with pytest.raises(IngestionRefused) as caught:
        parse_message(message)
    assert caught.value.code == code


JSON = st.recursive(st.none() | st.booleans() | st.integers() | st.text(), st.lists, max_leaves=3)


@given(st.dictionaries(st.sampled_from([*MESSAGE, "Other"]), JSON))
def test_no_message_breaks_the_reader(message: dict[str, object]) -> None:
    try:
        parsed = parse_message(json.dumps(message))
    except IngestionRefused:
        return
    assert parsed.blob


def test_a_batch_is_due_by_its_first_bound() -> None:
    bounds = Batching(seconds=10, items=5, size=100)

    assert not bounds.is_due(age=9, items=4, size=99)
    assert bounds.is_due(age=10, items=1, size=0)
    assert bounds.is_due(age=0, items=5, size=0)
    assert bounds.is_due(age=0, items=1, size=100)
