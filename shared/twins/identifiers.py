"""Asset path → twin id, and the places on the way to an asset.

The rule (docs/twins.md): letters, digits and `-`, `.` and `_` stay, `/` becomes `!`, and every other byte of the
UTF-8 text becomes `*` with two hexadecimal digits; so does a `.` that comes first, since URLs drop `.` and `..`.
What is longer than a twin's id may be keeps its beginning, and ends with `**` and the hash of the whole path. No two
paths give the same id: `*` stands only before digits, or twice before a hash.
"""

import re
from functools import lru_cache
from hashlib import blake2b

MAX_ID = 128
"""Characters of a twin's id (learn.microsoft.com, "Azure Digital Twins service limits")."""
_ID = re.compile(r"[A-Za-z0-9\-.+%_#*?!(),=@$']{1,128}")
"""learn.microsoft.com, "Manage digital twins"."""
_HASH_BYTES = 20
_AS_IT_IS = frozenset(b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._")


@lru_cache(maxsize=16_384)
def twin_id(path: str) -> str:
    """The id of the twin that stands for an asset or place."""
    text = "".join(_escaped(byte) for byte in path.encode())
    if text.startswith("."):
        text = f"*2E{text[1:]}"
    if len(text) <= MAX_ID:
        return text
    digest = blake2b(path.encode(), digest_size=_HASH_BYTES).hexdigest()
    return f"{text[: MAX_ID - len(digest) - 2]}**{digest}"


def _escaped(byte: int) -> str:
    if byte in _AS_IT_IS:
        return chr(byte)
    return "!" if byte == ord("/") else f"*{byte:02X}"


def places_above(path: str) -> list[str]:
    """The paths of the places that contain it, the site first. An empty first step is no place."""
    return [path[:end] for end, character in enumerate(path) if character == "/" and end > 0]


def is_twin_id(text: object) -> bool:
    """Whether this can be the id of a twin at all, whoever made it."""
    return isinstance(text, str) and _ID.fullmatch(text) is not None
