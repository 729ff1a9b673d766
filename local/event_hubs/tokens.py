"""Shared access signatures: the tokens that clients put on $cbs, really checked.

Source: Microsoft Learn, "Authenticate access to Event Hubs resources using shared access signatures (SAS)": the
signature is the HMAC-SHA256, by the key, of the URL-encoded resource URI, a newline and the expiry.
"""

import base64
import hashlib
import hmac
from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import unquote, unquote_plus

from local.event_hubs.addresses import path_of

PREFIX = "SharedAccessSignature "
EMULATOR_KEYS: Mapping[str, str] = {"RootManageSharedAccessKey": "SAS_KEY_VALUE"}
"""The name and key that Microsoft's emulator takes."""


class Unauthorized(Exception):
    """The token can't be accepted; the message says why."""


@dataclass(frozen=True, slots=True)
class Grant:
    """What a token opens: every path at or below `path` (lower case, empty for the namespace), until `expires`."""

    path: str
    expires: int

    def covers(self, path: str, now: float) -> bool:
        is_below = not self.path or path == self.path or path.startswith(self.path + "/")
        return is_below and now < self.expires


class SharedAccessKeys:
    """The namespace's keys by name."""

    def __init__(self, keys: Mapping[str, str]) -> None:
        self._keys = {name: key.encode() for name, key in keys.items()}

    def grant(self, token: str, now: float) -> Grant:
        """What a shared access signature grants. Raises Unauthorized."""
        if not token.startswith(PREFIX):
            raise Unauthorized("The token is no shared access signature.")
        pairs = (part.partition("=") for part in token[len(PREFIX) :].split("&"))
        fields = {name: value for name, _, value in pairs}
        missing = [name for name in ("sr", "sig", "se", "skn") if not fields.get(name)]
        if missing:
            raise Unauthorized(f"The token lacks {', '.join(missing)}.")
        key = self._keys.get(unquote_plus(fields["skn"]))
        expected = b"" if key is None else signature(fields["sr"], fields["se"], key)
        if key is None or not hmac.compare_digest(expected, unquote(fields["sig"]).encode()):
            raise Unauthorized("InvalidSignature: the token has an invalid signature.")
        if not fields["se"].isdecimal() or int(fields["se"]) <= now:
            raise Unauthorized(f"ExpiredToken: the token is expired (se={fields['se']}).")
        return Grant(path_of(unquote(fields["sr"])), int(fields["se"]))


def signature(encoded_uri: str, expiry: str, key: bytes) -> bytes:
    """The signature of a token, base64."""
    digest = hmac.new(key, f"{encoded_uri}\n{expiry}".encode(), hashlib.sha256).digest()
    return base64.b64encode(digest)
