"""SQL indexes over properties: an order-preserving key of the value at a path, as a deterministic SQL function.

SQLite's own JSON functions lose what the query language tells apart (undefined and null, true and 1, digits of long
numbers, text after a NUL), so the key is `cosmos_key(body, path)`: the bytes of `values.sort_key`. Every connection
that writes an indexed table, or makes an index, must have it: call `register` once on each.
"""

import hashlib
import re
import sqlite3
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import orjson

from local.cosmos.query.values import UNDEFINED_KEY, sort_key

Path = tuple[str, ...]

MAX_LAZY_INDEXES = 16
"""How many indexes a container gets without its policy naming them."""

_SEGMENT = re.compile(r'/(?:"((?:[^"\\]|\\.)*)"|([^/"]*))')
_INFIX = "__by__"


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

    def statement(self, table: str) -> str:
        """CREATE INDEX: the keys, then what pages and partitions need, so that counting never reads a body."""
        tail = " DESC" if self.columns[0].descending else ""
        keys = [key_sql(column.path) + (" DESC" if column.descending else "") for column in self.columns]
        columns = ", ".join([*keys, f"epk{tail}", f"id{tail}", "expires_at"])
        return f'CREATE INDEX IF NOT EXISTS "{self.name(table)}" ON "{table}"({columns})'


def register(connection: sqlite3.Connection) -> None:
    """Gives a connection the SQL function that indexes are made of, unless it has it.

    Making it again would throw away every prepared statement.
    """
    try:
        connection.execute("SELECT cosmos_key('{}', '[]') LIMIT 0")
    except sqlite3.OperationalError:
        connection.create_function("cosmos_key", 2, _key_function(), deterministic=True)


def index_statements(table: str, path: str) -> list[str]:
    """The SQL that indexes one path of an indexing policy, `/a/b/?`; none for a wildcard or an array's elements."""
    segments = policy_path(path)
    return [Index((Column(segments),)).statement(table)] if segments else []


def composite_index_statements(table: str, columns: Sequence[tuple[str, str]]) -> list[str]:
    """The SQL of a composite index: (path, `ascending` or `descending`) pairs, as the policy gives them."""
    found = [Column(policy_path(path), order == "descending") for path, order in columns]
    return [Index(tuple(found)).statement(table)] if found and all(column.path for column in found) else []


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
    connection.execute(index.statement(table))
    return True


def key_sql(path: Path) -> str:
    """The SQL expression of the key of the value at a path: the same text in indexes and in queries."""
    literal = orjson.dumps(list(path)).decode().replace("'", "''")
    return f"cosmos_key(body, '{literal}')"


def _key_function() -> Callable[[str, str], bytes]:
    """The SQL function, remembering the last document: one statement asks for several paths of the same one."""
    paths: dict[str, list[str]] = {}
    last_body: str | bytes | None = None
    last_document: Any = None

    def cosmos_key(body: str | bytes, path: str) -> bytes:
        nonlocal last_body, last_document
        if body != last_body:
            last_document = orjson.loads(body)
            last_body = body
        names = paths.get(path)
        if names is None:
            names = paths[path] = orjson.loads(path)
        value = last_document
        for name in names:
            if type(value) is not dict or name not in value:
                return UNDEFINED_KEY
            value = value[name]
        return sort_key(value)

    return cosmos_key
