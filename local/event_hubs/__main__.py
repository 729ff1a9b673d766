"""`python -m local.event_hubs`: a local Event Hubs namespace."""

import argparse
import json
import resource
import socket
import time
from argparse import Namespace as Arguments
from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path

from local.event_hubs.clients import Namespace
from local.event_hubs.hub import Hub, Hubs, HubSpecification, Partition
from local.event_hubs.log import SEGMENT_BYTES, PartitionLog
from local.event_hubs.retention import Retention
from local.event_hubs.server import NoFlusher, Server, ThreadFlusher
from local.event_hubs.tokens import EMULATOR_KEYS, SharedAccessKeys
from local.event_hubs_namespace import PORT
from local.faults import Faults
from local.http import local_app, serving
from local.launch import PROJECT
from local.process import LOOPBACK, UserMistake, announce, exclusive, listen, run, server_arguments, stop_requested

DEFAULT_RETENTION_HOURS = 168.0
"""Seven days, as in the cloud (infra)."""
MAX_PARTITIONS = 1024


async def main(arguments: Arguments) -> None:
    _raise_file_limit()
    listening = listen(arguments.port)
    with exclusive(arguments.data):
        await serve(arguments, listening)


async def serve(arguments: Arguments, listening: socket.socket) -> None:
    flusher = NoFlusher() if arguments.no_flush else ThreadFlusher()

    def partition(directory: Path) -> Partition:
        return Partition(PartitionLog(directory, segment_bytes=arguments.segment_bytes), flusher)

    specifications = arguments.hub or hubs_of_topology(PROJECT / "topology.json")
    require_distinct(specifications)
    hubs = Hubs(Hub(each, arguments.data / each.name.lower(), partition) for each in specifications)
    faults = Faults()
    keys = {**EMULATOR_KEYS, **dict(arguments.key)} if arguments.key else EMULATOR_KEYS
    server = Server(Namespace(hubs, SharedAccessKeys(keys), faults))
    retention = Retention(hubs, arguments.retention_hours * 3600)
    admin = local_app(faults, lambda: health(hubs, server))
    async with serving(admin, arguments.admin_port) as admin_url, retention.running():
        await server.start(listening)
        announce(f"amqp://{LOOPBACK}:{listening.getsockname()[1]}", admin=admin_url)
        await stop_requested()
        await server.stop()
    flusher.close()


def health(hubs: Hubs, server: Server) -> Mapping[str, object]:
    """What /_local/health shows."""
    return {
        "time": time.time(),
        "connections": len(server.peers),
        "hubs": {
            hub.name: [
                {"begin": each.log.begin, "last": each.log.last.sequence, "consumers": each.consumers}
                for each in hub.partitions
            ]
            for hub in hubs
        },
    }


def hub_specification(text: str) -> HubSpecification:
    """`NAME:PARTITIONS[:GROUP,GROUP…]`. Raises ArgumentTypeError."""
    name, _, rest = text.partition(":")
    count, _, groups = rest.partition(":")
    if not name or "/" in name or not count.isdecimal() or not 1 <= int(count) <= MAX_PARTITIONS:
        raise argparse.ArgumentTypeError(
            f"{text!r} is not NAME:PARTITIONS[:GROUP,GROUP…] with 1 to {MAX_PARTITIONS} partitions"
        )
    return HubSpecification(name, int(count), tuple(group for group in groups.split(",") if group))


def require_distinct(specifications: Sequence[HubSpecification]) -> None:
    """Raises UserMistake when a hub is named twice, which would give its files two writers."""
    names = [each.name.lower() for each in specifications]
    for name in names:
        if names.count(name) > 1:
            raise UserMistake(f"The hub '{name}' is named more than once: give each --hub another name.")


def positive(text: str) -> float:
    """A number above zero. Raises ValueError."""
    number = float(text)
    if not 0 < number < float("inf"):
        raise ValueError(text)
    return number


def hubs_of_topology(path: Path) -> list[HubSpecification]:
    """The hubs that topology.json names."""
    topology = json.loads(path.read_text())
    return [
        HubSpecification(name, hub["partitions"], tuple(hub["consumerGroups"]))
        for name, hub in topology["eventHubs"].items()
    ]


def shared_access_key(text: str) -> tuple[str, str]:
    """`NAME=KEY`. Raises ArgumentTypeError."""
    name, _, key = text.partition("=")
    if not name or not key:
        raise argparse.ArgumentTypeError(f"{text!r} is not NAME=KEY")
    return name, key


def parser() -> argparse.ArgumentParser:
    parser = server_arguments("event_hubs", description="A local Event Hubs namespace (AMQP 1.0).", port=PORT)
    parser.add_argument(
        "--hub",
        type=hub_specification,
        action="append",
        metavar="NAME:PARTITIONS[:GROUP,…]",
        help="a hub to serve, repeatable (default: those of topology.json)",
    )
    parser.add_argument(
        "--key", type=shared_access_key, action="append", metavar="NAME=KEY", help="a further shared access key"
    )
    parser.add_argument("--admin-port", type=int, default=0, metavar="N", help="port of /_local (default: a free one)")
    parser.add_argument(
        "--retention-hours",
        type=positive,
        default=DEFAULT_RETENTION_HOURS,
        metavar="H",
        help=f"how long events are kept (default {DEFAULT_RETENTION_HOURS:g})",
    )
    parser.add_argument(
        "--segment-bytes", type=int, default=SEGMENT_BYTES, metavar="N", help="size at which a log file is full"
    )
    parser.add_argument(
        "--no-flush", action="store_true", help="accept events before they are flushed: safe from kill -9 only"
    )
    return parser


def _raise_file_limit() -> None:
    """One connection per partition consumer: the usual soft limit of 1,024 files is soon reached."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))


if __name__ == "__main__":
    run(partial(main, parser().parse_args()))
