"""Random histories: items and change feed are what a plain dictionary says."""

from typing import Any

from azure.cosmos import ContainerProxy
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.contract.cosmos.raw import RawClient

NAMES = ["a", "b", "c"]
KEYS = ["x", "y"]

steps = st.lists(
    st.tuples(
        st.sampled_from(["create", "upsert", "replace", "patch", "delete", "batch"]),
        st.sampled_from(KEYS),
        st.lists(st.sampled_from(NAMES), min_size=1, max_size=3),
    ),
    min_size=1,
    max_size=20,
)


class Model:
    """What should be there: versions by (key, id), in the order of their last change."""

    def __init__(self) -> None:
        self.items: dict[tuple[str, str], int] = {}

    def put(self, place: tuple[str, str], version: int) -> None:
        self.items.pop(place, None)
        self.items[place] = version

    def apply(self, kind: str, place: tuple[str, str], version: int) -> int:
        """The status that the service should answer with."""
        exists = place in self.items
        if kind == "create" and exists:
            return 409
        if kind in ("replace", "patch", "delete") and not exists:
            return 404
        if kind == "delete":
            del self.items[place]
            return 204
        self.put(place, version)
        return 200 if exists else 201


class History:
    """Does the same to a container and to the model."""

    def __init__(self, raw: RawClient, container: ContainerProxy) -> None:
        self.model = Model()
        self._raw = raw
        self._path = f"dbs/tests/colls/{container.id}/docs"

    def step(self, kind: str, key: str, names: list[str], version: int) -> None:
        if kind == "batch":
            self._batch(key, names, version)
        else:
            status = self._send(kind, key, names[0], version)
            assert status == self.model.apply(kind, (key, names[0]), version)

    def _send(self, kind: str, key: str, name: str, version: int) -> int:
        document = {"id": name, "device": key, "version": version}
        patch = {"operations": [{"op": "set", "path": "/version", "value": version}]}
        verb, path, body = {
            "create": ("POST", self._path, document),
            "upsert": ("POST", self._path, document),
            "replace": ("PUT", f"{self._path}/{name}", document),
            "patch": ("PATCH", f"{self._path}/{name}", patch),
            "delete": ("DELETE", f"{self._path}/{name}", None),
        }[kind]
        headers = {"x-ms-documentdb-is-upsert": "True"} if kind == "upsert" else {}
        return self._raw.send(verb, path, body, key=[key], headers=headers).status_code

    def _batch(self, key: str, names: list[str], version: int) -> None:
        """Creates all of the names, or nothing when one exists or stands twice."""
        creates = [
            {"operationType": "Create", "resourceBody": {"id": name, "device": key, "version": version}}
            for name in names
        ]
        headers = {"x-ms-cosmos-is-batch-request": "True", "x-ms-cosmos-batch-atomic": "True"}
        answer = self._raw.send("POST", self._path, creates, key=[key], headers=headers)
        before = dict(self.model.items)
        statuses = [self.model.apply("create", (key, name), version) for name in names]
        if 409 in statuses:
            self.model.items = before
            failed = statuses.index(409)
            statuses = [409 if index == failed else 424 for index in range(len(names))]
        assert [entry["statusCode"] for entry in answer.json()] == statuses

    def feed(self, etag: str | None = None) -> tuple[list[dict[str, Any]], str]:
        headers = {"a-im": "Incremental feed", **({"if-none-match": etag} if etag else {})}
        answer = self._raw.send("GET", self._path, headers=headers)
        return (answer.json()["Documents"] if answer.status_code == 200 else []), answer.headers["etag"]


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(first=steps, second=steps)
def test_items_and_feed_are_what_a_dictionary_says(
    container: ContainerProxy, raw: RawClient, first: list[Any], second: list[Any]
) -> None:
    history = History(raw, container)
    for item in container.read_all_items():
        container.delete_item(item["id"], item["device"])
    _, start = history.feed()

    for version, (kind, key, names) in enumerate(first):
        history.step(kind, key, names, version)
    changes, middle = history.feed(start)
    assert [(change["device"], change["id"]) for change in changes] == list(history.model.items)
    kept = dict(history.model.items)
    for version, (kind, key, names) in enumerate(second, 100):
        history.step(kind, key, names, version)

    later, _ = history.feed(middle)
    changed = [place for place, version in history.model.items.items() if kept.get(place) != version]
    assert [(change["device"], change["id"]) for change in later] == changed
    stored = {(item["device"], item["id"]): item["version"] for item in container.read_all_items()}
    assert stored == history.model.items
