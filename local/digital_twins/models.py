"""The models of the instance: their rows, and their interfaces, read once and remembered."""

import sqlite3
from collections.abc import Iterable, Mapping
from typing import Any

import orjson

from local.digital_twins.dtdl.interfaces import Declaration, DtdlError, Interface
from local.digital_twins.dtdl.linking import link
from local.digital_twins.dtdl.parsing import declarations
from local.digital_twins.errors import (
    ServiceError,
    invalid_twin,
    model_decommissioned,
    model_not_found,
    model_referenced,
    models_exist,
    references_not_decommissioned,
)

MAX_MODELS_PER_UPLOAD = 250
Document = dict[str, Any]


class Models:
    """Reads through the connection it is given, which has to be the same one as long as nothing is to be forgotten.

    What the writer changes and has not committed yet, another connection does not see.
    """

    def __init__(self) -> None:
        self._declarations: dict[str, Declaration] = {}
        self._interfaces: dict[str, Interface] = {}

    def forget(self) -> None:
        """What is remembered may not have been written."""
        self._declarations.clear()
        self._interfaces.clear()

    def interface(self, connection: sqlite3.Connection, model: str) -> Interface:
        """The interface that a twin must conform to. Raises ServiceError (400) when it is not there."""
        found = self._interfaces.get(model)
        if found is None:
            declaration = self._declaration(connection, model)
            if declaration is None:
                raise invalid_twin([f"{model} or one of its dependencies does not exist."])
            found = link(declaration, lambda wanted: self._declaration(connection, wanted))
            self._interfaces[model] = found
        return found

    def usable(self, connection: sqlite3.Connection, model: str) -> Interface:
        """The interface for a twin that is to become one of it. Raises ServiceError when it is decommissioned."""
        interface = self.interface(connection, model)
        row = connection.execute("SELECT decommissioned FROM models WHERE id = ?", (model,)).fetchone()
        if row[0]:
            raise model_decommissioned(model)
        return interface

    def add(self, connection: sqlite3.Connection, documents: object, moment: str) -> list[Document]:
        """Uploads models, all or none; their descriptions without the definitions. Raises ServiceError."""
        try:
            added = declarations(documents)
            if len(added) > MAX_MODELS_PER_UPLOAD:
                raise ServiceError(400, "LimitExceeded", f"More than {MAX_MODELS_PER_UPLOAD} models in one request.")
            existing = [model for model in added if _row(connection, model) is not None]
            if existing:
                raise models_exist(existing)
            interfaces = {model: self._linked(connection, added, model) for model in added}
        except DtdlError as error:
            raise _refused(error) from error
        uploaded = moment.replace("Z", "+00:00")
        for model, declaration in added.items():
            self._insert(connection, declaration, interfaces[model], uploaded)
        return [_description(model, each.document, 0, uploaded) for model, each in added.items()]

    def set_decommissioned(self, connection: sqlite3.Connection, model: str, decommissioned: bool) -> None:
        """Raises ServiceError when the model isn't there, or others that are not decommissioned refer to it."""
        _required_row(connection, model)
        if decommissioned:
            active = {id_ for (id_,) in connection.execute("SELECT id FROM models WHERE decommissioned = 0")}
            users = [user for user in self._users(connection, model) if user in active]
            if users:
                raise references_not_decommissioned(users)
        connection.execute("UPDATE models SET decommissioned = ? WHERE id = ?", (int(decommissioned), model))

    def delete(self, connection: sqlite3.Connection, model: str) -> None:
        """Twins of the model stay, and can't be changed any more. Raises ServiceError."""
        _required_row(connection, model)
        users = self._users(connection, model)
        if users:
            raise model_referenced(users)
        connection.execute("DELETE FROM models WHERE id = ?", (model,))
        connection.execute("DELETE FROM model_bases WHERE model = ?", (model,))
        self.forget()

    def with_dependencies(self, connection: sqlite3.Connection, wanted: Iterable[str]) -> list[str]:
        """These models and all that they need, sorted. Raises ServiceError when one isn't there."""
        found: set[str] = set()
        waiting = list(wanted)
        while waiting:
            model = waiting.pop()
            if model in found:
                continue
            declaration = self._declaration(connection, model)
            if declaration is None:
                raise model_not_found(model)
            found.add(model)
            waiting += declaration.dependencies
        return sorted(found)

    def _declaration(self, connection: sqlite3.Connection, model: str) -> Declaration | None:
        found = self._declarations.get(model)
        if found is None:
            row = _row(connection, model)
            if row is None:
                return None
            found = declarations([orjson.loads(row[0])])[model]
            self._declarations[model] = found
        return found

    def _linked(self, connection: sqlite3.Connection, added: Mapping[str, Declaration], model: str) -> Interface:
        return link(added[model], lambda wanted: added.get(wanted) or self._declaration(connection, wanted))

    def _insert(
        self, connection: sqlite3.Connection, declaration: Declaration, interface: Interface, uploaded: str
    ) -> None:
        text = orjson.dumps(declaration.document).decode()
        connection.execute("INSERT INTO models VALUES(?, ?, 0, ?)", (declaration.id, text, uploaded))
        bases = [(declaration.id, base) for base in interface.bases]
        connection.executemany("INSERT INTO model_bases VALUES(?, ?)", bases)

    def _users(self, connection: sqlite3.Connection, model: str) -> list[str]:
        """The models that depend directly on this one."""
        others = [id_ for (id_,) in connection.execute("SELECT id FROM models WHERE id != ? ORDER BY id", (model,))]
        declared = ((other, self._declaration(connection, other)) for other in others)
        return [other for other, declaration in declared if declaration and model in declaration.dependencies]


def described(connection: sqlite3.Connection, model: str, *, with_definition: bool) -> Document:
    """What the service tells of a model. Raises ServiceError (404)."""
    text, decommissioned, uploaded = _required_row(connection, model)
    document = orjson.loads(text)
    description = _description(model, document, decommissioned, uploaded)
    return {**description, "model": document} if with_definition else description


def _refused(error: DtdlError) -> ServiceError:
    message = str(error)
    if error.code == "DTDLParserError":
        message = (
            "None of the models in this request could be created due to a problem with one or more models: " + message
        )
    return ServiceError(400, error.code, message)


def _row(connection: sqlite3.Connection, model: str) -> tuple[str, int, str] | None:
    row: tuple[str, int, str] | None = connection.execute(
        "SELECT document, decommissioned, upload_time FROM models WHERE id = ?", (model,)
    ).fetchone()
    return row


def _required_row(connection: sqlite3.Connection, model: str) -> tuple[str, int, str]:
    row = _row(connection, model)
    if row is None:
        raise model_not_found(model)
    return row


def _description(model: str, document: Mapping[str, Any], decommissioned: int, uploaded: str) -> Document:
    return {
        "id": model,
        "description": _by_language(document.get("description")),
        "displayName": _by_language(document.get("displayName")),
        "decommissioned": bool(decommissioned),
        "uploadTime": uploaded,
    }


def _by_language(value: object) -> object:
    """DTDL's texts have a language each; a bare one is English."""
    if value is None:
        return {}
    return value if isinstance(value, dict) else {"en": value}
