"""Shared access signatures, as Event Hubs and IoT Hub both take them.

`SharedAccessSignature sr=<URI>&sig=<signature>&se=<expiry>[&skn=<key name>]`, where the signature is the HMAC-SHA256 by
the key of the URL-encoded URI, a newline and the expiry. Sources: Microsoft Learn, "Authenticate access to Event Hubs
resources using shared access signatures", and "Control access to IoT Hub with shared access signatures".
"""

import base64
import hashlib
import hmac
from dataclasses import dataclass
from urllib.parse import quote_plus, unquote, unquote_plus

PREFIX = "SharedAccessSignature "


class InvalidSignature(Exception):
    """The token is not one, or lacks a part; the message says which."""


@dataclass(frozen=True, slots=True)
class SharedAccessSignature:
    """A token's parts: `resource` decoded, `signed` the text under the signature, `expires` in seconds since 1970."""

    resource: str
    signed: str
    signature: bytes
    expires: int
    key_name: str | None

    def is_signed_by(self, key: bytes) -> bool:
        return hmac.compare_digest(_signature(self.signed, key), self.signature)


def read_signature(token: str) -> SharedAccessSignature:
    """Takes a token apart without checking it. Raises InvalidSignature."""
    if not token.startswith(PREFIX):
        raise InvalidSignature("The token is no shared access signature.")
    pairs = (part.partition("=") for part in token[len(PREFIX) :].split("&"))
    fields = {name: value for name, _, value in pairs}
    missing = [name for name in ("sr", "sig", "se") if not fields.get(name)]
    if missing:
        raise InvalidSignature(f"The token lacks {', '.join(missing)}.")
    if not (fields["se"].isascii() and fields["se"].isdecimal()):
        raise InvalidSignature(f"The token's expiry is no number of seconds (se={fields['se']}).")
    return SharedAccessSignature(
        resource=unquote(fields["sr"]),
        signed=f"{fields['sr']}\n{fields['se']}",
        signature=unquote(fields["sig"]).encode(),
        expires=int(fields["se"]),
        key_name=unquote_plus(fields["skn"]) if fields.get("skn") else None,
    )


def sign(resource: str, expires: int, key: bytes, key_name: str | None = None) -> str:
    """A token for a resource."""
    encoded = quote_plus(resource)
    signature = quote_plus(_signature(f"{encoded}\n{expires}", key))
    name = "" if key_name is None else f"&skn={quote_plus(key_name)}"
    return f"{PREFIX}sr={encoded}&sig={signature}&se={expires}{name}"


def _signature(signed: str, key: bytes) -> bytes:
    return base64.b64encode(hmac.new(key, signed.encode(), hashlib.sha256).digest())
