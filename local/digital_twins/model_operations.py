"""Requests on /models."""

import sqlite3
from typing import Any

from local.digital_twins.errors import ServiceError, invalid_argument, invalid_patch
from local.digital_twins.identifiers import model_id
from local.digital_twins.json_patch import operations
from local.digital_twins.messages import Request, Response, no_content, ok
from local.digital_twins.models import Models, described
from local.digital_twins.pages import Row, page
from local.digital_twins.service import Service

_MAX_DEPENDENCIES_FOR = 100


async def add(service: Service, request: Request) -> Response:
    documents = request.json()
    moment = service.clock.now()
    added = await service.writer.submit(lambda connection: service.models.add(connection, documents, moment))
    return ok(added, status=201)


async def list_(service: Service, request: Request) -> Response:
    with_definition = request.flag("includeModelDefinition")
    wanted = request.query.get("dependenciesFor", [])
    if len(wanted) > _MAX_DEPENDENCIES_FOR:
        raise ServiceError(400, "LimitExceeded", f"More than {_MAX_DEPENDENCIES_FOR} ids in dependenciesFor.")
    connection = service.reader
    among = Models().with_dependencies(connection, map(model_id, wanted)) if wanted else None

    def rows(after: str, count: int) -> list[Row]:
        ids = _ids(connection, after, count, among)
        return [(each, described(connection, each, with_definition=with_definition)) for each in ids]

    return ok(page(request, rows))


async def get(service: Service, request: Request) -> Response:
    with_definition = request.flag("includeModelDefinition")
    return ok(described(service.reader, model_id(request.path[1]), with_definition=with_definition))


async def patch(service: Service, request: Request) -> Response:
    """The one thing that can be changed: `[{"op": "replace", "path": "/decommissioned", "value": true}]`."""
    model = model_id(request.path[1])
    decommissioned = _decommissioned(request.json())
    await service.writer.submit(lambda connection: service.models.set_decommissioned(connection, model, decommissioned))
    return no_content()


async def delete(service: Service, request: Request) -> Response:
    model = model_id(request.path[1])
    await service.writer.submit(lambda connection: service.models.delete(connection, model))
    return no_content()


def _ids(connection: sqlite3.Connection, after: str, count: int, among: list[str] | None) -> list[str]:
    if among is not None:
        return [each for each in among if each > after][:count]
    found = connection.execute("SELECT id FROM models WHERE id > ? ORDER BY id LIMIT ?", (after, count))
    return [each for (each,) in found]


def _decommissioned(document: Any) -> bool:
    patch = operations(document)
    if len(patch) != 1:
        raise invalid_argument("The patch of a model must be one operation, on /decommissioned.")
    if (patch[0].op, patch[0].path) != ("replace", ("decommissioned",)) or not isinstance(patch[0].value, bool):
        raise invalid_patch("Only /decommissioned of a model can be changed: replace it with true or false")
    return bool(patch[0].value)
