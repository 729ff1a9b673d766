"""Transactional batches (one partition key, all or nothing) and bulk requests (each operation for itself).

Source: Microsoft Learn, "Transactional batch operations", and the bodies that azure-cosmos and @azure/cosmos send.
"""

import contextlib
import sqlite3
from collections.abc import Callable
from typing import Any, NamedTuple

import orjson

from local.cosmos import charges, items
from local.cosmos.catalog import Container
from local.cosmos.documents import Draft, check_id, draft, parse
from local.cosmos.errors import ServiceError, bad_request, invalid_payload
from local.cosmos.items import Conditions, Written
from local.cosmos.messages import Request, Response
from local.cosmos.partition_keys import parse_header
from local.cosmos.patch import parse_patch, patch
from local.cosmos.predicates import holds
from local.cosmos.service import Service
from local.cosmos.storage import Transaction

MAX_OPERATIONS = 100
_SKIPPED = 424


class _Result(NamedTuple):
    status: int
    charge: float
    etag: str | None = None
    body: bytes = b""
    substatus: int = 0


_Step = Callable[[Transaction], _Result]


async def run_batch(service: Service, request: Request) -> Response:
    """200 when every operation succeeded, else 207 with a status for each."""
    container = service.container(request)
    async with service.batches:
        return await _run(service, container, request)


async def _run(service: Service, container: Container, request: Request) -> Response:
    given = _operations(request)
    is_atomic = request.is_set("x-ms-cosmos-batch-atomic")
    wants_bodies = request.headers.get("prefer") != "return=minimal"
    key = request.partition_key
    if key is not None:
        container.key.full(*key)
    elif is_atomic:
        raise bad_request("PartitionKey value must be supplied for this operation.")
    drafts = _all_new(container, given, key[0]) if is_atomic and key is not None else None
    if drafts is not None:
        with contextlib.suppress(sqlite3.IntegrityError):
            return await _create_all(service, container, drafts, wants_bodies=wants_bodies)
    goes_on = request.is_set("x-ms-cosmos-batch-continue-on-error")
    results = await _do_each(service, container, given, key, None if is_atomic else goes_on)
    return _answer(results, wants_bodies=wants_bodies)


def _operations(request: Request) -> list[Any]:
    given = parse(request.body)
    if not isinstance(given, list) or not given:
        raise invalid_payload()
    if len(given) > MAX_OPERATIONS:
        raise bad_request(
            f"Batch request has more operations than what is supported: {len(given)}, not at most {MAX_OPERATIONS}."
        )
    return given


async def _do_each(
    service: Service, container: Container, given: list[Any], key: tuple[bytes, int] | None, goes_on: bool | None
) -> list[_Result]:
    """Does one operation after the other; `goes_on` after one that failed, or None: all or nothing."""
    steps = [_step(container, entry, key) for entry in given]

    def work(transaction: Transaction) -> list[_Result]:
        return _run_together(transaction, steps) if goes_on is None else _run_apart(transaction, steps, goes_on)

    # The condition of a patch is a query, and may be a dear one.
    has_patch = any(entry["operationType"] == "Patch" for entry in given)
    return await (service.writer.submit_long(work) if has_patch else service.writer.submit(work))


def _all_new(container: Container, given: list[Any], key: bytes) -> list[Draft] | None:
    """The documents of a batch that only creates: one statement does it; None for any other, or one that is wrong."""
    if any(type(entry) is not dict or entry.get("operationType") != "Create" for entry in given):
        return None
    try:
        return [draft(entry.get("resourceBody"), container.key, key, container.policy) for entry in given]
    except ServiceError:
        return None


async def _create_all(service: Service, container: Container, drafts: list[Draft], *, wants_bodies: bool) -> Response:
    """Raises sqlite3.IntegrityError when one of them exists."""
    written = await service.writer.submit(lambda transaction: items.create_many(transaction, container, drafts))
    return _answer_created(written, drafts, wants_bodies=wants_bodies)


def _run_together(transaction: Transaction, steps: list[_Step]) -> list[_Result]:
    execute = transaction.connection.execute
    execute("SAVEPOINT batch")
    results: list[_Result] = []
    try:
        for step in steps:
            results.append(step(transaction))
    except ServiceError as error:
        execute("ROLLBACK TO batch")
        failed = len(results)
        results = [_Result(_SKIPPED, 0)] * len(steps)
        results[failed] = _failed(error)
    execute("RELEASE batch")
    return results


def _run_apart(transaction: Transaction, steps: list[_Step], goes_on: bool) -> list[_Result]:
    results: list[_Result] = []
    has_failed = False
    for step in steps:
        if has_failed and not goes_on:
            results.append(_Result(_SKIPPED, 0))
            continue
        transaction.connection.execute("SAVEPOINT step")
        try:
            results.append(step(transaction))
        except ServiceError as error:
            transaction.connection.execute("ROLLBACK TO step")
            results.append(_failed(error))
            has_failed = True
        transaction.connection.execute("RELEASE step")
    return results


def _step(container: Container, given: object, key: tuple[bytes, int] | None) -> _Step:
    """One operation, checked before the transaction; what is wrong with it comes out when it is performed."""
    if not isinstance(given, dict):
        raise invalid_payload()
    kind = given.get("operationType")
    make = _STEPS.get(kind) if isinstance(kind, str) else None
    if make is None:
        raise bad_request(f"The batch operation type {kind!r} is not supported.")
    try:
        return make(container, given, _key(container, given, key))
    except ServiceError as error:
        return _refusing(error)


def _refusing(error: ServiceError) -> _Step:
    def refuse(transaction: Transaction) -> _Result:
        raise error

    return refuse


def _key(container: Container, given: dict[str, Any], key: tuple[bytes, int] | None) -> bytes:
    if key is None:
        text = given.get("partitionKey")
        if not isinstance(text, str):
            raise bad_request("PartitionKey value must be supplied for this operation.")
        key = parse_header(text)
        container.key.full(*key)
    return key[0]


def _create(container: Container, given: dict[str, Any], key: bytes) -> _Step:
    new = draft(given.get("resourceBody"), container.key, key, container.policy)
    return lambda transaction: _created(items.create(transaction, container, new), new)


def _upsert(container: Container, given: dict[str, Any], key: bytes) -> _Step:
    new = draft(given.get("resourceBody"), container.key, key, container.policy)
    conditions = _conditions(given)

    def perform(transaction: Transaction) -> _Result:
        written = items.upsert(transaction, container, new, conditions)
        return _created(written, new) if written.status == 201 else _rewritten(written, new.terms)

    return perform


def _replace(container: Container, given: dict[str, Any], key: bytes) -> _Step:
    new = draft(given.get("resourceBody"), container.key, key, container.policy)
    items.refuse_mismatch(check_id(given.get("id")), new)
    conditions = _conditions(given)
    return lambda transaction: _rewritten(items.replace(transaction, container, new, conditions), new.terms)


def _read(container: Container, given: dict[str, Any], key: bytes) -> _Step:
    epk, item_id, conditions = container.key.effective(key), check_id(given.get("id")), _conditions(given)

    def perform(transaction: Transaction) -> _Result:
        item = items.read(transaction.connection, container, epk, item_id)
        charge = charges.point_read(len(item.body))
        if conditions.if_none_match == item.etag:
            return _Result(304, charge, item.etag)
        return _Result(200, charge, item.etag, item.body)

    return perform


def _delete(container: Container, given: dict[str, Any], key: bytes) -> _Step:
    epk, item_id, conditions = container.key.effective(key), check_id(given.get("id")), _conditions(given)

    def perform(transaction: Transaction) -> _Result:
        deleted = items.delete(transaction, container, epk, item_id, conditions)
        return _Result(204, charges.delete(deleted.body, container.policy))

    return perform


def _patch(container: Container, given: dict[str, Any], key: bytes) -> _Step:
    epk, item_id, conditions = container.key.effective(key), check_id(given.get("id")), _conditions(given)
    wanted = parse_patch(given.get("resourceBody"))

    def perform(transaction: Transaction) -> _Result:
        return _rewritten(*patch(transaction, container, epk, item_id, wanted, conditions, holds))

    return perform


_STEPS: dict[str, Callable[[Container, dict[str, Any], bytes], _Step]] = {
    "Create": _create,
    "Upsert": _upsert,
    "Replace": _replace,
    "Read": _read,
    "Delete": _delete,
    "Patch": _patch,
}


def _conditions(given: dict[str, Any]) -> Conditions:
    if_match, if_none_match = given.get("ifMatch"), given.get("ifNoneMatch")
    if not isinstance(if_match, str | None) or not isinstance(if_none_match, str | None):
        raise invalid_payload()
    return Conditions(if_match, if_none_match)


def _created(written: Written, new: Draft) -> _Result:
    return _Result(written.status, charges.write(len(new.text), new.terms), written.etag, written.body)


def _rewritten(written: Written, terms: int) -> _Result:
    return _Result(written.status, charges.rewrite(len(written.body), terms), written.etag, written.body)


def _failed(error: ServiceError) -> _Result:
    return _Result(error.status, 1.0, substatus=error.substatus)


def _answer_created(written: list[tuple[bytes, str, int]], drafts: list[Draft], *, wants_bodies: bool) -> Response:
    """What `_answer` makes of results that are all `_created`."""
    parts = []
    total = 0.0
    for (body, tag, _), (_, _, text, _, terms, _) in zip(written, drafts, strict=True):
        charge = charges.write(len(text), terms)
        total += charge
        head = f'{{"statusCode":201,"requestCharge":{charge:.2f},"eTag":"\\{tag[:-1]}\\""'.encode()
        parts.append(b'%b,"resourceBody":%b}' % (head, body) if wants_bodies else head + b"}")
    return Response(200, b"[%b]" % b",".join(parts), total)


def _answer(results: list[_Result], *, wants_bodies: bool) -> Response:
    entries = [_entry(result, wants_bodies or result.status == 200) for result in results]
    status = 200 if all(result.status < 300 or result.status == 304 for result in results) else 207
    return Response(status, b"[%b]" % b",".join(entries), sum(result.charge for result in results))


def _entry(result: _Result, has_body: bool) -> bytes:
    status, charge, tag, body, substatus = result
    parts = b'{"statusCode":%d,"requestCharge":%.2f' % (status, charge)
    if substatus:
        parts += b',"subStatusCode":%d' % substatus
    if tag is not None:
        parts += b',"eTag":%b' % orjson.dumps(tag)
    if not body or not has_body:
        return parts + b"}"
    return b'%b,"resourceBody":%b}' % (parts, body)
