"""Requests on /eventroutes."""

import sqlite3

from local.digital_twins.errors import ServiceError, invalid_argument, route_not_found
from local.digital_twins.identifiers import route_id
from local.digital_twins.messages import Request, Response, no_content, ok
from local.digital_twins.pages import Row, page
from local.digital_twins.route_filters import compiled
from local.digital_twins.service import Service

_MAX_ROUTES = 50


async def list_(service: Service, request: Request) -> Response:
    def rows(after: str, count: int) -> list[Row]:
        found = service.reader.execute(
            "SELECT id, endpoint, filter FROM routes WHERE id > ? ORDER BY id LIMIT ?", (after, count)
        )
        return [(row[0], _described(row)) for row in found]

    return ok(page(request, rows))


async def get(service: Service, request: Request) -> Response:
    key = route_id(request.path[1])
    row = service.reader.execute("SELECT id, endpoint, filter FROM routes WHERE id = ?", (key,)).fetchone()
    if row is None:
        raise route_not_found(key)
    return ok(_described(row))


async def put(service: Service, request: Request) -> Response:
    key = route_id(request.path[1])
    endpoint, text = _route(request.json(), service)
    await service.writer.submit(lambda connection: _store(connection, key, endpoint, text))
    return no_content()


async def delete(service: Service, request: Request) -> Response:
    key = route_id(request.path[1])
    await service.writer.submit(lambda connection: _delete(connection, key))
    return no_content()


def _route(document: object, service: Service) -> tuple[str, str]:
    """The endpoint and the filter of a PUT's body. Raises ServiceError (400)."""
    if not isinstance(document, dict):
        raise invalid_argument("The payload must be a JSON object.")
    endpoint, text = document.get("endpointName"), document.get("filter")
    if not isinstance(endpoint, str) or endpoint not in service.destinations.endpoints:
        known = ", ".join(sorted(service.destinations.endpoints)) or "none"
        raise ServiceError(
            400,
            "EventRouteEndpointInvalid",
            f"The endpoint provided does not exist or is not active: {endpoint!r}. Endpoints: {known}.",
        )
    if not isinstance(text, str) or not text.strip():
        raise ServiceError(
            400, "EventRouteFilterInvalid", "The event route filter is required: `true` lets all through."
        )
    compiled(text)
    return endpoint, text


def _store(connection: sqlite3.Connection, key: str, endpoint: str, text: str) -> None:
    others = connection.execute("SELECT count(*) FROM routes WHERE id != ?", (key,)).fetchone()[0]
    if others >= _MAX_ROUTES:
        raise ServiceError(400, "LimitExceeded", f"There are {_MAX_ROUTES} event routes already, the most allowed.")
    connection.execute("INSERT OR REPLACE INTO routes(id, endpoint, filter) VALUES(?, ?, ?)", (key, endpoint, text))


def _delete(connection: sqlite3.Connection, key: str) -> None:
    if connection.execute("DELETE FROM routes WHERE id = ?", (key,)).rowcount == 0:
        raise route_not_found(key)


def _described(row: tuple[str, str, str]) -> dict[str, str]:
    key, endpoint, text = row
    return {"id": key, "endpointName": endpoint, "filter": text}
