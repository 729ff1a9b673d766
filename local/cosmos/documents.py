"""JSON documents: reading what a client sends, checking it, and writing what the service keeps and serves."""

import base64
import binascii
import re
from functools import lru_cache
from typing import Any, NamedTuple

import orjson

from local.cosmos.errors import bad_request, invalid_payload, too_large
from local.cosmos.indexing import IndexingPolicy
from local.cosmos.partition_keys import PartitionKeyDefinition

MAX_BYTES = 2 * 1024 * 1024
MAX_ID_BYTES = 1023
MAX_TTL = 2**31 - 1
SYSTEM_PROPERTIES = frozenset({"_rid", "_self", "_etag", "_attachments", "_ts", "_lsn"})
_MAX_EXACT = 2**53
_KEPT_TYPES = frozenset({str, bool, type(None)})
_FORBIDDEN_IN_IDS = frozenset("/\\?#")
_SUFFIX = b',"_rid":"'
_PLAIN_ID = re.compile(r"[\w.:@-]{1,250}", re.ASCII).fullmatch
"""Ids that need no further look."""
_WHOLE_FLOAT = re.compile(rb"\.0[,}\]]").search


class Draft(NamedTuple):
    """A checked document that is not placed yet: without system properties and without its closing brace."""

    id: str
    epk: str
    text: bytes
    ttl: int | None
    """The item's own time to live in seconds, -1 for never; None when it has none."""
    terms: int
    """How many of its values the container's indexing policy indexes."""
    properties: dict[str, Any]


class SystemProperties(NamedTuple):
    rid: str
    etag: str
    """With its quotes, as it travels in headers."""


def parse(body: bytes) -> Any:
    """Any JSON. Raises ServiceError (400, 413)."""
    if len(body) > MAX_BYTES:
        raise too_large()
    try:
        return orjson.loads(body)
    except orjson.JSONDecodeError:
        raise invalid_payload() from None


def parse_object(body: bytes) -> dict[str, Any]:
    value = parse(body)
    if not isinstance(value, dict):
        raise invalid_payload()
    return value


def doubles(value: Any) -> Any:
    """The value with every number as an IEEE 754 double: 0.0 is 0, integers past 2^53 are rounded."""
    kind = type(value)
    if kind is dict:
        return {key: inner if type(inner) in _KEPT_TYPES else doubles(inner) for key, inner in value.items()}
    if kind is list:
        return [inner if type(inner) in _KEPT_TYPES else doubles(inner) for inner in value]
    if kind is float:
        return _double(value)
    if kind is int and not -_MAX_EXACT <= value <= _MAX_EXACT:
        return _double(float(value))
    return value


def _double(value: float) -> float | int:
    if not value.is_integer() or not -(2**63) <= value < 2**64:
        return value
    digits = int(value) if abs(value) <= _MAX_EXACT else _rounded(value)
    return digits if -(2**63) <= digits < 2**64 else value


def _rounded(value: float) -> int:
    """The shortest digits that mean this double, zeros after them, as ECMAScript writes it."""
    digits, _, exponent = repr(value).partition("e")
    if not exponent:
        return int(value)
    whole, _, fraction = digits.partition(".")
    return int((whole + fraction).ljust(len(whole) + int(exponent), "0"))


def check_id(value: object, *, limit: int = MAX_ID_BYTES) -> str:
    """A resource's id. Raises ServiceError (400)."""
    if isinstance(value, str) and _PLAIN_ID(value):
        return value
    if value is None:
        raise bad_request("The input content is invalid because the required properties - 'id; ' - are missing")
    if not isinstance(value, str):
        raise bad_request(f"The input content is invalid because 'id' must be a string, not {value!r}.")
    if not value or len(value.encode()) > limit:
        raise bad_request(
            f"The input name '{value[:80]}' is invalid. Ensure to provide a unique non-empty string of at most"
            f" {limit} bytes."
        )
    if not _FORBIDDEN_IN_IDS.isdisjoint(value) or value.endswith((" ", "\n")):
        raise bad_request(
            f"The input name '{value[:80]}' is invalid: it must not contain '/', '\\', '?' or '#' nor end in a space."
        )
    return value


def check_ttl(document: dict[str, Any], *, name: str = "ttl") -> int | None:
    """Seconds to live, -1 for ever, None when not given. Raises ServiceError (400)."""
    if name not in document:
        return None
    ttl = document[name]
    if isinstance(ttl, float) and ttl.is_integer():
        ttl = int(ttl)
    if isinstance(ttl, int) and not isinstance(ttl, bool) and (ttl == -1 or 0 < ttl <= MAX_TTL):
        return ttl
    raise bad_request(
        f"The input {name} '{ttl}' is invalid. Ensure to provide a nonzero positive integer less than or equal to"
        f" '{MAX_TTL}', or '-1' for never."
    )


def draft(document: object, definition: PartitionKeyDefinition, key: bytes | None, policy: IndexingPolicy) -> Draft:
    """Checks a document that a client sent, and its partition key against the request's (`key`, canonical JSON).

    Raises ServiceError (400, 413). The document's system properties are taken off it.
    """
    if not isinstance(document, dict):
        raise invalid_payload()
    item_id = check_id(document.get("id"))
    ttl = check_ttl(document) if "ttl" in document else None
    if not SYSTEM_PROPERTIES.isdisjoint(document):
        document = {name: value for name, value in document.items() if name not in SYSTEM_PROPERTIES}
    epk = _place(document, definition, key)
    text = _text(document)
    return Draft(item_id, epk, text[:-1], ttl, policy.count_terms(document), document)


def _place(document: dict[str, Any], definition: PartitionKeyDefinition, key: bytes | None) -> str:
    """The document's effective partition key. Raises ServiceError (400) when it is not the request's."""
    if key is not None:
        texts, epk = definition.expected(key)
        if texts is not None and definition.has(document, texts):
            return epk
    values = orjson.dumps(definition.values(document))
    epk = definition.effective(values)
    if key is not None and key != values and definition.effective(key) != epk:
        raise bad_request(
            "PartitionKey extracted from document doesn't match the one specified in the header", substatus=1001
        )
    return epk


def _text(document: dict[str, Any]) -> bytes:
    """A document as the service keeps it. Raises ServiceError (400, 413)."""
    try:
        try:
            text = orjson.dumps(document, option=orjson.OPT_STRICT_INTEGER)
            if _may_hold_whole_floats(text) and _rewrite_whole_floats(document):
                text = orjson.dumps(document)
        except orjson.JSONEncodeError:
            text = orjson.dumps(doubles(document))
    except (orjson.JSONEncodeError, RecursionError):
        raise bad_request("The request document is nested too deeply.") from None
    if len(text) > MAX_BYTES:
        raise too_large()
    return text


def _may_hold_whole_floats(text: bytes) -> bool:
    """Whether orjson wrote floats that the service writes as integers; what was found may also stand in a string."""
    return _WHOLE_FLOAT(text) is not None or (b"+" in text and b"e+1" in text)


def _rewrite_whole_floats(value: Any) -> bool:
    """Makes the whole floats in a document or an array integers, in place; whether there were any."""
    found = False
    for place, inner in value.items() if type(value) is dict else enumerate(value):
        kind = type(inner)
        if kind is float:
            if inner.is_integer():
                value[place] = _double(inner)
                found = True
        elif (kind is dict or kind is list) and _rewrite_whole_floats(inner):
            found = True
    return found


def encode_rid(*numbers: tuple[int, int]) -> str:
    """A resource id from (value, bytes) pairs, in the service's own base64 (with - for /)."""
    return _encoded(b"".join(value.to_bytes(size, "big") for value, size in numbers))


def _encoded(raw: bytes) -> str:
    return binascii.b2a_base64(raw, newline=False).decode().replace("/", "-")


@lru_cache(maxsize=1024)
def decode_rid(rid: str) -> bytes:
    return base64.b64decode(rid.replace("-", "/"))


def item_rid(container_rid: str, number: int) -> str:
    return _encoded(decode_rid(container_rid) + number.to_bytes(8, "little"))


def etag(number: int, timestamp: int) -> str:
    """An etag, with its quotes, in the shape of the service's, for one change of one container."""
    digits = number.to_bytes(8).hex()
    return f'"{digits[8:]}-{digits[4:8]}{_etag_end(timestamp)}'


@lru_cache(maxsize=1)
def _etag_end(timestamp: int) -> str:
    return f'-0000-0000-{timestamp:012x}"'


def served(text: bytes, rid: str, container_link: str, tag: str, timestamp: int) -> bytes:
    """The whole document as it is kept and served: the draft's text with the system properties after it."""
    suffix = (
        f',"_rid":"{rid}","_self":"{container_link}docs/{rid}/","_etag":"\\{tag[:-1]}\\""'
        f',"_attachments":"attachments/","_ts":{timestamp}}}'
    )
    return text + suffix.encode()


def system_properties(body: bytes) -> SystemProperties:
    """What `served` wrote after a document."""
    suffix = orjson.loads(b"{" + body[body.rindex(_SUFFIX) + 1 :])
    return SystemProperties(suffix["_rid"], suffix["_etag"])


def without_system_properties(body: bytes) -> bytes:
    """The document as the client gave it."""
    return body[: body.rindex(_SUFFIX)] + b"}"
