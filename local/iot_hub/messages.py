"""Device-to-cloud messages, and the event that the hub makes of one.

Source: Microsoft Learn, "Create and read IoT Hub messages" (system properties) and "Understand the built-in endpoint".
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

from azure.eventhub.amqp import AmqpAnnotatedMessage, AmqpMessageProperties

from local.iot_hub.access import Sender
from local.iot_hub.enrichments import Enrichment

MAX_MESSAGE = 256 * 1024
"""Bytes of a device-to-cloud message, properties included (IoT Hub quotas)."""
AUTH_METHOD = '{"scope":"device","type":"sas","issuer":"iothub","acceptingIpFilterRule":null}'
MODULE_AUTH_METHOD = AUTH_METHOD.replace('"device"', '"module"')


@dataclass(frozen=True, slots=True)
class DeviceMessage:
    """What a device sent, whichever way it came. `system` holds IoT Hub's own names: message-id, content-type…"""

    body: bytes
    properties: Mapping[str, str] = field(default_factory=dict)
    system: Mapping[str, str] = field(default_factory=dict)
    model_id: str | None = None

    @property
    def size(self) -> int:
        """Bytes that count against the limit: the body, and every property's name and value."""
        pairs = [*self.properties.items(), *self.system.items()]
        return len(self.body) + sum(len(name.encode()) + len(value.encode()) for name, value in pairs)


def event_of(
    message: DeviceMessage, sender: Sender, enrichments: tuple[Enrichment, ...], now: datetime
) -> AmqpAnnotatedMessage:
    """The event as IoT Hub writes it: system annotations, enriched properties, the device id as partition key."""
    device = sender.device
    annotations: dict[str, object] = {
        "x-opt-partition-key": device.id,
        "iothub-connection-device-id": device.id,
        "iothub-connection-auth-method": MODULE_AUTH_METHOD if sender.module else AUTH_METHOD,
        "iothub-connection-auth-generation-id": device.generation,
        "iothub-enqueuedtime": now,
        "iothub-message-source": "Telemetry",
    }
    optional = {
        "iothub-connection-module-id": sender.module,
        "dt-dataschema": message.model_id,
        "dt-subject": message.system.get("component"),
        "iothub-interface-id": message.system.get("interface-id"),
    }
    annotations.update({name: value for name, value in optional.items() if value})
    enriched = {each.key: each.value_for(device) for each in enrichments}
    properties = {name: message.system.get(key) for name, key in _AMQP_PROPERTIES.items()}
    return AmqpAnnotatedMessage(
        data_body=message.body,
        properties=AmqpMessageProperties(**properties),  # type: ignore[no-untyped-call]
        application_properties={**message.properties, **enriched},
        annotations=annotations,
    )


_AMQP_PROPERTIES = {
    "message_id": "message-id",
    "correlation_id": "correlation-id",
    "user_id": "user-id",
    "content_type": "content-type",
    "content_encoding": "content-encoding",
}
