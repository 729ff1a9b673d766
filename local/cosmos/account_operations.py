"""The operations on the account, its databases and its containers."""

from local.cosmos import catalog
from local.cosmos.errors import ServiceError
from local.cosmos.messages import Request, Response, json_response
from local.cosmos.service import Service


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
    database = await service.writer.submit(
        lambda transaction: catalog.create_database(transaction, request.body, request.headers)
    )
    service.catalog.databases[database.id] = database
    return Response(201, database.body, 4.95)


async def read_database(service: Service, request: Request) -> Response:
    return Response(200, service.catalog.database(request.path[1]).body, 2.0)


async def delete_database(service: Service, request: Request) -> Response:
    database = service.catalog.database(request.path[1])
    await service.writer.submit(lambda transaction: catalog.delete_database(transaction, database))
    service.catalog.drop_database(database.id)
    return Response(204, charge=4.95)


async def list_containers(service: Service, request: Request) -> Response:
    database = service.catalog.database(request.path[1])
    bodies = [container.body for container in service.catalog.containers(database.id)]
    return feed(database.rid, "DocumentCollections", bodies)


async def create_container(service: Service, request: Request) -> Response:
    container = await service.writer.submit(
        lambda transaction: catalog.create_container(
            transaction, request.path[1], request.body, request.headers, service.partitions
        )
    )
    service.catalog.put(container)
    return Response(201, container.body, 4.95, {"etag": container.etag})


async def read_container(service: Service, request: Request) -> Response:
    container = service.container(request)
    return Response(200, container.body, 1.0, {"etag": container.etag})


async def replace_container(service: Service, request: Request) -> Response:
    current = service.container(request)
    container = await service.writer.submit(
        lambda transaction: catalog.replace_container(transaction, current, request.body)
    )
    service.catalog.put(container)
    return Response(200, container.body, 9.9, {"etag": container.etag})


async def delete_container(service: Service, request: Request) -> Response:
    container = service.container(request)
    await service.writer.submit(lambda transaction: catalog.delete_container(transaction, container))
    service.catalog.drop(container)
    return Response(204, charge=4.95)


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
