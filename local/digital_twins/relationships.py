"""Changes of relationships: each a job for the writer, whole or not at all."""

import sqlite3
from dataclasses import dataclass
from typing import Any

import orjson

from local.digital_twins.errors import (
    already_there,
    invalid_relationship,
    relationship_not_found,
    target_not_found,
    too_large,
)
from local.digital_twins.json_patch import operations
from local.digital_twins.messages import MAX_BODY
from local.digital_twins.models import Models
from local.digital_twins.outbox import Outbox
from local.digital_twins.relationship_documents import (
    Document,
    created,
    declared,
    differences,
    ends_of,
    patched,
    properties,
)
from local.digital_twins.stamps import Clock, new_etag
from local.digital_twins.twins import check_etag, require_twin


def load_relationship(connection: sqlite3.Connection, source: str, relationship_id: str) -> Document:
    """Raises ServiceError (404) when the twin, or its relationship, is not there."""
    require_twin(connection, source)
    found = _find(connection, source, relationship_id)
    if found is None:
        raise relationship_not_found(source, relationship_id)
    return found


@dataclass(frozen=True)
class Relationships:
    """The jobs. Each takes the writer's connection, and raises ServiceError when it refuses."""

    models: Models
    outbox: Outbox
    clock: Clock

    def put(
        self, connection: sqlite3.Connection, source: str, relationship_id: str, body: Any, if_none_match: str | None
    ) -> Document:
        """Creates or replaces a relationship; the relationship as it now is."""
        model = require_twin(connection, source)
        old = _find(connection, source, relationship_id)
        if old is not None and if_none_match == "*":
            raise already_there("relationship", relationship_id)
        name, target = ends_of(body, source, relationship_id)
        declaration = declared(name, self.models.interface(connection, model))
        self._check_target(connection, name, target, declaration.target)
        link = created(source, relationship_id, body, declaration)
        moment = self.clock.now()
        self._store(connection, link)
        if old is None:
            self.outbox.relationship_created(connection, link, model, moment)
        else:
            patch = differences(old, link)
            self.outbox.relationship_updated(connection, link, model, patch, properties(link), moment)
        return link

    def patch(
        self, connection: sqlite3.Connection, source: str, relationship_id: str, body: Any, if_match: str | None
    ) -> str:
        """Applies a JSON Patch to a relationship's properties; the new etag."""
        link = load_relationship(connection, source, relationship_id)
        check_etag("relationship", relationship_id, link["$etag"], if_match)
        patch = operations(body)
        model = require_twin(connection, source)
        declaration = declared(link["$relationshipName"], self.models.interface(connection, model))
        names = patched(link, patch, declaration)
        self._store(connection, link)
        if patch:
            given = [operation.given for operation in patch]
            self.outbox.relationship_updated(connection, link, model, given, names, self.clock.now())
        return str(link["$etag"])

    def delete(self, connection: sqlite3.Connection, source: str, relationship_id: str, if_match: str | None) -> None:
        link = load_relationship(connection, source, relationship_id)
        check_etag("relationship", relationship_id, link["$etag"], if_match)
        connection.execute("DELETE FROM relationships WHERE source = ? AND id = ?", (source, relationship_id))
        self.outbox.relationship_deleted(connection, link, self.clock.now())

    def _check_target(self, connection: sqlite3.Connection, name: str, target: str, wanted: str | None) -> None:
        row = connection.execute("SELECT model FROM twins WHERE id = ?", (target,)).fetchone()
        if row is None:
            raise target_not_found(target)
        if wanted is None:
            return
        is_kind = "SELECT 1 FROM model_bases WHERE model = ? AND base = ?"
        if connection.execute(is_kind, (row[0], wanted)).fetchone() is None:
            raise invalid_relationship(f"The target {target} of {name} is of the model {row[0]}, not of {wanted}.")

    def _store(self, connection: sqlite3.Connection, link: Document) -> None:
        """Raises ServiceError (413) when the relationship grew so large that its events would fit no hub."""
        link["$etag"] = new_etag()
        text = orjson.dumps(link)
        if len(text) > MAX_BODY:
            raise too_large(MAX_BODY)
        connection.execute(
            "INSERT INTO relationships(source, id, target, name, document) VALUES(?, ?, ?, ?, ?)"
            " ON CONFLICT(source, id) DO UPDATE"
            " SET target = excluded.target, name = excluded.name, document = excluded.document",
            (
                link["$sourceId"],
                link["$relationshipId"],
                link["$targetId"],
                link["$relationshipName"],
                text.decode(),
            ),
        )


def _find(connection: sqlite3.Connection, source: str, relationship_id: str) -> Document | None:
    row = connection.execute(
        "SELECT document FROM relationships WHERE source = ? AND id = ?", (source, relationship_id)
    ).fetchone()
    found: Document | None = None if row is None else orjson.loads(row[0])
    return found
