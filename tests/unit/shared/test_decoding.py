"""What devices may send, and that every element of it has exactly one outcome."""

import gzip
import json
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from shared.telemetry.decoding import MAX_UNPACKED, by_partition, decode
from shared.telemetry.events import Reason
from shared.telemetry.readings import read_element
from tests.unit.shared.hub_events import ENQUEUED, TIME, decoded_one, hub_event, rejected_one, tag_map

GZIP = {"content-encoding": "gzip"}
EXACT_VALUES = [
    "-0.0",
    "-0",
    "0.0",
    "1.0",
    "1",
    "1.10",
    "1E5",
    "1e-400",
    "123456789012345678901234567890.5",
    str(2**60),
    str(2**63 - 1),
    str(2**63),
    str(-(2**63) - 1),
    str(10**308),
    "true",
    "false",
    '""',
    '"long ' + "x" * 10_000 + '"',
    '"\\u00e9\\ud83d\\ude00 \\u0000"',
    '"é😀"',
    '"a:\\"b"',
]


@pytest.mark.parametrize("value", EXACT_VALUES)
@pytest.mark.parametrize("shape", ["tag map", "spaced", "flat", "cloud event", "array", "cloud event, flat"])
def test_value_keeps_its_text_in_every_shape(value: str, shape: str) -> None:
    flat = f'{{"temperature":{value},"timestamp":"{TIME}"}}'
    body = {
        "tag map": tag_map(value).decode(),
        "spaced": f'{{ "temperature" : {{\n"Value" : {value} , "SourceTimestamp":"{TIME}" }} }}',
        "flat": flat,
        "cloud event": f'{{"specversion":"1.0","id":"1","source":"s","data":{tag_map(value).decode()}}}',
        "cloud event, flat": f'{{"specversion":"1.0","id":"1","source":"s","data":{flat}}}',
        "array": f"[{tag_map(value).decode()}]",
    }[shape]

    telemetry = decoded_one(body.encode())

    assert value.encode() in telemetry.text
    assert telemetry.tags["temperature"]["Value"] == json.loads(value)
    assert type(telemetry.tags["temperature"]["Value"]) is type(json.loads(value))
    assert json.loads(telemetry.text)["temperature"]["SourceTimestamp"] == TIME


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        (b"", Reason.NOT_JSON),
        (b"   ", Reason.NOT_JSON),
        (b"\x00\xff\xfe", Reason.NOT_JSON),
        (b'{"broken', Reason.NOT_JSON),
        (b"{} {}", Reason.NOT_JSON),
        (b'{"a":NaN}', Reason.NOT_JSON),
        (b'{"a":{"Value":Infinity}}', Reason.NOT_JSON),
        (b'{"a":{"Value":1e309}}', Reason.NOT_JSON),
        (b'{"a":{"Value":1,"note":NaN}}', Reason.NOT_JSON),
        (b'{"a":{"Value":"\\udc00"}}', Reason.NOT_JSON),
        (tag_map("1").replace(b"temperature", b"temp\xc3\x28"), Reason.NOT_JSON),
        (b'{"a":1,"a":2}', Reason.DUPLICATE_KEY),
        (tag_map()[:-1] + b"," + tag_map()[1:], Reason.DUPLICATE_KEY),
        (b'{"a":{"Value":1,"Value":2,"SourceTimestamp":"2026-11-22T09:00:00Z"}}', Reason.DUPLICATE_KEY),
        (
            b'{"a":{"SourceTimestamp":"2026-11-22T09\\u003a00\\u003a00Z","Value":1,"Value":2,"b":3}}',
            Reason.DUPLICATE_KEY,
        ),
        (b"7", Reason.SHAPE),
        (b'"text"', Reason.SHAPE),
        (b"null", Reason.SHAPE),
        (b'{"a":{"Value":1},"b":2}', Reason.SHAPE),
        (b'{"a":{"SourceTimestamp":"2026-11-22T09:00:00Z"}}', Reason.SHAPE),
        (b'{"a":1,"deviceId":7}', Reason.SHAPE),
        (b'{"specversion":"1.0","data":{"a":1}}', Reason.SHAPE),
        (b'{"specversion":"1.0","id":"1","source":"s","data":[{"a":1}]}', Reason.SHAPE),
        (b'{"a":null}', Reason.VALUE),
        (b'{"a":[1]}', Reason.VALUE),
        (b'{"a":{"Value":null}}', Reason.VALUE),
        (b'{"a":{"Value":{"b":1}}}', Reason.VALUE),
        (tag_map("[1]"), Reason.VALUE),
        (tag_map("1" + "0" * 308 + "1"), Reason.NOT_JSON),
        (b'{"a":1,"timestamp":1700000000}', Reason.TIMESTAMP),
        (b'{"a":1,"timestamp":"yesterday"}', Reason.TIMESTAMP),
        (tag_map(time="2026-02-30T00:00:00Z"), Reason.TIMESTAMP),
        (tag_map(time="2026-11-22T24:00:00Z"), Reason.TIMESTAMP),
        (tag_map(time="2026-11-22T09:00:60Z"), Reason.TIMESTAMP),
        (tag_map(time="2026-11-22"), Reason.TIMESTAMP),
        (tag_map(time="20261122T090000Z"), Reason.TIMESTAMP),
        (tag_map(time="0001-01-01T00:00:00+14:00"), Reason.TIMESTAMP),
        (tag_map(time="٢٠٢٦-11-22T09:00:00Z"), Reason.TIMESTAMP),
        (b"{}", Reason.NO_READINGS),
        (b"[]", Reason.NO_READINGS),
        (b'{"timestamp":"2026-11-22T09:00:00Z","deviceId":"d"}', Reason.NO_READINGS),
    ],
)
def test_what_is_no_telemetry_is_rejected_with_its_reason(body: bytes, reason: Reason) -> None:
    rejection = rejected_one(body)

    assert rejection.reason == reason, rejection.detail
    assert rejection.detail
    assert rejection.device == "freezer01"


@pytest.mark.parametrize(
    ("time", "day"),
    [
        ("2026-11-22T23:59:59.9999999Z", "2026-11-22"),
        ("2026-11-22T23:30:00-01:00", "2026-11-23"),
        ("2026-11-22T00:30:00+01:00", "2026-11-21"),
        ("2026-11-22T09:00:00", "2026-11-22"),
        ("2024-02-29T09:00:00Z", "2024-02-29"),
        ("0001-01-01T00:00:00Z", "0001-01-01"),
    ],
)
def test_day_is_the_utc_date_of_the_readings(time: str, day: str) -> None:
    assert decoded_one(tag_map(time=time)).day == day


def test_day_is_that_of_the_earliest_reading() -> None:
    body = tag_map(time="2026-11-21T23:59:59Z")[:-1] + b"," + tag_map(tag="humidity", time="2026-11-22T00:00:00Z")[1:]

    assert decoded_one(body).day == "2026-11-21"
    assert decoded_one(b"[" + body + b"]").day == "2026-11-21"


def test_readings_without_a_time_are_taken_at_their_arrival() -> None:
    telemetry = decoded_one(b'{"a":-0.0}')

    assert telemetry.text == b'{"a":{"SourceTimestamp":"2026-11-22T10:00:00.123Z","Value":-0.0}}'
    assert telemetry.day == "2026-11-22"


def test_iot_hubs_time_is_the_arrival_when_there_is_one() -> None:
    telemetry = decoded_one(b'{"a":{"Value":1}}', system={"iothub-enqueuedtime": "2026-11-21T23:59:58.5000000Z"})

    assert telemetry.text == b'{"a":{"SourceTimestamp":"2026-11-21T23:59:58.500Z","Value":1}}'
    assert telemetry.day == "2026-11-21"


def test_one_reading_without_a_time_leaves_the_others_times_alone() -> None:
    body = b'{"a":{"SourceTimestamp":"2026-11-20T00:00:00Z","Value":1},"b":{"Value":2,"unit":"C"}}'

    telemetry = decoded_one(body)

    assert json.loads(telemetry.text) == {
        "a": {"SourceTimestamp": "2026-11-20T00:00:00Z", "Value": 1},
        "b": {"SourceTimestamp": "2026-11-22T10:00:00.123Z", "Value": 2, "unit": "C"},
    }
    assert telemetry.day == "2026-11-22", "of the arrival, since not every reading has a time"


def test_reserved_names_are_tags_only_when_they_hold_a_reading() -> None:
    readings = decoded_one(b'{"timestamp":{"Value":1},"deviceId":{"Value":2},"t":{"Value":3}}')
    plain = decoded_one(b'{"timestamp":"2026-11-22T09:00:00Z","deviceId":"d","t":{"Value":3}}')

    assert list(readings.tags) == ["t", "deviceId", "timestamp"]
    assert plain.text == b'{"t":{"SourceTimestamp":"2026-11-22T09:00:00Z","Value":3}}'


def test_more_than_the_readings_stays_in_the_text() -> None:
    body = b'{"a":{"SourceTimestamp":"2026-11-22T09:00:00Z","Value":1,"Quality":{"code":192}}}'

    assert decoded_one(body).text == body


@pytest.mark.parametrize("body", [b"\xef\xbb\xbf" + tag_map(), b" \r\n" + tag_map() + b"\t", tag_map()])
def test_byte_order_mark_and_whitespace_around_change_nothing(body: bytes) -> None:
    assert decoded_one(body).event_id == decoded_one(tag_map()).event_id
    assert decoded_one(body).text == tag_map()


@pytest.mark.parametrize("minutes", [-600, 0, 4, 5])
def test_clock_up_to_five_minutes_ahead_is_right(minutes: int) -> None:
    time = (ENQUEUED + timedelta(minutes=minutes)).isoformat().replace("+00:00", "Z")

    assert not decoded_one(tag_map(time=time)).ahead


@pytest.mark.parametrize("time", ["2026-11-22T10:05:00.124Z", "2026-11-22T11:05:00.124+00:59", "2099-01-01T00:00:00Z"])
def test_clock_more_than_five_minutes_ahead_is_flagged(time: str) -> None:
    assert decoded_one(tag_map(time=time)).ahead


def test_one_bad_element_leaves_its_neighbours_in_the_message() -> None:
    body = b"[" + b",".join([tag_map("1"), b'{"a":NaN}', b"rubbish", tag_map("2"), b"[]"]) + b"]"

    decoded = decode([hub_event(body)])

    assert [(each.element, each.tags["temperature"]["Value"]) for each in decoded.telemetry] == [(0, 1), (3, 2)]
    assert [(each.element, each.reason, each.whole) for each in decoded.rejections] == [
        (1, Reason.NOT_JSON, False),
        (2, Reason.NOT_JSON, False),
        (4, Reason.SHAPE, False),
    ]


def test_one_bad_message_leaves_its_neighbours_in_the_batch() -> None:
    decoded = decode([hub_event(tag_map("1")), hub_event(b"["), hub_event(tag_map("2"))])

    assert len(decoded.telemetry) == 2
    assert [each.whole for each in decoded.rejections] == [True]


@pytest.mark.parametrize("encoding", ["gzip", "GZIP", "x-gzip", " gzip "])
def test_gzip_is_unpacked_when_content_encoding_says_so(encoding: str) -> None:
    packed = gzip.compress(tag_map()[:20]) + gzip.compress(tag_map()[20:])

    assert decoded_one(packed, system={"content-encoding": encoding}).text == tag_map()


@pytest.mark.parametrize(
    ("body", "system"),
    [
        (tag_map(), GZIP),
        (gzip.compress(tag_map())[:-4], GZIP),
        (gzip.compress(tag_map()) + b"tail", GZIP),
        (gzip.compress(b" " * (MAX_UNPACKED + 1)), GZIP),
        (gzip.compress(b"") * 40_000, GZIP),
        (b"", GZIP),
        (tag_map(), {"content-encoding": "br"}),
        (tag_map(), {"content-encoding": "utf-16"}),
    ],
    ids=["plain", "cut off", "tail", "too large", "too many members", "empty", "brotli", "utf-16"],
)
def test_what_can_not_be_unpacked_is_rejected_as_a_whole(body: bytes, system: dict[str, str]) -> None:
    rejection = rejected_one(body, system=system)

    assert (rejection.reason, rejection.whole) == (Reason.ENCODING, True)


@pytest.mark.timeout(10)
@pytest.mark.parametrize(
    "body",
    [
        b"{" + b",".join(b'"%d":1' % number for number in range(90_000)) + b',"89999":1}',
        b'{"a":0.' + b"1" * 1_000_000 + b"}",
        b'{"a":' + b"1" * 1_000_000 + b"}",
        b'{"a":1' + b"0" * 1_000_000 + b"e-999999}",
        b"[" + b"," * 1_000_000 + b"]",
        b'{"' + b"\\u0061" * 150_000 + b'":1}',
        b'{"a":"' + b'\\"' * 500_000 + b'"}',
        b"[" * 1_000_000,
        b'[{"a":' * 150_000,
        b'{"a":' + b" " * 1_000_000,
    ],
    ids=range(10),
)
def test_hostile_message_is_decided_at_once(body: bytes) -> None:
    decoded = decode([hub_event(body)])

    assert len(decoded.telemetry) + len(decoded.rejections) == 1


@pytest.mark.parametrize("encoding", ["", "utf-8", "UTF-8", "identity", None])
def test_plain_encodings_are_taken_as_they_are(encoding: str | None) -> None:
    assert decoded_one(tag_map(), system={"content-encoding": encoding}).text == tag_map()


def test_same_id_twice_in_a_batch_is_one_reading_in_its_partition() -> None:
    decoded = decode([hub_event(tag_map("1")), hub_event(tag_map("1"), sequence_number=8), hub_event(tag_map("2"))])

    partitions = by_partition(decoded.telemetry)

    assert {key: len(elements) for key, elements in partitions.items()} == {("freezer01", "2026-11-22"): 2}


scalars: st.SearchStrategy[Any] = (
    st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.booleans() | st.text(max_size=12)
)
times = st.datetimes().map(lambda time: time.isoformat() + "Z")
readings = st.fixed_dictionaries({"Value": scalars}, optional={"SourceTimestamp": times, "Quality": scalars})
names = st.text(max_size=8) | st.sampled_from(["_x", "$x", "x-opt-y", "~z", "a:b", "timestamp", "deviceId", '"', " :"])
tag_maps = st.dictionaries(names, readings, min_size=1, max_size=4)
layouts = st.sampled_from([{}, {"indent": 1}, {"ensure_ascii": False}, {"separators": (",", ":")}])


@settings(max_examples=300)
@given(tag_maps, layouts)
def test_quick_and_thorough_ways_agree(tags: dict[str, Any], layout: dict[str, Any]) -> None:
    text = json.dumps(tags, **layout).encode()
    telemetry = decoded_one(text)

    thorough = read_element(text.strip(), ENQUEUED)

    assert telemetry.text == thorough.text
    assert {name: dict(tag) for name, tag in telemetry.tags.items()} == {
        name: dict(tag) for name, tag in thorough.tags.items()
    }
    assert {name: tag["Value"] for name, tag in json.loads(telemetry.text).items()} == {
        name: tag["Value"] for name, tag in tags.items()
    }


values = st.recursive(
    scalars | st.none() | st.floats(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(names | st.just("Value"), inner, max_size=3),
    max_leaves=5,
)
bodies = (
    st.binary(max_size=80)
    | values.map(lambda value: json.dumps(value).encode())
    | st.lists(tag_maps | values, max_size=3).map(lambda value: json.dumps(value).encode())
    | tag_maps.map(lambda value: gzip.compress(json.dumps(value).encode()))
    | st.tuples(tag_maps, st.integers(0, 60)).map(lambda pair: json.dumps(pair[0]).encode()[: -pair[1] or None])
)
property_values = st.text(max_size=10) | st.integers() | st.booleans() | st.none() | st.lists(st.text(max_size=3))
system_properties = st.dictionaries(
    st.sampled_from(
        [
            "content-encoding",
            "content-type",
            "message-id",
            "iothub-connection-device-id",
            "iothub-connection-module-id",
            "iothub-enqueuedtime",
            "dt-dataschema",
        ]
    ),
    st.sampled_from(["gzip", "utf-8", "dev1", "2026-11-22T08:00:00Z", "x" * 300, "", None, 7]) | property_values,
)


@settings(max_examples=300)
@given(
    st.lists(
        st.tuples(
            bodies,
            st.none() | st.text(max_size=8) | st.just("k" * 129),
            st.dictionaries(st.just("asset") | st.text(max_size=4), property_values, max_size=3),
            system_properties,
        ),
        max_size=2,
    )
)
def test_every_element_of_anything_has_exactly_one_outcome(sent: list[tuple[Any, ...]]) -> None:
    events = [
        hub_event(body, partition_key=key, properties=properties, system=system, sequence_number=number)
        for number, (body, key, properties, system) in enumerate(sent)
    ]

    decoded = decode(events)

    outcomes = [(each.event.sequence_number, each.element) for each in decoded.telemetry]
    outcomes += [(each.event.sequence_number, each.element) for each in decoded.rejections]
    assert len(outcomes) == len(set(outcomes))
    assert {number for number, _ in outcomes} == set(range(len(events)))
    for number in range(len(events)):
        elements = sorted(element for each, element in outcomes if each == number)
        assert elements == list(range(len(elements)))
    assert all(each.reason != Reason.UNEXPECTED for each in decoded.rejections)
    assert decode(events) == decoded
