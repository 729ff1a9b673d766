"""The stack's Digital Twins, over the listener that asks for no token."""

from collections.abc import Sequence
from typing import Any, Self

import httpx

API_VERSION = "2023-10-31"
Document = dict[str, Any]
_PATIENCE = 30.0
_ITEMS = 50
"""Of an IN, at most."""


class TwinGraph:
    """Models, routes and queries of one instance; a context that closes its connections. Raises httpx.HTTPError."""

    def __init__(self, url: str) -> None:
        self._client = httpx.Client(base_url=url, params={"api-version": API_VERSION}, timeout=_PATIENCE)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._client.close()

    def add_models(self, models: Sequence[Document]) -> None:
        """Uploads those whose ids are not there: a model is never changed, it gets another version."""
        found = ((model, self._client.get(f"/models/{model['@id']}")) for model in models)
        missing = [model for model, answer in found if answer.status_code == httpx.codes.NOT_FOUND]
        if missing:
            self._client.post("/models", json=missing).raise_for_status()

    def put_route(self, name: str, endpoint: str, filter: str) -> None:
        route = {"endpointName": endpoint, "filter": filter}
        self._client.put(f"/eventroutes/{name}", json=route).raise_for_status()

    def query(self, text: str) -> list[Document]:
        """All rows of a query's answer."""
        rows: list[Document] = []
        token = None
        while True:
            request = {"query": text, "continuationToken": token}
            page = self._client.post("/query", json=request).raise_for_status().json()
            rows += page["value"]
            token = page["continuationToken"]
            if token is None:
                return rows

    def with_paths(self, paths: Sequence[str]) -> list[Document]:
        """The twins that stand for these assets and places, as far as there are any."""
        found: list[Document] = []
        for start in range(0, len(paths), _ITEMS):
            listed = ", ".join(map(_quoted, paths[start : start + _ITEMS]))
            found += self.query(f"SELECT * FROM DIGITALTWINS T WHERE T.path IN [{listed}]")
        return found

    def contained(self, place: str, most: int) -> tuple[list[Document], int]:
        """The first twins that a place contains, and how many it contains."""
        where = f"FROM DIGITALTWINS P JOIN C RELATED P.contains WHERE P.$dtId = {_quoted(place)}"
        [counted] = self.query(f"SELECT COUNT() {where}")
        return [row["C"] for row in self.query(f"SELECT TOP({most}) C {where}")], counted["COUNT"]


def _quoted(text: str) -> str:
    return "'" + text.replace("\\", "\\\\").replace("'", "\\'") + "'"
