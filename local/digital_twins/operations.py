"""The operations: which requests they answer, their names (for fault rules), and how limits count them."""

from collections.abc import Awaitable, Callable, Mapping
from typing import NamedTuple

from local.digital_twins import (
    model_operations,
    query_operations,
    relationship_operations,
    route_operations,
    twin_operations,
)
from local.digital_twins.errors import ServiceError, not_served
from local.digital_twins.messages import Request, Response
from local.digital_twins.service import Service

Handler = Callable[[Service, Request], Awaitable[Response]]


class Operation(NamedTuple):
    """`counted` is a kind of local.digital_twins.limits; `changes_twin`: it counts as a change of the path's twin."""

    name: str
    handler: Handler
    counted: str
    changes_twin: bool = False


_Shape = tuple[str, tuple[str, ...], int]
"""A method, the fixed segments of a path (each second one), and how many segments it has."""

_TWIN = ("digitaltwins",)
_COMPONENT = ("digitaltwins", "components")
_RELATIONSHIPS = ("digitaltwins", "relationships")

_OPERATIONS: Mapping[_Shape, Operation] = {
    ("POST", ("models",), 1): Operation("models.add", model_operations.add, "models"),
    ("GET", ("models",), 1): Operation("models.list", model_operations.list_, "models"),
    ("GET", ("models",), 2): Operation("models.get", model_operations.get, "models"),
    ("PATCH", ("models",), 2): Operation("models.patch", model_operations.patch, "models"),
    ("DELETE", ("models",), 2): Operation("models.delete", model_operations.delete, "models"),
    ("GET", _TWIN, 2): Operation("twins.get", twin_operations.get, "read"),
    ("PUT", _TWIN, 2): Operation("twins.put", twin_operations.put, "create", changes_twin=True),
    ("PATCH", _TWIN, 2): Operation("twins.patch", twin_operations.patch, "patch", changes_twin=True),
    ("DELETE", _TWIN, 2): Operation("twins.delete", twin_operations.delete, "create", changes_twin=True),
    ("GET", _COMPONENT, 4): Operation("components.get", twin_operations.get_component, "read"),
    ("PATCH", _COMPONENT, 4): Operation(
        "components.patch", twin_operations.patch_component, "patch", changes_twin=True
    ),
    ("POST", ("digitaltwins", "telemetry"), 3): Operation("telemetry.publish", twin_operations.publish, "patch"),
    ("POST", ("digitaltwins", "components", "telemetry"), 5): Operation(
        "telemetry.publish", twin_operations.publish_component, "patch"
    ),
    ("GET", _RELATIONSHIPS, 3): Operation("relationships.list", relationship_operations.list_, "read"),
    ("GET", ("digitaltwins", "incomingrelationships"), 3): Operation(
        "relationships.incoming", relationship_operations.list_incoming, "read"
    ),
    ("GET", _RELATIONSHIPS, 4): Operation("relationships.get", relationship_operations.get, "read"),
    ("PUT", _RELATIONSHIPS, 4): Operation(
        "relationships.put", relationship_operations.put, "create", changes_twin=True
    ),
    ("PATCH", _RELATIONSHIPS, 4): Operation(
        "relationships.patch", relationship_operations.patch, "patch", changes_twin=True
    ),
    ("DELETE", _RELATIONSHIPS, 4): Operation(
        "relationships.delete", relationship_operations.delete, "create", changes_twin=True
    ),
    ("POST", ("query",), 1): Operation("query", query_operations.query, "query"),
    ("GET", ("eventroutes",), 1): Operation("routes.list", route_operations.list_, "routes"),
    ("GET", ("eventroutes",), 2): Operation("routes.get", route_operations.get, "routes"),
    ("PUT", ("eventroutes",), 2): Operation("routes.put", route_operations.put, "routes"),
    ("DELETE", ("eventroutes",), 2): Operation("routes.delete", route_operations.delete, "routes"),
}
_PATHS = {(fixed, length) for _, fixed, length in _OPERATIONS}


def operation_of(request: Request) -> Operation:
    """Raises ServiceError: 405 for a known path, 501 for jobs, which are not served, 404 for any other."""
    fixed, length = request.path[::2], len(request.path)
    found = _OPERATIONS.get((request.method, fixed, length))
    if found is not None:
        return found
    if request.path[:1] == ("jobs",):
        raise not_served(f"{request.method} /{'/'.join(request.path)} (bulk import and deletion jobs)")
    if (fixed, length) in _PATHS:
        raise ServiceError(405, "MethodNotAllowed", f"{request.method} is not allowed on /{'/'.join(request.path)}.")
    raise ServiceError(404, "ResourceNotFound", f"There is nothing at /{'/'.join(request.path)}.")
