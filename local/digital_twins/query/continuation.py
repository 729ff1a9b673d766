"""Continuation tokens: a query, the key of the last row given, and how many rows of its TOP are left.

As in the service, a token brings its query with it, and the query sent along is not looked at.
"""

import base64
import binascii
import hashlib
import zlib
from dataclasses import dataclass

import orjson

from local.digital_twins.query.errors import invalid_token

_DIGEST_SIZE = 6
_MAX_SIZE = 256 * 1024


@dataclass(frozen=True, slots=True)
class Position:
    """`after` is empty at the first row; `left` is None without TOP."""

    text: str
    after: tuple[str, ...] = ()
    left: int | None = None


def token_of(position: Position) -> str:
    content = zlib.compress(orjson.dumps([position.text, position.after, position.left]))
    return base64.urlsafe_b64encode(_digest(content) + content).decode()


def position_of(token: str) -> Position:
    """Raises ServiceError (400) for a token that is none of ours."""
    try:
        raw = base64.b64decode(token.encode(), altchars=b"-_", validate=True)
        digest, content = raw[:_DIGEST_SIZE], raw[_DIGEST_SIZE:]
        if _digest(content) != digest:
            raise invalid_token()
        text, after, left = orjson.loads(zlib.decompressobj().decompress(content, _MAX_SIZE))
    except (binascii.Error, zlib.error, ValueError, TypeError) as error:
        raise invalid_token() from error
    is_whole = isinstance(text, str) and isinstance(after, list) and all(isinstance(key, str) for key in after)
    if not is_whole or not (left is None or (isinstance(left, int) and left >= 0)):
        raise invalid_token()
    return Position(text, tuple(after), left)


def _digest(content: bytes) -> bytes:
    return hashlib.blake2b(content, digest_size=_DIGEST_SIZE).digest()
