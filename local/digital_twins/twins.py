"""Changes of twins and components: each a job for the writer, whole or not at all."""

import sqlite3
from dataclasses import dataclass
from typing import Any

import orjson

from local.digital_twins.dtdl.interfaces import Interface
from local.digital_twins.errors import (
    already_there,
    component_not_found,
    etag_differs,
    relationships_not_deleted,
    too_large,
    twin_not_found,
)
from local.digital_twins.json_patch import operations
from local.digital_twins.messages import MAX_BODY
from local.digital_twins.models import Models
from local.digital_twins.outbox import Outbox, TelemetryMessage
from local.digital_twins.stamps import Clock, new_etag
from local.digital_twins.twin_documents import (
    Document,
    created,
    differences,
    model_of,
    patched,
    properties,
    wanted_model,
)


def load_twin(connection: sqlite3.Connection, twin_id: str) -> Document:
    """Raises ServiceError (404)."""
    row = connection.execute("SELECT document FROM twins WHERE id = ?", (twin_id,)).fetchone()
    if row is None:
        raise twin_not_found(twin_id)
    document: Document = orjson.loads(row[0])
    return document


def require_twin(connection: sqlite3.Connection, twin_id: str) -> str:
    """The twin's model. Raises ServiceError (404)."""
    row = connection.execute("SELECT model FROM twins WHERE id = ?", (twin_id,)).fetchone()
    if row is None:
        raise twin_not_found(twin_id)
    return str(row[0])


def component_of(connection: sqlite3.Connection, models: Models, twin_id: str, name: str) -> tuple[Document, Interface]:
    """The twin, and the model of its component. Raises ServiceError (404)."""
    twin = load_twin(connection, twin_id)
    component = models.interface(connection, model_of(twin)).components.get(name)
    if component is None:
        raise component_not_found(twin_id, name)
    return twin, component


def check_etag(what: str, key: str, current: str, if_match: str | None) -> None:
    """Raises ServiceError (412) when the client asked for another etag than there is."""
    if if_match is not None and if_match != "*" and if_match != current:
        raise etag_differs(what, key)


@dataclass(frozen=True)
class Twins:
    """The jobs. Each takes the writer's connection, and raises ServiceError when it refuses."""

    models: Models
    outbox: Outbox
    clock: Clock

    def put(self, connection: sqlite3.Connection, twin_id: str, body: Any, if_none_match: str | None) -> Document:
        """Creates or replaces a twin; the twin as it now is."""
        row = connection.execute("SELECT document FROM twins WHERE id = ?", (twin_id,)).fetchone()
        if row is not None and if_none_match == "*":
            raise already_there("twin", twin_id)
        model = wanted_model(body)
        is_same_model = row is not None and model_of(orjson.loads(row[0])) == model
        find = self.models.interface if is_same_model else self.models.usable
        interface = find(connection, model)
        moment = self.clock.now()
        twin = created(twin_id, body, interface, moment)
        self._store(connection, twin)
        if row is None:
            self.outbox.twin_created(connection, twin, interface, moment)
            return twin
        patch = differences(orjson.loads(row[0]), twin, interface)
        self.outbox.twin_updated(connection, twin, patch, properties(twin, interface), moment)
        return twin

    def patch(
        self, connection: sqlite3.Connection, twin_id: str, body: Any, if_match: str | None, component: str = ""
    ) -> str:
        """Applies a JSON Patch to a twin, or to its component; the new etag."""
        if component:
            twin, _ = component_of(connection, self.models, twin_id, component)
        else:
            twin = load_twin(connection, twin_id)
        check_etag("twin", twin_id, twin["$etag"], if_match)
        patch = operations(body, below=component)
        before = model_of(twin)

        def interface_of(model: str) -> Interface:
            find = self.models.interface if model == before else self.models.usable
            return find(connection, model)

        moment = self.clock.now()
        places = patched(twin, patch, interface_of, moment)
        self._store(connection, twin)
        if patch:
            given = [operation.given for operation in patch]
            self.outbox.twin_updated(connection, twin, given, places, moment)
        return str(twin["$etag"])

    def delete(self, connection: sqlite3.Connection, twin_id: str, if_match: str | None) -> None:
        twin = load_twin(connection, twin_id)
        check_etag("twin", twin_id, twin["$etag"], if_match)
        related = "SELECT 1 FROM relationships WHERE source = ? UNION ALL SELECT 1 FROM relationships WHERE target = ?"
        if connection.execute(related, (twin_id, twin_id)).fetchone() is not None:
            raise relationships_not_deleted(twin_id)
        connection.execute("DELETE FROM twins WHERE id = ?", (twin_id,))
        self.outbox.twin_deleted(connection, twin, self.clock.now())

    def publish(
        self, connection: sqlite3.Connection, twin_id: str, message: TelemetryMessage, component: str = ""
    ) -> None:
        """Routes telemetry of a twin, or of its component."""
        model = require_twin(connection, twin_id)
        if component:
            model = component_of(connection, self.models, twin_id, component)[1].id
        self.outbox.telemetry(connection, twin_id, component, model, message)

    def _store(self, connection: sqlite3.Connection, twin: Document) -> None:
        """Raises ServiceError (413) when the twin grew so large that its events would fit no hub."""
        twin["$etag"] = new_etag()
        text = orjson.dumps(twin)
        if len(text) > MAX_BODY:
            raise too_large(MAX_BODY)
        connection.execute(
            "INSERT INTO twins(id, model, document) VALUES(?, ?, ?)"
            " ON CONFLICT(id) DO UPDATE SET model = excluded.model, document = excluded.document",
            (twin["$dtId"], model_of(twin), text.decode()),
        )
