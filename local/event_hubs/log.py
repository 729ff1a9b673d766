"""A partition's log: append-only segments on disk, of which only a sparse index is in memory."""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from local.event_hubs.segments import HEAD_BYTES, Damaged, Segment

SEGMENT_BYTES = 64 << 20
READ_BYTES = 256 << 10
"""How much a reader takes from disk at a time."""


@dataclass(frozen=True, slots=True)
class Place:
    """Behind an event: the next one's sequence number and offset, and this one's enqueued time (ms since 1970)."""

    sequence: int
    offset: int
    time: int


@dataclass(frozen=True, slots=True)
class LastEvent:
    """The newest durable event. For a log that never had one: -1, -1 and None."""

    sequence: int
    offset: int
    time: int | None


@dataclass(frozen=True, slots=True)
class FlushPoint:
    """What a flush will make durable: `sync` (blocking) does it."""

    segment: Segment
    size: int
    place: Place
    last: LastEvent

    def sync(self) -> None:
        self.segment.flush()


class PartitionLog:
    """Events in, durable, and out again. One writer; any number of readers in the same process."""

    def __init__(self, directory: Path, *, segment_bytes: int = SEGMENT_BYTES) -> None:
        directory.mkdir(parents=True, exist_ok=True)
        self._directory = directory
        self._segment_bytes = segment_bytes
        self._segments = _recover(directory)
        self.written, self.last = _end_of(self._segments)
        self._last_written = self.last
        self.begin: int = self._segments[0].base_sequence
        """The oldest sequence number that is still there (the next one to come when nothing is)."""

    @property
    def _active(self) -> Segment:
        return self._segments[-1]

    @property
    def is_empty(self) -> bool:
        """Nothing is there to read: there never was, or retention took it all."""
        return self.begin > self.last.sequence

    # ---- writing

    def append(self, stamped: Callable[[int, int, int], Sequence[bytes]]) -> None:
        """Writes one block. `stamped(sequence, offset, time)` makes the events for the place they will have.

        Nothing of it is durable, or read by anybody, before the next flush. Raises OSError.
        """
        place = self.written
        now = max(time.time_ns() // 1_000_000, place.time)
        wires = stamped(place.sequence, place.offset, now)
        if self._active.size > self._segment_bytes and not self._active.is_blank:
            self._roll(place)
        self._active.append(wires, place.sequence, place.offset, now)
        sizes = [len(wire) for wire in wires]
        after = place.offset + sum(sizes)
        self.written = Place(place.sequence + len(wires), after, now)
        self._last_written = LastEvent(place.sequence + len(wires) - 1, after - sizes[-1], now)

    def flush_point(self) -> FlushPoint:
        return FlushPoint(self._active, self._active.size, self.written, self._last_written)

    def flushed(self, point: FlushPoint) -> None:
        """What `point` covers is durable: readers may have it."""
        point.segment.flushed = max(point.segment.flushed, point.size)
        if point.last.sequence > self.last.sequence:
            self.last = point.last

    def _roll(self, place: Place) -> None:
        """Starts a new segment. The full one is made durable first: only the last one may ever be torn."""
        full = self._active
        full.flush()
        full.flushed = full.size
        self._segments.append(Segment.create(self._directory, place.sequence, place.offset, place.time))

    # ---- retention

    def trim(self, before_ms: int) -> None:
        """Forgets every event enqueued before this time; deletes the segments that hold nothing else."""
        self.begin = max(self.begin, self.sequence_at_time(before_ms))
        if self.begin == self.written.sequence and not self._active.is_blank:
            self._roll(self.written)
        while len(self._segments) > 1 and self._segments[1].base_sequence <= self.begin:
            self._segments.pop(0).delete()

    # ---- reading

    def reader(self, sequence: int) -> "Reader":
        return Reader(self, sequence)

    def sequence_after_offset(self, offset: int, *, inclusive: bool) -> int:
        """The sequence number of the first event beyond (or at) an offset."""
        if offset > self.last.offset:
            return self.last.sequence + 1
        segment = self._segment_with(lambda each: each.base_offset <= offset)
        for block in segment.blocks_from(segment.seek_offset(max(offset, 0))):
            sequence, start = block.sequence, block.offset
            for wire in segment.events_of(block):
                if start > offset or (inclusive and start == offset):
                    return max(sequence, self.begin)
                sequence += 1
                start += len(wire)
        return self._after(segment)

    def sequence_at_time(self, time_ms: int) -> int:
        """The sequence number of the first event enqueued at this time or later."""
        if self.last.time is None or time_ms > self.last.time:
            return self.last.sequence + 1
        segment = self._segment_with(lambda each: each.base_time < time_ms)
        for block in segment.blocks_from(segment.seek_time(time_ms)):
            if block.time >= time_ms:
                return max(block.sequence, self.begin)
        return self._after(segment)

    def segment_of(self, sequence: int) -> Segment:
        return self._segment_with(lambda each: each.base_sequence <= sequence)

    def segment_after(self, segment: Segment) -> Segment | None:
        """The next segment; None when this is the one being written."""
        if segment is self._active:
            return None
        return next(each for each in self._segments if each.base_sequence > segment.base_sequence)

    def _segment_with(self, starts_before: Callable[[Segment], bool]) -> Segment:
        """The last segment that starts at or before the place sought; the first one when none does."""
        for segment in reversed(self._segments):
            if starts_before(segment):
                return segment
        return self._segments[0]

    def _after(self, segment: Segment) -> int:
        """The sequence number that follows a segment's last event."""
        following = self.segment_after(segment)
        after = self.last.sequence + 1 if following is None else following.base_sequence
        return max(after, self.begin)


class Reader:
    """Reads a log from one sequence number on. `sequence` is the number of the next event it will give."""

    def __init__(self, log: PartitionLog, sequence: int) -> None:
        self._log = log
        self.sequence = max(sequence, log.begin)
        self._segment = log.segment_of(self.sequence)
        self._position = self._segment.seek_sequence(self.sequence)
        self._pending: list[bytes] = []
        self._taken = 0

    @property
    def has_more(self) -> bool:
        return self.sequence <= self._log.last.sequence

    def take(self, most: int) -> list[bytes]:
        """The next events, at most so many, in order; none when the log has no more."""
        if self._taken >= len(self._pending) and not self._fill():
            return []
        events = self._pending[self._taken : self._taken + most]
        self._taken += len(events)
        self.sequence += len(events)
        return events

    def _fill(self) -> bool:
        """Reads on, over events that retention took meanwhile. False when nothing is there to read."""
        self._pending, self._taken = [], 0
        self.sequence = max(self.sequence, self._log.begin)
        while self.has_more and not self._pending:
            blocks, self._position = self._segment.read(self._position, READ_BYTES)
            for sequence, events in blocks:
                skipped = max(0, self.sequence + len(self._pending) - sequence)
                self._pending += events[skipped:] if skipped else events
            if not blocks and not self._move_on():
                return False
        return bool(self._pending)

    def _move_on(self) -> bool:
        following = self._log.segment_after(self._segment)
        if following is None:
            return False
        self._segment, self._position = following, following.first_position
        return True


def _recover(directory: Path) -> list[Segment]:
    """The segments of a directory, oldest first, the last one repaired; a new one when there is none.

    A crash may cut off the head of the last one, before any event is in it. Raises Damaged where a head is wrong and
    events are behind it: no crash does that.
    """
    paths = sorted(directory.glob("*.log"))
    while paths:
        try:
            active = Segment.open(paths[-1])
        except Damaged:
            if paths[-1].stat().st_size > HEAD_BYTES:
                raise
            paths.pop().unlink()
            continue
        active.repair()
        return [*(Segment.open(path) for path in paths[:-1]), active]
    return [Segment.create(directory, 0, 0, 0)]


def _end_of(segments: Sequence[Segment]) -> tuple[Place, LastEvent]:
    """Where the next event goes, and the last one there was."""
    active = segments[-1]
    holder = active if not active.is_blank or len(segments) == 1 else segments[-2]
    block = holder.last_block()
    if block is None:
        return _end_without_events(active)
    sizes = [len(wire) for wire in holder.events_of(block)]
    after = block.offset + sum(sizes)
    sequence = block.sequence + block.events
    return Place(sequence, after, block.time), LastEvent(sequence - 1, after - sizes[-1], block.time)


def _end_without_events(active: Segment) -> tuple[Place, LastEvent]:
    """For a log that is new, or of which retention has left an empty segment."""
    place = Place(active.base_sequence, active.base_offset, active.base_time)
    if not place.sequence:
        return place, LastEvent(-1, -1, None)
    return place, LastEvent(place.sequence - 1, place.offset - 1, place.time)
