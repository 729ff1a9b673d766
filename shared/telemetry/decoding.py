"""Hub events → telemetry: every element of every message comes out exactly once, as telemetry or as a rejection."""

import zlib
from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta
from typing import NamedTuple

from shared.telemetry.events import HubEvent, Reason, Rejected, Rejection
from shared.telemetry.identity import known_source, source_of, timed_id, untimed_id
from shared.telemetry.json_text import WHITESPACE, array_elements
from shared.telemetry.models import Reading, validate_plain_tag_map
from shared.telemetry.readings import read_element
from shared.telemetry.timestamps import CLOCK_TOLERANCE, day_of, moment

MAX_UNPACKED = 16 * 1024 * 1024
"""Bytes of a message after gzip: sixteen times what a hub takes packed."""
MAX_MEMBERS = 1_000
"""Members of a gzip file: each is found by copying what comes after it."""
_BYTE_ORDER_MARK = b"\xef\xbb\xbf"
_PLAIN = ("", "utf-8", "identity")
_GZIP = ("gzip", "x-gzip")


class Telemetry(NamedTuple):
    """One element, decoded. `text` is the exact tag map; `day` and `asset` are as ARCHITECTURE defines them."""

    event_id: str
    device: str
    asset: str
    day: str
    ahead: bool
    """Whether a reading's time is more than five minutes after the element's arrival: a wrong clock."""
    text: bytes
    tags: Mapping[str, Reading]
    event: HubEvent
    element: int


class Decoded(NamedTuple):
    telemetry: list[Telemetry]
    rejections: list[Rejection]


def decode(events: Iterable[HubEvent]) -> Decoded:
    """Decodes a batch. Never raises: what can't be taken is a rejection."""
    decoded = Decoded([], [])
    for event in events:
        plain = _decode_plain(event)
        if plain is None:
            _decode_thoroughly(event, decoded)
        else:
            decoded.telemetry.append(plain)
    return decoded


def _decode_plain(event: HubEvent) -> Telemetry | None:
    """The quick way for one plain tag map about which nothing is in doubt; None for all else, which may be right too.

    Nothing is in doubt when the text has five colons a reading, three after keys and two in the time, and nothing is
    escaped. Then there is no other member, no key twice and no colon in a name or value: any of these makes it more.
    """
    text, _, _, _, enqueued, partition_key, properties, system = event
    known = system.get
    if known("content-encoding"):
        return None
    try:
        tags = validate_plain_tag_map(text)
        if text.count(b":") != 5 * len(tags) or _ESCAPE in text or text[0] != _OPENING or text[-1] != _CLOSING:
            return None
        times = []
        for reading in tags.values():
            times.append(reading["SourceTimestamp"])
        times.sort()
        iothub = known("iothub-enqueuedtime")
        if _parse_time(times[-1]) - (_parse_time(iothub) if iothub else enqueued) > _SURELY_IN_TIME:
            return None
        device, asset, timed, _ = known_source(
            known("iothub-connection-device-id"),
            known("iothub-connection-module-id"),
            partition_key,
            properties.get("asset"),
        )
    except (ValueError, TypeError, LookupError, Rejected):
        return None
    digest = timed.copy()
    digest.update(text)
    return _telemetry(Telemetry, (digest.hexdigest(), device, asset, times[0][:10], False, text, tags, event, 0))


_OPENING, _ESCAPE, _CLOSING = b"{\\}"
_parse_time = datetime.fromisoformat
_telemetry = tuple.__new__
"""Makes a named tuple twice as fast as its own class does."""
_SURELY_IN_TIME = CLOCK_TOLERANCE - timedelta(seconds=1)
"""Texts of times sort by their seconds, not within one."""


def _decode_thoroughly(event: HubEvent, decoded: Decoded) -> None:
    try:
        elements = _elements(event)
    except Rejected as rejected:
        decoded.rejections.append(_rejection(event, 0, rejected, whole=True))
        return
    for index, text in enumerate(elements):
        try:
            decoded.telemetry.append(_decode_element(event, index, text))
        except Rejected as rejected:
            decoded.rejections.append(_rejection(event, index, rejected, whole=len(elements) == 1))
        except Exception as fault:  # noqa: BLE001 - the batch boundary: a fault of ours must not block the partition
            unexpected = Rejected(Reason.UNEXPECTED, f"{type(fault).__name__}: {fault}")
            decoded.rejections.append(_rejection(event, index, unexpected, whole=len(elements) == 1))


def _elements(event: HubEvent) -> list[bytes]:
    text = _unpacked(event)
    if text[:1] != b"[":
        return [text]
    elements = array_elements(text)
    if not elements:
        raise Rejected(Reason.NO_READINGS, "an empty array")
    return elements


def _decode_element(event: HubEvent, index: int, text: bytes) -> Telemetry:
    arrived = arrival(event)
    tags, exact, earliest, latest, timed, envelope = read_element(text, arrived)
    source = source_of(event, envelope)
    return Telemetry(
        timed_id(source, text) if timed else untimed_id(source, event, envelope, index, text),
        source.device,
        source.asset,
        day_of(earliest if timed else arrived),
        latest - arrived > CLOCK_TOLERANCE,
        exact,
        tags,
        event,
        index,
    )


def arrival(event: HubEvent) -> datetime:
    """When the message reached the cloud: IoT Hub's time when there is one, which stays when it delivers again."""
    text = event.system.get("iothub-enqueuedtime")
    if text:
        try:
            return moment(str(text))
        except ValueError:
            return event.enqueued_time
    return event.enqueued_time


def _unpacked(event: HubEvent) -> bytes:
    """The message's JSON text: without gzip, byte order mark and the whitespace around it. Raises Rejected."""
    encoding = event.system.get("content-encoding")
    body = event.body
    if encoding:
        name = str(encoding).strip().lower()
        if name in _GZIP:
            body = _gunzipped(body)
        elif name not in _PLAIN:
            raise Rejected(Reason.ENCODING, f"content-encoding {encoding!r}: only gzip is unpacked")
    return body.removeprefix(_BYTE_ORDER_MARK).strip(WHITESPACE)


def _gunzipped(body: bytes) -> bytes:
    unpacked = bytearray()
    try:
        for _ in range(MAX_MEMBERS):
            member = zlib.decompressobj(wbits=zlib.MAX_WBITS | 16)
            unpacked += member.decompress(body, MAX_UNPACKED + 1 - len(unpacked))
            if len(unpacked) > MAX_UNPACKED:
                raise Rejected(Reason.ENCODING, f"unpacks to more than {MAX_UNPACKED} bytes")
            if not member.eof:
                raise Rejected(Reason.ENCODING, "the gzip stream ends early")
            body = member.unused_data
            if not body:
                return bytes(unpacked)
    except zlib.error as error:
        raise Rejected(Reason.ENCODING, f"no gzip: {error}") from error
    raise Rejected(Reason.ENCODING, f"a gzip file of more than {MAX_MEMBERS} members")


def _rejection(event: HubEvent, element: int, rejected: Rejected, *, whole: bool) -> Rejection:
    device, asset = _known_source(event)
    return Rejection(event, element, rejected.reason, rejected.detail, device, asset, None, whole)


def _known_source(event: HubEvent) -> tuple[str | None, str | None]:
    """Device and asset as far as the event tells them without its body."""
    try:
        source = source_of(event)
    except Rejected:
        return None, None
    return source.device, source.asset


def by_partition(telemetry: Iterable[Telemetry]) -> dict[tuple[str, str], list[Telemetry]]:
    """Telemetry by the logical partition it is stored in (device, day), each id once.

    An id that comes twice in one invocation is one reading, of one device and day; of the two, the last is kept.
    """
    partitions: dict[tuple[str, str], dict[str, Telemetry]] = {}
    for element in telemetry:
        key = element[1], element[3]
        if key in partitions:
            partitions[key][element[0]] = element
        else:
            partitions[key] = {element[0]: element}
    return {key: list(elements.values()) for key, elements in partitions.items()}
