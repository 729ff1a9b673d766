"""Whatever a peer sends, it gets the right AMQP error and the end of its connection, and nobody else notices."""

import contextlib
import struct
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from azure.eventhub import EventData
from azure.eventhub.aio import EventHubProducerClient
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from local.amqp import performatives as frames
from local.amqp.codec import NULL, described, listed, mapped, string, symbol, uint, ulong, ushort
from local.amqp.sections import BATCH_FORMAT
from local.launch import ServerProcess
from tests.contract.event_hubs.clients import port_of, shared_access_signature, soon
from tests.contract.event_hubs.conftest import MANY
from tests.contract.event_hubs.wire import (
    BEGIN,
    HANDSHAKE,
    OPEN,
    WINDOW,
    Wire,
    attach_frame,
    batch_of,
    data_section,
    put_token,
    source_with,
    terminus,
    transfer_frame,
)

pytestmark = pytest.mark.usefixtures("server_lives_on")
HALF_OPEN = frames.AMQP_HEADER + frames.frame(0, OPEN)


def _answer_to(server: ServerProcess, data: bytes, *, ended: bool = False) -> bytes:
    """Every byte that the server sends to a peer that sends this; `ended` peers then close their side."""
    with Wire(port_of(server)) as wire:
        wire.write(data)
        if ended:
            wire.half_close()
        return wire.read_all()


def _condition_of(answer: bytes) -> str | None:
    """The condition of the close frame that ends an answer."""
    start = answer.index(frames.AMQP_HEADER) + 8
    code, fields = 0, list[Any]()
    while start < len(answer):
        size = int.from_bytes(answer[start : start + 4], "big")
        code, fields, _ = frames.parse_performative(answer[start + 8 : start + size])
        start += size
    assert code == frames.CLOSE
    return str(fields[0].value[0])


@pytest.mark.parametrize(
    "data",
    [
        b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n",
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
        b"AMQP\x00\x00\x09\x01",
        b"AMQP\x02\x01\x00\x00",
        b"AMQX",
        b"\x00" * 64,
        bytes(range(256)),
    ],
)
def test_what_is_not_amqp_gets_the_header_we_speak_and_the_end(server: ServerProcess, data: bytes) -> None:
    assert _answer_to(server, data) == frames.SASL_HEADER


def _frame(body: bytes, *, size: int | None = None, offset: int = 2, kind: int = 0, channel: int = 0) -> bytes:
    return struct.pack(">IBBH", size or 8 + len(body), offset, kind, channel) + body


FRAMES: dict[str, tuple[bytes, str]] = {
    "frame larger than agreed": (HALF_OPEN + _frame(b"", size=70_000), "amqp:connection:framing-error"),
    "frame of four gigabytes": (HALF_OPEN + _frame(b"", size=0xFFFFFFFF), "amqp:connection:framing-error"),
    "frame smaller than its head": (HALF_OPEN + _frame(b"", size=7), "amqp:connection:framing-error"),
    "body before the head's end": (HALF_OPEN + _frame(BEGIN, offset=1), "amqp:connection:framing-error"),
    "body behind the frame's end": (HALF_OPEN + _frame(BEGIN, offset=200), "amqp:connection:framing-error"),
    "SASL frame where AMQP was agreed": (HALF_OPEN + _frame(BEGIN, kind=1), "amqp:connection:framing-error"),
    "oversize frame before open": (frames.AMQP_HEADER + _frame(b"", size=1 << 30), "amqp:connection:framing-error"),
    "garbage in a frame": (HALF_OPEN + _frame(b"\xff" * 40), "amqp:decode-error"),
    "half a performative": (HALF_OPEN + _frame(BEGIN[:-5]), "amqp:decode-error"),
    "no list": (HALF_OPEN + _frame(b"\x00\x53\x11\xa1\x01x"), "amqp:decode-error"),
    "no descriptor": (HALF_OPEN + _frame(listed([NULL])), "amqp:decode-error"),
    "symbol that is no performative": (
        HALF_OPEN + _frame(b"\x00" + symbol("amqp:nothing:list") + listed([])),
        "amqp:decode-error",
    ),
    "unknown performative": (HALF_OPEN + _frame(described(0x99, listed([]))), "amqp:not-implemented"),
    "begin before open": (frames.AMQP_HEADER + _frame(BEGIN), "amqp:not-allowed"),
    "transfer before open": (
        frames.AMQP_HEADER + _frame(transfer_frame(0, 0, 0) + data_section(b"x")),
        "amqp:not-allowed",
    ),
    "second open": (HALF_OPEN + _frame(OPEN), "amqp:not-allowed"),
    "second begin on a channel": (HANDSHAKE + _frame(BEGIN), "amqp:not-allowed"),
    "channel beyond the agreed": (HALF_OPEN + _frame(BEGIN, channel=60_000), "amqp:connection:framing-error"),
    "attach without session": (
        HALF_OPEN + _frame(attach_frame(0, sends=True, source=NULL, target=NULL), channel=3),
        "amqp:not-allowed",
    ),
    "transfer without session": (HALF_OPEN + _frame(transfer_frame(0, 0, 0), channel=3), "amqp:not-allowed"),
    "transfer on an unknown handle": (HANDSHAKE + _frame(transfer_frame(7, 0, 0)), "amqp:session:unattached-handle"),
    "flow on an unknown handle": (
        HANDSHAKE + _frame(frames.performative(frames.FLOW, uint(0), WINDOW, uint(0), WINDOW, uint(7))),
        "amqp:session:unattached-handle",
    ),
    "handle beyond the agreed": (
        HANDSHAKE + _frame(attach_frame(256, sends=True, source=NULL, target=NULL)),
        "amqp:session:unattached-handle",
    ),
    "values nested too deep": (HALF_OPEN + _frame(b"\x00\x53\x11" + b"\xc0\x7f\x01" * 5000), "amqp:decode-error"),
    "descriptors nested too deep": (HALF_OPEN + _frame(b"\x00" * 60_000), "amqp:decode-error"),
    "array of four billion nulls": (
        HALF_OPEN + _frame(described(0x11, listed([b"\xf0\x00\x00\x00\x05\xff\xff\xff\xff\x40"]))),
        "amqp:decode-error",
    ),
    "list of four billion": (
        HALF_OPEN + _frame(b"\x00\x53\x11\xd0\x00\x00\x00\x04\xff\xff\xff\xff"),
        "amqp:decode-error",
    ),
    "arrays of arrays of nulls": (
        HALF_OPEN
        + _frame(
            described(0x11, listed([b"\xf0\x00\x00\xea\x65\x00\x00\x4e\x20\xe0" + b"\x02\xff\x40" * 20_000] * 1)),
        ),
        "amqp:decode-error",
    ),
}


@pytest.mark.parametrize("case", FRAMES)
def test_wrong_frame_gets_its_error_and_the_end(server: ServerProcess, case: str) -> None:
    data, condition = FRAMES[case]
    assert _condition_of(_answer_to(server, data)) == condition


_FIELDS: dict[int, list[bytes]] = {
    frames.OPEN: [string("id"), string("host"), uint(65536), ushort(10), uint(0)],
    frames.BEGIN: [NULL, uint(0), WINDOW, WINDOW, uint(255)],
    frames.ATTACH: [
        *(string("link"), uint(1), b"\x42", NULL, NULL),
        *(terminus(frames.SOURCE, "here"), terminus(frames.TARGET, MANY), NULL, NULL, uint(0), ulong(0)),
    ],
    frames.FLOW: [uint(0), WINDOW, uint(0), WINDOW, uint(0), uint(0), uint(1), uint(0), b"\x42", b"\x42"],
    frames.TRANSFER: [uint(0), uint(0), b"\xa0\x01a", uint(0), b"\x42", b"\x42"],
    frames.DISPOSITION: [b"\x41", uint(0), uint(0), b"\x41", described(frames.ACCEPTED, listed([])), b"\x42"],
    frames.DETACH: [uint(0), b"\x41", NULL],
}
_MANDATORY = {
    frames.OPEN: {0},
    frames.BEGIN: {1, 2, 3},
    frames.ATTACH: {0, 1, 2},
    frames.FLOW: {1, 2, 3},
    frames.TRANSFER: {0},
    frames.DISPOSITION: {0, 1},
    frames.DETACH: {0},
}
_ANY_TYPE = {
    frames.OPEN: {3},
    frames.BEGIN: {0},
    frames.ATTACH: {5, 6, 7, 8},
    frames.TRANSFER: {2},
    frames.DISPOSITION: {4},
    frames.DETACH: {2},
}
"""Fields that the server does not look at, or whose wrong type is told of the session."""


def _wrong_fields() -> Iterator[tuple[int, int, bytes]]:
    for code, fields in _FIELDS.items():
        for index in range(len(fields)):
            wrong = [mapped([]), b"\x82" + bytes(8), b"\xa0\x03abc"] if index not in _ANY_TYPE.get(code, ()) else []
            if index in _MANDATORY[code]:
                wrong.append(NULL)
            for value in wrong:
                yield code, index, value


def test_wrong_type_in_every_field_is_an_invalid_field(server: ServerProcess) -> None:
    for code, index, value in _wrong_fields():
        fields = [*_FIELDS[code][:index], value, *_FIELDS[code][index + 1 :]]
        start = frames.AMQP_HEADER if code == frames.OPEN else HALF_OPEN if code == frames.BEGIN else HANDSHAKE
        answer = _answer_to(server, start + _frame(frames.performative(code, *fields)))
        assert _condition_of(answer) == "amqp:invalid-field", (hex(code), index, value)


@pytest.mark.parametrize("value", [ulong(5), mapped([]), listed([uint(1)]), b"\x82" + bytes(8), string("x")])
@pytest.mark.parametrize("field", [5, 6])
def test_wrong_source_or_target_ends_the_session(server: ServerProcess, field: int, value: bytes) -> None:
    fields = [*_FIELDS[frames.ATTACH][:field], value, *_FIELDS[frames.ATTACH][field + 1 :]]
    answer = _answer_to(server, HANDSHAKE + _frame(frames.performative(frames.ATTACH, *fields)))
    assert _condition_of(answer) == "amqp:invalid-field"


def test_second_attach_on_a_handle_and_reading_on_a_sending_link_are_violations(server: ServerProcess) -> None:
    with Wire(port_of(server)) as wire:
        wire.handshake().authorize()
        link = wire.attach_sender(MANY)
        wire.say(attach_frame(link, sends=True, source=NULL, target=terminus(frames.TARGET, MANY)))
        assert wire.last_frame().condition == "amqp:session:handle-in-use"
    with Wire(port_of(server)) as wire:
        wire.handshake().authorize()
        link = wire.attach_receiver(f"{MANY}/ConsumerGroups/$Default/Partitions/0")
        wire.transfer(link, data_section(b"x"))
        assert wire.last_frame().condition == "amqp:not-allowed"


def test_transfers_beyond_the_credit_detach_the_link(server: ServerProcess, partition: str) -> None:
    with Wire(port_of(server)) as wire:
        wire.handshake()
        wire.say(attach_frame(0, sends=True, source=NULL, target=terminus(frames.TARGET, "$cbs")))
        wire.until(frames.FLOW)
        wire.write(b"".join(_frame(transfer_frame(0, number, 0)) for number in range(1200)))
        conditions = {outcome.fields[4].value[0].value[0] for outcome in (wire.until(frames.DISPOSITION),)}
        assert conditions == {"amqp:decode-error"}


def test_peers_that_end_anywhere_leave_nothing_behind(server: ServerProcess) -> None:
    """300 peers: 100 reset in mid-frame, 100 close their side, 100 just go."""
    stream = HANDSHAKE + _frame(attach_frame(0, sends=True, source=NULL, target=terminus(frames.TARGET, "$cbs")))
    connections = _settled_connections(server)
    before = _settled_descriptors(server)
    for number in range(300):
        with Wire(port_of(server)) as wire:
            wire.write(stream[: len(stream) * number // 300])
            if number % 3 == 0:
                wire.reset()
            elif number % 3 == 1:
                wire.half_close()
                wire.read_all()

    assert _settled_connections(server, at_most=connections) <= connections
    assert _settled_descriptors(server, at_most=before) <= before


def _settled_descriptors(server: ServerProcess, at_most: int = 1 << 30) -> int:
    """How many files and sockets the server has open, once they are few enough or five seconds are over.

    The sockets of its own health answers are among them until it has closed them.
    """
    end = time.monotonic() + 5
    while True:
        descriptors = len(list(Path(f"/proc/{server.pid}/fd").iterdir()))
        if descriptors <= at_most or time.monotonic() > end:
            return descriptors
        time.sleep(0.05)


def _settled_connections(server: ServerProcess, at_most: int = 1 << 30) -> int:
    """How many connections the server has, once they are few enough or five seconds are over."""
    end = time.monotonic() + 5
    while True:
        connections: int = httpx.get(f"{server.admin}/_local/health").json()["connections"]
        if connections <= at_most or time.monotonic() > end:
            return connections
        time.sleep(0.05)


async def test_well_behaved_client_notices_nothing_of_bad_peers(
    server: ServerProcess, producer: EventHubProducerClient, partition: str
) -> None:
    with contextlib.ExitStack() as bad_peers:
        for data, _ in FRAMES.values():
            wire = bad_peers.enter_context(Wire(port_of(server)))
            wire.write(data)
            await producer.send_event(EventData("x"), partition_id=partition)
    properties = await producer.get_partition_properties(partition)
    assert properties["last_enqueued_sequence_number"] == len(FRAMES) - 1


@pytest.fixture(scope="module")
def recorded() -> bytes:
    """What a client sends that authorizes, sends events and reads them, without waiting for any answer."""
    address = f"{MANY}/ConsumerGroups/$Default/Partitions/199"
    source = source_with(address, "amqp.annotation.x-opt-offset > '-1'")
    here, key = terminus(frames.TARGET, "here"), mapped([symbol("x-opt-partition-key"), string("k")])
    spoken = [
        attach_frame(0, sends=True, source=NULL, target=terminus(frames.TARGET, "$cbs")),
        attach_frame(1, sends=False, source=terminus(frames.SOURCE, "$cbs"), target=here),
        frames.performative(frames.FLOW, uint(0), WINDOW, uint(0), WINDOW, uint(1), uint(0), uint(10)),
        transfer_frame(0, 0, 0) + put_token(shared_access_signature("", expires=soon())),
        attach_frame(2, sends=True, source=NULL, target=terminus(frames.TARGET, f"{MANY}/Partitions/199")),
        attach_frame(3, sends=False, source=source, target=here),
        frames.performative(frames.FLOW, uint(0), WINDOW, uint(0), WINDOW, uint(3), uint(0), uint(10)),
        transfer_frame(2, 1, 0) + described(0x72, key) + described(0x73, listed([string("id")])) + data_section(b"x"),
        transfer_frame(2, 2, BATCH_FORMAT) + batch_of([b"a", b"b"]),
        transfer_frame(2, 3, 0, more=True) + data_section(b"first half"),
        transfer_frame(2, 3, 0) + data_section(b"second half"),
        frames.performative(frames.DETACH, uint(2), b"\x41"),
        frames.performative(frames.END),
        frames.performative(frames.CLOSE),
    ]
    return HANDSHAKE + b"".join(_frame(body) for body in spoken)


def test_the_recorded_client_is_served_when_nothing_is_mutated(server: ServerProcess, recorded: bytes) -> None:
    answer = _answer_to(server, recorded)
    accepted = frames.disposition(0, frames.ACCEPTED_OUTCOME)
    assert answer.endswith(_frame(frames.performative(frames.CLOSE)))
    assert _frame(accepted) in answer


MUTATIONS: list[Callable[[bytearray, int, bytes], None]] = [
    lambda stream, position, junk: stream.__setitem__(slice(position, position + len(junk)), junk),
    lambda stream, position, junk: stream.__delitem__(slice(position, position + len(junk))),
    lambda stream, position, junk: stream.__setitem__(slice(position, position), junk),
]
"""Overwriting, leaving out and putting in some bytes."""


@settings(max_examples=200, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    mutations=st.lists(
        st.tuples(st.sampled_from(MUTATIONS), st.floats(0, 1), st.binary(min_size=1, max_size=20)),
        min_size=1,
        max_size=4,
    )
)
def test_any_mutation_of_a_clients_bytes_is_survived(
    server: ServerProcess,
    recorded: bytes,
    mutations: list[tuple[Callable[[bytearray, int, bytes], None], float, bytes]],
) -> None:
    stream = bytearray(recorded)
    for mutate, where, junk in mutations:
        mutate(stream, 8 + int(where * (len(stream) - 8)), junk)
    answer = _answer_to(server, bytes(stream), ended=True)
    assert answer.startswith(frames.AMQP_HEADER)
