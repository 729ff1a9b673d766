"""Device-to-cloud messages, and the event that the hub makes of one.

Source: Microsoft Learn, "Create and read IoT Hub messages" (system properties) and "Understand the built-in endpoint".
"""

from collections.abc import Callable, Iterable, Mapping, Set
from dataclasses import dataclass, field
from datetime import datetime

from local.amqp.codec import NULL, binary, described, listed, mapped, string, symbol, timestamp
from local.amqp.sections import APPLICATION_PROPERTIES, DATA, MESSAGE_ANNOTATIONS, PROPERTIES
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


def events_of(
    messages: Iterable[DeviceMessage], sender: Sender, enrichments: tuple[Enrichment, ...], now: datetime
) -> list[bytes]:
    """Encoded events as IoT Hub writes them: system annotations, enriched properties, the device id as partition key.

    Messages that come together have most of their annotations in common: these are encoded once.
    """
    annotations = _annotations(sender, now)
    enriched = _pairs(string, ((each.key, each.value_for(sender.device)) for each in enrichments))
    keys = {each.key for each in enrichments}
    return [_event(message, annotations, enriched, keys) for message in messages]


def _event(message: DeviceMessage, annotations: list[bytes], enriched: list[bytes], keys: Set[str]) -> bytes:
    system = message.system
    optional = (
        ("dt-dataschema", message.model_id or None),
        ("dt-subject", system.get("component") or None),
        ("iothub-interface-id", system.get("interface-id") or None),
    )
    own = ((name, value) for name, value in message.properties.items() if name not in keys)
    properties = [*_pairs(string, own), *enriched]
    return b"".join(
        (
            described(MESSAGE_ANNOTATIONS, mapped([*annotations, *_pairs(symbol, optional)])),
            _properties(system) if system else b"",
            described(APPLICATION_PROPERTIES, mapped(properties)) if properties else b"",
            described(DATA, binary(message.body)),
        )
    )


def _annotations(sender: Sender, now: datetime) -> list[bytes]:
    device = sender.device
    texts = (
        ("x-opt-partition-key", device.id),
        ("iothub-connection-device-id", device.id),
        ("iothub-connection-module-id", sender.module),
        ("iothub-connection-auth-method", MODULE_AUTH_METHOD if sender.module else AUTH_METHOD),
        ("iothub-connection-auth-generation-id", device.generation),
        ("iothub-message-source", "Telemetry"),
    )
    time = timestamp(int(now.timestamp() * 1000))
    return [*_pairs(symbol, texts), symbol("iothub-enqueuedtime"), time]


def _properties(system: Mapping[str, str]) -> bytes:
    """The section with these fields at their places (OASIS AMQP 1.0, part 3, 3.2.4)."""
    fields = [NULL] * 13
    for place, encode, name in _FIELDS:
        if name in system:
            fields[place] = encode(system[name])
    return described(PROPERTIES, listed(fields))


def _binary(text: str) -> bytes:
    return binary(text.encode())


def _name(text: str) -> bytes:
    """A symbol, which is ASCII; a string where a device sent anything else."""
    return symbol(text) if text.isascii() else string(text)


def _pairs(name: Callable[[str], bytes], texts: Iterable[tuple[str, str | None]]) -> list[bytes]:
    """Encoded names and values, one after the other, of those that have a value."""
    return [encoded for key, value in texts if value is not None for encoded in (name(key), string(value))]


_FIELDS = (
    (0, string, "message-id"),
    (1, _binary, "user-id"),
    (5, string, "correlation-id"),
    (6, _name, "content-type"),
    (7, _name, "content-encoding"),
)
