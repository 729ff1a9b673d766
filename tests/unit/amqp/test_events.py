"""What consumers get of an event: the same as through azure-eventhub, and never a surprise."""

from typing import Any

import pytest
from azure.eventhub import EventData
from azure.eventhub._pyamqp._decode import decode_payload
from azure.eventhub._pyamqp._encode import encode_payload
from azure.eventhub._transport._pyamqp_transport import PyamqpTransport
from azure.eventhub.amqp import AmqpAnnotatedMessage, AmqpMessageBodyType
from hypothesis import given
from hypothesis import strategies as st

from local.amqp.codec import DecodeError, described, int_, listed, mapped, string, symbol
from local.amqp.events import ReceivedEvent, read_event
from local.amqp.sections import APPLICATION_PROPERTIES, DATA, MESSAGE_ANNOTATIONS, PROPERTIES

TEXT = st.text(max_size=300)
PROPERTY = st.booleans() | st.integers(-(1 << 31), (1 << 31) - 1) | st.floats(allow_nan=False) | TEXT | st.binary()
BODY = described(DATA, b"\xa0\x02{}")


def _encoded(message: AmqpAnnotatedMessage) -> bytes:
    raw = bytearray()
    encode_payload(raw, PyamqpTransport.to_outgoing_amqp_message(message))  # type: ignore[no-untyped-call]
    return bytes(raw)


def _by_sdk(message: bytes) -> EventData:
    return EventData._from_message(decode_payload(memoryview(message)))


def _shown(value: Any) -> Any:
    """azure-eventhub leaves strings as bytes, and does not tell them from binary."""
    return value.encode() if isinstance(value, str) else value


@given(
    st.binary(max_size=400),
    st.dictionaries(TEXT, PROPERTY, max_size=6),
    st.dictionaries(st.text("ab-c", min_size=1), PROPERTY, max_size=6),
    st.dictionaries(st.sampled_from(["message_id", "content_type", "subject", "group_id"]), TEXT),
)
def test_an_event_is_read_as_azure_eventhub_reads_it(
    body: bytes, given_properties: dict[str, Any], annotations: dict[str, Any], properties: dict[str, Any]
) -> None:
    message = _encoded(
        AmqpAnnotatedMessage(
            data_body=body, application_properties=given_properties, annotations=annotations, properties=properties
        )
    )
    ours, theirs = read_event(message), _by_sdk(message)

    assert ours.body == body == b"".join(theirs.body)  # type: ignore[arg-type]
    assert {_shown(name): _shown(value) for name, value in ours.application_properties.items()} == (
        theirs.properties or {}
    )
    both = {**ours.properties, **ours.annotations}
    assert {_shown(name): _shown(value) for name, value in both.items()} == theirs.system_properties


@given(
    st.recursive(PROPERTY, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXT, inner, max_size=3)).filter(
        bool
    )
)
def test_a_body_that_is_no_data_becomes_the_text_that_azure_eventhub_shows(value: Any) -> None:
    message = _encoded(AmqpAnnotatedMessage(value_body=value))
    theirs = _by_sdk(message)
    assert theirs.body_type == AmqpMessageBodyType.VALUE
    try:
        shown = theirs.body_as_str()
    except (UnicodeDecodeError, TypeError):  # it does not show what is no text
        return
    assert read_event(message).body == shown.encode()


def test_several_data_sections_are_one_body_and_several_sequences_one_list() -> None:
    assert read_event(BODY + BODY).body == b"{}{}"
    assert read_event(_encoded(AmqpAnnotatedMessage(sequence_body=[[1, "a"], [b"b"]]))).body == b"[1, 'a', 'b']"


def test_a_message_without_a_body_or_properties_is_an_empty_event() -> None:
    event = read_event(described(MESSAGE_ANNOTATIONS, mapped([symbol("x-opt-sequence-number"), b"\x55\x07"])))
    assert (event.body, event.properties, event.application_properties) == (b"", {}, {})
    assert (event.sequence_number, event.offset, event.enqueued_ms, event.partition_key) == (7, None, None, None)


@pytest.mark.parametrize(
    ("section", "expected"),
    [
        (described(APPLICATION_PROPERTIES, mapped([string("a"), b"\xa1\x01\xff", string("b"), int_(1)])), b"\xff"),
        (described(APPLICATION_PROPERTIES, mapped([string("a"), b"\x73\x00\x11\x00\x00"])), b"\x73\x00\x11\x00\x00"),
        (described(APPLICATION_PROPERTIES, mapped([string("a"), b"\xc0\x03\x01\xa1\xff"])), b"\xc0\x03\x01\xa1\xff"),
        (described(APPLICATION_PROPERTIES, b"\xc1\x03\x02\xa1\x09"), None),
        (described(APPLICATION_PROPERTIES, string("no map")), None),
    ],
)
def test_properties_that_make_no_sense_never_cost_the_event(section: bytes, expected: bytes | None) -> None:
    event = read_event(section + BODY)
    assert event.body == b"{}"
    assert event.application_properties.get("a") == expected


def test_properties_of_the_message_that_make_no_sense_are_left_out() -> None:
    assert read_event(described(PROPERTIES, string("no list")) + BODY).properties == {}
    assert read_event(described(PROPERTIES, listed([string("id"), b"\xa0\x01u"])) + BODY).properties == {
        "message-id": "id",
        "user-id": b"u",
    }


@given(st.binary(max_size=60) | st.binary(max_size=40).map(lambda raw: b"\x00\x53\x72" + raw + BODY))
def test_any_bytes_are_an_event_or_a_clear_refusal(raw: bytes) -> None:
    try:
        event = read_event(raw)
    except DecodeError:
        return
    assert isinstance(event, ReceivedEvent)
