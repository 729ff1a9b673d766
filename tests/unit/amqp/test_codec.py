"""The AMQP codec: what is encoded comes back, what the SDK encodes is read, and garbage is refused and no more."""

import struct
import uuid
from typing import Any

import pytest
from azure.eventhub._pyamqp._decode import _DECODE_BY_CONSTRUCTOR
from azure.eventhub._pyamqp._encode import encode_value
from hypothesis import given
from hypothesis import strategies as st

from local.amqp import codec
from local.amqp.codec import DecodeError, Described, Symbol, decode, list_slices, skip

INT32 = st.integers(-(2**31), 2**31 - 1)
INT64 = st.integers(-(2**63), 2**63 - 1)
UINT32 = st.integers(0, 2**32 - 1)
UINT64 = st.integers(0, 2**64 - 1)
NAMES = st.text(st.characters(codec="ascii"), max_size=300)

Encoded = tuple[Any, bytes]


def pair(strategy: st.SearchStrategy[Any], encode: Any) -> st.SearchStrategy[Encoded]:
    return strategy.map(lambda value: (value, encode(value)))


SCALARS: st.SearchStrategy[Encoded] = st.one_of(
    st.just((None, codec.NULL)),
    pair(st.booleans(), codec.boolean),
    pair(st.integers(0, 255), codec.ubyte),
    pair(st.integers(0, 65535), codec.ushort),
    pair(UINT32, codec.uint),
    pair(UINT64, codec.ulong),
    pair(INT32, codec.int_),
    pair(INT64, codec.long),
    pair(INT64, codec.timestamp),
    pair(st.floats(allow_nan=False), codec.double),
    pair(st.uuids(), codec.identifier),
    pair(st.binary(max_size=300), codec.binary),
    pair(st.text(max_size=300), codec.string),
    pair(NAMES.map(Symbol), codec.symbol),
    pair(st.lists(st.text(max_size=20), max_size=10), codec.string_array),
)


def compounds(children: st.SearchStrategy[Encoded]) -> st.SearchStrategy[Encoded]:
    lists = st.lists(children, max_size=8).map(
        lambda items: ([value for value, _ in items], codec.listed([raw for _, raw in items]))
    )
    maps = st.dictionaries(NAMES, children, max_size=8).map(
        lambda items: (
            {key: value for key, (value, _) in items.items()},
            codec.mapped([part for key, (_, raw) in items.items() for part in (codec.string(key), raw)]),
        )
    )
    described = st.tuples(UINT64, children).map(
        lambda item: (Described(item[0], item[1][0]), codec.described(item[0], item[1][1]))
    )
    return st.one_of(lists, maps, described)


VALUES = st.recursive(SCALARS, compounds, max_leaves=25)


@given(VALUES)
def test_what_is_encoded_comes_back(encoded: Encoded) -> None:
    value, raw = encoded

    assert decode(raw) == (value, len(raw))
    assert skip(raw, 0) == len(raw)


@given(VALUES, st.binary(max_size=20), st.binary(max_size=20))
def test_a_value_is_found_between_other_bytes(encoded: Encoded, before: bytes, after: bytes) -> None:
    value, raw = encoded

    assert decode(before + raw + after, len(before)) == (value, len(before) + len(raw))


@given(st.lists(SCALARS, max_size=20))
def test_a_lists_slices_are_its_elements_bytes(items: list[Encoded]) -> None:
    assert list_slices(codec.listed([raw for _, raw in items]), 0) == [raw for _, raw in items]


@given(VALUES.flatmap(lambda item: st.tuples(st.just(item[1]), st.integers(0, max(0, len(item[1]) - 1)))))
def test_a_value_that_is_cut_off_is_refused(cut: tuple[bytes, int]) -> None:
    raw, size = cut
    with pytest.raises(DecodeError):
        decode(raw[:size])
    with pytest.raises(DecodeError):
        skip(raw[:size], 0)


@given(st.binary(max_size=200))
def test_garbage_is_decoded_or_refused_and_nothing_else(garbage: bytes) -> None:
    for read in (decode, skip, list_slices):
        try:
            read(garbage, 0)
        except DecodeError:
            continue


@given(VALUES, st.data())
def test_a_flipped_byte_is_decoded_or_refused_and_nothing_else(encoded: Encoded, data: st.DataObject) -> None:
    raw = bytearray(encoded[1])
    raw[data.draw(st.integers(0, len(raw) - 1))] = data.draw(st.integers(0, 255))
    try:
        _, end = decode(bytes(raw))
        assert end <= len(raw)
    except DecodeError:
        pass


def test_nesting_without_end_is_refused() -> None:
    raw = codec.NULL
    for _ in range(40):
        raw = codec.listed([raw])

    with pytest.raises(DecodeError, match="nest deeper"):
        decode(raw)
    with pytest.raises(DecodeError, match="nest deeper"):
        skip(b"\x00" * 40, 0)


def test_an_array_that_claims_a_billion_nulls_is_refused() -> None:
    with pytest.raises(DecodeError, match="without bytes"):
        decode(b"\xf0" + struct.pack(">II", 5, 10**9) + b"\x40")


@pytest.mark.parametrize("kind", [0x01, 0x3F, 0x46, 0x57, 0x62, 0x75, 0x85, 0x99, 0xA2, 0xC2, 0xE1, 0xFF])
def test_constructors_that_amqp_does_not_have_are_refused(kind: int) -> None:
    with pytest.raises(DecodeError):
        decode(bytes((kind,)) + b"\x00" * 64)


@given(
    st.recursive(
        st.one_of(st.none(), st.booleans(), st.text(max_size=50), st.binary(max_size=50), INT32, st.uuids()),
        lambda children: st.one_of(
            st.lists(children, min_size=1, max_size=5), st.dictionaries(st.text(max_size=8), children, max_size=5)
        ),
        max_leaves=10,
    )
)
def test_what_the_sdk_encodes_is_read(value: Any) -> None:
    raw = bytearray()
    encode_value(raw, value)

    assert decode(bytes(raw))[0] == value


@given(st.one_of(UINT32.map(codec.uint), INT64.map(codec.long), st.text(max_size=300).map(codec.string)))
def test_what_is_encoded_the_sdk_reads(raw: bytes) -> None:
    read = _DECODE_BY_CONSTRUCTOR[raw[0]]
    _, value = read(memoryview(raw)[1:])

    assert (value if isinstance(value, int) else bytes(value).decode()) == decode(raw)[0]


def test_a_uuid_keeps_its_bytes() -> None:
    value = uuid.uuid4()

    assert decode(codec.identifier(value))[0] == value
