"""Requests on the relationships of a twin, its own and those that lead to it."""

import orjson

from local.digital_twins.identifiers import relationship_id, twin_id
from local.digital_twins.messages import Request, Response, entity, no_content, ok
from local.digital_twins.pages import Row, page
from local.digital_twins.relationships import load_relationship
from local.digital_twins.service import Service
from local.digital_twins.twins import require_twin

_SEPARATOR = "/"
"""Between the source and the id in an incoming relationship's place in the list: no id holds it."""


async def get(service: Service, request: Request) -> Response:
    return entity(load_relationship(service.reader, *_ids(request)))


async def put(service: Service, request: Request) -> Response:
    (source, key), body, if_none_match = _ids(request), request.json(), request.headers.get("if-none-match")
    return entity(
        await service.writer.submit(
            lambda connection: service.relationships.put(connection, source, key, body, if_none_match)
        )
    )


async def patch(service: Service, request: Request) -> Response:
    (source, key), body, if_match = _ids(request), request.json(), request.headers.get("if-match")
    etag = await service.writer.submit(
        lambda connection: service.relationships.patch(connection, source, key, body, if_match)
    )
    return no_content(etag)


async def delete(service: Service, request: Request) -> Response:
    (source, key), if_match = _ids(request), request.headers.get("if-match")
    await service.writer.submit(lambda connection: service.relationships.delete(connection, source, key, if_match))
    return no_content()


async def list_(service: Service, request: Request) -> Response:
    source = twin_id(request.path[1])
    require_twin(service.reader, source)
    name = request.query.get("relationshipName", [None])[-1]

    def rows(after: str, count: int) -> list[Row]:
        found = service.reader.execute(
            "SELECT id, document FROM relationships"
            " WHERE source = ? AND id > ? AND (? IS NULL OR name = ?) ORDER BY id LIMIT ?",
            (source, after, name, name, count),
        )
        return [(key, orjson.loads(document)) for key, document in found]

    return ok(page(request, rows))


async def list_incoming(service: Service, request: Request) -> Response:
    target = twin_id(request.path[1])
    require_twin(service.reader, target)

    def rows(after: str, count: int) -> list[Row]:
        source, _, key = after.partition(_SEPARATOR)
        found = service.reader.execute(
            "SELECT source, id, name FROM relationships WHERE target = ? AND (source, id) > (?, ?)"
            " ORDER BY source, id LIMIT ?",
            (target, source, key, count),
        )
        return [(f"{source}{_SEPARATOR}{key}", _incoming(source, key, name)) for source, key, name in found]

    return ok(page(request, rows))


def _ids(request: Request) -> tuple[str, str]:
    return twin_id(request.path[1]), relationship_id(request.path[3])


def _incoming(source: str, key: str, name: str) -> dict[str, str]:
    return {
        "$relationshipId": key,
        "$sourceId": source,
        "$relationshipName": name,
        "$relationshipLink": f"/digitaltwins/{source}/relationships/{key}",
    }
