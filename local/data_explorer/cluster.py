"""The server's databases."""

import threading
from collections.abc import Mapping
from pathlib import Path

import duckdb

from local.data_explorer.database import Database
from local.data_explorer.errors import EntityNotFound, KustoError
from local.data_explorer.kql.functions import PYTHON_FUNCTIONS
from local.data_explorer.materialization.maintenance import Maintenance
from local.data_explorer.storage import Storage
from local.faults import Faults
from local.process import UserMistake

NET_DEFAULT = "NetDefaultDB"
"""The database a client means that names none (azure-kusto-data's default)."""


class Cluster:
    """Every database of this process, and the faults that its operations are struck by."""

    def __init__(self, directory: Path, databases: list[str], *, memory_limit: str = "1GB") -> None:
        self.faults = Faults()
        self._lock = threading.Lock()
        try:
            self.storage = Storage(directory, memory_limit=memory_limit, functions=PYTHON_FUNCTIONS)
            self._databases = {name: Database(self.storage, name) for name in self.storage.names()}
        except duckdb.IOException as error:
            raise UserMistake(f"The data in {directory} can't be opened, by another server perhaps: {error}") from error
        self._maintenance = {name: Maintenance(database) for name, database in self._databases.items()}
        for name in databases:
            if name not in self._databases:
                self.create(name)
        self._default = databases[0]

    @property
    def databases(self) -> Mapping[str, Database]:
        return dict(self._databases)

    def database(self, name: str | None) -> Database:
        """Raises EntityNotFound. No name, and NetDefaultDB, mean the first database."""
        if not name or (name == NET_DEFAULT and name not in self._databases):
            name = self._default
        found = self._databases.get(name)
        if found is None:
            raise EntityNotFound(f"Entity ID '{name}' of kind 'Database' was not found.")
        return found

    def create(self, name: str) -> Database:
        """Raises KustoError when the name can't be a file's or is taken."""
        if not all(character.isalnum() or character in " -_." for character in name) or name.startswith("."):
            raise KustoError(f"'{name}' can't be a database's name: letters, digits, space, '-', '_' and '.' can.")
        with self._lock:
            if name in self._databases:
                raise KustoError(f"Database '{name}' already exists.", code="BadRequest_EntityAlreadyExists")
            database = Database(self.storage, name)
            self._maintenance[name] = Maintenance(database)
            self._databases[name] = database
            return database

    def maintenance(self, database: Database) -> Maintenance:
        """What keeps a database's materialized views up to date."""
        return self._maintenance[database.name]

    def close(self) -> None:
        for maintenance in self._maintenance.values():
            maintenance.close()
        for database in self._databases.values():
            database.close()
        self.storage.close()
