"""The partition log: what was flushed is there again after any crash, in order, once."""

from collections.abc import Sequence
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from local.event_hubs.log import PartitionLog

SEGMENT = 2_000


def write(log: PartitionLog, events: Sequence[bytes]) -> None:
    log.append(lambda sequence, offset, now: list(events))
    flush(log)


def flush(log: PartitionLog) -> None:
    point = log.flush_point()
    point.sync()
    log.flushed(point)


def numbered(count: int, size: int = 20, start: int = 0) -> list[bytes]:
    return [f"{number:06d}".encode().ljust(size, b".") for number in range(start, start + count)]


def read_all(log: PartitionLog, sequence: int = 0, most: int = 7) -> list[bytes]:
    reader = log.reader(sequence)
    events: list[bytes] = []
    while taken := reader.take(most):
        events += taken
    return events


def filled(directory: Path, batches: int = 60, per_batch: int = 5) -> tuple[PartitionLog, list[bytes]]:
    log = PartitionLog(directory, segment_bytes=SEGMENT)
    events = numbered(batches * per_batch)
    for start in range(0, len(events), per_batch):
        write(log, events[start : start + per_batch])
    return log, events


def test_events_come_back_in_order_across_segments(tmp_path: Path) -> None:
    log, events = filled(tmp_path)

    assert len(list(tmp_path.glob("*.log"))) > 3
    assert read_all(log) == events
    assert read_all(log, 123) == events[123:]


def test_nothing_is_read_before_it_is_flushed(tmp_path: Path) -> None:
    log = PartitionLog(tmp_path)
    log.append(lambda sequence, offset, now: [b"event"])

    assert log.last.sequence == -1
    assert read_all(log) == []
    flush(log)
    assert read_all(log) == [b"event"]


def test_a_flush_covers_what_was_written_before_it_began(tmp_path: Path) -> None:
    log = PartitionLog(tmp_path)
    log.append(lambda sequence, offset, now: [b"first"])
    point = log.flush_point()
    log.append(lambda sequence, offset, now: [b"second"])
    point.sync()
    log.flushed(point)

    assert read_all(log) == [b"first"]


def test_a_log_opened_again_goes_on_where_it_was(tmp_path: Path) -> None:
    log, events = filled(tmp_path)
    again = PartitionLog(tmp_path, segment_bytes=SEGMENT)

    assert (again.last, again.written) == (log.last, log.written)
    write(again, [b"next"])
    assert again.last.sequence == len(events)
    assert read_all(again) == [*events, b"next"]


@settings(max_examples=60, deadline=None)
@given(st.integers(1, 400), st.binary(max_size=60))
def test_a_torn_tail_is_cut_away_and_nothing_before_it(
    tmp_path_factory: pytest.TempPathFactory, cut: int, garbage: bytes
) -> None:
    directory = tmp_path_factory.mktemp("log")
    log = PartitionLog(directory)
    batches = [numbered(3, size=30, start=3 * number) for number in range(4)]
    ends = []
    path = next(directory.glob("*.log"))
    for batch in batches:
        write(log, batch)
        ends.append(path.stat().st_size)
    size = max(ends[-1] - cut, 40)
    path.write_bytes(path.read_bytes()[:size] + garbage)

    whole = sum(end <= size for end in ends)
    again = PartitionLog(directory)

    assert read_all(again) == [event for batch in batches[:whole] for event in batch]
    write(again, [b"after"])
    assert read_all(PartitionLog(directory))[-1] == b"after"


@settings(max_examples=40, deadline=None)
@given(st.data())
def test_a_flipped_bit_in_the_tail_is_not_served(tmp_path_factory: pytest.TempPathFactory, data: st.DataObject) -> None:
    directory = tmp_path_factory.mktemp("log")
    log = PartitionLog(directory)
    write(log, numbered(3))
    path = next(directory.glob("*.log"))
    good = path.stat().st_size
    write(log, numbered(3, start=3))
    raw = bytearray(path.read_bytes())
    raw[data.draw(st.integers(good, len(raw) - 1))] ^= 1 << data.draw(st.integers(0, 7))
    path.write_bytes(raw)

    assert read_all(PartitionLog(directory)) == numbered(3)


def test_a_segment_whose_head_is_cut_off_is_dropped(tmp_path: Path) -> None:
    _, events = filled(tmp_path)
    (tmp_path / f"{len(events):020d}.log").write_bytes(b"EHLOG")

    again = PartitionLog(tmp_path, segment_bytes=SEGMENT)

    assert read_all(again) == events
    assert again.last.sequence == len(events) - 1


@settings(max_examples=30, deadline=None)
@given(st.lists(st.integers(1, 40), min_size=1, max_size=40), st.data())
def test_any_offset_is_found(tmp_path_factory: pytest.TempPathFactory, sizes: list[int], data: st.DataObject) -> None:
    log = PartitionLog(tmp_path_factory.mktemp("log"), segment_bytes=200)
    offsets = []
    offset = 0
    for size in sizes:
        write(log, [b"x" * size])
        offsets.append(offset)
        offset += size
    sought = data.draw(st.integers(-1, offset + 5))

    beyond = [number for number, each in enumerate(offsets) if each > sought]
    at = [number for number, each in enumerate(offsets) if each >= sought]
    assert log.sequence_after_offset(sought, inclusive=False) == (beyond or [len(sizes)])[0]
    # Only an event's own offset can be started at; between two, the next one is meant.
    if sought in offsets:
        assert log.sequence_after_offset(sought, inclusive=True) == at[0]


def test_a_time_is_found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    log = PartitionLog(tmp_path, segment_bytes=200)
    for number in range(50):
        monkeypatch.setattr(
            "local.event_hubs.log.time.time_ns", lambda number=number: (1_000 + 10 * number) * 1_000_000
        )
        write(log, [b"x" * 20])

    assert [log.sequence_at_time(time) for time in (0, 1_000, 1_001, 1_010, 1_495, 1_490)] == [0, 0, 1, 1, 50, 49]


def test_a_clock_set_back_does_not_turn_enqueued_times_back(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    log = PartitionLog(tmp_path)
    for seconds in (100, 50, 120):
        monkeypatch.setattr("local.event_hubs.log.time.time_ns", lambda seconds=seconds: seconds * 10**9)
        write(log, [b"x"])
        assert log.last.time == max(seconds, 100) * 1000


def test_retention_moves_the_beginning_and_deletes_files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    log = PartitionLog(tmp_path, segment_bytes=SEGMENT)
    for number in range(200):
        monkeypatch.setattr("local.event_hubs.log.time.time_ns", lambda number=number: number * 1_000_000)
        write(log, numbered(1, size=100, start=number))
    files = len(list(tmp_path.glob("*.log")))
    behind = log.reader(0)
    behind.take(1)

    log.trim(150)

    assert log.begin == 150
    assert len(list(tmp_path.glob("*.log"))) < files
    assert read_all(log) == numbered(50, size=100, start=150)
    rest: list[bytes] = []
    while taken := behind.take(50):
        rest += taken
    assert rest[-50:] == numbered(50, size=100, start=150)


def test_sequence_numbers_go_on_when_retention_took_everything(tmp_path: Path) -> None:
    log, events = filled(tmp_path)
    offset = log.written.offset

    log.trim(2**60)

    assert log.is_empty
    assert (log.begin, log.last.sequence) == (len(events), len(events) - 1)
    again = PartitionLog(tmp_path, segment_bytes=SEGMENT)
    assert again.written.sequence == len(events)
    assert again.written.offset == offset
    write(again, [b"next"])
    assert (again.last.sequence, read_all(again)) == (len(events), [b"next"])


def test_a_disk_that_refuses_leaves_the_log_as_it_was(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    log, events = filled(tmp_path, batches=2)

    def full(descriptor: int, data: bytes, position: int) -> int:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("local.event_hubs.segments.os.pwrite", full)
    with pytest.raises(OSError, match="No space"):
        log.append(lambda sequence, offset, now: [b"lost"])
    monkeypatch.undo()

    write(log, [b"next"])
    assert read_all(PartitionLog(tmp_path)) == [*events, b"next"]
