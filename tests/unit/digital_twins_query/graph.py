"""A twin graph in memory, in the server's own tables, and the answers that queries get from it."""

import json
import sqlite3
from collections.abc import Iterable, Mapping
from typing import Any

from local.digital_twins.query import execute
from local.digital_twins.storage import SCHEMA

Document = dict[str, Any]


def twin(id: str, model: str = "dtmi:test:thing;1", **properties: Any) -> Document:
    return {"$dtId": id, "$etag": f'W/"{id}"', **properties, "$metadata": {"$model": model}}


def relationship(source: str, id: str, target: str, name: str = "contains", **properties: Any) -> Document:
    ends = {"$relationshipId": id, "$sourceId": source, "$targetId": target, "$relationshipName": name}
    return {**ends, "$etag": f'W/"{id}"', **properties}


class Graph:
    """`bases` names, for each model, those that it extends, directly or not."""

    def __init__(
        self,
        twins: Iterable[Document] = (),
        relationships: Iterable[Document] = (),
        bases: Mapping[str, Iterable[str]] | None = None,
    ) -> None:
        self.connection = sqlite3.connect(":memory:", isolation_level=None)
        self.connection.executescript(SCHEMA)
        for document in twins:
            self.add_twin(document)
        for document in relationships:
            self.add_relationship(document)
        for model, extended in (bases or {}).items():
            rows = [(model, base) for base in (model, *extended)]
            self.connection.executemany("INSERT INTO model_bases VALUES(?, ?)", rows)

    def add_twin(self, document: Document) -> None:
        row = (document["$dtId"], document["$metadata"]["$model"], json.dumps(document))
        self.connection.execute("INSERT INTO twins VALUES(?, ?, ?)", row)

    def add_relationship(self, document: Document) -> None:
        ends = [document[f"${end}"] for end in ("sourceId", "relationshipId", "targetId", "relationshipName")]
        self.connection.execute("INSERT INTO relationships VALUES(?, ?, ?, ?, ?)", [*ends, json.dumps(document)])

    def remove_twin(self, id: str) -> None:
        self.connection.execute("DELETE FROM twins WHERE id = ?", [id])

    def query(self, text: str, page_size: int = 1000) -> list[Document]:
        """All pages of the answer."""
        page = execute(self.connection, text, None, page_size)
        rows = page.value
        while page.continuation is not None:
            page = execute(self.connection, text, page.continuation, page_size)
            assert 0 < len(page.value) <= page_size
            rows += page.value
        return rows

    def ids(self, text: str, page_size: int = 1000) -> list[str]:
        """The same of a query that selects one column, or whole twins."""
        return [row["$dtId"] if "$dtId" in row else next(iter(row.values())) for row in self.query(text, page_size)]
