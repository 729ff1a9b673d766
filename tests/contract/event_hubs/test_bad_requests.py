"""Messages, requests and selectors that make no sense are refused one by one; the connection goes on."""

import httpx
import pytest

from local.amqp import performatives as frames
from local.amqp.codec import NULL, described, listed, mapped, string, symbol
from local.launch import ServerProcess
from tests.contract.event_hubs.clients import port_of
from tests.contract.event_hubs.conftest import MANY
from tests.contract.event_hubs.wire import Wire, data_section

pytestmark = pytest.mark.usefixtures("server_lives_on")


@pytest.mark.parametrize(
    ("selector", "condition"),
    [
        ("amqp.annotation.x-opt-offset > 'abc'", "com.microsoft:argument-error"),
        ("amqp.annotation.x-opt-sequence-number > '" + "9" * 6000 + "'", "com.microsoft:argument-error"),
        ("amqp.annotation.x-opt-offset = '1'", "amqp:invalid-field"),
        ("drop table events", "amqp:invalid-field"),
        ("", "amqp:invalid-field"),
    ],
)
def test_wrong_selector_is_refused_and_the_connection_goes_on(
    server: ServerProcess, selector: str, condition: str
) -> None:
    with Wire(port_of(server)) as wire:
        wire.handshake().authorize()
        with pytest.raises(ConnectionError, match=condition):
            wire.attach_receiver(f"{MANY}/ConsumerGroups/$Default/Partitions/0", selector)
        wire.attach_receiver(f"{MANY}/ConsumerGroups/$Default/Partitions/0")


BAD_MESSAGES = {
    "nothing": b"",
    "garbage": b"\xde\xad\xbe\xef",
    "no section": string("body"),
    "unknown section": described(0x7F, listed([])),
    "sections out of order": data_section(b"x") + described(0x73, listed([])),
    "cut off data": data_section(b"x" * 100)[:-1],
    "annotations that are no map": described(0x72, listed([])) + data_section(b"x"),
    "annotations cut off": b"\x00\x53\x72\xc1\x00",
    "wide annotations cut off": b"\x00\x53\x72\xd1\x00\x00\x00\x00",
    "annotation without value": described(0x72, b"\xc1\x04\x01\xa3\x01a") + data_section(b"x"),
    "annotation beyond its map": described(0x72, b"\xc1\x04\x02\xa3\x01a") + data_section(b"x"),
    "annotation named by a list": described(0x72, mapped([listed([]), NULL])) + data_section(b"x"),
    "annotation named by garbage": described(0x72, mapped([b"\xa3\x01\xff", NULL])) + data_section(b"x"),
    "partition key that is no text": described(0x72, mapped([symbol("x-opt-partition-key"), b"\xa1\x01\xff"]))
    + data_section(b"x"),
}


@pytest.mark.parametrize("case", BAD_MESSAGES)
def test_bad_message_is_rejected_alone_and_in_a_batch(server: ServerProcess, partition: str, case: str) -> None:
    message = BAD_MESSAGES[case]
    with Wire(port_of(server)) as wire:
        wire.handshake().authorize()
        link = wire.attach_sender(f"{MANY}/Partitions/{partition}")
        wire.transfer(link, message, message_format=0)
        wire.transfer(link, data_section(data_section(b"good")) + data_section(message))
        for _ in range(2):
            outcome = wire.until(frames.DISPOSITION).fields[4]
            assert outcome.descriptor == frames.REJECTED
            assert outcome.value[0].value[0] == "amqp:decode-error"
        wire.transfer(link, data_section(b"good"), message_format=0)
        wire.until_accepted()
    health = httpx.get(f"{server.admin}/_local/health").json()
    assert health["hubs"][MANY][int(partition)]["last"] == 0, "nothing of a bad batch is stored"


@pytest.mark.parametrize(
    "request_",
    [
        b"",
        described(0x74, b"\xc1\x00\x00") + described(0x77, NULL),
        b"\x00\x53\x73\xc0\x00",
        described(0x73, listed([NULL] * 5)) + described(0x77, NULL),
        described(0x74, mapped([string("operation"), string("READ"), string("name"), b"\x73\x00\x00\xd8\x00"])),
        described(0x74, mapped([string("operation"), listed([]), string("type"), mapped([])])) + described(0x77, NULL),
        described(0x77, b"\xf0\x00\x00\x00\x05\xff\xff\xff\xff\x40"),
    ],
)
@pytest.mark.parametrize("node", ["$cbs", "$management"])
def test_bad_request_to_a_node_is_answered_or_rejected(server: ServerProcess, node: str, request_: bytes) -> None:
    with Wire(port_of(server)) as wire:
        wire.handshake().authorize()
        link, answers = wire.attach_sender(node), wire.attach_receiver(node)
        wire.grant(answers, 1)
        wire.transfer(link, request_, message_format=0)
        wire.until(frames.DISPOSITION)
