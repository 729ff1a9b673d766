"""A server starts on what the last one left, however it ended, or says in one sentence why it can't."""

import re
from collections.abc import Callable
from pathlib import Path

import pytest

from local.launch import NotReady, ServerProcess
from local.process import USER_MISTAKE
from tests.contract.event_hubs.clients import port_of
from tests.contract.event_hubs.own_hub import read_all, send_each

OwnServer = Callable[..., ServerProcess]


def _last_segment(directory: Path, partition: int = 0) -> Path:
    return max((directory / "data" / "h" / str(partition)).glob("*.log"))


def _cut(path: Path, lost: int) -> None:
    with path.open("r+b") as file:
        file.truncate(path.stat().st_size - lost)


def _flip(path: Path, from_end: int) -> None:
    content = bytearray(path.read_bytes())
    content[-from_end] ^= 0x40
    path.write_bytes(content)


TEARS: dict[str, tuple[Callable[[Path], None], int]] = {
    "garbage behind": (lambda path: _append(path, b"\xde\xad\xbe\xef" * 100), 10),
    "zeros behind": (lambda path: _append(path, bytes(8192)), 10),
    "half a block behind": (lambda path: _append(path, path.read_bytes()[-60:]), 10),
    "one byte short": (lambda path: _cut(path, 1), 9),
    "half the last block short": (lambda path: _cut(path, 70), 9),
    "flipped bit in the last event": (lambda path: _flip(path, 3), 9),
    "flipped bit in the last block's head": (lambda path: _flip(path, 125), 9),
}
"""How a crash, or worse, can leave the end of a log; and how many of 10 events are whole then."""


def _append(path: Path, data: bytes) -> None:
    with path.open("ab") as file:
        file.write(data)


def test_torn_ends_are_repaired_at_start_and_sending_goes_on(own_server: OwnServer, tmp_path: Path) -> None:
    server = own_server("--hub", f"h:{len(TEARS)}")
    for partition in range(len(TEARS)):
        send_each(server, *(b"event %d" % number for number in range(10)), partition=partition)
    server.kill()
    for partition, (damage, _) in enumerate(TEARS.values()):
        damage(_last_segment(tmp_path, partition))
    server.restart()
    for partition in range(len(TEARS)):
        send_each(server, b"after", partition=partition)

    for _ in range(2):
        for partition, (tear, (_, whole)) in enumerate(TEARS.items()):
            expected = [*((number, b"event %d" % number) for number in range(whole)), (whole, b"after")]
            assert read_all(server, partition) == expected, tear
        server.restart()


def test_new_segment_cut_off_in_its_head_is_made_again(own_server: OwnServer, tmp_path: Path) -> None:
    server = own_server("--hub", "h:1", "--segment-bytes", "500")
    send_each(server, *(b"event %d" % number for number in range(10)))
    server.kill()
    (tmp_path / "data" / "h" / "0" / f"{10:020d}.log").write_bytes(b"EHLOG")
    server.restart()
    send_each(server, b"after")

    assert read_all(server, 0) == [*((number, b"event %d" % number) for number in range(10)), (10, b"after")]


def test_damaged_head_in_front_of_events_is_told_and_nothing_is_deleted(own_server: OwnServer, tmp_path: Path) -> None:
    server = own_server("--hub", "h:1")
    send_each(server, b"precious")
    server.kill()
    segment = _last_segment(tmp_path)
    content = segment.read_bytes()
    segment.write_bytes(b"?" + content[1:])

    with pytest.raises(NotReady, match=rf"ended with {USER_MISTAKE}: .*\.log is damaged in its head"):
        server.restart()
    segment.write_bytes(content)
    assert read_all(server.start(), 0) == [(0, b"precious")]


def test_hub_may_get_more_partitions_but_never_fewer(own_server: OwnServer) -> None:
    server = own_server("--hub", "h:2")
    send_each(server, b"kept", partition=1)
    server.terminate()
    more = own_server("--hub", "h:3")
    assert read_all(more, 1) == [(0, b"kept")]
    assert read_all(more, 2) == []
    more.terminate()

    with pytest.raises(NotReady, match=rf"ended with {USER_MISTAKE}: Hub 'h' has 3 partitions in [^\n]+anew\.$"):
        own_server("--hub", "h:2")


def test_port_data_directory_and_names_must_be_free(own_server: OwnServer, tmp_path: Path) -> None:
    taken = str(port_of(own_server("--hub", "h:1")))
    data, other = str(tmp_path / "data"), str(tmp_path / "other")
    mistakes = {
        "Another process keeps its state in": ["--data", data, "--hub", "h:1"],
        "State can't be kept in /proc/nowhere": ["--data", "/proc/nowhere", "--hub", "h:1"],
        f"Port {taken} on 127.0.0.1 can't be had": ["--port", taken, "--data", other, "--hub", "h:1"],
        "The hub 'h' is named more than once": ["--data", other, "--hub", "h:1", "--hub", "H:2"],
    }
    for sentence, arguments in mistakes.items():
        with pytest.raises(NotReady, match=rf"ended with {USER_MISTAKE}: {re.escape(sentence)}[^\n]*\.$"):
            ServerProcess("event_hubs", arguments, has_admin=True).start()
