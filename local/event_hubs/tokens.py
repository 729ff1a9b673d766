"""What shared access signatures grant in a namespace: the tokens that clients put on $cbs, really checked."""

from collections.abc import Mapping
from dataclasses import dataclass

from local.event_hubs.addresses import path_of
from local.event_hubs_namespace import KEY, KEY_NAME
from local.shared_access import InvalidSignature, read_signature

EMULATOR_KEYS: Mapping[str, str] = {KEY_NAME: KEY}
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
        try:
            signature = read_signature(token)
        except InvalidSignature as error:
            raise Unauthorized(str(error)) from error
        key = self._keys.get(signature.key_name or "")
        if key is None or not signature.is_signed_by(key):
            raise Unauthorized("InvalidSignature: the token has an invalid signature.")
        if signature.expires <= now:
            raise Unauthorized(f"ExpiredToken: the token is expired (se={signature.expires}).")
        return Grant(path_of(signature.resource), signature.expires)
