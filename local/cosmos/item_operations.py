"""The operations on single items."""

from local.cosmos import charges, items
from local.cosmos.catalog import Container
from local.cosmos.documents import Draft, draft, parse
from local.cosmos.errors import bad_request
from local.cosmos.items import Conditions, Written
from local.cosmos.messages import Request, Response
from local.cosmos.patch import parse_patch, patch
from local.cosmos.predicates import holds
from local.cosmos.service import Service


def _conditions(request: Request) -> Conditions:
    return Conditions(request.headers.get("if-match"), request.headers.get("if-none-match"))


def _required_key(request: Request) -> tuple[bytes, int]:
    if (key := request.partition_key) is None:
        raise bad_request("PartitionKey value must be supplied for this operation.")
    return key


def _required_epk(request: Request, container: Container) -> str:
    """The effective key of the whole partition key that the request must carry. Raises ServiceError (400)."""
    return container.key.full(*_required_key(request))


def _sent(request: Request, container: Container) -> Draft:
    key, count = _required_key(request)
    container.key.full(key, count)
    return draft(parse(request.body), container.key, key, container.policy)


async def create_item(service: Service, request: Request) -> Response:
    container = service.container(request)
    new = _sent(request, container)
    written = await service.writer.submit(lambda transaction: items.create(transaction, container, new))
    return _answer(request, container, new.epk, written, charges.write(len(new.text), new.terms))


async def upsert_item(service: Service, request: Request) -> Response:
    container = service.container(request)
    new = _sent(request, container)
    conditions = _conditions(request)
    written = await service.writer.submit(lambda transaction: items.upsert(transaction, container, new, conditions))
    charge = charges.write if written.status == 201 else charges.rewrite
    return _answer(request, container, new.epk, written, charge(len(new.text), new.terms))


async def replace_item(service: Service, request: Request) -> Response:
    container = service.container(request)
    new = _sent(request, container)
    items.refuse_mismatch(request.path[5], new)
    conditions = _conditions(request)
    written = await service.writer.submit(lambda transaction: items.replace(transaction, container, new, conditions))
    return _answer(request, container, new.epk, written, charges.rewrite(len(new.text), new.terms))


async def patch_item(service: Service, request: Request) -> Response:
    container = service.container(request)
    epk = _required_epk(request, container)
    wanted = parse_patch(parse(request.body))
    conditions = _conditions(request)
    # A condition is a query, and may be a dear one.
    submit = service.writer.submit if wanted.condition is None else service.writer.submit_long
    written, terms = await submit(
        lambda transaction: patch(transaction, container, epk, request.path[5], wanted, conditions, holds)
    )
    return _answer(request, container, epk, written, charges.rewrite(len(written.body), terms))


async def delete_item(service: Service, request: Request) -> Response:
    container = service.container(request)
    epk = _required_epk(request, container)
    conditions = _conditions(request)
    deleted = await service.writer.submit(
        lambda transaction: items.delete(transaction, container, epk, request.path[5], conditions)
    )
    return Response(204, b"", charges.delete(deleted.body, container.policy), _session(container, epk, deleted.lsn))


async def read_item(service: Service, request: Request) -> Response:
    container = service.container(request)
    epk = _required_epk(request, container)
    item = items.read(service.lookups, container, epk, request.path[5])
    charge = charges.point_read(len(item.body))
    headers = {"etag": item.etag, **_session(container, epk, item.lsn)}
    if request.headers.get("if-none-match") == item.etag:
        return Response(304, b"", charge, headers)
    return Response(200, item.body, charge, headers)


def _session(container: Container, epk: str, lsn: int) -> dict[str, str]:
    """The session token of the physical partition. It isn't needed: every read sees every acknowledged write."""
    return {"x-ms-session-token": f"{container.partition_of(epk)}:-1#{lsn}"}


def _answer(request: Request, container: Container, epk: str, written: Written, charge: float) -> Response:
    headers = {"etag": written.etag, **_session(container, epk, written.lsn)}
    body = b"" if request.headers.get("prefer") == "return=minimal" else written.body
    return Response(written.status, body, charge, headers)
