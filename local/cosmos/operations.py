"""Which operation a request asks for. The names are those that fault rules match."""

from collections.abc import Awaitable, Callable, Mapping

from local.cosmos import account_operations, batch, feeds, item_operations, query_operations
from local.cosmos.errors import ServiceError, not_done
from local.cosmos.messages import Request, Response
from local.cosmos.service import Service

Operation = Callable[[Service, Request], Awaitable[Response]]

OPERATIONS: Mapping[str, Operation] = {
    "account.read": account_operations.read_account,
    "database.create": account_operations.create_database,
    "database.read": account_operations.read_database,
    "database.list": account_operations.list_databases,
    "database.query": query_operations.query_databases,
    "database.delete": account_operations.delete_database,
    "container.create": account_operations.create_container,
    "container.read": account_operations.read_container,
    "container.list": account_operations.list_containers,
    "container.query": query_operations.query_containers,
    "container.replace": account_operations.replace_container,
    "container.delete": account_operations.delete_container,
    "offer.list": account_operations.list_offers,
    "offer.read": account_operations.read_offer,
    "offer.query": query_operations.query_offers,
    "offer.replace": account_operations.replace_offer,
    "partitions.list": account_operations.list_partitions,
    "nothing.list": account_operations.list_nothing,
    "item.create": item_operations.create_item,
    "item.upsert": item_operations.upsert_item,
    "item.read": item_operations.read_item,
    "item.replace": item_operations.replace_item,
    "item.patch": item_operations.patch_item,
    "item.delete": item_operations.delete_item,
    "item.list": feeds.list_items,
    "changefeed.read": feeds.read_changes,
    "batch": batch.run_batch,
    "query": query_operations.query_items,
    "query.plan": query_operations.plan_query,
}

CHARGED = frozenset(
    name for name in OPERATIONS if name.startswith(("item.", "query")) or name in ("batch", "changefeed.read")
)
"""What counts against a container's throughput."""

_TRIGGERS = frozenset({"x-ms-documentdb-pre-trigger-include", "x-ms-documentdb-post-trigger-include"})
_VERBS = {"GET": "read", "PUT": "replace", "PATCH": "patch", "DELETE": "delete", "POST": "create"}


def operation_of(request: Request) -> str:
    """The name of what a request asks for. Raises ServiceError (404, 405, 501)."""
    if not _TRIGGERS.isdisjoint(request.headers):
        raise not_done("triggers")
    name = _named(request)
    if name is None:
        raise ServiceError(404, f"The path /{'/'.join(request.path)} is no resource of the service.")
    if name not in OPERATIONS:
        raise not_done(f"{request.method} /{'/'.join(request.path)} ({name})")
    return name


def _named(request: Request) -> str | None:
    verb = _VERBS.get(request.method)
    if verb is None:
        raise ServiceError(405, f"The method {request.method} is not allowed.")
    match request.path:
        case ():
            return f"account.{verb}"
        case ("offers",) | ("offers", _):
            return _member("offer", request, verb)
        case ("dbs",) | ("dbs", _):
            return _member("database", request, verb)
        case ("dbs", _, "colls") | ("dbs", _, "colls", _):
            return _member("container", request, verb)
        case ("dbs", _, "colls", _, "docs"):
            return _items(request, verb)
        case ("dbs", _, "colls", _, "docs", _):
            return f"item.{verb}" if verb != "create" else None
        case ("dbs", _, "colls", _, "pkranges"):
            return "partitions.list" if verb == "read" else f"partitions.{verb}"
        case ("dbs", _, "users") | ("dbs", _, "colls", _, "sprocs" | "triggers" | "udfs" | "conflicts"):
            return "nothing.list" if verb == "read" or is_query(request) else f"{request.path[-1]}.{verb}"
        case ("dbs", _, "colls", _, "operations", "partitionkeydelete"):
            return "partitionkey.delete"
        case ("dbs", _, "colls" | "users", _, *_):
            return f"{request.path[4] if len(request.path) > 4 else request.path[2]}.{verb}"
    return None


def _member(kind: str, request: Request, verb: str) -> str:
    """A resource of its own, or the feed of them: the paths of feeds have an odd number of segments."""
    is_feed = len(request.path) % 2 == 1
    if not is_feed:
        return f"{kind}.{verb}" if verb != "create" else f"{kind}.post"
    if is_query(request):
        return f"{kind}.query"
    return {"read": f"{kind}.list", "create": f"{kind}.create"}.get(verb, f"{kind}s.{verb}")


def _items(request: Request, verb: str) -> str:
    if verb == "read":
        return "changefeed.read" if "a-im" in request.headers else "item.list"
    if verb != "create":
        return f"items.{verb}"
    if request.is_set("x-ms-cosmos-is-query-plan-request"):
        return "query.plan"
    if is_query(request):
        return "query"
    if request.is_set("x-ms-cosmos-is-batch-request"):
        return "batch"
    return "item.upsert" if request.is_set("x-ms-documentdb-is-upsert") else "item.create"


def is_query(request: Request) -> bool:
    content_type = request.headers.get("content-type", "")
    return request.method == "POST" and (
        request.is_set("x-ms-documentdb-isquery") or content_type.startswith("application/query+json")
    )
