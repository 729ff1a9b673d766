"""Recorded data becomes samples: the default's own shape, and any file of the user's by its columns."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from simulator.recordings import Columns, RecordingMistake, motes, recording
from simulator.samples import message_of

START = datetime(2025, 2, 4, 11, 24, tzinfo=UTC)


def test_the_default_data_are_four_motes_five_seconds_apart() -> None:
    samples = motes(START)

    assert len(samples) == 18_914
    assert {sample.device for sample in samples} == {"mote1", "mote2", "mote3", "mote4"}
    first = [sample for sample in samples if sample.device == "mote1"][:2]
    assert [sample.tags for sample in first] == [
        {"humidity": 45.93, "temperature": 27.97},
        {"humidity": 45.9, "temperature": 27.95},
    ]
    assert [sample.time for sample in first] == [START, START + timedelta(seconds=5)]
    assert first[0].asset == "site01/indoor/mote1"
    assert [sample.time for sample in samples] == sorted(sample.time for sample in samples)


def test_without_a_start_the_last_reading_is_now() -> None:
    samples = motes()

    for device in ("mote1", "mote4"):
        last = max(sample.time for sample in samples if sample.device == device)
        assert abs(last - datetime.now(UTC)) < timedelta(minutes=1)


def test_a_csv_is_read_by_its_columns(tmp_path: Path) -> None:
    path = tmp_path / "plant.csv"
    path.write_text("when,unit,path,temp_c,open,note\n2025-02-04T11:24:52.5Z,f1,site/f1,-4,true,\n")
    columns = Columns(time="when", device="unit", asset="path", tags={"temperature": "temp_c", "door_open": "open"})

    (sample,) = recording(path, columns)

    assert (sample.device, sample.asset, sample.time) == (
        "f1",
        "site/f1",
        datetime(2025, 2, 4, 11, 24, 52, 500000, UTC),
    )
    assert dict(sample.tags) == {"temperature": -4, "door_open": True}
    assert message_of(sample).body == (
        b'{"temperature":{"SourceTimestamp":"2025-02-04T11:24:52.5000000Z","Value":-4},'
        b'"door_open":{"SourceTimestamp":"2025-02-04T11:24:52.5000000Z","Value":true}}'
    )


def test_without_tags_named_every_other_column_is_one(tmp_path: Path) -> None:
    path = tmp_path / "plant.ndjson"
    path.write_text('{"ts": 1738668292500, "a": 1, "b": 2.5, "c": "x", "d": null}\n\n{"ts": 1738668293, "a": 2}\n')

    first, second = recording(path, Columns(time="ts"))

    assert dict(first.tags) == {"a": 1, "b": 2.5, "c": "x"}
    assert first.time == datetime(2025, 2, 4, 11, 24, 52, 500000, UTC)
    assert second.time == datetime(2025, 2, 4, 11, 24, 53, tzinfo=UTC)


@pytest.mark.parametrize(
    ("name", "content", "columns", "said"),
    [
        ("a.csv", "", Columns(), "no rows"),
        ("a.csv", "ts,v\nsoon,1\n", Columns(time="ts"), "a.csv:1: ts is 'soon'"),
        ("a.csv", "v\n1\n", Columns(tags={"t": "w"}), "none of the columns w"),
        ("a.ndjson", '{"v": 1}\n{"v": \n', Columns(), "a.ndjson:2 is not JSON"),
        ("a.ndjson", "[1]\n", Columns(), "a.ndjson:1 is not a JSON object"),
    ],
)
def test_a_mistake_is_said_with_its_place(tmp_path: Path, name: str, content: str, columns: Columns, said: str) -> None:
    path = tmp_path / name
    path.write_text(content)

    with pytest.raises(RecordingMistake, match=said):
        recording(path, columns)


def test_a_file_that_is_not_there_is_said(tmp_path: Path) -> None:
    with pytest.raises(RecordingMistake, match="can't be read"):
        recording(tmp_path / "gone.csv", Columns())
