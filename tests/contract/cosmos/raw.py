"""Signed requests without the SDK, for what the SDK would never send."""

import base64
import email.utils
import hashlib
import hmac
import json
import urllib.parse
from types import TracebackType
from typing import Any, Self

import httpx

from local.cosmos.authorization import EMULATOR_KEY


def signature(verb: str, resource_type: str, link: str, date: str, key: str = EMULATOR_KEY) -> str:
    """The authorization header of a master key, as the service's documentation builds it."""
    text = f"{verb.lower()}\n{resource_type}\n{link}\n{date.lower()}\n\n"
    digest = hmac.digest(base64.b64decode(key), text.encode(), hashlib.sha256)
    return urllib.parse.quote(f"type=master&ver=1.0&sig={base64.b64encode(digest).decode()}", safe="")


class RawClient:
    """Sends what it is told, with a right signature."""

    def __init__(self, url: str) -> None:
        self._http = httpx.Client(base_url=url)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._http.close()

    def send(
        self,
        verb: str,
        path: str,
        body: Any = None,
        *,
        content: bytes | None = None,
        key: list[Any] | None = None,
        headers: dict[str, str] | None = None,
        timeout: float = 30,
    ) -> httpx.Response:
        """`path` without a leading slash, not encoded; `body` is sent as JSON, `content` as it is."""
        parts = path.split("/") if path else []
        resource_type = "" if not parts else parts[-1] if len(parts) % 2 else parts[-2]
        link = "/".join(parts[:-1] if len(parts) % 2 else parts)
        date = email.utils.formatdate(usegmt=True)
        sent = {"x-ms-date": date, "x-ms-version": "2020-07-15"}
        sent["authorization"] = signature(verb, resource_type, link, date)
        if key is not None:
            sent["x-ms-documentdb-partitionkey"] = json.dumps(key)
        if body is not None:
            content = json.dumps(body).encode()
            sent["content-type"] = "application/json"
        url = "/" + urllib.parse.quote(path)
        return self._http.request(verb, url, content=content, headers={**sent, **(headers or {})}, timeout=timeout)
