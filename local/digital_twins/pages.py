"""Lists a page at a time: `nextLink` says where the next one begins."""

import base64
import binascii
import urllib.parse
from collections.abc import Callable
from typing import Any

import orjson

from local.digital_twins.errors import invalid_argument
from local.digital_twins.messages import Request

DEFAULT_PAGE = 100
MAX_PAGE = 1000
_TOKEN = "continuationToken"

Row = tuple[str, Any]
"""A key that the list is ordered by, and what is shown of it."""


def page_size(request: Request, *, default: int = DEFAULT_PAGE) -> int:
    """What the max-items-per-page header asks for, at most MAX_PAGE. Raises ServiceError (400)."""
    given = request.headers.get("max-items-per-page")
    if given is None:
        return default
    if not given.isascii() or not given.isdecimal() or not 0 < len(given) < 10 or int(given) == 0:
        raise invalid_argument(f"The header max-items-per-page must be a positive number, found {given!r}.")
    return min(int(given), MAX_PAGE)


def page(request: Request, rows: Callable[[str, int], list[Row]]) -> dict[str, Any]:
    """The page that the request asks for. `rows(after, count)` gives rows in order, after a key ("" for the first)."""
    after, size = _position(request)
    found = rows(after, size + 1)
    more = len(found) > size
    shown = found[:size]
    return {
        "value": [each for _, each in shown],
        "nextLink": _link(request, shown[-1][0], size) if more else None,
    }


def _position(request: Request) -> tuple[str, int]:
    given = request.query.get(_TOKEN)
    if given is None:
        return "", page_size(request)
    try:
        after, size = orjson.loads(base64.urlsafe_b64decode(given[-1] + "=="))
    except (ValueError, TypeError, binascii.Error) as error:
        raise invalid_argument("The continuation token is invalid.") from error
    if not isinstance(after, str) or not isinstance(size, int) or not 0 < size <= MAX_PAGE:
        raise invalid_argument("The continuation token is invalid.")
    return after, size


def _link(request: Request, after: str, size: int) -> str:
    token = base64.urlsafe_b64encode(orjson.dumps([after, size])).decode().rstrip("=")
    query = {**request.query, _TOKEN: [token]}
    path = "/".join(urllib.parse.quote(segment, safe="") for segment in request.path)
    return f"{request.origin}/{path}?{urllib.parse.urlencode(query, doseq=True)}"
