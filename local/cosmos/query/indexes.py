"""SQL indexes over properties: an order-preserving key of the value at a path.

SQLite's own JSON functions lose what the query language tells apart (undefined and null, true and 1, digits of long
numbers, text after a NUL), so the key is the bytes of `values.sort_key`. An indexed property has a column for its keys,
which writers fill (`key_paths`, `property_keys`): they have the document at hand. In rows that were there before the
column it is NULL, and `cosmos_key(body, path)` stands in, a deterministic SQL function: every connection that writes or
reads an indexed table must have it (`register`).
"""

import hashlib
import re
import sqlite3
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import orjson

from local.cosmos.query.values import UNDEFINED, sort_key

Path = tuple[str, ...]

MAX_LAZY_INDEXES = 16
"""How many indexes a container gets without its policy naming them."""

_SEGMENT = re.compile(r'/(?:"((?:[^"\\]|\\.)*)"|([^/"]*))')
_INFIX = "__by__"
_COLUMN = "key_"
_OF_THE_SYSTEM = frozenset({"_rid", "_self", "_etag", "_attachments", "_ts"})
"""Properties that a stored document has and the one that a client sent has not."""


@dataclass(frozen=True, slots=True)
class Column:
    """One property of an index: its path and direction."""

    path: Path
    descending: bool = False


@dataclass(frozen=True, slots=True)
class Index:
    """An index over one property, or several (a composite index), and then the place of the item."""

    columns: tuple[Column, ...]

    def name(self, table: str) -> str:
        text = orjson.dumps([[list(column.path), column.descending] for column in self.columns])
        return f"{table}{_INFIX}{hashlib.blake2b(text, digest_size=10).hexdigest()}"

    def make(self, connection: sqlite3.Connection, table: str) -> None:
        """The keys' columns that the table lacks, and the index, unless it is there."""
        present = set(key_paths(connection, table))
        for path in {column.path for column in self.columns} - present:
            connection.execute(f'ALTER TABLE "{table}" ADD COLUMN {key_column(path)} BLOB')
        connection.execute(self._statement(table))

    def _statement(self, table: str) -> str:
        """CREATE INDEX: the keys, then what pages and partitions need, so that counting never reads a body.

        Equal keys are in the order of the items' numbers, which only grow: ids would come in anywhere, and each new one
        change a page of its own.
        """
        tail = " DESC" if self.columns[0].descending else ""
        keys = [key_sql(column.path) + (" DESC" if column.descending else "") for column in self.columns]
        columns = ", ".join([*keys, f"epk{tail}", f"number{tail}", "expires_at"])
        return f'CREATE INDEX IF NOT EXISTS "{self.name(table)}" ON "{table}"({columns})'


def register(connection: sqlite3.Connection) -> None:
    """Gives a connection the SQL function that indexes are made of, unless it has it.

    Making it again would throw away every prepared statement.
    """
    try:
        connection.execute("SELECT cosmos_key('{}', '[]') LIMIT 0")
    except sqlite3.OperationalError:
        connection.create_function("cosmos_key", 2, _key_function(), deterministic=True)


def single_index(path: str) -> Index | None:
    """The index for one path of an indexing policy, `/a/b/?`; none for a wildcard or an array's elements."""
    segments = policy_path(path)
    return Index((Column(segments),)) if segments else None


def composite_index(columns: Sequence[tuple[str, str]]) -> Index | None:
    """A composite index: (path, `ascending` or `descending`) pairs, as the policy gives them; none with a wildcard."""
    found = [Column(policy_path(path), order == "descending") for path, order in columns]
    return Index(tuple(found)) if found and all(column.path for column in found) else None


def policy_path(path: str) -> Path:
    """The property names of a policy's path; none for a wildcard, an array's elements, or no path at all."""
    trimmed = path.removesuffix("/?")
    if trimmed.endswith("/*") or "[]" in trimmed or not trimmed.startswith("/") or trimmed == "/":
        return ()
    return tuple(quoted.replace('\\"', '"') if quoted else plain for quoted, plain in _SEGMENT.findall(trimmed))


def existing_indexes(connection: sqlite3.Connection, table: str) -> frozenset[str]:
    """The names of the indexes of this kind that a table has."""
    rows = connection.execute(
        "SELECT name FROM sqlite_master WHERE type = 'index' AND tbl_name = ? AND instr(name, ?)", (table, _INFIX)
    )
    return frozenset(name for (name,) in rows)


def ensure_index(connection: sqlite3.Connection, table: str, path: Path) -> bool:
    """Makes the index over a property unless the table has it; says whether it is there now.

    A table gets no more than MAX_LAZY_INDEXES this way. Reads the whole table once, in the connection's transaction.
    """
    index = Index((Column(path),))
    present = existing_indexes(connection, table)
    if index.name(table) in present:
        return True
    if len(present) >= MAX_LAZY_INDEXES:
        return False
    index.make(connection, table)
    return True


def key_paths(connection: sqlite3.Connection, table: str) -> tuple[Path, ...]:
    """The properties that the table has a column of keys for."""
    names = [row[1] for row in connection.execute(f'PRAGMA table_info("{table}")')]
    return tuple(
        tuple(orjson.loads(bytes.fromhex(name.removeprefix(_COLUMN)))) for name in names if name.startswith(_COLUMN)
    )


def key_column(path: Path) -> str:
    """The column's name: it holds the path, in hexadecimal because SQL names are the same in upper and lower case."""
    return f"{_COLUMN}{orjson.dumps(list(path)).hex()}"


def property_keys(paths: Sequence[Path], document: Mapping[str, Any], body: bytes) -> list[bytearray]:
    """The keys of a document, as its client sent it, by path; `body` is the text that is stored of it.

    They are bytearrays because sqlite3 takes those as they are: for each bytes object it would look for an adapter.
    """
    keys = []
    for path in paths:
        value: Any = orjson.loads(body) if path[0] in _OF_THE_SYSTEM else document
        for name in path:
            value = value.get(name, UNDEFINED) if type(value) is dict else UNDEFINED
        keys.append(bytearray(sort_key(value)))
    return keys


def key_sql(path: Path) -> str:
    """The SQL expression of the key of the value at a path: the same text in indexes and in queries."""
    literal = orjson.dumps(list(path)).decode().replace("'", "''")
    return f"coalesce({key_column(path)}, cosmos_key(body, '{literal}'))"


def _key_function() -> Callable[[str | bytes, str], bytes]:
    """The SQL function, remembering the last document: one statement asks for several paths of the same one."""
    last_body: str | bytes | None = None
    last_document: Any = None

    def cosmos_key(body: str | bytes, path: str) -> bytes:
        nonlocal last_body, last_document
        if last_body is None or body != last_body:
            last_document = orjson.loads(body)
            last_body = body
        value = last_document
        for name in orjson.loads(path):
            value = value.get(name, UNDEFINED) if type(value) is dict else UNDEFINED
        return sort_key(value)

    return cosmos_key
