"""Continuation tokens: where in the order of its rows a query stopped. They hold no state but that.

A token names the query it belongs to, the place of the last row given, and what is left of OFFSET and LIMIT. Keys too
long for a header are named by a digest, and looked up again in the document.
"""

import base64
import binascii
import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import orjson

from local.cosmos.query.errors import QueryError

MAX_KEY = 1024
"""Bytes of sort keys that a token carries itself."""
_DIGEST_SIZE = 16


@dataclass(frozen=True, slots=True)
class Position:
    """A row's place: the keys of ORDER BY, or of its group; then the item, and the row's number within the item.

    Items of one effective partition key are in the order of their ids, or of their numbers where there is an ORDER BY.
    """

    keys: tuple[bytes, ...]
    epk: bytes = b""
    item: str = ""
    number: int = 0
    ordinal: int = 0

    @property
    def digest(self) -> bytes:
        return hashlib.blake2b(b"".join(self.keys), digest_size=_DIGEST_SIZE).digest()


@dataclass(frozen=True, slots=True)
class Continuation:
    """Where to go on: after `position`, or after the row with those keys' digest; `skipped` and `taken` rows ago."""

    position: Position
    digest: bytes | None
    skipped: int
    taken: int


def invalid_token() -> QueryError:
    message = "The continuation token is invalid: give back the token of the query's previous page, unchanged."
    return QueryError(message, code="SC3004")


def fingerprint(text: str, parameters: Mapping[str, Any]) -> str:
    """Names a query with its parameters."""
    try:
        given = orjson.dumps(dict(parameters), option=orjson.OPT_SORT_KEYS | orjson.OPT_NON_STR_KEYS)
    except TypeError:
        given = repr(sorted(parameters.items())).encode()
    return hashlib.blake2b(text.encode(errors="replace") + b"\0" + given, digest_size=9).hexdigest()


def token_of(continuation: Continuation, query: str) -> str:
    position = continuation.position
    is_long = sum(map(len, position.keys)) > MAX_KEY
    keys = [position.digest] if is_long else position.keys
    content = [
        query,
        int(is_long),
        [base64.b64encode(key).decode() for key in keys],
        position.epk.hex(),
        position.item,
        position.number,
        position.ordinal,
        continuation.skipped,
        continuation.taken,
    ]
    text = orjson.dumps(content)
    check = hashlib.blake2b(text, digest_size=6).digest()
    return base64.urlsafe_b64encode(check + text).decode()


def continuation_of(token: str, query: str) -> Continuation:
    """What a token says. Raises QueryError unless it is one of this query."""
    try:
        raw = base64.b64decode(token.encode(), altchars=b"-_", validate=True)
        if hashlib.blake2b(raw[6:], digest_size=6).digest() != raw[:6]:
            raise invalid_token()
        owner, is_long, keys, epk, item, *counts = orjson.loads(raw[6:])
        decoded = tuple(base64.b64decode(key) for key in keys)
        number, ordinal, skipped, taken = map(int, counts)
        place = bytes.fromhex(epk), str(item), number, ordinal
    except (binascii.Error, ValueError, TypeError) as error:
        raise invalid_token() from error
    if owner != query:
        raise QueryError("The continuation token belongs to another query or other parameters.", code="SC3004")
    if is_long:
        return Continuation(Position((), *place), b"".join(decoded), skipped, taken)
    return Continuation(Position(decoded, *place), None, skipped, taken)
