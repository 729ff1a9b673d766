"""Requests and responses, as the operations see them: apart from ASGI."""

import email.utils
import random
import time
import uuid
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any

import orjson

from local.cosmos.errors import ServiceError, bad_request
from local.cosmos.partition_keys import parse_header

ACTIVITY = "x-ms-activity-id"
CHARGE = "x-ms-request-charge"
CONTINUATION = "x-ms-continuation"
MAX_PAGE = 10_000
"""Items that a page holds at most, whatever a client asks for."""
_PARTITION_KEY = "x-ms-documentdb-partitionkey"


@dataclass(frozen=True, slots=True)
class Request:
    """One HTTP request; header names in lower case, path segments decoded."""

    method: str
    path: tuple[str, ...]
    headers: Mapping[str, str]
    body: bytes
    origin: str
    """Scheme and host that the client used, without a slash at the end."""

    def is_set(self, header: str) -> bool:
        return self.headers.get(header, "").lower() == "true"

    @property
    def partition_key(self) -> tuple[bytes, int] | None:
        """The partition key header as (canonical JSON array, number of components). Raises ServiceError (400)."""
        header = self.headers.get(_PARTITION_KEY)
        return None if header is None else parse_header(header)

    @property
    def page_size(self) -> int | None:
        """What x-ms-max-item-count asks for; None for as many as the service likes. Raises ServiceError (400)."""
        text = self.headers.get("x-ms-max-item-count", "-1")
        try:
            size = int(text)
        except ValueError:
            size = 0
        if size == 0 or size < -1:
            raise bad_request(f"The header x-ms-max-item-count '{text}' is invalid: give a positive number, or -1.")
        return None if size == -1 else min(size, MAX_PAGE)


@dataclass(frozen=True, slots=True)
class Response:
    status: int
    body: bytes = b""
    charge: float = 1.0
    headers: Mapping[str, str] = field(default_factory=dict)

    def raw_headers(self, activity: str) -> list[tuple[bytes, bytes]]:
        """The headers as ASGI has them, with those that every answer of the service carries."""
        headers = [
            (b"content-type", b"application/json"),
            (b"content-length", b"%d" % len(self.body)),
            (b"date", _date(int(time.time()))),
            (b"x-ms-request-charge", b"%.2f" % self.charge),
            (b"x-ms-activity-id", activity.encode("latin-1", "replace")),
            (b"x-ms-version", b"2020-07-15"),
        ]
        if self.status in (204, 304):
            del headers[:2]
        headers += [(name.encode(), value.encode("latin-1", "replace")) for name, value in self.headers.items()]
        return headers


@lru_cache(maxsize=1)
def _date(seconds: int) -> bytes:
    return email.utils.formatdate(seconds, usegmt=True).encode()


def json_response(value: Any, *, status: int = 200, charge: float = 1.0, **headers: str) -> Response:
    return Response(status, orjson.dumps(value), charge, headers)


def activity_of(request: Request | None) -> str:
    """The id the client gave the request, or a new one."""
    return (request.headers.get(ACTIVITY) if request else None) or str(
        uuid.UUID(int=random.getrandbits(128), version=4)
    )


def refusal(error: ServiceError, activity: str, *, charge: float = 1.0) -> Response:
    """A refusal in the service's shape."""
    message = f"Message: {orjson.dumps(error.details).decode()}\r\nActivityId: {activity}"
    document: dict[str, Any] = {"code": error.code, "message": message}
    headers = dict(error.headers)
    if error.substatus:
        headers["x-ms-substatus"] = str(error.substatus)
    return Response(error.status, orjson.dumps(document), charge, headers)
