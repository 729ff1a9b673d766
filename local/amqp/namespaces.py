"""Event Hubs namespaces as connection strings and host names tell of them.

Source: azure-eventhub's `from_connection_string`, whose keys and defaults these are.
"""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final
from urllib.parse import urlsplit

from local.amqp.claims import Claims, Identity, SharedAccessKey, SharedAccessSignature
from local.amqp.connection import Endpoint

if TYPE_CHECKING:
    from azure.core.credentials_async import AsyncTokenCredential

_SECURE_PORT: Final = 5671
_PLAIN_PORT: Final = 5672


@dataclass(frozen=True, slots=True)
class Namespace:
    """An Event Hubs namespace, and what opens it."""

    endpoint: Endpoint
    claims: Claims


def namespace_by_key(connection_string: str) -> Namespace:
    """The namespace of a connection string with a key or a signature. Raises ValueError when it is none.

    With `UseDevelopmentEmulator=true` it speaks plain AMQP, on the port given.
    """
    pairs = (part.partition("=") for part in connection_string.split(";") if part.strip())
    parts = {name.strip().lower(): value.strip() for name, _, value in pairs}
    url = urlsplit(parts.get("endpoint", ""))
    if not url.hostname:
        raise ValueError("The connection string has no Endpoint=sb://…")
    is_emulator = parts.get("usedevelopmentemulator") == "true"
    port = (url.port or _PLAIN_PORT) if is_emulator else _SECURE_PORT
    return Namespace(Endpoint(url.hostname, port, is_secure=not is_emulator), _claims(parts))


def namespace_by_identity(host: str, credential: "AsyncTokenCredential") -> Namespace:
    """The namespace with this host name."""
    return Namespace(Endpoint(host, _SECURE_PORT, is_secure=True), Identity(credential))


def _claims(parts: dict[str, str]) -> Claims:
    if token := parts.get("sharedaccesssignature"):
        return SharedAccessSignature(token)
    name, key = parts.get("sharedaccesskeyname"), parts.get("sharedaccesskey")
    if not name or not key:
        raise ValueError("The connection string has neither SharedAccessKeyName and SharedAccessKey nor a signature.")
    return SharedAccessKey(name, key)
