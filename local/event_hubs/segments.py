"""One file of a partition's log: a head, then blocks, each written whole and checked by its CRC.

A block holds what one transfer brought: `size crc sequence offset time count`, then `count` lengths, then the events.
The sequence number, offset and time are those of its first event. A block that a crash cut off was accepted from
nobody, so it is cut away at the next start.
"""

import os
import struct
import sys
import weakref
import zlib
from array import array
from bisect import bisect_right
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

from local.process import UserMistake

_HEAD = struct.Struct(">8sQQqI")
HEAD_BYTES = _HEAD.size
_MAGIC = b"EHLOG\x00\x00\x01"
_BLOCK = struct.Struct(">IIQQqI")
_CHECKED_FROM = 8
"""The CRC covers a block from here: everything but its size and the CRC itself."""
_INDEX_EVERY = 1 << 16
"""Bytes of log per index entry: what a seek may have to read beyond its target."""
_SCAN = 1 << 20


class Block(NamedTuple):
    """A block's head, as it stands in the file at `position`; `end` is where the next one starts.

    `sequence`, `offset` and `time` are its first event's; `events` is how many it holds.
    """

    position: int
    end: int
    sequence: int
    offset: int
    time: int
    events: int


class Damaged(UserMistake):
    """The file's head is not that of a segment."""


@dataclass
class _Index:
    """Where some blocks start: parallel arrays, ordered, so that memory stays at 32 bytes per 64 KB of log."""

    sequences: "array[int]" = field(default_factory=lambda: array("Q"))
    offsets: "array[int]" = field(default_factory=lambda: array("Q"))
    times: "array[int]" = field(default_factory=lambda: array("q"))
    positions: "array[int]" = field(default_factory=lambda: array("Q"))

    def note(self, block: Block) -> None:
        if not self.positions or block.position - self.positions[-1] >= _INDEX_EVERY:
            self.sequences.append(block.sequence)
            self.offsets.append(block.offset)
            self.times.append(block.time)
            self.positions.append(block.position)


class Segment:
    """An open segment file. `size` is what is written, `flushed` what is durable and so may be read."""

    def __init__(self, path: Path, descriptor: int) -> None:
        self.path = path
        self._descriptor = descriptor
        weakref.finalize(self, os.close, descriptor)
        head = os.pread(descriptor, _HEAD.size, 0)
        if len(head) < _HEAD.size:
            raise Damaged(f"{path} is cut off in its head: restore it, or remove its folder to begin anew.")
        self.base_sequence: int
        self.base_offset: int
        self.base_time: int
        magic, self.base_sequence, self.base_offset, self.base_time, crc = _HEAD.unpack(head)
        if magic != _MAGIC or zlib.crc32(head[:-4]) != crc:
            raise Damaged(f"{path} is damaged in its head: restore it, or remove its folder to begin anew.")
        self.size = self.flushed = os.fstat(descriptor).st_size
        self._index: _Index | None = None

    @classmethod
    def create(cls, directory: Path, sequence: int, offset: int, time: int) -> "Segment":
        """A new empty segment, durable before this returns; its first event will have this place.

        `time` is the enqueued time of the last event before it.
        """
        path = directory / f"{sequence:020d}.log"
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o644)
        head = _HEAD.pack(_MAGIC, sequence, offset, time, 0)[:-4]
        os.pwrite(descriptor, head + struct.pack(">I", zlib.crc32(head)), 0)
        os.fsync(descriptor)
        flush_directory(directory)
        segment = cls(path, descriptor)
        segment._index = _Index()
        return segment

    @classmethod
    def open(cls, path: Path) -> "Segment":
        """Raises Damaged when a crash cut off even the head."""
        return cls(path, os.open(path, os.O_RDWR | os.O_CLOEXEC))

    def repair(self) -> None:
        """Cuts away a torn tail, which only the last segment can have, and keeps what it cut beside the segment.

        After a crash that is what nobody was told is accepted. After damage to the disk it may be more, so it is said.
        """
        end = _HEAD.size
        index = _Index()
        expected = self.base_sequence
        for block in self._blocks(check=True):
            if block.sequence != expected:
                break
            index.note(block)
            end, expected = block.end, block.sequence + block.events
        if end != self.size:
            aside = self.path.with_name(f"{self.path.stem}.{end}.cut")
            aside.write_bytes(os.pread(self._descriptor, self.size - end, end))
            print(f"{self.path}: cut {self.size - end} bytes of a torn tail; they are in {aside.name}", file=sys.stderr)
            os.ftruncate(self._descriptor, end)
            os.fsync(self._descriptor)
            self.size = self.flushed = end
        self._index = index

    def append(self, wires: Sequence[bytes], sequence: int, offset: int, time: int) -> None:
        """Writes one block; not durable before `flush`. Raises OSError, and then nothing is written."""
        lengths = [len(wire) for wire in wires]
        rest = b"".join((struct.pack(f">QQqI{len(wires)}I", sequence, offset, time, len(wires), *lengths), *wires))
        data = struct.pack(">II", len(rest), zlib.crc32(rest)) + rest
        start = self.size
        written = 0
        try:
            while written < len(data):
                written += os.pwrite(self._descriptor, data[written:] if written else data, start + written)
        except OSError:
            os.ftruncate(self._descriptor, start)
            raise
        self.size = start + len(data)
        if self._index is not None:
            self._index.note(Block(start, self.size, sequence, offset, time, len(wires)))

    def flush(self) -> None:
        """Makes what is written durable. Blocks; called from a thread."""
        os.fdatasync(self._descriptor)

    def read(self, position: int, at_least: int) -> tuple[list[tuple[int, list[bytes]]], int]:
        """Blocks from `position` on, as (sequence, events), and the position behind them.

        Reads `at_least` bytes, or more where one block is larger; nothing beyond what is flushed.
        """
        blocks: list[tuple[int, list[bytes]]] = []
        limit = self.flushed
        data = os.pread(self._descriptor, min(at_least, limit - position), position)
        start = 0
        while start + _BLOCK.size <= len(data):
            size, _, sequence, _, _, count = _BLOCK.unpack_from(data, start)
            end = start + _CHECKED_FROM + size
            if end > len(data):
                if blocks:
                    break
                data = os.pread(self._descriptor, end, position)
            blocks.append((sequence, _events(data, start + _BLOCK.size, count)))
            start = end
        return blocks, position + start

    def seek_sequence(self, sequence: int) -> int:
        """A position at or before the block that holds this sequence number."""
        return self._position_before(self._indexed().sequences, sequence)

    def seek_offset(self, offset: int) -> int:
        return self._position_before(self._indexed().offsets, offset)

    def seek_time(self, time: int) -> int:
        """A position at or before the first block with this time or later."""
        return self._position_before(self._indexed().times, time - 1)

    def blocks_from(self, position: int) -> Iterator[Block]:
        """The heads of the flushed blocks from a position that a seek gave."""
        return self._blocks(position, check=False)

    def events_of(self, block: Block) -> list[bytes]:
        data = os.pread(self._descriptor, block.end - block.position, block.position)
        return _events(data, _BLOCK.size, block.events)

    @property
    def first_position(self) -> int:
        return _HEAD.size

    @property
    def is_blank(self) -> bool:
        return self.size <= _HEAD.size

    def last_block(self) -> Block | None:
        last = None
        for block in self._blocks(check=False):
            last = block
        return last

    def delete(self) -> None:
        """Unlinks the file; readers that hold the segment read on to its end."""
        self.path.unlink(missing_ok=True)

    def _indexed(self) -> _Index:
        if self._index is None:
            self._index = _Index()
            for block in self._blocks(check=False):
                self._index.note(block)
        return self._index

    def _position_before(self, keys: "array[int]", key: int) -> int:
        """The last indexed block whose key is not beyond `key` (blocks of one time may share it: the first of them)."""
        found = bisect_right(keys, key) - 1
        return self._indexed().positions[found] if found >= 0 else _HEAD.size

    def _blocks(self, position: int = _HEAD.size, *, check: bool) -> Iterator[Block]:
        """Block heads up to the end, or to the first one that is cut off or, with `check`, fails its CRC."""
        data, base = b"", position
        while True:
            start = position - base
            if start + _BLOCK.size > len(data):
                data, base, start = os.pread(self._descriptor, _SCAN, position), position, 0
            if start + _BLOCK.size > len(data):
                return
            size, crc, sequence, offset, time, count = _BLOCK.unpack_from(data, start)
            end = position + _CHECKED_FROM + size
            if end > self.size or size < _BLOCK.size - _CHECKED_FROM + 4 * count or not count:
                return
            if check:
                if end - base > len(data):
                    data, base, start = os.pread(self._descriptor, max(_SCAN, end - position), position), position, 0
                if zlib.crc32(memoryview(data)[start + _CHECKED_FROM : end - base]) != crc:
                    return
            yield Block(position, end, sequence, offset, time, count)
            position = end


def flush_directory(directory: Path) -> None:
    """Makes created and deleted names durable."""
    descriptor = os.open(directory, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _events(data: bytes, start: int, count: int) -> list[bytes]:
    lengths = struct.unpack_from(f">{count}I", data, start)
    events = []
    position = start + 4 * count
    for length in lengths:
        end = position + length
        events.append(data[position:end])
        position = end
    return events
