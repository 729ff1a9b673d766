"""The request-response nodes: `$cbs` takes tokens, `$management` tells of hubs and partitions.

Sources: OASIS AMQP Claims-based Security 1.0; Microsoft Learn, "AMQP 1.0 in Azure Service Bus and Event Hubs: request-
response-based operations".
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from local.amqp import sections
from local.amqp.codec import (
    NULL,
    DecodeError,
    boolean,
    decode,
    described,
    int_,
    list_slices,
    listed,
    long,
    mapped,
    string,
    string_array,
    symbol,
    timestamp,
)
from local.amqp.errors import NOT_FOUND, NOT_IMPLEMENTED, UNAUTHORIZED, Refused
from local.event_hubs.hub import Hub, Hubs, Partition
from local.event_hubs.log import LastEvent
from local.event_hubs.tokens import Grant, SharedAccessKeys, Unauthorized

NO_TIME = -62_135_596_800_000
"""The time of an empty partition's last event: .NET's DateTime.MinValue in ms since 1970."""
_STATUS = {UNAUTHORIZED: 401, NOT_FOUND: 404, NOT_IMPLEMENTED: 501}
HUB_TYPE = "com.microsoft:eventhub"
PARTITION_TYPE = "com.microsoft:partition"


@dataclass(frozen=True, slots=True)
class Request:
    """A request to a node. `message_id` is encoded, as it goes back as the correlation id with its own AMQP type."""

    properties: dict[Any, Any]
    value: Any
    message_id: bytes
    reply_to: str | None


@dataclass(frozen=True, slots=True)
class Answer:
    """An answer: an HTTP-like status, its description, an encoded body, and the condition where it is an error."""

    status: int
    description: str
    body: bytes = NULL
    condition: str | None = None


def read_request(payload: bytes) -> Request:
    """Raises DecodeError when the message is none."""
    properties: dict[Any, Any] = {}
    value, message_id, reply_to = None, NULL, None
    for section in sections.read_sections(payload):
        if section.code == sections.PROPERTIES:
            fields = list_slices(payload, section.value)
            message_id = fields[0] if fields else NULL
            reply_to = decode(fields[4])[0] if len(fields) > 4 else None
        elif section.code == sections.APPLICATION_PROPERTIES:
            properties = decode(payload, section.value)[0]
        elif section.code == sections.VALUE:
            value = decode(payload, section.value)[0]
    if not isinstance(properties, dict):
        raise DecodeError("application properties are a map")
    return Request(properties, value, message_id, reply_to if isinstance(reply_to, str) else None)


def answer_message(request: Request, answer: Answer) -> bytes:
    """The answer as a message. Both spellings of its status are there: clients of $cbs and $management differ.

    A refused token has no `error-condition`: with one, azure-eventhub loses the status code.
    """
    status = [
        *(string("status-code"), int_(answer.status), string("status-description"), string(answer.description)),
        *(string("statusCode"), int_(answer.status), string("statusDescription"), string(answer.description)),
    ]
    if answer.condition is not None:
        status += [string("error-condition"), symbol(answer.condition)]
    return b"".join(
        (
            described(sections.PROPERTIES, listed([NULL] * 5 + [request.message_id])),
            described(sections.APPLICATION_PROPERTIES, mapped(status)),
            described(sections.VALUE, answer.body),
        )
    )


def put_token(request: Request, keys: SharedAccessKeys, now: float, accept: Callable[[Grant], None]) -> Answer:
    """Answers a request to `$cbs`; gives a good token's grant to `accept`."""
    if request.properties.get("operation") != "put-token":
        return Answer(501, "Only put-token is served by $cbs.")
    kind = request.properties.get("type")
    if kind != "servicebus.windows.net:sastoken":
        return Answer(501, f"Tokens of type {kind!r} are not taken here, only shared access signatures.")
    if not isinstance(request.value, str):
        return Answer(400, "The token is missing.")
    try:
        accept(keys.grant(request.value, now))
    except Unauthorized as refusal:
        return Answer(401, str(refusal))
    return Answer(202, "Accepted")


def manage(request: Request, hubs: Hubs, authorize: Callable[[str], None]) -> Answer:
    """Answers a request to `$management`. `authorize` takes a path and raises Refused."""
    name = request.properties.get("name")
    kind = request.properties.get("type")
    try:
        if request.properties.get("operation") != "READ" or kind not in (HUB_TYPE, PARTITION_TYPE):
            raise Refused(NOT_IMPLEMENTED, "Only READ of an event hub or a partition is served by $management.")
        authorize(str(name))
        hub = hubs.find(str(name))
        if kind == HUB_TYPE:
            return Answer(200, "OK", hub_properties(hub))
        number = str(request.properties.get("partition"))
        return Answer(200, "OK", partition_properties(hub, number, hub.partition(number)))
    except Refused as refusal:
        return Answer(_STATUS.get(refusal.condition, 400), refusal.description, condition=refusal.condition)


def hub_properties(hub: Hub) -> bytes:
    numbers = [str(number) for number in range(len(hub.partitions))]
    return _properties(
        name=string(hub.name),
        type=string(HUB_TYPE),
        created_at=timestamp(hub.created_ms),
        partition_count=int_(len(numbers)),
        partition_ids=string_array(numbers),
        georeplication_factor=int_(1),
    )


def partition_properties(hub: Hub, number: str, partition: Partition) -> bytes:
    log = partition.log
    return _properties(
        name=string(hub.name),
        type=string(PARTITION_TYPE),
        partition=string(number),
        begin_sequence_number=long(log.begin),
        last_enqueued_sequence_number=long(log.last.sequence),
        last_enqueued_offset=string(str(log.last.offset)),
        last_enqueued_time_utc=timestamp(_time_of(log.last)),
        is_partition_empty=boolean(log.is_empty),
    )


def runtime_metrics(last: LastEvent, now_ms: int) -> bytes:
    """The delivery annotations that tell a consumer of the newest event in its partition."""
    metrics = [
        *(symbol("last_enqueued_sequence_number"), long(last.sequence)),
        *(symbol("last_enqueued_offset"), string(str(last.offset))),
        *(symbol("last_enqueued_time_utc"), timestamp(_time_of(last))),
        *(symbol("runtime_info_retrieval_time_utc"), timestamp(now_ms)),
    ]
    return described(sections.DELIVERY_ANNOTATIONS, mapped(metrics))


def _properties(**values: bytes) -> bytes:
    return mapped([part for name, value in values.items() for part in (string(name), value)])


def _time_of(last: LastEvent) -> int:
    return NO_TIME if last.time is None else last.time
