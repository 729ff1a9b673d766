"""IoT Hub over HTTPS: devices send messages, back ends keep the registry.

Sources: Microsoft Learn, IoT Hub REST API: "Device - Send Device Event", "Devices - …", "Twin - …" (2021-04-12).
"""

import base64
import binascii
import json
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import replace
from typing import Any

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from local.iot_hub.access import Unauthorized
from local.iot_hub.forwarding import HubUnavailable
from local.iot_hub.front_door import FrontDoor, MessageTooLarge
from local.iot_hub.messages import MAX_MESSAGE, DeviceMessage
from local.iot_hub.registry import Device, DeviceExists, InvalidDevice, new_device, patched

BATCH_TYPE = "application/vnd.microsoft.iothub.json"
"""The content type of several messages in one request."""
MOST_DEVICES = 1_000
LARGEST_BODY = 2 * MAX_MESSAGE
"""Bytes of a request: a batch has the limit of a message, and base64 adds a third."""
_PROPERTY = "iothub-app-"
_SYSTEM = {
    "iothub-messageid": "message-id",
    "iothub-correlationid": "correlation-id",
    "iothub-userid": "user-id",
    "iothub-contenttype": "content-type",
    "iothub-contentencoding": "content-encoding",
}
_BATCH_SYSTEM = {
    "iothub-messageid": "message-id",
    "iothub-correlationid": "correlation-id",
    "iothub-content-type": "content-type",
    "iothub-content-encoding": "content-encoding",
}

Handler = Callable[[Request], Awaitable[Response]]


class DeviceNotFound(Exception):
    """No device with this id is registered."""


class BadRequest(Exception):
    """The request makes no sense; the message says why."""


def iot_hub_app(door: FrontDoor) -> Starlette:
    """The HTTPS API of one hub."""
    api = _Api(door)
    routes = [
        ("/devices/{device}/messages/events", api.send, ["POST"]),
        ("/devices/{device}/modules/{module}/messages/events", api.send, ["POST"]),
        ("/devices", api.list_devices, ["GET"]),
        ("/devices/{device}", api.read_device, ["GET"]),
        ("/devices/{device}", api.write_device, ["PUT"]),
        ("/devices/{device}", api.delete_device, ["DELETE"]),
        ("/twins/{device}", api.read_twin, ["GET"]),
        ("/twins/{device}", api.patch_twin, ["PATCH", "PUT"]),
    ]
    served = [Route(path, _answering(handler), methods=methods) for path, handler, methods in routes]
    return Starlette(routes=[*served, Route("/{rest:path}", _not_implemented, methods=_METHODS)])


_METHODS = ["GET", "PUT", "POST", "PATCH", "DELETE"]


class _Api:
    """The handlers. They raise; `_answering` turns that into the service's errors."""

    def __init__(self, door: FrontDoor) -> None:
        self._door = door

    async def send(self, request: Request) -> Response:
        device, module = request.path_params["device"], request.path_params.get("module")
        sender = self._door.access.device(request.headers.get("authorization", ""), device, module)
        await self._door.accept(sender, _messages(request, await _limited_body(request)))
        return Response(status_code=204)

    async def list_devices(self, request: Request) -> Response:
        self._authorize(request)
        top = request.query_params.get("top", str(MOST_DEVICES))
        if not top.isdecimal():
            raise BadRequest(f"top must be a number, not {top!r:.100}")
        most = min(int(top), MOST_DEVICES)
        return JSONResponse([_identity(device) for device in self._door.registry.list(most)])

    async def read_device(self, request: Request) -> Response:
        self._authorize(request)
        return JSONResponse(_identity(self._find(request)))

    async def write_device(self, request: Request) -> Response:
        """Creates a device, or replaces its status and keys when it is there and If-Match says so."""
        self._authorize(request)
        asked = await _json(request)
        device_id = request.path_params["device"]
        keys = (asked.get("authentication") or {}).get("symmetricKey") or {}
        device = new_device(
            device_id,
            status=asked.get("status", "enabled"),
            primary_key=keys.get("primaryKey"),
            secondary_key=keys.get("secondaryKey"),
        )
        known = self._door.registry.find(device_id)
        if known is None:
            self._door.registry.create(device)
            return JSONResponse(_identity(device))
        if "if-match" not in request.headers:
            raise DeviceExists(f"the device '{device_id}' is registered already")
        kept = replace(device, generation=known.generation, tags=known.tags)
        return JSONResponse(_identity(self._door.registry.save(kept)))

    async def delete_device(self, request: Request) -> Response:
        self._authorize(request)
        self._door.registry.delete(self._find(request).id)
        return Response(status_code=204)

    async def read_twin(self, request: Request) -> Response:
        self._authorize(request)
        return JSONResponse(_twin(self._find(request)))

    async def patch_twin(self, request: Request) -> Response:
        self._authorize(request)
        device = self._find(request)
        tags = (await _json(request)).get("tags") or {}
        if not isinstance(tags, dict):
            raise BadRequest("a twin's tags are an object")
        merged = patched({} if request.method == "PUT" else device.tags, tags)
        saved = self._door.registry.save(replace(device, tags=merged))
        return JSONResponse(_twin(saved))

    def _authorize(self, request: Request) -> None:
        self._door.access.service(request.headers.get("authorization", ""))

    def _find(self, request: Request) -> Device:
        device = self._door.registry.find(request.path_params["device"])
        if device is None:
            raise DeviceNotFound(f"the device '{request.path_params['device']}' is not registered")
        return device


def _answering(handler: Handler) -> Handler:
    async def answer(request: Request) -> Response:
        if "api-version" not in request.query_params:
            return _error(400, "InvalidProtocolVersion", "the api-version parameter is missing")
        try:
            return await handler(request)
        except Unauthorized as error:
            return _error(401, "IotHubUnauthorizedAccess", f"Unauthorized: {error}")
        except DeviceNotFound as error:
            return _error(404, "DeviceNotFound", str(error))
        except DeviceExists as error:
            return _error(409, "DeviceAlreadyExists", str(error))
        except MessageTooLarge as error:
            return _error(413, "MessageTooLarge", str(error))
        except (BadRequest, InvalidDevice) as error:
            return _error(400, "ArgumentInvalid", str(error))
        except HubUnavailable as error:
            return _error(503, "ServiceUnavailable", f"the telemetry hub did not take the message: {error}")

    return answer


async def _not_implemented(request: Request) -> Response:
    return _error(501, "NotImplemented", f"{request.method} {request.url.path} is not served by the local IoT Hub")


def _error(status: int, code: str, message: str) -> Response:
    body = {"Message": f"ErrorCode:{code};{message}", "ExceptionMessage": ""}
    return JSONResponse(body, status, headers={"iothub-errorcode": code})


async def _limited_body(request: Request) -> bytes:
    """The body, of which no more is read than a message may hold. Raises MessageTooLarge."""
    body = b""
    async for chunk in request.stream():
        body += chunk
        if len(body) > LARGEST_BODY:
            raise MessageTooLarge(f"a body of more than {LARGEST_BODY} bytes")
    return body


async def _json(request: Request) -> dict[str, Any]:
    try:
        parsed = json.loads(await request.body() or b"{}")
    except ValueError as error:
        raise BadRequest(f"the body is not JSON: {error}") from error
    if not isinstance(parsed, dict):
        raise BadRequest("the body must be a JSON object")
    return parsed


def _messages(request: Request, body: bytes) -> list[DeviceMessage]:
    headers = request.headers
    if headers.get("content-type", "").partition(";")[0] == BATCH_TYPE:
        try:
            return [_batched(each) for each in _batch(body)]
        except UnicodeEncodeError as error:
            raise BadRequest(f"a text of the batch is no Unicode: {error}") from error
    properties = {name[len(_PROPERTY) :]: value for name, value in headers.items() if name.startswith(_PROPERTY)}
    system = {known: headers[name] for name, known in _SYSTEM.items() if name in headers}
    return [DeviceMessage(body, properties, system)]


def _batch(body: bytes) -> list[Any]:
    try:
        parsed = json.loads(body)
    except ValueError as error:
        raise BadRequest(f"the batch is not JSON: {error}") from error
    if not isinstance(parsed, list):
        raise BadRequest("a batch is a JSON array of messages")
    return parsed


def _batched(item: Any) -> DeviceMessage:
    if not isinstance(item, dict) or not isinstance(item.get("body"), str):
        raise BadRequest("each message of a batch is an object with a 'body' string")
    body = item["body"].encode()
    if item.get("base64Encoded", True):
        try:
            body = base64.b64decode(body, validate=True)
        except binascii.Error as error:
            raise BadRequest(f"a message's body is not base64: {error}") from error
    given: Mapping[str, Any] = item.get("properties") or {}
    system = {_BATCH_SYSTEM[name]: str(value) for name, value in given.items() if name in _BATCH_SYSTEM}
    plain = {name.removeprefix(_PROPERTY): str(value) for name, value in given.items() if name not in _BATCH_SYSTEM}
    for text in (*system.values(), *plain, *plain.values()):
        text.encode()
    return DeviceMessage(body, plain, system)


def _identity(device: Device) -> dict[str, Any]:
    keys = {"primaryKey": device.primary_key, "secondaryKey": device.secondary_key}
    return {
        "deviceId": device.id,
        "generationId": device.generation,
        "etag": device.etag,
        "status": device.status,
        "authentication": {"type": "sas", "symmetricKey": keys},
        "capabilities": {"iotEdge": False},
    }


def _twin(device: Device) -> dict[str, Any]:
    return {
        "deviceId": device.id,
        "etag": device.etag,
        "status": device.status,
        "tags": dict(device.tags),
        "properties": {"desired": {}, "reported": {}},
    }
