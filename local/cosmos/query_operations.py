"""Queries: over the items of a container, and over the account's databases, containers and offers."""

import re
import sqlite3
from collections.abc import Iterable, Mapping
from typing import Any

import orjson

from local.cosmos import charges
from local.cosmos.account_operations import feed
from local.cosmos.catalog import Container
from local.cosmos.documents import parse_object
from local.cosmos.errors import ServiceError, bad_request, invalid_payload
from local.cosmos.messages import CONTINUATION, Request, Response, json_response
from local.cosmos.query import Page, Query, QueryError, Source, execute, parse, wanted_paths
from local.cosmos.scopes import Scope, requested_scope
from local.cosmos.service import Service

_WHOLE = "/* whole container */ "
"""Stands before a query that a client was told, by its plan, to send to one partition: it is answered for all."""
_RESOURCE_TABLE = "resources"


async def query_items(service: Service, request: Request) -> Response:
    container = service.container(request)
    text, parameters = _sent(request)
    is_whole = text.startswith(_WHOLE)
    query = _parsed(text.removeprefix(_WHOLE))
    _refuse_unasked_cross_partition(request, container, text)
    scope = requested_scope(request, container, ignores_partition=is_whole)
    size = request.page_size
    service.indexes.want(container, _wanted(query, parameters))
    page = await service.query_readers.run(
        lambda connection: _executed(
            query, parameters, _source(connection, container, scope), size, request.headers.get(CONTINUATION)
        )
    )
    rid = container.rid.encode()
    body = b'{"_rid":"%b","Documents":[%b],"_count":%d}' % (rid, b",".join(page.rows), len(page.rows))
    headers = {"x-ms-item-count": str(len(page.rows))}
    if page.continuation is not None:
        headers[CONTINUATION] = page.continuation
    if request.is_set("x-ms-documentdb-populatequerymetrics"):
        headers["x-ms-documentdb-query-metrics"] = (
            f"retrievedDocumentCount={page.examined};outputDocumentCount={len(page.rows)};outputDocumentSize={len(body)}"
        )
    return Response(200, body, charges.page(page.examined, len(body), len(page.rows)), headers)


async def plan_query(service: Service, request: Request) -> Response:
    """A plan under which a client sends the query to one partition only, marked so that all of them are asked."""
    container = service.container(request)
    text, _ = _sent(request)
    _parsed(text)
    first = container.partitions[0]
    only = {"min": first.low, "max": first.high, "isMinInclusive": True, "isMaxInclusive": False}
    information: dict[str, Any] = {
        "distinctType": "None",
        "top": None,
        "offset": None,
        "limit": None,
        "orderBy": [],
        "orderByExpressions": [],
        "groupByExpressions": [],
        "groupByAliases": [],
        "aggregates": [],
        "groupByAliasToAggregateType": {},
        "rewrittenQuery": _WHOLE + text,
        "hasSelectValue": False,
        "dCountInfo": None,
        "hasNonStreamingOrderBy": False,
    }
    return json_response({"partitionedQueryExecutionInfoVersion": 2, "queryInfo": information, "queryRanges": [only]})


async def query_databases(service: Service, request: Request) -> Response:
    return await _query_resources(
        service, request, "Databases", [database.body for database in service.catalog.databases.values()]
    )


async def query_containers(service: Service, request: Request) -> Response:
    database = service.catalog.database(request.path[1])
    bodies = [container.body for container in service.catalog.containers(database.id)]
    return await _query_resources(service, request, "DocumentCollections", bodies)


async def query_offers(service: Service, request: Request) -> Response:
    return await _query_resources(service, request, "Offers", [offer.body for offer in service.catalog.offers.values()])


async def _query_resources(service: Service, request: Request, name: str, bodies: Iterable[bytes]) -> Response:
    text, parameters = _sent(request)
    query = _parsed(text)
    connection = sqlite3.connect(":memory:", check_same_thread=False)
    try:
        connection.execute(
            f"CREATE TABLE {_RESOURCE_TABLE}(number INTEGER PRIMARY KEY, epk BLOB, id TEXT, expires_at INTEGER,"
            " body BLOB, UNIQUE(epk, id))"
        )
        connection.executemany(
            f"INSERT INTO {_RESOURCE_TABLE}(epk, id, body) VALUES(x'', ?, ?)",
            [(orjson.loads(body)["id"], body) for body in bodies],
        )
        source = Source(connection, _RESOURCE_TABLE, "1", ())
        page = _executed(query, parameters, source, request.page_size, request.headers.get(CONTINUATION))
    finally:
        connection.close()
    answer = feed("", name, page.rows)
    if page.continuation is None:
        return answer
    return Response(200, answer.body, answer.charge, {**answer.headers, CONTINUATION: page.continuation})


def _sent(request: Request) -> tuple[str, Mapping[str, Any]]:
    """The query's text and its parameters by name. Raises ServiceError (400)."""
    if request.headers.get("content-type", "").startswith("application/sql"):
        return request.body.decode(errors="replace"), {}
    given = parse_object(request.body)
    text, parameters = given.get("query"), given.get("parameters") or []
    if not isinstance(text, str) or not isinstance(parameters, list):
        raise invalid_payload()
    named: dict[str, Any] = {}
    for parameter in parameters:
        if not isinstance(parameter, dict) or not isinstance(parameter.get("name"), str) or "value" not in parameter:
            raise bad_request("A query parameter must be an object with a 'name' and a 'value'.")
        named[parameter["name"]] = parameter["value"]
    return text, named


def _parsed(text: str) -> Query:
    try:
        return parse(text)
    except QueryError as error:
        raise _refused(error) from None


def _wanted(query: Query, parameters: Mapping[str, Any]) -> tuple[tuple[str, ...], ...]:
    try:
        return wanted_paths(query, parameters)
    except QueryError as error:
        raise _refused(error) from None


def _executed(
    query: Query, parameters: Mapping[str, Any], source: Source, size: int | None, continuation: str | None
) -> Page:
    try:
        return execute(query, parameters, source, page_size=size, continuation=continuation)
    except QueryError as error:
        raise _refused(error) from None


def _refused(error: QueryError) -> ServiceError:
    """400, with the place in the text as the service gives it."""
    place = {"start": error.position, "end": error.end}
    entry = {"severity": "Error", "location": place, "code": error.code, "message": error.message}
    return ServiceError(400, error.message, details={"errors": [entry]})


def _source(connection: sqlite3.Connection, container: Container, scope: Scope) -> Source:
    # By its key index SQLite would look into every item of a range to see whether it is expired.
    counted_by = None if scope.is_narrow or container.default_ttl is None else f"{container.table}_expiry"
    return Source(connection, container.table, scope.condition, scope.bindings, counted_by)


def _refuse_unasked_cross_partition(request: Request, container: Container, text: str) -> None:
    """A query over several partitions must be asked for, unless it names a value for the whole partition key."""
    headers = request.headers
    if (
        "x-ms-documentdb-partitionkey" in headers
        or "x-ms-documentdb-partitionkeyrangeid" in headers
        or request.is_set("x-ms-documentdb-query-enablecrosspartition")
        or all(re.search(rf"\b{re.escape(path[-1])}\W+(=|IN\b)", text, re.IGNORECASE) for path in container.key.paths)
    ):
        return
    raise bad_request(
        "Cross partition query is required but disabled. Please set x-ms-documentdb-query-enablecrosspartition to true,"
        " specify x-ms-documentdb-partitionkey, or revise your query to avoid this exception."
    )
