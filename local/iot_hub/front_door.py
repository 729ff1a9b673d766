"""What HTTPS and MQTT share: a message comes in, and is acknowledged once it is durable in the telemetry hub."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from local.faults import Faults
from local.iot_hub.access import Access, Sender
from local.iot_hub.enrichments import Enrichment
from local.iot_hub.forwarding import Forwarder
from local.iot_hub.messages import MAX_MESSAGE, DeviceMessage, events_of
from local.iot_hub.registry import Registry


class MessageTooLarge(Exception):
    """The message is beyond IoT Hub's 256 KB; the message says by how much."""


@dataclass(frozen=True, slots=True)
class FrontDoor:
    """One hub: its devices, its enrichments, and the way to the telemetry hub."""

    registry: Registry
    access: Access
    forwarder: Forwarder
    enrichments: tuple[Enrichment, ...]
    faults: Faults

    async def accept(self, sender: Sender, messages: Sequence[DeviceMessage]) -> None:
        """Returns when the messages are durable, in their order. Raises MessageTooLarge and HubUnavailable."""
        for message in messages:
            if message.size > MAX_MESSAGE:
                raise MessageTooLarge(f"a message of {message.size} bytes; the largest is {MAX_MESSAGE}")
        device = self.registry.find(sender.device.id) or sender.device
        events = events_of(messages, Sender(device, sender.module), self.enrichments, datetime.now(UTC))
        await self.forwarder.send(device.id, events)
