"""Requests as they come in, and responses as they go out."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import orjson

from local.digital_twins.errors import ServiceError, invalid_argument

JSON = "application/json; charset=utf-8"
MAX_BODY = 256 * 1024
"""Bytes that a request, a twin or a relationship may have, with limits off too: its events must fit a hub's 1 MB."""
_MAX_BRACKETS = 200
"""A body with fewer brackets can't be nested deeper than orjson writes (254 levels)."""


@dataclass(frozen=True)
class Request:
    """`path` is the segments, decoded; `headers` have lower-case names; `query` has each parameter's values."""

    method: str
    path: tuple[str, ...]
    query: Mapping[str, list[str]]
    headers: Mapping[str, str]
    body: bytes
    origin: str

    def json(self) -> Any:
        """Raises ServiceError (400) for what is no JSON, holds NaN or lone surrogates, or is nested too deep."""
        try:
            document = orjson.loads(self.body)
            if self.body.count(b"[") + self.body.count(b"{") > _MAX_BRACKETS:
                orjson.dumps(document)
        except ValueError as error:
            raise invalid_argument(f"The payload is not valid JSON: {error}") from error
        except TypeError as error:
            raise invalid_argument("The payload is nested too deep.") from error
        return document

    def flag(self, name: str) -> bool:
        """A boolean parameter, False when it isn't given. Raises ServiceError (400)."""
        given = self.query.get(name, ["false"])[-1].lower()
        if given not in ("true", "false"):
            raise invalid_argument(f"The parameter {name} must be true or false, found {given!r}.")
        return given == "true"


@dataclass(frozen=True)
class Response:
    status: int
    body: bytes = b""
    headers: Mapping[str, str] = field(default_factory=dict)

    def raw_headers(self) -> list[tuple[bytes, bytes]]:
        raw = [(name.encode(), value.encode("latin-1", "replace")) for name, value in self.headers.items()]
        if self.body:
            raw.append((b"content-type", JSON.encode()))
        raw.append((b"content-length", str(len(self.body)).encode()))
        return raw


def ok(document: Any, *, status: int = 200, headers: Mapping[str, str] | None = None) -> Response:
    return Response(status, orjson.dumps(document), headers or {})


def entity(document: Mapping[str, Any]) -> Response:
    """A twin or relationship, with its etag as a header."""
    return ok(document, headers={"ETag": document["$etag"]})


def no_content(etag: str | None = None) -> Response:
    return Response(204, b"", {"ETag": etag} if etag else {})


def refusal(error: ServiceError) -> Response:
    return ok(error.document(), status=error.status, headers=error.headers)
