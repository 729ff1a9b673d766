"""The operations on the account, its databases and its containers."""

from local.cosmos import catalog, offers
from local.cosmos.catalog import Container, Database
from local.cosmos.errors import ServiceError, not_found, owner_not_found
from local.cosmos.messages import Request, Response, json_response
from local.cosmos.offers import DEFAULT_THROUGHPUT, Offer, add_offer, wanted_offer
from local.cosmos.property_indexes import match_policy
from local.cosmos.service import Service
from local.cosmos.storage import Transaction


async def read_account(service: Service, request: Request) -> Response:
    here = [{"name": "Local", "databaseAccountEndpoint": f"{request.origin}/"}]
    return json_response(
        {
            "_self": "",
            "id": "local",
            "_rid": "local",
            "media": "//media/",
            "addresses": "//addresses/",
            "_dbs": "//dbs/",
            "writableLocations": here,
            "readableLocations": here,
            "enableMultipleWriteLocations": False,
            "userReplicationPolicy": {"asyncReplication": False, "minReplicaSetSize": 1, "maxReplicasetSize": 4},
            "userConsistencyPolicy": {"defaultConsistencyLevel": "Session"},
            "systemReplicationPolicy": {"minReplicaSetSize": 1, "maxReplicasetSize": 4},
            "readPolicy": {"primaryReadCoefficient": 1, "secondaryReadCoefficient": 1},
            "queryEngineConfiguration": "{}",
        }
    )


async def list_databases(service: Service, request: Request) -> Response:
    return feed("", "Databases", [database.body for database in service.catalog.databases.values()])


async def create_database(service: Service, request: Request) -> Response:
    content = wanted_offer(request.headers)

    def work(transaction: Transaction) -> tuple[Database, Offer | None]:
        database = catalog.create_database(transaction, request.body)
        offer = add_offer(transaction, database.link, database.rid, content) if content else None
        return database, offer

    database, offer = await service.writer.submit_long(work)
    service.catalog.databases[database.id] = database
    if offer is not None:
        service.catalog.put_offer(offer)
    return Response(201, database.body, 4.95)


async def read_database(service: Service, request: Request) -> Response:
    return Response(200, service.catalog.database(request.path[1]).body, 2.0)


async def delete_database(service: Service, request: Request) -> Response:
    database = service.catalog.database(request.path[1])
    await service.writer.submit_long(lambda transaction: catalog.delete_database(transaction, database))
    service.catalog.drop_database(database.id)
    return Response(204, charge=4.95)


async def list_containers(service: Service, request: Request) -> Response:
    database = service.catalog.database(request.path[1])
    bodies = [container.body for container in service.catalog.containers(database.id)]
    return feed(database.rid, "DocumentCollections", bodies)


async def create_container(service: Service, request: Request) -> Response:
    """A container that asks for no throughput shares its database's; without that it gets the service's default."""
    database = service.catalog.databases.get(request.path[1])
    if database is None:
        raise owner_not_found()
    content = wanted_offer(request.headers)
    if content is None and database.link not in service.catalog.offers:
        content = {"offerThroughput": DEFAULT_THROUGHPUT}

    def work(transaction: Transaction) -> tuple[Container, Offer | None]:
        container = catalog.create_container(transaction, database.id, request.body, service.partitions)
        match_policy(transaction, container)
        offer = add_offer(transaction, container.link, container.rid, content) if content else None
        return container, offer

    container, offer = await service.writer.submit_long(work)
    service.catalog.put(container)
    if offer is not None:
        service.catalog.put_offer(offer)
    return Response(201, container.body, 4.95, {"etag": container.etag})


async def read_container(service: Service, request: Request) -> Response:
    container = service.container(request)
    return Response(200, container.body, 1.0, {"etag": container.etag})


async def replace_container(service: Service, request: Request) -> Response:
    current = service.container(request)

    def work(transaction: Transaction) -> Container:
        container = catalog.replace_container(transaction, current, request.body)
        match_policy(transaction, container)
        return container

    container = await service.writer.submit_long(work)
    service.catalog.put(container)
    return Response(200, container.body, 9.9, {"etag": container.etag})


async def delete_container(service: Service, request: Request) -> Response:
    container = service.container(request)
    await service.writer.submit_long(lambda transaction: catalog.delete_container(transaction, container))
    service.catalog.drop(container)
    return Response(204, charge=4.95)


def _offer(service: Service, request: Request) -> Offer:
    found = [offer for offer in service.catalog.offers.values() if offer.rid == request.path[1]]
    if not found:
        raise not_found()
    return found[0]


async def list_offers(service: Service, request: Request) -> Response:
    return feed("", "Offers", [offer.body for offer in service.catalog.offers.values()])


async def read_offer(service: Service, request: Request) -> Response:
    return Response(200, _offer(service, request).body)


async def replace_offer(service: Service, request: Request) -> Response:
    current = _offer(service, request)
    offer = await service.writer.submit(lambda transaction: offers.replace_offer(transaction, current, request.body))
    service.catalog.put_offer(offer)
    return Response(200, offer.body, 9.9)


async def list_partitions(service: Service, request: Request) -> Response:
    """The physical partitions. They never split, so their etag never changes."""
    container = service.container(request)
    tag = f'"{container.rid}"'
    if request.headers.get("if-none-match") == tag:
        return Response(304, headers={"etag": tag})
    ranges = [
        {
            "_rid": f"{container.rid}{number}",
            "id": str(number),
            "_etag": tag,
            "minInclusive": keys.low,
            "maxExclusive": keys.high,
            "ridPrefix": number,
            "_self": f"{container.link}pkranges/{number}/",
            "throughputFraction": 1 / len(container.partitions),
            "status": "online",
            "parents": [],
            "_ts": 0,
        }
        for number, keys in enumerate(container.partitions)
    ]
    document = {"_rid": container.rid, "PartitionKeyRanges": ranges, "_count": len(ranges)}
    return json_response(document, etag=tag)


async def list_nothing(service: Service, request: Request) -> Response:
    """A feed of what this server has none of: stored procedures, triggers, functions, conflicts, users."""
    kinds = {"sprocs": "StoredProcedures", "triggers": "Triggers", "udfs": "UserDefinedFunctions"}
    kinds |= {"conflicts": "Conflicts", "users": "Users"}
    name = kinds.get(request.path[-1])
    if name is None:
        raise ServiceError(404, "The requested resource does not exist.")
    return feed("", name, [])


def feed(rid: str, name: str, bodies: list[bytes]) -> Response:
    document = b'{"_rid":"%b","%b":[%b],"_count":%d}' % (rid.encode(), name.encode(), b",".join(bodies), len(bodies))
    return Response(200, document, 2.0, {"x-ms-item-count": str(len(bodies))})
