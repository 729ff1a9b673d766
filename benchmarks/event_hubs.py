"""`python -m benchmarks.event_hubs`: how fast and how small the local Event Hubs is.

The bare peer (benchmarks.amqp_peer) shows the broker; the rows of the real client show what the SDK adds.
"""

import asyncio
import contextlib
import resource
import struct
import tempfile
import time
from collections.abc import Iterator

import psutil
from azure.eventhub import EventData
from azure.eventhub.aio import EventHubConsumerClient, EventHubProducerClient, PartitionContext

from benchmarks.amqp_peer import Peer, encoded_batch
from benchmarks.table import Measure, median, percentile, print_table
from local.amqp.codec import described
from local.amqp.sections import DATA
from local.event_hubs_namespace import connection_string
from local.launch import ServerProcess

HUB = "bench"
PARTITIONS = 4
BATCH = 300
BODY = b"x" * 256
IN_FLIGHT = 32


def main() -> None:
    with broker() as (server, port):
        rows = [*ingest(port, 600_000), *egress(port, 600_000), latency(port, "with flush", 5.0), *real_client(port)]
    with broker("--no-flush") as (server, port):
        rows.append(latency(port, "without flush", 1.0))
    with broker() as (server, port):
        rows += size(server, port)
        rows.append(idle_connections(port, 1_200))
    print_table("Local Event Hubs (batches of 300 × 256 B, 4 partitions)", rows)


@contextlib.contextmanager
def broker(*arguments: str) -> Iterator[tuple[ServerProcess, int]]:
    with tempfile.TemporaryDirectory() as data:
        server = ServerProcess(
            "event_hubs", ["--data", data, "--hub", f"{HUB}:{PARTITIONS}", *arguments], has_admin=True
        )
        with server.start():
            yield server, int(server.url.rsplit(":", 1)[1])


def ingest(port: int, events: int) -> list[Measure]:
    own = time.process_time()
    seconds = publish(port, events)
    peer = (time.process_time() - own) / events * 1e6
    return [
        Measure("in, flushed: bare peer", events / seconds, "events/s", 150_000),
        Measure("  of which the peer itself", peer, "µs/event"),
    ]


def publish(port: int, events: int) -> float:
    """Seconds to have so many events accepted."""
    batch = encoded_batch([BODY] * BATCH)
    batches = events // BATCH
    with Peer(port, HUB) as peer:
        sender = peer.sender(HUB)
        outcomes = peer.outcomes()
        start = time.perf_counter()
        for _ in range(min(IN_FLIGHT, batches)):
            peer.send(sender, batch)
        for number in range(batches):
            if not next(outcomes):
                raise RuntimeError("the broker rejected a batch")
            if number + IN_FLIGHT < batches:
                peer.send(sender, batch)
        return time.perf_counter() - start


def egress(port: int, events: int) -> list[Measure]:
    own = time.process_time()
    start = time.perf_counter()
    for partition in range(PARTITIONS):
        drain(port, partition, events // PARTITIONS)
    seconds = time.perf_counter() - start
    return [
        Measure("out, from disk: bare peer", events / seconds, "events/s", 300_000),
        Measure("  of which the peer itself", (time.process_time() - own) / events * 1e6, "µs/event"),
    ]


def drain(port: int, partition: int, events: int) -> None:
    address = f"{HUB}/ConsumerGroups/$Default/Partitions/{partition}"
    with Peer(port, HUB) as peer:
        receiver = peer.receiver(address, "amqp.annotation.x-opt-offset > '-1'")
        peer.grant(receiver, 0)
        seen = granted = 0
        for count in peer.transfers():
            seen += count
            if seen >= events:
                return
            if seen - granted > 10_000:
                peer.grant(receiver, seen)
                granted = seen


def latency(port: int, name: str, promised: float) -> Measure:
    """Milliseconds from sending one event to receiving it, over one connection each."""
    address = f"{HUB}/ConsumerGroups/$Default/Partitions/0"
    taken = []
    with Peer(port, HUB) as sending, Peer(port, HUB) as receiving:
        sender = sending.sender(f"{HUB}/Partitions/0")
        receiver = receiving.receiver(address, "amqp.annotation.x-opt-offset > '@latest'")
        receiving.grant(receiver, 0)
        arrivals = receiving.transfers()
        outcomes = sending.outcomes()
        message = described(DATA, b"\xb0" + struct.pack(">I", len(BODY)) + BODY)
        for _ in range(2_000):
            start = time.perf_counter()
            sending.send(sender, message, 0)
            next(count for count in arrivals if count)
            taken.append((time.perf_counter() - start) * 1000)
            next(outcomes)
    return Measure(
        f"send to receive, p50, {name} (p99 {percentile(taken, 99):.2f})", median(taken), "ms", promised, "lower"
    )


def real_client(port: int) -> list[Measure]:
    sent, received = asyncio.run(_real_client(connection_string(port), 60_000))
    return [
        Measure("in: azure-eventhub aio, one producer", sent, "events/s"),
        Measure("out: azure-eventhub aio, one consumer", received, "events/s"),
    ]


async def _real_client(connection: str, events: int) -> tuple[float, float]:
    """Events per second that the SDK sends, and receives, on one partition."""
    async with EventHubProducerClient.from_connection_string(connection, eventhub_name=HUB) as producer:
        before = await producer.get_partition_properties("1")
        start = time.perf_counter()
        for _ in range(events // BATCH):
            batch = await producer.create_batch(partition_id="1")
            for _ in range(BATCH):
                batch.add(EventData(BODY))
            await producer.send_batch(batch)
        sent = events / (time.perf_counter() - start)
    position = str(before["last_enqueued_sequence_number"])
    return sent, await _receive(connection, int(position), events)


async def _receive(connection: str, after: int, events: int) -> float:
    consumer = EventHubConsumerClient.from_connection_string(connection, "$Default", eventhub_name=HUB, prefetch=3_000)
    done = asyncio.Event()
    seen = 0
    start = time.perf_counter()

    async def on_batch(context: PartitionContext, batch: list[EventData]) -> None:
        nonlocal seen
        seen += len(batch)
        if seen >= events:
            done.set()

    async with consumer:
        task = asyncio.create_task(
            consumer.receive_batch(on_batch, partition_id="1", starting_position=after, max_batch_size=3_000)
        )
        await done.wait()
        seconds = time.perf_counter() - start
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task
    return events / seconds


def size(server: ServerProcess, port: int) -> list[Measure]:
    publish(port, 5_000_000)
    return [Measure("resident memory after 5 million events", _resident(server), "MB", 150, "lower")]


def idle_connections(port: int, count: int) -> Measure:
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    with contextlib.ExitStack() as stack:
        peers = [stack.enter_context(Peer(port, HUB)) for _ in range(count)]
        # Each is still served: a link attaches and gets its credit.
        for peer in peers:
            peer.sender(HUB)
        return Measure("idle connections held", len(peers), "", count)


def _resident(server: ServerProcess) -> float:
    resident: int = psutil.Process(server.pid).memory_info().rss
    return resident / 1e6


if __name__ == "__main__":
    main()
