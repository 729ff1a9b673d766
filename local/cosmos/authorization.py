"""The master key's signature on a request.

Source: Microsoft Learn, "Access control in the Azure Cosmos DB SQL API": HMAC-SHA256 over the verb, the resource
type, the resource link and the date, each on a line.
"""

import base64
import binascii
import email.utils
import hashlib
import hmac
import time
import urllib.parse
from functools import lru_cache

from local.cosmos.errors import ServiceError
from local.cosmos.messages import Request

EMULATOR_KEY = "C2y6yDjf5/R+ob0N8A7Cgv30VRDJIWEHLM+4QDU5DE2nQ9nDuVTqobD4b8mGGyPMbIZnqyMsEcaGQy67XIw/Jw=="
"""The key that every Cosmos DB emulator has: it is public, and guards nothing."""
CLOCK_SKEW_SECONDS = 15 * 60


class MasterKey:
    """Checks the signatures of requests against one key."""

    def __init__(self, key: str) -> None:
        """`key` is base64. Raises ValueError."""
        try:
            # A keyed state to copy: the one-shot hmac.digest would give the interpreter lock away for every request.
            self._keyed = hmac.new(base64.b64decode(key, validate=True), digestmod=hashlib.sha256)
        except binascii.Error as error:
            raise ValueError(f"The key is not base64: {error}.") from None

    def check(self, request: Request) -> None:
        """Raises ServiceError: 401 for a missing or wrong signature, 403 for a date too far from now."""
        date = request.headers.get("x-ms-date", "")
        signature = _signature(request.headers.get("authorization", ""))
        http_date = "" if date else request.headers.get("date", "")
        if not date and not http_date:
            raise _unauthorized("The x-ms-date header is missing.")
        for resource_type, link in _resources(request.path):
            text = f"{request.method.lower()}\n{resource_type.lower()}\n{link}\n{date.lower()}\n{http_date.lower()}\n"
            if hmac.compare_digest(self._signed(text), signature):
                break
        else:
            raise _unauthorized(
                "The input authorization token can't serve the request. The wrong key is being used or the expected"
                f" payload is not built as per the protocol. Server used the following payload to sign: {text!r}"
            )
        _check_date(date or http_date)

    def _signed(self, text: str) -> bytes:
        mac = self._keyed.copy()
        mac.update(text.encode())
        return base64.b64encode(mac.digest())


@lru_cache(maxsize=1024)
def _signature(header: str) -> bytes:
    fields = dict(part.partition("=")[::2] for part in urllib.parse.unquote(header).split("&"))
    if fields.get("type") != "master" or not fields.get("sig"):
        raise _unauthorized(
            "Required Header authorization is missing or is no master key's: give 'type=master&ver=1.0&sig=…'."
        )
    return fields["sig"].encode()


def _resources(path: tuple[str, ...]) -> list[tuple[str, str]]:
    """What the signature may name: the full link, or for links by resource id, only the last id in lower case."""
    if len(path) > 2 and path[-2] == "operations":
        path = path[:-2]
    if not path:
        return [("", "")]
    if len(path) % 2:
        resource_type, link = path[-1], path[:-1]
    else:
        resource_type, link = path[-2], path
    return [(resource_type, "/".join(link)), (resource_type, link[-1].lower() if link else "")]


@lru_cache(maxsize=1024)
def _seconds(date: str) -> float:
    try:
        return email.utils.parsedate_to_datetime(date).timestamp()
    except (ValueError, OverflowError):
        raise _unauthorized(f"The date {date!r} is not in the format of RFC 1123.") from None


def _check_date(text: str) -> None:
    if abs(_seconds(text) - time.time()) > CLOCK_SKEW_SECONDS:
        raise ServiceError(
            403,
            f"The authorization token is not valid at the current time. Please create another token and retry (token"
            f" time: {text}, current server time: {email.utils.formatdate(usegmt=True)}).",
        )


def _unauthorized(message: str) -> ServiceError:
    return ServiceError(401, message)
