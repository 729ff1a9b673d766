"""Whose reading it is, and the id it keeps for ever (ARCHITECTURE: device, asset, event id).

An id is the blake2b of what tells one element from another, so that a redelivery, a retry and a replay come out with
the same id, and two readings never do. Every part goes in with its length: no two different lists of parts give the
same bytes.
"""

from functools import lru_cache
from hashlib import blake2b
from typing import TYPE_CHECKING, NamedTuple

from shared.telemetry.events import HubEvent, Reason, Rejected
from shared.telemetry.timestamps import canonical, moment

if TYPE_CHECKING:
    from _blake2 import blake2b as Blake2b  # noqa: N812 - typeshed's class behind hashlib.blake2b

ID_BYTES = 16
MAX_ASSET = 128
"""Characters of an Event Hubs partition key, which an asset becomes."""
MAX_DEVICE = 257
"""A device id and a module id of 128 characters each (IoT Hub's limit), with a slash between them."""


class Source(NamedTuple):
    """The device that sent an element and the asset it measured, with the start of the hash of their ids."""

    device: str
    asset: str
    timed: "Blake2b"
    untimed: "Blake2b"


class Envelope(NamedTuple):
    """What a message's own text says of its source: a CloudEvent's attributes, a body's deviceId."""

    device: str | None = None
    subject: str | None = None
    cloud_event: tuple[str, str] | None = None
    """source and id of a CloudEvent"""


NO_ENVELOPE = Envelope()


def source_of(event: HubEvent, envelope: Envelope = NO_ENVELOPE) -> Source:
    """The source of an element. Raises Rejected when no device is known or a name can't be a partition key."""
    system = event.system
    names = (
        system.get("iothub-connection-device-id"),
        system.get("iothub-connection-module-id"),
        event.partition_key,
        event.properties.get("asset"),
        envelope.subject,
        envelope.device,
    )
    try:
        return known_source(*names)
    except TypeError:  # a list or an object where a name belongs has no hash
        return known_source(*(name if name is None else str(name) for name in names))


@lru_cache(maxsize=16_384)
def known_source(
    iothub_device: str | None,
    module: str | None,
    partition_key: str | None,
    asset_property: str | None,
    subject: str | None = None,
    body_device: str | None = None,
) -> Source:
    """The source of an element by the names it comes with, as `source_of` finds them; remembered, since few differ.

    Empty names count as none. IoT Hub leaves an enrichment's own text, `$twin.…`, when the twin lacks the tag.
    Raises Rejected as `source_of` does, and TypeError for a name without a hash.
    """
    device = str(iothub_device or partition_key or body_device or "")
    if not device:
        raise Rejected(Reason.NO_DEVICE, "no IoT Hub device, no partition key and no deviceId in the body")
    if iothub_device and module:
        device = f"{device}/{module}"
    given = str(asset_property or "")
    asset = str(
        ("" if given.startswith("$twin.") else given) or subject or ("" if iothub_device else partition_key) or device
    )
    names = _checked("device", device, MAX_DEVICE) + _checked("asset", asset, MAX_ASSET)
    return Source(
        device,
        asset,
        blake2b(b"T" + names, digest_size=ID_BYTES),
        blake2b(b"U" + names, digest_size=ID_BYTES),
    )


def _checked(what: str, name: str, limit: int) -> bytes:
    if len(name) > limit:
        raise Rejected(Reason.SOURCE, f"{what} of {len(name)} characters; {limit} are taken: {name!r}")
    if any("\ud800" <= character <= "\udfff" for character in name):
        raise Rejected(Reason.SOURCE, f"{what} {name!r} is no Unicode text")
    return _framed(name)


def _framed(*parts: str) -> bytes:
    encoded = [part.encode("utf-8", "surrogatepass") for part in parts]
    return b"%d;" % len(parts) + b"".join(b"%d:%b" % (len(part), part) for part in encoded)


def timed_id(source: Source, text: bytes) -> str:
    """The id of an element whose readings all have their own timestamp: its bytes say all there is."""
    digest = source.timed.copy()
    digest.update(text)
    return digest.hexdigest()


def untimed_id(source: Source, event: HubEvent, envelope: Envelope, element: int, text: bytes) -> str:
    """The id of an element without timestamps: two equal ones are two readings unless the hub delivered one twice.

    IoT Hub's own enqueued time and the message id stay when its routing delivers again; hub, partition, sequence
    number and enqueued time tell events apart that didn't come through IoT Hub.
    """
    message_id = event.system.get("message-id")
    named = [str(message_id)] if message_id is not None else list(envelope.cloud_event or ())
    arrived = iothub_time(event)
    where = (
        [arrived]
        if arrived
        else [event.hub, event.partition, str(event.sequence_number), canonical(event.enqueued_time)]
    )
    digest = source.untimed.copy()
    digest.update(_framed(*named) + _framed(str(element)) + _framed(*where) + text)
    return digest.hexdigest()


def iothub_time(event: HubEvent) -> str | None:
    """When IoT Hub took the message, in the one canonical text; as it came when it is no ISO 8601 time."""
    text = event.system.get("iothub-enqueuedtime")
    if not text:
        return None
    try:
        return canonical(moment(str(text)))
    except ValueError:
        return str(text)
