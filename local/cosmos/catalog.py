"""The account's databases, containers and offers: what they are, and how they are kept."""

import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import orjson

from local.cosmos.documents import check_id, check_ttl, decode_rid, encode_rid, etag, parse_object
from local.cosmos.errors import bad_request, conflict, not_done, not_found, owner_not_found
from local.cosmos.indexing import IndexingPolicy, parse_policy
from local.cosmos.offers import Offer, parse_offer
from local.cosmos.partition_keys import KeyRange, PartitionKeyDefinition, parse_definition, physical_partitions
from local.cosmos.storage import Transaction

MAX_NAME_BYTES = 255
_DATABASE_LINKS = {"_colls": "colls/", "_users": "users/"}
_CONTAINER_LINKS = {
    "_docs": "docs/",
    "_sprocs": "sprocs/",
    "_triggers": "triggers/",
    "_udfs": "udfs/",
    "_conflicts": "conflicts/",
}


@dataclass(frozen=True, slots=True)
class Database:
    id: str
    rid: str
    body: bytes

    @property
    def link(self) -> str:
        return f"dbs/{self.rid}/"


@dataclass(frozen=True, slots=True)
class Container:
    """A container as requests need it; replaced as a whole when its properties change."""

    database: str
    id: str
    number: int
    rid: str
    link: str
    """Its `_self`, with the slash at its end."""
    body: bytes
    key: PartitionKeyDefinition
    policy: IndexingPolicy
    default_ttl: int | None
    partitions: tuple[KeyRange, ...]

    @property
    def etag(self) -> str:
        return str(orjson.loads(self.body)["_etag"])

    @property
    def table(self) -> str:
        return f"items_{self.number}"

    def partition_of(self, epk: str) -> int:
        """The physical partition that holds an effective partition key."""
        return next(number for number, keys in enumerate(self.partitions) if epk in keys)


class Catalog:
    """What exists, as committed: read on the event loop, changed there after the writer has written it."""

    def __init__(self) -> None:
        self.databases: dict[str, Database] = {}
        self.offers: dict[str, Offer] = {}
        """By the `_self` of what they are for."""
        self._containers: dict[tuple[str, str], Container] = {}

    def load(self, transaction: Transaction) -> None:
        """Takes in all that the file holds."""
        connection = transaction.connection
        for number, name, body in connection.execute("SELECT number, id, body FROM databases"):
            self.databases[name] = Database(name, _database_rid(number), body.encode())
        rows = connection.execute("SELECT number, database, id, partitions, body FROM containers")
        for number, database, _, partitions, body in rows.fetchall():
            self.put(_container(database, number, partitions, orjson.loads(body)))
        for (body,) in connection.execute("SELECT body FROM offers").fetchall():
            self.put_offer(parse_offer(body.encode()))

    def database(self, name: str) -> Database:
        if (found := self.databases.get(name)) is None:
            raise not_found()
        return found

    def containers(self, database: str) -> list[Container]:
        return [container for container in self._containers.values() if container.database == database]

    def all_containers(self) -> list[Container]:
        return list(self._containers.values())

    def container(self, database: str, name: str) -> Container:
        if (found := self._containers.get((database, name))) is None:
            raise owner_not_found()
        return found

    def put(self, container: Container) -> None:
        self._containers[container.database, container.id] = container

    def put_offer(self, offer: Offer) -> None:
        self.offers[offer.resource] = offer

    def offer_for(self, container: Container) -> Offer | None:
        """The container's own offer, or the one that its database's containers share."""
        return self.offers.get(container.link) or self.offers.get(self.databases[container.database].link)

    def drop(self, container: Container) -> None:
        self._containers.pop((container.database, container.id), None)
        self.offers.pop(container.link, None)

    def drop_database(self, name: str) -> None:
        for container in self.containers(name):
            self.drop(container)
        if (database := self.databases.pop(name, None)) is not None:
            self.offers.pop(database.link, None)


def create_database(transaction: Transaction, body: bytes) -> Database:
    """Raises ServiceError (400, 409)."""
    name = check_id(parse_object(body).get("id"), limit=MAX_NAME_BYTES)
    execute = transaction.connection.execute
    if execute("SELECT 1 FROM databases WHERE id = ?", (name,)).fetchone():
        raise conflict()
    number = execute("INSERT INTO databases(id) VALUES(?)", (name,)).lastrowid or 0
    rid = _database_rid(number)
    properties = orjson.dumps({"id": name, **_system(rid, f"dbs/{rid}/", number), **_DATABASE_LINKS})
    execute("UPDATE databases SET body = ? WHERE number = ?", (properties.decode(), number))
    return Database(name, rid, properties)


def delete_database(transaction: Transaction, database: Database) -> None:
    execute = transaction.connection.execute
    numbers = execute("SELECT number FROM containers WHERE database = ?", (database.id,)).fetchall()
    for (number,) in numbers:
        execute(f"DROP TABLE items_{number}")
        execute("DELETE FROM offers WHERE resource = ?", (_container_link(database.rid, number),))
    execute("DELETE FROM containers WHERE database = ?", (database.id,))
    execute("DELETE FROM offers WHERE resource = ?", (database.link,))
    if not execute("DELETE FROM databases WHERE id = ?", (database.id,)).rowcount:
        raise not_found()
    for (number,) in numbers:
        transaction.drop_container(number)


def create_container(transaction: Transaction, database: str, body: bytes, partitions: int) -> Container:
    """Makes a container, its table and its indexes. Raises ServiceError (400, 404, 409)."""
    execute = transaction.connection.execute
    if not execute("SELECT 1 FROM databases WHERE id = ?", (database,)).fetchone():
        raise owner_not_found()
    given = parse_object(body)
    name = check_id(given.get("id"), limit=MAX_NAME_BYTES)
    if execute("SELECT 1 FROM containers WHERE database = ? AND id = ?", (database, name)).fetchone():
        raise conflict()
    statement = "INSERT INTO containers(database, id, partitions) VALUES(?, ?, ?)"
    number = execute(statement, (database, name, partitions)).lastrowid or 0
    owner = execute("SELECT number FROM databases WHERE id = ?", (database,)).fetchone()[0]
    rid = _container_rid(owner, number)
    properties = _properties(given)
    properties.update(_system(rid, _container_link(_database_rid(owner), number), number), **_CONTAINER_LINKS)
    execute("UPDATE containers SET body = ? WHERE number = ?", (orjson.dumps(properties).decode(), number))
    container = _container(database, number, partitions, properties)
    for statement in _table_statements(container.table):
        execute(statement)
    transaction.add_container(number)
    return container


def replace_container(transaction: Transaction, current: Container, body: bytes) -> Container:
    """A container with a new indexing policy or time to live. Raises ServiceError (400, 404)."""
    given = parse_object(body)
    properties = _properties(given)
    kept = orjson.loads(current.body)
    if properties["id"] != current.id:
        raise bad_request("The id of a container can't be changed.")
    if parse_definition(properties["partitionKey"]) != current.key:
        raise bad_request("Document collection partition key cannot be changed.")
    properties["partitionKey"] = kept["partitionKey"]
    number = transaction.next_lsn(current.number)
    properties.update(_system(current.rid, current.link, number), **_CONTAINER_LINKS)
    container = _container(current.database, current.number, len(current.partitions), properties)
    execute = transaction.connection.execute
    execute("UPDATE containers SET body = ? WHERE number = ?", (orjson.dumps(properties).decode(), current.number))
    if container.default_ttl != current.default_ttl:
        execute(*_retime(container))
        transaction.forget()
    return container


def delete_container(transaction: Transaction, container: Container) -> None:
    execute = transaction.connection.execute
    if not execute("DELETE FROM containers WHERE number = ?", (container.number,)).rowcount:
        raise not_found()
    execute(f"DROP TABLE {container.table}")
    execute("DELETE FROM offers WHERE resource = ?", (container.link,))
    transaction.drop_container(container.number)


def _properties(given: dict[str, Any]) -> dict[str, Any]:
    """A container's properties as they are kept, without the system's own. Raises ServiceError (400, 501)."""
    for name in ("uniqueKeyPolicy", "computedProperties"):
        if given.get(name) not in (None, [], {}, {"uniqueKeys": []}):
            raise not_done(f"a container's {name}")
    properties = {name: value for name, value in given.items() if not name.startswith("_")}
    properties["id"] = check_id(given.get("id"), limit=MAX_NAME_BYTES)
    parse_definition(given.get("partitionKey"))
    properties["partitionKey"] = {"kind": "Hash", "version": 2, **given["partitionKey"]}
    if (ttl := check_ttl(given, name="defaultTtl")) is not None:
        properties["defaultTtl"] = ttl
    properties["indexingPolicy"], _ = parse_policy(given.get("indexingPolicy"))
    properties.setdefault("conflictResolutionPolicy", {"mode": "LastWriterWins", "conflictResolutionPath": "/_ts"})
    return properties


def _container(database: str, number: int, partitions: int, properties: Mapping[str, Any]) -> Container:
    _, policy = parse_policy(properties["indexingPolicy"])
    return Container(
        database=database,
        id=properties["id"],
        number=number,
        rid=properties["_rid"],
        link=properties["_self"],
        body=orjson.dumps(properties),
        key=parse_definition(properties["partitionKey"]),
        policy=policy,
        default_ttl=properties.get("defaultTtl"),
        partitions=physical_partitions(partitions),
    )


def _system(rid: str, link: str, number: int) -> dict[str, Any]:
    now = int(time.time())
    return {"_rid": rid, "_self": link, "_etag": etag(number, now), "_ts": now}


def _database_rid(number: int) -> str:
    return encode_rid((0x10000000 + number, 4))


def _container_rid(database: int, number: int) -> str:
    return encode_rid((0x10000000 + database, 4), (0x80000000 + number, 4))


def _container_link(database_rid: str, number: int) -> str:
    owner = int.from_bytes(decode_rid(database_rid)) - 0x10000000
    return f"dbs/{database_rid}/colls/{_container_rid(owner, number)}/"


def _table_statements(table: str) -> list[str]:
    """Items lie in the order of their changes (their log sequence numbers), so the change feed is a plain scan.

    An item's `number` is its first sequence number, and stays; `epk` is its effective partition key in bytes.
    """
    return [
        f"CREATE TABLE {table}(lsn INTEGER PRIMARY KEY, epk BLOB NOT NULL, id TEXT NOT NULL, number INTEGER NOT NULL,"
        " expires_at INTEGER, body BLOB NOT NULL)",
        f"CREATE UNIQUE INDEX {table}_key ON {table}(epk, id)",
        f"CREATE INDEX {table}_expiry ON {table}(expires_at, epk)",
    ]


def _retime(container: Container) -> tuple[str, tuple[Any, ...]]:
    """The statement that gives every item its expiry by the container's new default."""
    if container.default_ttl is None:
        return f"UPDATE {container.table} SET expires_at = NULL", ()
    ttl = "coalesce(json_extract(CAST(body AS TEXT), '$.ttl'), ?)"
    return (
        f"UPDATE {container.table} SET expires_at = CASE WHEN {ttl} = -1 THEN NULL"
        f" ELSE json_extract(CAST(body AS TEXT), '$._ts') + {ttl} END",
        (container.default_ttl, container.default_ttl),
    )
