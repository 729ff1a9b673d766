"""The SASL layer before AMQP (OASIS AMQP 1.0, part 5, 5.3): offered, never required, and only in its place."""

import pytest

from local.amqp import performatives as frames
from local.amqp.codec import described, listed, symbol
from local.launch import ServerProcess
from tests.contract.event_hubs.clients import port_of
from tests.contract.event_hubs.wire import HANDSHAKE, Wire

pytestmark = pytest.mark.usefixtures("server_lives_on")


def _init(mechanism: str) -> bytes:
    return frames.sasl_frame(frames.performative(frames.SASL_INIT, symbol(mechanism)))


@pytest.mark.parametrize("mechanism", ["ANONYMOUS", "MSSBCBS", "EXTERNAL"])
def test_offered_mechanisms_lead_to_amqp(server: ServerProcess, mechanism: str) -> None:
    offer = frames.SASL_HEADER + frames.sasl_mechanisms() + frames.sasl_outcome(0) + frames.AMQP_HEADER
    with Wire(port_of(server)) as wire:
        wire.write(frames.SASL_HEADER + _init(mechanism) + HANDSHAKE)
        wire.half_close()
        answer = wire.read_all()

    assert answer.startswith(offer)
    assert len(answer) > len(offer), "the open and the begin are answered too"


def test_other_mechanisms_are_refused(server: ServerProcess) -> None:
    with Wire(port_of(server)) as wire:
        wire.write(frames.SASL_HEADER + _init("PLAIN"))
        assert wire.read_all() == frames.SASL_HEADER + frames.sasl_mechanisms() + frames.sasl_outcome(1)


@pytest.mark.parametrize(
    "data",
    [
        b"\x00\x00\x00\x08\x02\x00\x00\x00",
        b"\xff" * 16,
        frames.sasl_frame(described(0x99, listed([]))),
        frames.frame(0, frames.performative(frames.SASL_INIT, symbol("ANONYMOUS"))),
        frames.sasl_frame(frames.performative(frames.OPEN, symbol("id"))),
    ],
)
def test_anything_but_a_sasl_init_ends_the_connection(server: ServerProcess, data: bytes) -> None:
    with Wire(port_of(server)) as wire:
        wire.write(frames.SASL_HEADER + data)
        assert wire.read_all() == frames.SASL_HEADER + frames.sasl_mechanisms()


def test_sasl_is_spoken_once(server: ServerProcess) -> None:
    with Wire(port_of(server)) as wire:
        wire.write(frames.SASL_HEADER + _init("ANONYMOUS") + frames.SASL_HEADER)
        answer = wire.read_all()

    offer = frames.SASL_HEADER + frames.sasl_mechanisms() + frames.sasl_outcome(0)
    assert answer == offer + frames.AMQP_HEADER, "the header that is expected now, and the end"
