"""A consumer of one partition: reads its log as the peer's credit allows."""

import time
from collections.abc import Callable

from local.amqp.performatives import TRANSFER_HEAD
from local.event_hubs.hub import Partition
from local.event_hubs.links import OutgoingLink
from local.event_hubs.log import Reader
from local.event_hubs.messages import with_delivery_annotations
from local.event_hubs.nodes import runtime_metrics

RUNTIME_METRIC = "com.microsoft:enable-receiver-runtime-metric"
EPOCH = "com.microsoft:epoch"
_MOST_AT_ONCE = 500


class PartitionConsumer:
    """The receiving end of one link. `is_struck` is asked before each sending: True when a fault takes its place."""

    def __init__(
        self, link: OutgoingLink, partition: Partition, group: str, sequence: int, is_struck: Callable[[], bool]
    ) -> None:
        self.group = group
        self.is_struck = is_struck
        self.epoch = _epoch(link)
        self._link = link
        self._partition = partition
        self._reader: Reader = partition.log.reader(sequence)
        self._wants_metrics = RUNTIME_METRIC in link.attachment.desired_capabilities

    def pump(self) -> None:
        """Sends until credit, window, socket or log give out."""
        link = self._link
        while link.is_open and not link.session.is_congested and self._reader.has_more:
            room = min(link.credit, link.session.peer_window, _MOST_AT_ONCE)
            if room <= 0 or self.is_struck():
                return
            events = self._reader.take(room)
            if not events:
                break
            self._send(events)
        if link.is_open and not self._reader.has_more:
            link.finish_drain()

    def disconnect(self, condition: str, description: str) -> None:
        self._link.session.detach(self._link, condition, description)

    def leave(self) -> None:
        self._partition.leave(self)

    def _send(self, events: list[bytes]) -> None:
        link = self._link
        if self._wants_metrics:
            metrics = runtime_metrics(self._partition.log.last, time.time_ns() // 1_000_000)
            events = [with_delivery_annotations(event, metrics) for event in events]
        limit = link.session.peer_max_frame - TRANSFER_HEAD
        if all(len(event) <= limit for event in events):
            link.send_each(events)
        else:
            for event in events:
                link.send(event)


def _epoch(link: OutgoingLink) -> int | None:
    epoch = link.attachment.properties.get(EPOCH)
    return epoch if isinstance(epoch, int) else None
