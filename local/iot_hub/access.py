"""Who may come in: device tokens against the registry, service tokens against the hub's policy."""

import base64
import time
from dataclasses import dataclass
from urllib.parse import unquote

from local.iot_hub.registry import Device, Registry
from local.shared_access import InvalidSignature, SharedAccessSignature, read_signature

SERVICE_POLICY = "iothubowner"
SERVICE_KEY = base64.b64encode(b"local-iot-hub-owner-key-32-bytes").decode()
"""The well-known key of the local hub's owner policy."""


class Unauthorized(Exception):
    """The token does not open what was asked for; the message says why."""


@dataclass(frozen=True, slots=True)
class Sender:
    """An authenticated device, or module of one."""

    device: Device
    module: str | None


class Access:
    """Checks tokens. The host in a token's resource may be any name of this hub; the path is what counts."""

    def __init__(self, registry: Registry) -> None:
        self._registry = registry

    def device(self, token: str, device_id: str, module: str | None = None) -> Sender:
        """The sender that a token proves. Raises Unauthorized, alike for unknown devices and wrong keys."""
        signature = _read(token)
        device = self._registry.find(device_id)
        path = f"devices/{device_id}" + (f"/modules/{module}" if module else "")
        if device is None:
            raise Unauthorized(f"the device '{device_id}' is not registered")
        if device.status != "enabled":
            raise Unauthorized(f"the device '{device_id}' is disabled")
        if not _covers(signature, path) or not any(signature.is_signed_by(key) for key in device.keys):
            raise Unauthorized("the token is not signed by this device's key for this device")
        return Sender(device, module)

    def service(self, token: str) -> None:
        """Raises Unauthorized when the token is not the owner policy's."""
        signature = _read(token)
        if signature.key_name != SERVICE_POLICY or not signature.is_signed_by(base64.b64decode(SERVICE_KEY)):
            raise Unauthorized(f"a token of the policy '{SERVICE_POLICY}' is needed")


def _read(token: str) -> SharedAccessSignature:
    try:
        signature = read_signature(token)
    except InvalidSignature as error:
        raise Unauthorized(str(error)) from error
    if signature.expires <= time.time():
        raise Unauthorized(f"the token is expired (se={signature.expires})")
    return signature


def _covers(signature: SharedAccessSignature, path: str) -> bool:
    """`sr` is the host, or the host and a path at or above the one asked for."""
    _, _, granted = unquote(signature.resource).partition("/")
    return not granted or path == granted or path.startswith(granted + "/")
