"""Dead letters in Data Explorer: each letter once, in its newest state."""

from typing import Any

import pytest

from shared.dead_letters.letters import DeadLetter
from shared.telemetry.events import Reason
from tests.golden.iot_database import IotDatabase


@pytest.fixture
def database(empty_database: IotDatabase) -> IotDatabase:
    empty_database.build("dead-letters")
    return empty_database


def letter(sequence_number: int, *, element: int = 0, consumer: str = "store", **more: Any) -> dict[str, Any]:
    return {
        "consumer": consumer,
        "source": "telemetry",
        "partition": "3",
        "sequenceNumber": sequence_number,
        "element": element,
        "reason": "not-json",
        "detail": "unexpected character",
        "deviceId": "d1",
        "asset": "a1",
        "eventId": None,
        "enqueuedTime": f"2026-01-05T10:00:{sequence_number:02}Z",
        "properties": {"asset": "a1"},
        "systemProperties": {"iothub-connection-device-id": "d1"},
        "body": "bm9qc29u",
    } | more


def ingest(database: IotDatabase, *letters: dict[str, Any]) -> None:
    database.ingest(*letters, table="DeadLetterRecords", mapping="DeadLetterMapping")


def test_a_letter_as_the_app_writes_it_has_its_columns(database: IotDatabase) -> None:
    written = DeadLetter(
        consumer="store",
        source="telemetry",
        partition="3",
        sequence_number=7,
        element=2,
        whole=False,
        reason=Reason.NOT_JSON,
        detail="unexpected character",
        device_id="d1",
        asset="a1",
        event_id="e7",
        enqueued_time="2026-01-05T10:00:07Z",
        partition_key="d1",
        properties={"asset": "a1"},
        system_properties={"iothub-connection-device-id": "d1"},
        body=b"no\xffjson",
    )
    database.ingest_lines([written.to_json().decode()], table="DeadLetterRecords", mapping="DeadLetterMapping")

    [row] = database.rows(
        "DeadLetters(datetime(2026-01-05), datetime(2026-01-06)) | project-away SystemProperties, Properties"
    )

    where = ("store", "telemetry", "3", 7, 2, False)
    why = ("not-json", "unexpected character")
    assert row == ("2026-01-05T10:00:07Z", *where, *why, "d1", "a1", "e7", None, "d1", "bm//anNvbg==")
    assert database.rows(
        "DeadLetters(datetime(2026-01-05), datetime(2026-01-06)) "
        "| project tostring(Properties.asset), tostring(SystemProperties['iothub-connection-device-id'])"
    ) == [("a1", "d1")]


def test_a_letter_written_again_is_one_letter_and_elements_are_several(database: IotDatabase) -> None:
    ingest(database, letter(1), letter(2, element=0), letter(2, element=1), letter(1))
    ingest(database, letter(1), letter(1, consumer="twins"))

    assert database.rows(
        "DeadLetters(datetime(2026-01-05), datetime(2026-01-06)) "
        "| project SequenceNumber, Element, Consumer | order by SequenceNumber asc, Element asc, Consumer asc"
    ) == [(1, 0, "store"), (1, 0, "twins"), (2, 0, "store"), (2, 1, "store")]


def test_newest_come_first(database: IotDatabase) -> None:
    ingest(database, letter(2), letter(9), letter(4))

    found = database.rows("DeadLetters(datetime(2026-01-05), datetime(2026-01-06)) | project SequenceNumber")

    assert found == [(9,), (4,), (2,)]


def test_replayed_letters_are_shown_only_when_asked_for(database: IotDatabase) -> None:
    ingest(database, letter(1), letter(2))
    ingest(database, letter(1, replayedAt="2026-01-06T08:00:00Z"))

    waiting = database.rows("DeadLetters(datetime(2026-01-05), datetime(2026-01-06)) | project SequenceNumber")
    everything = database.rows(
        "DeadLetters(datetime(2026-01-05), datetime(2026-01-06), replayed = true) | project SequenceNumber, ReplayedAt"
    )

    assert waiting == [(2,)]
    assert everything == [(2, None), (1, "2026-01-06T08:00:00Z")]


def test_a_letter_that_fails_again_after_its_replay_waits_again(database: IotDatabase) -> None:
    ingest(database, letter(1))
    ingest(database, letter(1, replayedAt="2026-01-06T08:00:00Z"))
    ingest(database, letter(1))

    found = database.rows(
        "DeadLetters(datetime(2026-01-05), datetime(2026-01-06)) | project SequenceNumber, ReplayedAt"
    )

    assert found == [(1, None)]


def test_letters_are_chosen_by_time_and_consumer(database: IotDatabase) -> None:
    ingest(database, letter(1), letter(2, consumer="twins"), letter(30))

    assert database.rows(
        "DeadLetters(datetime(2026-01-05 10:00:02), datetime(2026-01-05 10:00:30)) | project SequenceNumber"
    ) == [(2,)]
    assert database.rows("DeadLetters(datetime(2026-01-05), consumer = 'store') | project SequenceNumber") == [
        (30,),
        (1,),
    ]
    assert database.rows("DeadLetters() | count") == [(0,)]
