"""A hub named `h` on a server of a test's own: filled, and read whole, by bare peers."""

import httpx

from local.launch import ServerProcess
from tests.contract.event_hubs.clients import port_of
from tests.contract.event_hubs.wire import Wire, data_section, event_of

FROM_START = "amqp.annotation.x-opt-offset > '-1'"


def send_each(server: ServerProcess, *messages: bytes, partition: int = 0) -> None:
    """Sends each message to a partition of the hub `h`, and waits until it is accepted."""
    with Wire(port_of(server)) as wire:
        wire.handshake().authorize()
        link = wire.attach_sender(f"h/Partitions/{partition}")
        for message in messages:
            wire.transfer(link, data_section(message), message_format=0)
            wire.until_accepted()


def read_all(server: ServerProcess, partition: int) -> list[tuple[int, bytes]]:
    """(sequence number, body) of every event of a partition of the hub `h`, once they are read from the start."""
    count = httpx.get(f"{server.admin}/_local/health").json()["hubs"]["h"][partition]["last"] + 1
    with Wire(port_of(server)) as wire:
        wire.handshake().authorize()
        link = wire.attach_receiver(f"h/ConsumerGroups/$Default/Partitions/{partition}", FROM_START)
        wire.grant(link, count)
        return [event_of(wire.receive(link)) for _ in range(count)]
