"""Offers: the provisioned throughput of a container, or of a database for all its containers that have none.

Source: Microsoft Learn, "Offers" in the Cosmos DB REST reference, and azure-cosmos `ThroughputProperties`.
"""

import time
import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import orjson

from local.cosmos.documents import encode_rid, parse_object
from local.cosmos.errors import ServiceError, bad_request, not_found
from local.cosmos.storage import Transaction

DEFAULT_THROUGHPUT = 400
_MAX_THROUGHPUT = 1_000_000
_AUTOSCALE_STEP = 1000


@dataclass(frozen=True, slots=True)
class Offer:
    resource: str
    """The `_self` of the database or container it is for."""
    rid: str
    rate: int
    """Request units a second; an autoscale offer's highest."""
    body: bytes


def wanted_offer(headers: Mapping[str, str]) -> dict[str, Any] | None:
    """The `content` of the offer that a create request asks for; None when it asks for none. Raises ServiceError."""
    settings = headers.get("x-ms-cosmos-offer-autopilot-settings")
    if settings is not None:
        autoscale = parse_object(settings.encode())
        return _checked({"offerThroughput": DEFAULT_THROUGHPUT, "offerAutopilotSettings": autoscale})
    text = headers.get("x-ms-offer-throughput")
    if text is None:
        return None
    if not (text.isascii() and text.isdecimal() and len(text) < 10):
        raise _invalid(text)
    return _checked({"offerThroughput": int(text)})


def _checked(content: dict[str, Any]) -> dict[str, Any]:
    autoscale = content.get("offerAutopilotSettings")
    if autoscale is not None:
        highest = autoscale.get("maxThroughput") if isinstance(autoscale, dict) else None
        if not _is_throughput(highest, _AUTOSCALE_STEP):
            raise _invalid(highest)
    elif not _is_throughput(content.get("offerThroughput"), 100):
        raise _invalid(content.get("offerThroughput"))
    return {"offerIsRUPerMinuteThroughputEnabled": False, **content}


def _is_throughput(value: object, step: int) -> bool:
    if not isinstance(value, int) or isinstance(value, bool):
        return False
    return max(step, DEFAULT_THROUGHPUT) <= value <= _MAX_THROUGHPUT and value % step == 0


def _invalid(value: object) -> ServiceError:
    return bad_request(
        f"The offer should have valid throughput values between {DEFAULT_THROUGHPUT} and {_MAX_THROUGHPUT} inclusive in"
        f" increments of 100 (autoscale: from {_AUTOSCALE_STEP} on in increments of {_AUTOSCALE_STEP}), not {value!r}."
    )


def add_offer(transaction: Transaction, link: str, rid: str, content: dict[str, Any]) -> Offer:
    """Keeps the offer of a new database or container (`link` is its `_self`, `rid` its resource id)."""
    statement = "INSERT INTO offers(resource) VALUES(?)"
    number = transaction.connection.execute(statement, (link,)).lastrowid or 0
    offer_rid = encode_rid((number, 3))
    properties = {
        "id": offer_rid,
        "_rid": offer_rid,
        "_self": f"offers/{offer_rid}/",
        "offerVersion": "V2",
        "offerType": "Invalid",
        "resource": link,
        "offerResourceId": rid,
    }
    return _kept(transaction, properties, content)


def replace_offer(transaction: Transaction, current: Offer, sent: bytes) -> Offer:
    """The offer with another throughput. Raises ServiceError (400, 404)."""
    content = parse_object(sent).get("content")
    if not isinstance(content, dict):
        raise bad_request("The offer has no content.")
    properties = orjson.loads(current.body)
    return _kept(transaction, properties, _checked({**properties["content"], **content}))


def parse_offer(body: bytes) -> Offer:
    properties = orjson.loads(body)
    content = properties["content"]
    autoscale = content.get("offerAutopilotSettings")
    rate = autoscale["maxThroughput"] if autoscale else content["offerThroughput"]
    return Offer(properties["resource"], properties["_rid"], rate, body)


def _kept(transaction: Transaction, properties: dict[str, Any], content: dict[str, Any]) -> Offer:
    now = int(time.time())
    changed = {**properties, "content": content, "_ts": now, "_etag": f'"{uuid.uuid4()}"'}
    offer = parse_offer(orjson.dumps(changed))
    statement = "UPDATE offers SET body = ? WHERE resource = ?"
    if not transaction.connection.execute(statement, (offer.body.decode(), offer.resource)).rowcount:
        raise not_found()
    return offer
