"""Requests on /digitaltwins: twins, components, telemetry."""

from local.digital_twins.dtdl.schemas import is_instant
from local.digital_twins.errors import ServiceError, component_not_found, invalid_argument
from local.digital_twins.identifiers import twin_id
from local.digital_twins.messages import Request, Response, entity, no_content, ok
from local.digital_twins.outbox import TelemetryMessage
from local.digital_twins.service import Service
from local.digital_twins.twin_documents import component_in
from local.digital_twins.twins import load_twin


async def get(service: Service, request: Request) -> Response:
    return entity(load_twin(service.reader, twin_id(request.path[1])))


async def put(service: Service, request: Request) -> Response:
    key, body, if_none_match = twin_id(request.path[1]), request.json(), request.headers.get("if-none-match")
    return entity(
        await service.writer.submit(lambda connection: service.twins.put(connection, key, body, if_none_match))
    )


async def patch(service: Service, request: Request) -> Response:
    key, body, if_match = twin_id(request.path[1]), request.json(), request.headers.get("if-match")
    etag = await service.writer.submit(lambda connection: service.twins.patch(connection, key, body, if_match))
    return no_content(etag)


async def delete(service: Service, request: Request) -> Response:
    key, if_match = twin_id(request.path[1]), request.headers.get("if-match")
    await service.writer.submit(lambda connection: service.twins.delete(connection, key, if_match))
    return no_content()


async def get_component(service: Service, request: Request) -> Response:
    key, name = twin_id(request.path[1]), request.path[3]
    twin = load_twin(service.reader, key)
    component = component_in(twin, name)
    if component is None:
        raise component_not_found(key, name)
    return ok(component, headers={"ETag": twin["$etag"]})


async def patch_component(service: Service, request: Request) -> Response:
    key, name, if_match = twin_id(request.path[1]), request.path[3], request.headers.get("if-match")
    body = request.json()
    etag = await service.writer.submit(lambda connection: service.twins.patch(connection, key, body, if_match, name))
    return no_content(etag)


async def publish(service: Service, request: Request) -> Response:
    return await _publish(service, request, "")


async def publish_component(service: Service, request: Request) -> Response:
    return await _publish(service, request, request.path[3])


async def _publish(service: Service, request: Request, component: str) -> Response:
    key, message = twin_id(request.path[1]), _telemetry(service, request)
    await service.writer.submit(lambda connection: service.twins.publish(connection, key, message, component))
    return no_content()


def _telemetry(service: Service, request: Request) -> TelemetryMessage:
    """Raises ServiceError (400) without a message id, for a time that is none, and for a body that is no JSON."""
    message_id = request.headers.get("message-id")
    if not message_id:
        raise ServiceError(400, "MissingArgument", "The header Message-Id is required.")
    if not message_id.isascii():
        raise invalid_argument("The header Message-Id holds other than ASCII.")
    source_time = request.headers.get("telemetry-source-time")
    if source_time is not None and not is_instant(source_time):
        raise invalid_argument(f"The header Telemetry-Source-Time is no ISO 8601 date and time: {source_time!r}.")
    return TelemetryMessage(message_id, source_time or service.clock.now(), request.json())
