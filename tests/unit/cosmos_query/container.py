"""A container's table in memory, filled with documents, and queries run over it to the last page."""

import sqlite3
from collections.abc import Iterable, Mapping
from typing import Any

import orjson

from local.cosmos.query import Source, composite_index, execute, parse, register, single_index
from local.cosmos.query.indexes import Index, key_paths, property_keys

Document = dict[str, Any]

MAX_PAGES = 2000


class Container:
    """The table that local.cosmos makes for a container, as far as queries need it."""

    def __init__(self, documents: Iterable[Document] = ()) -> None:
        self.connection = sqlite3.connect(":memory:", isolation_level=None)
        register(self.connection)
        self.connection.execute(
            "CREATE TABLE items(lsn INTEGER PRIMARY KEY, epk BLOB NOT NULL, id TEXT NOT NULL, number INTEGER NOT NULL,"
            " expires_at INTEGER, body BLOB NOT NULL)"
        )
        self.connection.execute("CREATE UNIQUE INDEX items_key ON items(epk, id)")
        for document in documents:
            self.add(document)

    def add(self, document: Document, *, partition: str | None = None, expires_at: int | None = None) -> None:
        """Stores a document; its partition is its `pk` unless another is given."""
        epk = partition if partition is not None else f"{document.get('pk', 0)!s:0>4}"
        body = orjson.dumps(document)
        keys = property_keys(key_paths(self.connection, "items"), document, body)
        (last,) = self.connection.execute("SELECT coalesce(max(lsn), 0) FROM items").fetchone()
        row = (last + 1, epk.encode(), document["id"], last + 1, expires_at, body, *keys)
        self.connection.execute(f"INSERT INTO items VALUES ({','.join('?' * len(row))})", row)

    def index(self, *paths: str) -> None:
        for path in paths:
            self._make(single_index(path))

    def index_together(self, *columns: tuple[str, str]) -> None:
        self._make(composite_index(columns))

    def source(self, condition: str = "1 = 1", *bindings: object) -> Source:
        return Source(self.connection, "items", condition, bindings)

    def query(
        self,
        text: str,
        parameters: Mapping[str, Any] | None = None,
        *,
        page_size: int | None = None,
        source: Source | None = None,
    ) -> list[Any]:
        """All results, over as many pages as it takes."""
        query = parse(text)
        found: list[Any] = []
        token = None
        for _ in range(MAX_PAGES):
            page = execute(query, parameters or {}, source or self.source(), page_size=page_size, continuation=token)
            assert page_size is None or len(page.rows) <= page_size
            found += map(orjson.loads, page.rows)
            token = page.continuation
            if token is None:
                return found
        raise AssertionError(f"more than {MAX_PAGES} pages: paging does not end")

    def value(self, expression: str, parameters: Mapping[str, Any] | None = None) -> Any:
        """What an expression without FROM evaluates to; `...` for undefined."""
        found = self.query(f"SELECT VALUE {expression}", parameters)
        return found[0] if found else ...

    def _make(self, index: Index | None) -> None:
        assert index is not None
        index.make(self.connection, "items")
